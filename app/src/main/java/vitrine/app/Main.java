package vitrine.app;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import javafx.application.Application;
import org.slf4j.LoggerFactory;
import vitrine.app.cli.CommandLineTool;
import vitrine.app.preferences.PreferencesFile;
import vitrine.app.program.Folders;
import vitrine.app.showcase.Showcase;
import vitrine.core.json.Json;

/// The program's entry point: the command line where the first argument names a subcommand, else the window, which opens the paths that
/// are given. Where there is no display, the window's views are drawn to files.
public final class Main {

    private Main() {}

    public static void main(String[] args) {
        if (System.getProperty(Training.PROPERTY) != null) {
            train(Path.of(System.getProperty(Training.PROPERTY)));
            return;
        }
        Logging.start(Folders.locate());
        boolean paths = Arrays.stream(args).allMatch(Main::exists);
        if (CommandLineTool.handles(args) || !paths) {
            System.exit(commandLine(args));
        }
        if (hasDisplay()) {
            scale();
            // A class that extends Application must not be the main class when JavaFX lies on the class path.
            Application.launch(VitrineApplication.class, args);
            System.exit(0);
        }
        System.exit(showcase(Arrays.stream(args).map(Path::of).toList()));
    }

    /// The scale that the user prefers, in place of the system's: everything is laid out in logical pixels and drawn at the scale, text and pop-ups too, so it
    /// must be known before the toolkit starts. macOS knows no scale but the display's.
    private static void scale() {
        new PreferencesFile(Folders.locate().preferences()).read().scalePercent().ifPresent(percent -> {
            for (String property : List.of("glass.gtk.uiScale", "glass.win.uiScale")) {
                if (System.getProperty(property) == null) {
                    System.setProperty(property, percent + "%");
                }
            }
        });
    }

    /// A training that fails ends the process: the toolkit's threads would keep it alive.
    private static void train(Path checkpoint) {
        try {
            Training.run(checkpoint);
        } catch (IOException | RuntimeException e) {
            System.err.println("The training failed: " + e);
            System.exit(1);
        }
    }

    private static int showcase(List<Path> paths) {
        System.err.println("There is no display here: drawing the window to files.");
        try {
            PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
            Showcase.draw(Folders.locate(), paths).forEach(p -> out.println(p.toAbsolutePath()));
            return 0;
        } catch (IOException e) {
            LoggerFactory.getLogger(Main.class).error("the window could not be drawn", e);
            System.err.println("The window could not be drawn: " + Json.reason(e) + ".");
            return 1;
        } catch (RuntimeException e) {
            // Uncaught it would leave the toolkit's threads, and so the process, behind.
            LoggerFactory.getLogger(Main.class).error("the window could not be drawn", e);
            System.err.println("The window could not be drawn: " + e.getMessage() + ". The log has more.");
            return 1;
        }
    }

    private static boolean exists(String argument) {
        try {
            return Files.exists(Path.of(argument));
        } catch (InvalidPathException e) {
            return false;
        }
    }

    /// Linux tells by its environment; other systems always have a display.
    private static boolean hasDisplay() {
        boolean linux = System.getProperty("os.name").toLowerCase(Locale.ROOT).contains("linux");
        return !linux || isSet("DISPLAY") || isSet("WAYLAND_DISPLAY") || "Headless".equals(System.getProperty("glass.platform"));
    }

    private static boolean isSet(String variable) {
        String value = System.getenv(variable);
        return value != null && !value.isBlank();
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
