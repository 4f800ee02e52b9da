package vitrine.core.work.prune.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.prune.PrunableMatrix;
import vitrine.core.task.PruneSettings;
import vitrine.core.task.Task;
import vitrine.core.work.input.CalibrationTexts;
import vitrine.core.work.input.DataInput;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.output.Outcome;

/// The last steps of every pruning run: the checkpoint that was written is opened again, run beside the model in memory, measured beside the one that was
/// pruned, and told of.
public final class PruneEnding {

    /// The thin matrices beside the checkpoint, where they were asked for.
    public static final String FACTORS = "factors.safetensors";
    /// Tokens of the calibration texts that perplexity is measured on where no other text is named.
    private static final int CALIBRATION_MEASURED = 8192;
    static final String CALIBRATION = "calibration";
    static final String AGAINST = "against";
    private static final int COMPARED_TOKENS = 64;
    private static final double ALLOWED = 1e-5;

    private final Task.Prune task;
    private final PruneSettings s;
    private final LoadedModel model;
    private final CalibrationTexts texts;
    private final SkippedTensors skipped;
    private final Progress progress;
    private final Consumer<String> warn;

    public PruneEnding(Task.Prune task, PruneSettings s, LoadedModel model, CalibrationTexts texts, SkippedTensors skipped, Progress progress, Consumer<String> warn) {
        this.task = task;
        this.s = s;
        this.model = model;
        this.texts = texts;
        this.skipped = skipped;
        this.progress = progress;
        this.warn = warn;
    }

    /// What was asked for, done to the model in memory: its logits.
    @FunctionalInterface
    public interface InMemory {
        float[] logits(int[] ids);
    }

    /// @param output what became of shapes
    /// @param note what that means for size and speed
    public record Story(String output, String note) {}

    /// @param prunable weights that could go
    /// @param zeros of them that are 0 now
    /// @param removed parameters that are no longer there
    /// @param parameters of the model before
    /// @param factorised parameters with thin matrices in the place of full ones; -1 where there are none
    public record Sizes(long prunable, long zeros, long removed, long parameters, long factorised) {

        public static Sizes of(Map<Integer, ObjectNode> layers, Checkpoint checkpoint, boolean rank) {
            Collection<ObjectNode> all = layers.values();
            long weights = all.stream().mapToLong(l -> l.path("weights").asLong()).sum();
            long kept = all.stream().mapToLong(l -> l.path("kept_parameters").asLong()).sum();
            long parameters = parameters(checkpoint);
            return new Sizes(weights, all.stream().mapToLong(l -> l.path("zeros").asLong()).sum(), 0, parameters, rank ? parameters - weights + kept : -1);
        }

        public static long parameters(Checkpoint checkpoint) {
            return checkpoint.tensors().values().stream().filter(t -> t.dtype().floating()).mapToLong(t -> t.elements()).sum();
        }
    }

    /// What a text does inside the two models, and what became of their ranks; each null where it is not there.
    record Inside(ObjectNode attention, ObjectNode routing, ObjectNode ranks) {}

    /// @param layers a row by layer of the model as it was, which is added to
    /// @param parts what was which part before
    public Outcome finish(Path out, ArrayNode layers, Counterparts parts, Sizes sizes, ObjectNode allocation, Story story, InMemory inMemory) throws IOException {
        List<BeforeAndAfter.Named> named = named();
        ArrayNode evaluations = Json.mapper().createArrayNode();
        ObjectNode loadBack;
        ObjectNode speed = null;
        ObjectNode attention = null;
        RoutesBeforeAndAfter routes = null;
        try (LoadedModel reopened = LoadedModel.open(out.toString())) {
            loadBack = loadBack(reopened, inMemory, named);
            BeforeAndAfter both = new BeforeAndAfter(model, reopened, progress);
            if (!named.isEmpty() && !model.spec().expertLayers().isEmpty()) {
                routes = new RoutesBeforeAndAfter(model.spec(), reopened.spec(), parts);
            }
            for (BeforeAndAfter.Named text : named) {
                evaluations.add(both.of(text, text == named.getFirst() ? routes : null));
            }
            if (!named.isEmpty()) {
                speed = both.speed(named.getFirst().pieces());
                attention = InsideBeforeAndAfter.of(model, reopened, parts, named.getFirst().name(), named.getFirst().pieces().getFirst().ids(), layers, progress);
            }
            share(layers, reopened.spec(), parts);
        }
        ObjectNode ranks = RanksBeforeAndAfter.of(task.model(), out.toString(), parts, progress);
        Inside inside = new Inside(attention, routes == null ? null : routes.json(named.getFirst().name()), ranks);
        Outcome outcome = new PruneReport(task, s, model, texts, skipped).write(out, layers, sizes, Checkpoints.open(out).fileBytes(), allocation, story, evaluations, speed, loadBack, inside);
        JsonNode loss = outcome.summary().path("loss");
        if (loss.isNumber()) {
            progress.figures(model.spec().layers().size(), Map.of("loss", loss.asDouble()));
        } else if (!named.isEmpty()) {
            warn.accept("The pruned model's loss is not finite.");
        }
        return outcome;
    }

