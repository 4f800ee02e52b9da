package vitrine.app.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import vitrine.app.engines.Engines;
import vitrine.app.program.Folders;
import vitrine.core.files.Whole;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;
import vitrine.core.run.RunComparison;
import vitrine.core.run.RunExport;
import vitrine.core.run.RunRecord;
import vitrine.core.run.RunStore;
import vitrine.core.task.RunFolder;
import vitrine.core.task.Task;
import vitrine.core.task.TaskInputs;

@Command(name = "runs", description = {"The training and pruning runs of this machine.",
    "list; show N; resume N goes on from the last saved step; stop N saves the state and ends it (--finish: writes the result as it is; --discard: keeps nothing but figures); "
            + "clone N --set KEY=VALUE makes and starts another with changes; extend N --steps M goes on to step M in all; compare N M tells what differs; export N --csv or --tensorboard."},
        mixinStandardHelpOptions = true)
final class RunsCommand extends Subcommand {

    private static final int LISTED = 50;
    private static final String ACTIONS = "list, show, resume, stop, clone, extend, compare and export";

    @Parameters(index = "0", arity = "0..1", paramLabel = "list|show|resume|stop|clone|extend|compare|export", description = "what to do; default list")
    String action = "list";

    @Parameters(index = "1..*", arity = "0..2", paramLabel = "N", description = "numbers of runs")
    List<String> numbers = List.of();

    @Option(names = "--finish", description = "stop: write the result as it is now")
    boolean finish;

    @Option(names = "--discard", description = "stop: keep nothing but the figures")
    boolean discard;

    @Option(names = "--set", paramLabel = "KEY=VALUE", description = "clone: another value of a key of the task or its settings, such as lr=1e-4; an empty value is the default")
    List<String> changes = List.of();

    @Option(names = "--steps", paramLabel = "N", description = "extend: how many steps in all")
    Integer steps;

    @Option(names = "--csv", description = "export: a line per step (default)")
    boolean csv;

    @Option(names = "--tensorboard", description = "export: an event file for TensorBoard")
    boolean tensorBoard;

    @Override
    boolean runsOnEveryEngine() {
        return true;
    }

    @Override
    int run(Output output) throws IOException {
        int wanted = switch (action) {
            case "list" -> 0;
            case "show", "resume", "stop", "clone", "extend", "export" -> 1;
            case "compare" -> 2;
            default -> throw Refusal.of(Category.TASK_INVALID, null, "vitrine runs %s is unknown; there are %s", Visible.name(action), ACTIONS);
        };
        if (numbers.size() != wanted) {
            throw Refusal.of(Category.TASK_INVALID, null, "vitrine runs %s takes %s", action, wanted == 0 ? "no number" : wanted == 1 ? "the number of a run" : "the numbers of two runs");
        }
        onlyWith("stop", "--finish", finish);
        onlyWith("stop", "--discard", discard);
        onlyWith("clone", "--set", !changes.isEmpty());
        onlyWith("extend", "--steps", steps != null);
        onlyWith("export", "--csv", csv);
        onlyWith("export", "--tensorboard", tensorBoard);
        try (RunStore store = RunStore.open(Folders.locate().runs())) {
            List<RunRecord> runs = new ArrayList<>();
            for (String n : numbers) {
                runs.add(named(store, n));
            }
            return switch (action) {
                case "show" -> show(store, runs.getFirst(), output);
                case "resume" -> resume(store, runs.getFirst(), output);
                case "stop" -> stop(store, runs.getFirst(), output);
                case "clone" -> copy(store, runs.getFirst(), output);
                case "extend" -> extend(store, runs.getFirst(), output);
                case "compare" -> compare(store, runs.get(0), runs.get(1), output);
                case "export" -> export(store, runs.getFirst(), output);
                default -> list(store, output);
            };
        }
    }

    private void onlyWith(String which, String option, boolean given) {
        if (given && !action.equals(which)) {
            throw Refusal.of(Category.TASK_INVALID, null, "%s goes with vitrine runs %s only", option, which);
        }
    }

