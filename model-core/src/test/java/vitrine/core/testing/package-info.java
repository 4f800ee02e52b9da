/// What tests of several packages share: reference cases and how their tensors are compared
/// ([vitrine.core.testing.Reference]), trained checkpoints outside the repository
/// ([vitrine.core.testing.SharedReference]), and a probe that keeps everything ([vitrine.core.testing.Recorder]).
package vitrine.core.testing;
