package vitrine.app;

import java.io.IOException;
import java.nio.file.Files;
import java.util.logging.ConsoleHandler;
import java.util.logging.FileHandler;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import vitrine.core.engine.WorkerCommand;
import vitrine.app.program.Folders;

/// The log: a rotating file in the user's data folder, at most 5 files of 10 MB; nothing on the terminal.
final class Logging {

    private static final int MAX_BYTES = 10 << 20;
    private static final int FILES = 5;

    /// Loggers are kept only while someone refers to them.
    private static final Logger ROOT = Logger.getLogger("");
    private static final Logger ND4J = Logger.getLogger("org.nd4j");
    private static final Logger DJL = Logger.getLogger("ai.djl");

    private Logging() {}

    static void start(Folders folders) {
        for (Handler h : ROOT.getHandlers()) {
            if (h instanceof ConsoleHandler) {
                ROOT.removeHandler(h);
            }
        }
        ND4J.setLevel(Level.WARNING);
        DJL.setLevel(Level.WARNING);
        try {
            Files.createDirectories(folders.logs());
            System.setProperty(WorkerCommand.LOGS_PROPERTY, folders.logs().toString());
            System.setProperty("java.util.logging.SimpleFormatter.format", "%1$tFT%1$tT.%1$tL %4$s %3$s: %5$s%6$s%n");
            FileHandler file = new FileHandler(folders.logs().resolve("vitrine-%g.log").toString(), MAX_BYTES, FILES, true);
            file.setFormatter(new SimpleFormatter());
            ROOT.addHandler(file);
        } catch (IOException e) {
            System.err.println("No log is written: " + e.getMessage());
        }
    }
}
