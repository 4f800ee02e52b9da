/// The gradient of a model's loss with respect to its parameters, for every family that the forward pass runs.
///
/// Start with [vitrine.core.backward.LossPass]: it takes sequences with labels and adds to the gradients of the trainable
/// [vitrine.core.backward.Parameters]. Its values are made by the same kernels and products as those of the forward pass, but noted on a
/// [vitrine.core.backward.Tape], which knows how each step is undone. A layer's tape can be thrown away and made again from the layer's input
/// (gradient checkpointing), which costs a second forward pass and saves most of the memory.
///
/// Legend: T tokens, dx the gradient of the loss with respect to x. Every reduction has a fixed order: the same inputs give the same bits.
package vitrine.core.backward;
