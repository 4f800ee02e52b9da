package vitrine.app.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeSet;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;
import vitrine.app.engines.Engines;
import vitrine.app.program.Folders;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;
import vitrine.core.run.RunRecord;
import vitrine.core.run.RunStore;
import vitrine.core.task.RunFolder;

@Command(name = "runs", description = {"The training runs of this machine.",
    "list; show N; resume N goes on from the last saved step; stop N saves the state and ends it; compare N M tells what differs."}, mixinStandardHelpOptions = true)
final class RunsCommand extends Subcommand {

    private static final int LISTED = 50;

    @Parameters(index = "0", arity = "0..1", paramLabel = "list|show|resume|stop|compare", description = "what to do; default list")
    String action = "list";

    @Parameters(index = "1..*", arity = "0..2", paramLabel = "N", description = "numbers of runs")
    List<String> numbers = List.of();

    @Override
    boolean runsOnEveryEngine() {
        return true;
    }

    @Override
    int run(Output output) throws IOException {
        int wanted = switch (action) {
            case "list" -> 0;
            case "show", "resume", "stop" -> 1;
            case "compare" -> 2;
            default -> throw Refusal.of(Category.TASK_INVALID, null, "vitrine runs %s is unknown; there are list, show, resume, stop and compare", Visible.name(action));
        };
        if (numbers.size() != wanted) {
            throw Refusal.of(Category.TASK_INVALID, null, "vitrine runs %s takes %s", action, wanted == 0 ? "no number" : wanted == 1 ? "the number of a run" : "the numbers of two runs");
        }
        try (RunStore store = RunStore.open(Folders.locate().runs())) {
            List<RunRecord> runs = new ArrayList<>();
            for (String n : numbers) {
                runs.add(named(store, n));
            }
            return switch (action) {
                case "show" -> show(store, runs.getFirst(), output);
                case "resume" -> resume(store, runs.getFirst(), output);
                case "stop" -> stop(runs.getFirst(), output);
                case "compare" -> compare(store, runs.get(0), runs.get(1), output);
                default -> list(store, output);
            };
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
            output.text("No runs yet. vitrine finetune makes one.");
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
            throw Refusal.of(Category.TASK_INVALID, null, "run %d is finished", r.number()).help("Its result is in " + Visible.name(new RunFolder(r.folder()).result().toString()) + ".");
        }
        // A run goes on where it began, whatever is usual: another engine would not take up its saved steps.
        ObjectNode began = store.environment(r.number());
        Engines.Choice choice = common.choice(began.path("engine").asText("embedded"), began.path("device").asText("auto"), began.path("dtype").asText("float32"));
        return new RunSession(store, r, output).run(Engines.open(choice), common.out == null ? null : common.out.toAbsolutePath().normalize());
    }

    private static int stop(RunRecord r, Output output) throws IOException {
        if (r.state() != RunRecord.State.running) {
            throw Refusal.of(Category.TASK_INVALID, null, "run %d is not going: it is %s", r.number(), r.state().name());
        }
        Files.write(new RunFolder(r.folder()).stop(), new byte[0]);
        output.text(String.format("Run %d saves its state after this step and ends; vitrine runs resume %d goes on.", r.number(), r.number()));
        output.result(json(r));
        return 0;
    }

    // --- compare

    private static int compare(RunStore store, RunRecord a, RunRecord b, Output output) {
        ObjectNode result = Json.object();
        result.putArray("runs").add(json(a)).add(json(b));
        ObjectNode differences = result.putObject("differences");
        TreeSet<String> keys = new TreeSet<>();
        ObjectNode flatA = flat(a.task());
        ObjectNode flatB = flat(b.task());
        flatA.fieldNames().forEachRemaining(keys::add);
        flatB.fieldNames().forEachRemaining(keys::add);
        output.text(String.format("%-28s %28s %28s", "", "run " + a.number(), "run " + b.number()));
        for (String key : keys) {
            JsonNode va = flatA.get(key);
            JsonNode vb = flatB.get(key);
            if (va == null || !va.equals(vb)) {
                ArrayNode pair = differences.putArray(key);
                pair.add(va);
                pair.add(vb);
                output.text(String.format("%-28s %28s %28s", key, word(va), word(vb)));
            }
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

    private static ObjectNode flat(ObjectNode task) {
        ObjectNode out = Json.object();
        task.properties().forEach(e -> {
            if (e.getValue() instanceof ObjectNode inner) {
                inner.properties().forEach(i -> out.set(e.getKey() + "." + i.getKey(), i.getValue()));
            } else {
                out.set(e.getKey(), e.getValue());
            }
        });
        return out;
    }

    private static String word(JsonNode v) {
        String text = v == null ? "default" : v.isTextual() ? Visible.name(v.asText()) : v.toString();
        return text.length() <= 28 ? text : "…" + text.substring(text.length() - 27);
    }
}
