/// Where Vitrine keeps its own files: artifacts, logs, state.
///
/// Apart from the program's root package, so that the command line and the window can ask without knowing who starts them.
package vitrine.app.folders;
