/// Training: batches in a fixed order, gradients, clipping, an optimiser, schedules, saved steps.
///
/// Start with [vitrine.core.train.Trainer]. What is trained and how is a [vitrine.core.train.Method] (`train.method`). Random numbers are functions of
/// (seed, stream, step, place), so a run's whole state is its step number, its tensors and what its method remembers: a run that is broken off
/// and goes on from a [vitrine.core.train.SavedStep] gives the same bits as one that was not.
///
/// Source of the rules and of their check numbers: Loshchilov and Hutter, *Decoupled Weight Decay Regularization*, 2019, as in torch 2.13; schedules as
/// in transformers 5.18.
package vitrine.core.train;
