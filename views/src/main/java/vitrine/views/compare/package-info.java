/// The Compare view: two checkpoints, two runs, or before and after, as A and B.
///
/// Start with [vitrine.views.compare.CompareView]; what is chosen and asked for is in [vitrine.views.compare.CompareViewModel], the figures of an
/// artifact in [vitrine.views.compare.Comparison].
package vitrine.views.compare;
