/// Pruning and compression: which weights of a model go, and what becomes of those that stay.
///
/// Start with [vitrine.core.prune.PrunableMatrix], which lists what can be pruned, and [vitrine.core.prune.MatrixMethod], which every
/// method for single matrices implements ([vitrine.core.prune.method]). [vitrine.core.prune.CalibrationPass] runs calibration texts through
/// the model layer by layer and collects, by [vitrine.core.prune.InputStatistics], what each matrix reads: memory is that of one layer
/// and of the residual stream.
///
/// Convention: `W [out, in]`, a row is an output; `X [tokens, in]`; `y = x W^T`. Nothing here reads texts, writes checkpoints or knows tasks.
package vitrine.core.prune;
