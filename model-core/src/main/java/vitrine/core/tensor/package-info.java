/// Shapes, element types, matrices over native memory, and where native libraries are found.
///
/// A [vitrine.core.tensor.Matrix] is float32, row-major and lies outside the Java heap, so that kernels
/// ([vitrine.core.tensor.kernel]), oneDNN ([vitrine.core.tensor.onednn]) and ND4J ([vitrine.core.tensor.nd4j]) work on the
/// same bytes without a copy.
package vitrine.core.tensor;
