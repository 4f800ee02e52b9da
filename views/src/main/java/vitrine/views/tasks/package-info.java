/// Asking an engine from a view: what is under way ([vitrine.views.tasks.TaskBoard]), one row each
/// ([vitrine.views.tasks.TaskRow]), requests of which only the last counts ([vitrine.views.tasks.Latest]), and the states
/// that what a view shows can be in ([vitrine.views.tasks.ViewState]).
///
/// Knows engines and their events; no view, no node, no tensor.
package vitrine.views.tasks;