    /// What went of each layer of a model of which whole parts go: removed weights, and those that are 0 in their place.
    private void share(ArrayNode layers, ModelSpec now, Counterparts parts) {
        for (JsonNode l : layers) {
            if (l.has("sparsity")) {
                continue;
            }
            int layer = l.get("layer").asInt();
            int after = parts.after(layer);
            long weights = size(model.spec().layers().get(layer));
            long left = after < 0 ? 0 : size(now.layers().get(after)) - l.path("zeros").asLong();
            ((ObjectNode) l).put("weights", weights).put("left", left).put("sparsity", weights == 0 ? 0 : 1 - (double) left / weights);
        }
    }

    private static long size(LayerSpec l) {
        return PrunableMatrix.of(l).stream().mapToLong(PrunableMatrix::size).sum();
    }

    private List<BeforeAndAfter.Named> named() {
        return named(task, s, model, texts, progress);
    }

    /// Texts that are measured on: those that were named, else the calibration texts.
    ///
    /// @param texts of calibration, or null
    public static List<BeforeAndAfter.Named> named(Task.Prune task, PruneSettings s, LoadedModel model, CalibrationTexts texts, Progress progress) {
        List<BeforeAndAfter.Named> out = new ArrayList<>();
        if (task.evalData() != null) {
            for (Task.Domain d : task.evalData()) {
                int length = Math.min(model.spec().maxPositions(), s.sequenceLength() == null ? CalibrationTexts.LENGTH : s.sequenceLength());
                out.add(new BeforeAndAfter.Named(d.name(), d.file(), DataInput.read(d.file(), length, model, progress), length));
            }
        }
        // Where texts stand against others both are measured, whatever else is.
        if ((out.isEmpty() || s.against() != null) && texts != null) {
            out.add(first(CALIBRATION, texts));
        }
        if (s.against() != null) {
            out.add(first(AGAINST, CalibrationTexts.read(s.against(), s, model, progress)));
        }
        return out;
    }

    private static BeforeAndAfter.Named first(String name, CalibrationTexts texts) {
        int tokens = 0;
        int pieces = 0;
        while (pieces < texts.pieces().size() && (pieces == 0 || tokens + texts.pieces().get(pieces).ids().length <= CALIBRATION_MEASURED)) {
            tokens += texts.pieces().get(pieces++).ids().length;
        }
        return new BeforeAndAfter.Named(name, texts.file(), texts.pieces().subList(0, pieces), texts.length());
    }

    private ObjectNode loadBack(LoadedModel reopened, InMemory inMemory, List<BeforeAndAfter.Named> named) {
        int[] ids = named.isEmpty() ? someIds() : named.getFirst().pieces().getFirst().ids();
        ids = Arrays.copyOf(ids, Math.min(ids.length, COMPARED_TOKENS));
        double[] difference = BeforeAndAfter.largestDifference(inMemory.logits(ids), BeforeAndAfter.logits(reopened, ids));
        if (!(difference[0] <= ALLOWED * Math.max(1, difference[1]))) {
            throw new IllegalStateException("the checkpoint that was written gives other logits than the model in memory: they differ by " + difference[0]);
        }
        return Json.object().put("passed", true).put("tokens", ids.length).put("largest_logit_difference", difference[0]);
    }

    /// Some ids, where there is no text.
    private int[] someIds() {
        return IntStream.range(0, Math.min(16, model.spec().maxPositions())).map(i -> (int) ((i * 7919L + 1) % model.spec().vocabSize())).toArray();
    }
}
