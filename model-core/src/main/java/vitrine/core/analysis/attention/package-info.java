/// What attention weights tell about heads and layers.
///
/// Each measure is a probe that reduces while the pass runs: [vitrine.core.analysis.attention.HeadMetrics] one number per
/// head, [vitrine.core.analysis.attention.MeanMaps] one map per layer for comparisons between layers, rollout and ARank,
/// [vitrine.core.analysis.attention.HeadSimilarity] how alike the heads of a layer are.
///
/// Attention is not explanation: these figures say where weight goes, not what it is for.
package vitrine.core.analysis.attention;
