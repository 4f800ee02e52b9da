/// The main window: frame, toolbar, navigator, tabs, view header, inspector, task drawer, status bar, start page.
///
/// Start with [vitrine.app.shell.MainWindow], which puts the parts together. The parts know the workspace and the views; they never
/// compute.
package vitrine.app.shell;