    private static RunRecord named(RunStore store, String number) {
        if (!number.matches("\\d{1,9}")) {
            throw Refusal.of(Category.TASK_INVALID, null, "%s is no number of a run", Visible.name(number));
        }
        return store.get(Long.parseLong(number)).orElseThrow(() -> Refusal.of(Category.NOT_FOUND, null, "there is no run %s", number).help("vitrine runs list names them."));
    }

    private static ObjectNode json(RunRecord r) {
        ObjectNode n = Json.object().put("run", r.number()).put("created", r.created()).put("method", r.method()).put("model", r.model()).put("state", r.state().name())
                .put("step", r.step()).put("steps", r.steps());
        if (Double.isFinite(r.loss())) {
            n.put("loss", r.loss());
        } else {
            n.putNull("loss");
        }
        if (r.message() != null) {
            n.put("message", r.message());
        }
        Path result = new RunFolder(r.folder()).result();
        n.put("folder", r.folder().toString());
        if (Files.exists(result)) {
            n.put("out", result.toString());
        }
        return n;
    }

    // --- list, show

    private static int list(RunStore store, Output output) {
        List<RunRecord> all = store.list();
        ObjectNode result = Json.object();
        ArrayNode runs = result.putArray("runs");
        all.forEach(r -> runs.add(json(r)));
        if (all.isEmpty()) {
            output.text("No runs yet. vitrine finetune and vitrine prune make them.");
        } else {
            output.text(String.format("%5s  %-12s %-9s %-24s %13s %9s  %s", "run", "state", "method", "model", "step", "loss", "created"));
        }
        for (RunRecord r : all.subList(0, Math.min(LISTED, all.size()))) {
            output.text(String.format(Locale.ROOT, "%5d  %-12s %-9s %-24s %13s %9s  %s", r.number(), r.state(), r.method(), last(Path.of(r.model())),
                    r.steps() == 0 ? "–" : String.format(Locale.ROOT, "%,d/%,d", r.step(), r.steps()), Double.isFinite(r.loss()) ? String.format(Locale.ROOT, "%.4f", r.loss()) : "–",
                    r.created()));
        }
        output.result(result);
        return 0;
    }

    private static String last(Path path) {
        String name = path.getFileName() == null ? path.toString() : Visible.name(path.getFileName().toString());
        return name.length() <= 24 ? name : name.substring(0, 23) + "…";
    }

    private static int show(RunStore store, RunRecord r, Output output) {
        ObjectNode result = json(r);
        result.set("task", r.task());
        Map<String, SortedMap<Long, Double>> figures = store.figures(r.number());
        ObjectNode all = result.putObject("figures");
        figures.forEach((name, values) -> {
            ArrayNode points = all.putArray(name);
            values.forEach((step, v) -> {
                ArrayNode point = points.addArray().add(step);
                if (Double.isFinite(v)) {
                    point.add(v);
                } else {
                    point.addNull();
                }
            });
        });
        output.text(String.format(Locale.ROOT, "Run %d, %s, %s: step %,d of %,d", r.number(), r.method(), r.state(), r.step(), r.steps()));
        output.text("Model " + Visible.name(r.model()));
        if (r.message() != null) {
            output.text(r.message());
        }
        figures.forEach((name, values) -> output.text(String.format(Locale.ROOT, "%-22s %12.5g first  %12.5g last  %,d steps", name, values.firstEntry().getValue(),
                values.lastEntry().getValue(), values.size())));
        output.text("Folder " + Visible.name(r.folder().toString()));
        output.result(result);
        return 0;
    }

    // --- resume, stop

    private int resume(RunStore store, RunRecord r, Output output) throws IOException {
        if (r.state() == RunRecord.State.finished) {
            throw Refusal.of(Category.TASK_INVALID, null, "run %d is finished", r.number()).help("Its result is in " + Visible.name(new RunFolder(r.folder()).result().toString())
                    + "; vitrine runs extend " + r.number() + " --steps N goes on.");
        }
        return session(store, r, output);
    }

