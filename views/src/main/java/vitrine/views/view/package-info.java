/// What the window and its views agree on: what a view is about ([vitrine.views.view.Subject]) and what it offers
/// ([vitrine.views.view.View]).
///
/// Every view implements [vitrine.views.view.View] and none knows another; the window alone knows them all.
package vitrine.views.view;
