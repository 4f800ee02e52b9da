package vitrine.app;

import java.io.IOException;
import java.nio.file.Path;
import org.slf4j.LoggerFactory;
import vitrine.app.cli.CommandLineTool;

/// The program's entry point: the command line where the first argument names a subcommand, else the window.
public final class Main {

    private Main() {}

    public static void main(String[] args) throws IOException {
        if (System.getProperty(Training.PROPERTY) != null) {
            Training.run(Path.of(System.getProperty(Training.PROPERTY)));
            return;
        }
        Logging.start(Folders.locate());
        if (CommandLineTool.handles(args)) {
            System.exit(commandLine(args));
        }
        System.err.println("No window yet.");
        System.exit(1);
    }

    private static int commandLine(String[] args) {
        try {
            return CommandLineTool.run(args);
        } catch (StackOverflowError | OutOfMemoryError | LinkageError e) {
            LoggerFactory.getLogger(Main.class).error("a fault in {}", args[0], e);
            System.err.println("A fault in Vitrine: " + e.getClass().getSimpleName() + ". The log has more.");
            return 1;
        }
    }
}
