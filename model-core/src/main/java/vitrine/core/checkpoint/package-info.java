/// Checkpoints as they lie on the disk: which files, which tensors, where their bytes are.
///
/// Start with [vitrine.core.checkpoint.Checkpoints], which opens a path and answers with a
/// [vitrine.core.checkpoint.Checkpoint] or an adapter. Opening reads headers only, by plain reads; no tensor is touched.
/// [vitrine.core.checkpoint.MappedWeights] maps the data into memory and belongs into worker processes, since a file that
/// shrinks under a map ends the process that reads it.
///
/// The content decides what a file is, never the ending of its name. No path written inside a file leads out of the
/// folder that was opened. Nothing here knows how a model computes; of GGUF files it is known how they call what other files call otherwise.
package vitrine.core.checkpoint;
