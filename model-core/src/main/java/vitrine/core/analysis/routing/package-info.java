/// Which expert sees which token, how evenly, and how decided the router is.
///
/// Start with [vitrine.core.analysis.routing.RoutingStatistics], a probe that counts while texts pass; [vitrine.core.analysis.routing.Load],
/// [vitrine.core.analysis.routing.Coactivation], [vitrine.core.analysis.routing.Transitions], [vitrine.core.analysis.routing.Specialisation] and
/// [vitrine.core.analysis.routing.Confidence] are the figures on their own. Further passes over the same texts: [vitrine.core.analysis.routing.RouteChange] changes
/// routes, [vitrine.core.analysis.routing.PassCounts] counts them, [vitrine.core.analysis.routing.NextTokenShift] tells what that does to the next token.
///
/// Legend: T tokens, N experts, k experts per token, l router logits, p = softmax(l), S a token's experts, c_e the tokens that visit expert e.
///
/// Sources: Fedus et al., *Switch Transformers*, 2021 (balance loss); Zoph et al., *ST-MoE*, 2022 (z-loss); Muennighoff et al., *OLMoE*, 2024
/// (co-activation, domain and vocabulary specialisation, saturation); Li et al., *Sub-MoE*, 2025 (similarity of experts); Miller, 1955 (bias of information).
package vitrine.core.analysis.routing;
