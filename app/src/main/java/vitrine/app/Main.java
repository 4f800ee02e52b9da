package vitrine.app;

import vitrine.app.cli.CommandLineTool;

/// The program's entry point: the command line where the first argument names a subcommand, else the window.
public final class Main {

    private Main() {}

    public static void main(String[] args) {
        Logging.start(Folders.locate());
        if (CommandLineTool.handles(args)) {
            int status = CommandLineTool.run(args);
            System.out.flush();
            System.exit(status);
        }
        System.err.println("No window yet.");
        System.exit(1);
    }
}
