/// Asking an engine from a view: what is under way ([vitrine.views.tasks.TaskBoard]), one row each
/// ([vitrine.views.tasks.TaskRow]), and requests of which only the last counts ([vitrine.views.tasks.Latest]).
package vitrine.views.tasks;
