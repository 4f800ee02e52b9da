/// Row-wise and elementwise arithmetic of a forward pass.
///
/// Values are float32 in native memory; each class holds one step (normalise, activate, rotate, attend, widen). Rows are
/// shared among the threads of [vitrine.core.tensor.kernel.Parallel].
///
/// Each step exists twice: as a loop over Java arrays, which is fast from the first round on, and on the CPU's vector units,
/// which is several times faster once the JVM has compiled it and far slower before. Small work takes the first, large work
/// the second once it is compiled ([vitrine.core.tensor.kernel.Warmth]). **Both give the same bits**: the same operations in the same order, sums kept in
/// as many partial sums as a vector has lanes. So a result does not depend on what was computed before it.
package vitrine.core.tensor.kernel;
