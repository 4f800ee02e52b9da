/// Dense linear algebra by OpenBLAS, called through `java.lang.foreign`: Gram matrices, symmetric eigenvalues, singular values,
/// triangular factors.
///
/// Start with [vitrine.core.tensor.openblas.OpenBlas]. It works on native memory that the caller owns and knows numbers only.
///
/// Source: OpenBLAS 0.3.31, C interfaces CBLAS and LAPACKE.
package vitrine.core.tensor.openblas;
