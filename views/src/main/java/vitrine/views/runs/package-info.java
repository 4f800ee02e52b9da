/// Training runs: a form that starts one, what one that is going does, what became of those before, and two side by side.
///
/// Start with [vitrine.views.runs.RunsView]. It shows what [vitrine.views.runs.RunBoard] reads from the store of runs, where the command line's runs
/// are as well: a run is a process of its own, and the window only a viewer of it. Nothing here trains, and nothing reads weights.
package vitrine.views.runs;
