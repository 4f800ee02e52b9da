/// The bridge between native memory and ND4J: views without a copy, products where oneDNN is absent, and LAPACK.
package vitrine.core.tensor.nd4j;
