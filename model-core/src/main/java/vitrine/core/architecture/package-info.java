/// What a model is made of and how its parts are wired, as data.
///
/// A `config.json` and the names of a checkpoint's tensors become one [vitrine.core.architecture.ModelSpec]: norms,
/// positions, attention, feed-forward, residual layout, scalings, and for each weight its name and the shape that it must
/// have. The forward pass ([vitrine.core.forward]) reads the spec and never asks which family it came from.
///
/// A family is one small class in [vitrine.core.architecture.family]; [vitrine.core.architecture.family.Families] lists them.
/// A config with a feature that its family does not understand is refused with the feature's name, never run wrongly.
///
/// Shapes are written as the checkpoint stores them. `[out, in]` is the usual order of a linear layer (`y = x W^T + b`);
/// GPT-2 stores `[in, out]`.
package vitrine.core.architecture;
