/// The Anatomy view: what a checkpoint is made of, tensor by tensor.
///
/// [vitrine.views.anatomy.AnatomyViewModel] holds what is chosen and asks the engine for the values of tensors;
/// [vitrine.views.anatomy.AnatomyView] puts the cards together. The table's rows come from a [vitrine.views.anatomy.TensorIndex], the
/// block diagram from a [vitrine.views.anatomy.Wiring], which follows the model's spec and never a family's name.
///
/// Sizes, types and places are read from headers by [vitrine.core.analysis.anatomy.Anatomy]; values of tensors come out of artifacts of
/// statistics tasks. This package opens no weights.
package vitrine.views.anatomy;
