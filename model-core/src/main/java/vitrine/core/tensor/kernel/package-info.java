/// Row-wise and elementwise arithmetic of a forward pass, on the CPU's vector units.
///
/// Values are float32 in native memory; each class holds one step (normalise, activate, rotate, attend, widen). Rows are
/// shared among the threads of [vitrine.core.tensor.kernel.Parallel]. The order of additions depends on the vector width of
/// the CPU and on nothing else, so a result is the same on every run on one machine.
package vitrine.core.tensor.kernel;
