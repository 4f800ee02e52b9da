/// The Attention view: where each token of a prompt attends, head by head.
///
/// [vitrine.views.attention.AttentionViewModel] holds what is chosen and asks the engine; [vitrine.views.attention.AttentionCapture] reads
/// what came back; [vitrine.views.attention.AttentionView] puts the cards together. Everything drawn is a tensor of an artifact.
///
/// Attention is not explanation.
package vitrine.views.attention;