    /// A run goes on where it began, whatever is usual: another engine would not take up its saved steps.
    private int session(RunStore store, RunRecord r, Output output) throws IOException {
        ObjectNode began = store.environment(r.number());
        Engines.Choice choice = common.choice(began.path("engine").asText("embedded"), began.path("device").asText("auto"), began.path("dtype").asText("float32"));
        return new RunSession(store, r, output).run(Engines.open(choice), common.out == null ? null : common.out.toAbsolutePath().normalize());
    }

    private int stop(RunStore store, RunRecord r, Output output) throws IOException {
        if (finish && discard) {
            throw Refusal.of(Category.TASK_INVALID, null, "--finish and --discard exclude each other");
        }
        if (discard && (r.state() == RunRecord.State.stopped || r.state() == RunRecord.State.interrupted || r.state() == RunRecord.State.failed)) {
            RunSession.discard(store, r);
            output.text(String.format("Run %d is given up. Its figures are kept, its saved steps are not.", r.number()));
            output.result(json(store.get(r.number()).orElseThrow()));
            return 0;
        }
        if (r.state() != RunRecord.State.running) {
            throw Refusal.of(Category.TASK_INVALID, null, "run %d is not going: it is %s", r.number(), r.state().name());
        }
        new RunFolder(r.folder()).ask(discard ? RunFolder.Stop.discard : finish ? RunFolder.Stop.finish : RunFolder.Stop.pause);
        output.text(String.format(discard ? "Run %d ends now. Its figures are kept, its saved steps are not." : finish ? "Run %d writes its result after this step and ends."
                : "Run %d saves its state after this step and ends; vitrine runs resume %<d goes on.", r.number()));
        output.result(json(r));
        return 0;
    }

    // --- clone, extend

    private int copy(RunStore store, RunRecord r, Output output) throws IOException {
        ObjectNode task = r.task().deepCopy();
        for (String change : changes) {
            int at = change.indexOf('=');
            if (at < 1) {
                throw Refusal.of(Category.TASK_INVALID, null, "--set %s: a key, = and a value belong here, such as lr=1e-4", Visible.name(change));
            }
            set(task, change.substring(0, at), change.substring(at + 1));
        }
        Task checked = Task.fromJson(task);
        TaskInputs.files(checked);
        RunRecord made = store.create(checked.toJson(), FinetuneCommand.environment(common.threadCount()));
        output.text(String.format("Run %d, a copy of run %d%s.", made.number(), r.number(), changes.isEmpty() ? "" : " with " + Visible.name(String.join(", ", changes))));
        return session(store, made, output);
    }

    private static final List<String> TASK_KEYS = List.of("model", "data", "method", "evalData", "initAdapter");

    /// Puts a value where it belongs: into the task, or into its settings.
    private static void set(ObjectNode task, String key, String value) {
        ObjectNode into = TASK_KEYS.contains(key) ? task : task.withObject("/settings");
        if (value.isEmpty()) {
            into.remove(key);
        } else if (key.equals("model") || key.equals("data") || key.equals("evalData") || key.equals("initAdapter")) {
            into.put(key, Path.of(value).toAbsolutePath().normalize().toString());
        } else if (key.equals("targetModules") || key.equals("targetParameters")) {
            ArrayNode names = into.putArray(key);
            for (String name : value.split(",")) {
                names.add(name);
            }
        } else {
            into.set(key, valueOf(value));
        }
    }

    private static JsonNode valueOf(String value) {
        try {
            JsonNode n = Json.mapper().readTree(value);
            return n.isNumber() || n.isBoolean() ? n : TextNode.valueOf(value);
        } catch (IOException words) {
            return TextNode.valueOf(value);
        }
    }

    private int extend(RunStore store, RunRecord r, Output output) throws IOException {
        if (steps == null) {
            throw Refusal.of(Category.TASK_INVALID, null, "--steps is missing").help("Say how many steps the run shall have in all.");
        }
        return session(store, longer(store, r, steps), output);
    }

