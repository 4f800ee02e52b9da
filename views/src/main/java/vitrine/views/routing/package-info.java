/// The Routing view: which expert sees which token, how evenly, and whether it matters.
///
/// [vitrine.views.routing.RoutingView] shows one result of `vitrine routing` ([vitrine.views.routing.RoutingData]);
/// [vitrine.views.routing.RoutingViewModel] asks for it and says what is selected. Nothing is computed here but what drawing needs: shares, sums and the
/// order in which experts stand.
package vitrine.views.routing;
