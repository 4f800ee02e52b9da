package vitrine.app.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// All subcommands.
@Command(name = "vitrine", description = "A workbench for people who study and adapt transformer models. Without a subcommand it opens the window.",
        mixinStandardHelpOptions = true, versionProvider = CommandLineTool.Version.class)
public final class CommandLineTool {

    /// In the order that the help lists them.
    private static final List<Class<?>> SUBCOMMANDS =
            List.of(OpenCommand.class, CaptureCommand.class, HeadsCommand.class, RankCommand.class, RoutingCommand.class, AdapterCommand.class, EvalCommand.class, CompareCommand.class, SpectrumCommand.class,
                    FinetuneCommand.class, PruneCommand.class, ConvertCommand.class, RunsCommand.class, SnapshotCommand.class, EnginesCommand.class, PreferencesCommand.class);

    private static final Logger LOG = LoggerFactory.getLogger(CommandLineTool.class);

    /// The version of the program's jar.
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {"Vitrine " + vitrine.app.program.Version.NUMBER};
        }
    }

    private CommandLineTool() {}

    /// Whether these arguments are for the command line rather than the window.
    public static boolean handles(String[] args) {
        return args.length > 0 && (subcommand(args[0]).isPresent() || List.of("-h", "--help", "-V", "--version").contains(args[0]));
    }

    private static Optional<Class<?>> subcommand(String name) {
        return SUBCOMMANDS.stream().filter(c -> c.getAnnotation(Command.class).name().equals(name)).findFirst();
    }

    /// The tool with the subcommand that is asked for; with all where none is, since the help lists them. Reading the annotations of
    /// all of them would take a third of the time that a short command takes.
    private static CommandLine tool(String[] args) {
        CommandLine tool = new CommandLine(new CommandLineTool());
        Optional<Class<?>> named = args.length == 0 ? Optional.empty() : subcommand(args[0]);
        named.map(List::<Class<?>>of).orElse(SUBCOMMANDS).forEach(tool::addSubcommand);
        return tool;
    }

    /// Runs a subcommand on the terminal and returns the exit code.
    public static int run(String[] args) {
        PrintWriter out = new PrintWriter(new OutputStreamWriter(new FileOutputStream(FileDescriptor.out), StandardCharsets.UTF_8));
        PrintWriter err = new PrintWriter(new OutputStreamWriter(new FileOutputStream(FileDescriptor.err), StandardCharsets.UTF_8));
        try {
            return run(args, out, err);
        } finally {
            out.flush();
            err.flush();
        }
    }

    /// Runs a subcommand and returns the exit code.
    public static int run(String[] args, PrintWriter out, PrintWriter err) {
        CommandLine tool = tool(args);
        tool.setOut(out);
        tool.setErr(err);
        tool.setOverwrittenOptionsAllowed(true);
        tool.setParameterExceptionHandler((e, given) -> {
            new Output(Arrays.asList(given).contains("--json"), out, err).refusal(Refusal.of(Category.TASK_INVALID, null, "%s", firstLine(e.getMessage()))
                    .help("See vitrine " + (e.getCommandLine().getCommandName().equals("vitrine") ? "" : e.getCommandLine().getCommandName() + " ") + "--help."));
            return 2;
        });
        tool.setExecutionExceptionHandler((e, command, parsed) -> {
            LOG.error("a fault in {}", command.getCommandName(), e);
            new Output(Arrays.asList(args).contains("--json"), out, err).fault(e instanceof IOException io ? "The result could not be written: " + Json.reason(io) + "."
                    : "A fault in Vitrine: " + e.getClass().getSimpleName() + (e.getMessage() == null ? "" : ": " + firstLine(e.getMessage())) + ". The log has more.");
            return 1;
        });
        return tool.execute(args);
    }

    private static String firstLine(String message) {
        return message.lines().findFirst().orElse("");
    }
}