    /// The same run with more steps. The result so far is kept beside the new one.
    static RunRecord longer(RunStore store, RunRecord r, int steps) throws IOException {
        if (r.state() == RunRecord.State.running) {
            throw Refusal.of(Category.TASK_INVALID, null, "run %d is still going", r.number()).help("vitrine runs stop " + r.number() + " stops it.");
        }
        if (r.task().path("kind").asText().equals("finetune") && steps <= r.step()) {
            throw Refusal.of(Category.TASK_INVALID, null, "run %d is at step %,d already; --steps %,d is no more", r.number(), r.step(), steps);
        }
        ObjectNode task = r.task().deepCopy();
        if (!task.path("kind").asText().equals("finetune")) {
            throw Refusal.of(Category.TASK_INVALID, null, "run %d is no training run: it has as many steps as the model has layers", r.number());
        }
        task.withObject("/settings").put("steps", steps).remove("epochs");
        Task checked = Task.fromJson(task);
        RunFolder folder = new RunFolder(r.folder());
        if (Files.exists(folder.result())) {
            Files.move(folder.result(), r.folder().resolve("result-at-" + r.step()));
        }
        store.change(r.number(), checked.toJson());
        store.end(r.number(), RunRecord.State.interrupted, null);
        return store.get(r.number()).orElseThrow();
    }

    // --- export

    private int export(RunStore store, RunRecord r, Output output) throws IOException {
        Map<String, SortedMap<Long, Double>> figures = store.figures(r.number());
        Path out = common.out != null ? common.out : Path.of(tensorBoard ? "events.out.tfevents." + Instant.parse(r.created()).getEpochSecond() + ".run" + r.number() : "run" + r.number() + ".csv");
        if (figures.isEmpty()) {
            throw Refusal.of(Category.TASK_INVALID, null, "run %d has no figures yet", r.number());
        }
        if (csv && tensorBoard) {
            throw Refusal.of(Category.TASK_INVALID, null, "--csv and --tensorboard exclude each other");
        }
        Path target = Destination.of(out, List.of());
        Whole.write(target, tensorBoard ? RunExport.tensorBoard(figures, Instant.parse(r.created()).getEpochSecond()) : RunExport.csv(figures).getBytes(StandardCharsets.UTF_8));
        output.text("Wrote " + Visible.name(out.toString()));
        output.result(json(r).put("out", out.toString()));
        return 0;
    }

    // --- compare

    private static int compare(RunStore store, RunRecord a, RunRecord b, Output output) {
        ObjectNode result = Json.object();
        result.putArray("runs").add(json(a)).add(json(b));
        ObjectNode differences = result.putObject("differences");
        output.text(String.format("%-28s %28s %28s", "", "run " + a.number(), "run " + b.number()));
        for (RunComparison.Difference d : RunComparison.of(a.task(), b.task())) {
            differences.putArray(d.key()).add(d.a()).add(d.b());
            output.text(String.format("%-28s %28s %28s", d.key(), word(d.a()), word(d.b())));
        }
        ObjectNode figures = result.putObject("figures");
        Map<String, SortedMap<Long, Double>> fa = store.figures(a.number());
        Map<String, SortedMap<Long, Double>> fb = store.figures(b.number());
        for (String name : List.of("loss", "validation_loss", "gradient_norm", "tokens_per_second")) {
            if (fa.containsKey(name) && fb.containsKey(name)) {
                double x = fa.get(name).lastEntry().getValue();
                double y = fb.get(name).lastEntry().getValue();
                figures.putArray(name).add(x).add(y);
                output.text(String.format(Locale.ROOT, "%-28s %28.5g %28.5g", name + ", last", x, y));
            }
        }
        output.result(result);
        return 0;
    }

    private static String word(JsonNode v) {
        String text = v == null ? "default" : v.isTextual() ? Visible.name(v.asText()) : v.toString();
        return text.length() <= 28 ? text : "…" + text.substring(text.length() - 27);
    }
}
