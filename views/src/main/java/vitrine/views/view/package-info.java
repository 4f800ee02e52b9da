/// What the window and its views agree on: what a view is about ([vitrine.views.view.Subject]), what it offers
/// ([vitrine.views.view.View]) and the states it can be in ([vitrine.views.view.ViewState]).
package vitrine.views.view;
