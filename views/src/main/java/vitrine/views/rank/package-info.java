/// The Rank view: how many directions matrices, activations and caches really use.
///
/// [vitrine.views.rank.RankViewModel] holds what is chosen and asks the engine; [vitrine.views.rank.Spectra] reads what came back, whether
/// of weights or of values over texts; [vitrine.views.rank.RankView] puts the cards together. Everything drawn is a figure of an artifact;
/// what a truncation would cost ([vitrine.views.rank.Truncation], [vitrine.views.rank.WhatIf]) follows from its singular values exactly.
///
/// Sources of the formulas: `docs/methods.md` and the view's help.
package vitrine.views.rank;
