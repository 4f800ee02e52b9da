/// The command line: one class per subcommand. Each builds the same [vitrine.core.task.Task] as the window does.
///
/// Results go to standard output, everything else to standard error. Exit codes: 0; 2 for bad usage or a refused input, with one
/// line that says why; 1 for a fault.
package vitrine.app.cli;
