package vitrine.core.work.prune;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import vitrine.core.artifact.Fingerprint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.files.Whole;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.progress.Quiet;
import vitrine.core.prune.PrunableMatrix;
import vitrine.core.refusal.Category;
import vitrine.core.task.PruneSettings;
import vitrine.core.task.RunFolder;
import vitrine.core.task.Task;
import vitrine.core.task.TaskInputs;
import vitrine.core.work.adapter.AdapterMergeRun;
import vitrine.core.work.finetune.FinetuneForecast;
import vitrine.core.work.finetune.FinetuneRun;
import vitrine.core.work.input.CalibrationTexts;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.output.FinishedLayers;
import vitrine.core.work.output.KeptSums;
import vitrine.core.work.output.Outcome;
import vitrine.core.work.prune.report.BeforeAndAfter;
import vitrine.core.work.prune.report.PruneEnding;
import vitrine.core.work.prune.report.PruneReport;

/// A pruning run that goes on by training what is left.
///
/// First the pruned checkpoint comes to be, whole or not at all, as `RUN/pruned`; then a training run on it, whose saved steps take the place of the finished layers under `RUN/steps`. A run
/// that was broken off goes on in whichever of the two it was, to the same bits. What is kept in the end:
///
/// - an adapter: the pruned checkpoint, and beside it the PEFT folder `adapter`;
/// - an adapter that is merged: (W + s B A) with the zeros of W in their place;
/// - `full`: the trained weights with the zeros of W in their place.
final class RecoveryRun {

    static final String ADAPTER = "adapter";
    private static final String STATE = "recovery.json";
    private static final long MAX_BYTES = 64L << 20;

    /// Of an adapter whose settings say nothing.
    private static final int RANK = 8;

    private final Task.Prune task;
    private final Task.Recovery recovery;
    private final RunFolder folder;
    private final Map<String, String> inputs;
    private final Progress progress;
    private final Consumer<String> warn;

    RecoveryRun(Task.Prune task, RunFolder folder, Map<String, String> inputs, Progress progress, Consumer<String> warn) {
        this.task = task;
        recovery = task.recovery();
        this.folder = folder;
        this.inputs = inputs;
        this.progress = progress;
        this.warn = warn;
    }

    Outcome run(Path out) throws IOException {
        requireRoom();
        ObjectNode summary = pruned();
        JsonNode report = Json.readObject(folder.pruned().resolve(PruneReport.FILE), folder.pruned(), MAX_BYTES, Category.ARTIFACT_INVALID);
        int layers = report.get("layers").size();
        if (summary.has("stopped_after")) {
            warn.accept("The run was asked to finish before all layers were pruned: nothing is trained.");
            link(folder.pruned(), out);
            return new Outcome(summary, PruneReport.provenance(task, summary.path("model").asText()));
        }
        Task.Finetune training = new Task.Finetune(folder.pruned().toString(), task.recoveryData(), recovery.method(), null, null, recovery.settings());
        boolean adapts = recovery.method().adapts();
        boolean merge = Boolean.TRUE.equals(recovery.merge());
        KeptZeros zeros = adapts && !merge ? new KeptZeros(Map.of()) : KeptZeros.of(task.model(), folder.pruned());
        Path trainedAt = adapts ? Files.createDirectories(out.resolve(ADAPTER)) : out;
        Outcome trained = FinetuneRun.run(training, trainedAt, folder, TaskInputs.fingerprints(training), adapts ? Map.of() : zeros.byTensor(), new Later(progress, layers), warn);
        if (adapts) {
            nameBase(trainedAt, folder.result());
        }
        ArrayNode measured = Json.mapper().createArrayNode();
        if (adapts) {
            measure(folder.pruned(), List.of(Task.AdapterUse.of(trainedAt.toString())), measured);
        }
        if (merge) {
            AdapterMergeRun.run(new Task.AdapterMerge(folder.pruned().toString(), List.of(Task.AdapterUse.of(trainedAt.toString()))), out, new Quiet(progress), warn);
            Whole.delete(trainedAt);
            zeros.apply(out);
        }
        if (!adapts || merge) {
            zeros.requireIn(out);
            for (String name : new String[] {"masks.safetensors"}) {
                if (Files.exists(folder.pruned().resolve(name))) {
                    link(folder.pruned().resolve(name), out.resolve(name));
                }
            }
        } else {
            link(folder.pruned(), out);
        }
        ArrayNode reached = measured;
        if (!adapts || merge) {
            reached = Json.mapper().createArrayNode();
            measure(out, null, reached);
        }
        return told(out, (ObjectNode) report, summary, trained.summary(), measured, reached, layers);
    }

    /// Room for the whole task before it starts: the finished layers and what becomes of them, or later that, the training's saved states and its result, whichever is more. What is trained
    /// is counted as it would be on the unpruned model.
    private void requireRoom() throws IOException {
        try (LoadedModel model = LoadedModel.open(task.model())) {
            long tensors = model.checkpoint().tensorBytes();
            long all = model.checkpoint().tensors().values().stream().mapToLong(t -> t.elements()).sum();
            boolean adapts = recovery.method().adapts();
            Integer r = recovery.settings() == null ? null : recovery.settings().r();
            long trained = adapts ? PrunableMatrix.of(model.spec()).stream().mapToLong(m -> (long) (r == null ? RANK : r) * (m.out() + m.in())).sum() : all;
            long training = tensors + FinetuneForecast.diskBytes(trained, all, adapts, true, false) + (Boolean.TRUE.equals(recovery.merge()) ? tensors : 0);
            Files.createDirectories(folder.folder());
            FinetuneForecast.requireRoom(Math.max(2 * tensors, training), Files.getFileStore(folder.folder()).getUsableSpace(), folder.folder());
        }
    }

    // --- the pruned checkpoint

    private String identity() {
        ObjectNode all = Json.object().put("engine", TaskInputs.ENGINE_VERSION);
        ObjectNode own = task.toJson();
        own.remove("recovery");
        all.set("task", own);
        inputs.forEach(all.withObject("/inputs")::put);
        return Fingerprint.ofText(Json.line(all));
    }

    /// The summary of the pruned checkpoint, which is there when this returns.
    private ObjectNode pruned() throws IOException {
        String identity = identity();
        Path at = folder.pruned();
        Path file = at.resolve(STATE);
        if (Files.isRegularFile(file)) {
            ObjectNode state = Json.readObject(file, file, MAX_BYTES, Category.ARTIFACT_INVALID);
            if (state.path("run").asText().equals(identity)) {
                dropLayers();
                repeat(at);
                return (ObjectNode) state.get("summary");
            }
            Whole.delete(at);
        }
        Files.createDirectories(folder.folder());
        try (Whole whole = Whole.folder(at)) {
            Task.Prune alone = new Task.Prune(task.model(), task.data(), task.method(), task.evalData(), task.settings());
            ObjectNode summary = PruneRun.prune(alone, whole.staging(), folder, inputs, progress, warn).summary();
            ObjectNode state = Json.object().put("run", identity);
            state.set("summary", summary);
            Files.write(whole.staging().resolve(STATE), Json.pretty(state).getBytes(StandardCharsets.UTF_8));
            whole.commit();
            dropLayers();
            return summary;
        }
    }

    /// Removes finished layers, which the pruned checkpoint holds: their place is that of saved steps now.
    private void dropLayers() throws IOException {
        if (!Files.isDirectory(folder.steps())) {
            return;
        }
        try (Stream<Path> all = Files.list(folder.steps())) {
            for (Path p : all.toList()) {
                if (Files.exists(p.resolve(FinishedLayers.STATE))) {
                    Whole.delete(p);
                }
            }
        }
        Files.deleteIfExists(folder.steps().resolve(PruneShares.FILE));
        KeptSums.delete(folder);
    }

    /// Tells figures of layers again: a run without saved steps has lost them.
    private void repeat(Path pruned) throws IOException {
        JsonNode report = Json.readObject(pruned.resolve(PruneReport.FILE), pruned, MAX_BYTES, Category.ARTIFACT_INVALID);
        for (JsonNode l : report.get("layers")) {
            Map<String, Double> figures = new LinkedHashMap<>();
            figures.put("layer", l.path("layer").asDouble());
            for (String key : List.of("sparsity", "relative_output_error")) {
                if (l.path(key).isNumber()) {
                    figures.put(key, l.get(key).asDouble());
                }
            }
            progress.figures(l.path("layer").asLong() + 1, figures);
        }
        JsonNode loss = report.at("/evaluations/0/pruned/loss");
        if (loss.isNumber()) {
            progress.figures(report.get("layers").size(), Map.of("loss", loss.asDouble()));
        }
    }

    /// The result's folder takes up files of another, without copying where the disk can.
    private static void link(Path from, Path to) throws IOException {
        if (Files.isDirectory(from)) {
            try (Stream<Path> files = Files.list(from)) {
                for (Path f : files.filter(f -> !f.getFileName().toString().equals(STATE)).toList()) {
                    link(f, to.resolve(f.getFileName().toString()));
                }
            }
            return;
        }
        try {
            Files.createLink(to, from);
        } catch (FileSystemException | UnsupportedOperationException e) {
            Files.copy(from, to);
        }
    }

    /// Puts where the pruned checkpoint will lie into an adapter's config.
    private static void nameBase(Path adapter, Path base) throws IOException {
        Path file = adapter.resolve("adapter_config.json");
        ObjectNode config = Json.readObject(file, file, MAX_BYTES, Category.CONFIG_INVALID);
        config.put("base_model_name_or_path", base.toString());
        Files.write(file, Json.pretty(config).getBytes(StandardCharsets.UTF_8));
    }

    // --- what is said of it

    private void measure(Path at, List<Task.AdapterUse> adapters, ArrayNode into) throws IOException {
        PruneSettings s = task.numbers();
        try (LoadedModel dense = LoadedModel.open(task.model()); LoadedModel now = LoadedModel.open(at.toString(), adapters)) {
            CalibrationTexts texts = task.data() == null ? null : CalibrationTexts.read(task.data(), s, dense, progress);
            BeforeAndAfter both = new BeforeAndAfter(dense, now, progress);
            for (BeforeAndAfter.Named text : PruneEnding.named(task, s, dense, texts, progress)) {
                into.add(both.of(text));
            }
        }
    }

    private static ObjectNode figures(JsonNode evaluation) {
        ObjectNode n = Json.object();
        n.setAll((ObjectNode) evaluation.get("pruned"));
        for (String key : List.of("perplexity_change_percent", "kl", "top1_agreement")) {
            n.set(key, evaluation.get(key));
        }
        return n;
    }

    private Outcome told(Path out, ObjectNode report, ObjectNode summary, ObjectNode trained, ArrayNode measured, ArrayNode reached, int layers) throws IOException {
        boolean adapts = recovery.method().adapts();
        boolean merge = Boolean.TRUE.equals(recovery.merge());
        String kept = !adapts ? "the trained checkpoint in float32; weights that were set to 0 are 0" : merge ? "the adapter merged into the pruned checkpoint; weights that were set to 0 are 0"
                : "the pruned checkpoint as it was, and beside it the adapter in the folder adapter";
        ObjectNode n = Json.object().put("method", recovery.method().name()).put("kept", kept).put("merged", merge).put("data", task.recoveryData())
                .put("text_hash", Fingerprint.of(Path.of(task.recoveryData())));
        for (String key : List.of("steps", "samples", "trained_parameters", "first_loss", "loss")) {
            n.set(key, trained.get(key));
        }
        report.set("recovery", n);
        report.set("task", task.toJson());
        for (int i = 0; i < reached.size(); i++) {
            ObjectNode text = (ObjectNode) report.at("/evaluations/" + i);
            text.set("recovered", figures(reached.get(i)));
            if (merge) {
                text.set("with_adapter", figures(measured.get(i)));
            }
        }
        ((ObjectNode) report.get("sparsity")).put("bytes", Checkpoints.open(out).fileBytes());
        write(out.resolve(PruneReport.FILE), Json.pretty(report));
        write(out.resolve("README.md"), Files.readString(folder.pruned().resolve("README.md")) + card(report, kept));
        ObjectNode all = summary.deepCopy();
        all.set("recovery", n.deepCopy());
        all.set("sparsity", report.get("sparsity"));
        all.set("evaluations", report.get("evaluations").deepCopy());
        if (!reached.isEmpty()) {
            JsonNode first = report.at("/evaluations/0/recovered");
            all.set("recovered_loss", first.get("loss"));
            all.set("recovered_perplexity", first.get("perplexity"));
            if (!adapts || merge) {
                all.set("loss", first.get("loss"));
                all.set("perplexity", first.get("perplexity"));
            }
            if (first.get("loss").isNumber()) {
                progress.figures(layers + trained.path("steps").asLong(), Map.of("validation_loss", first.get("loss").asDouble()));
            }
        }
        return new Outcome(all, PruneReport.provenance(task, summary.path("model").asText()));
    }

    private static void write(Path file, String text) throws IOException {
        // Never through a link to the pruned checkpoint's own file.
        Files.deleteIfExists(file);
        Files.writeString(file, text);
    }

    private static String card(ObjectNode report, String kept) {
        StringBuilder t = new StringBuilder("\n## Recovery\n\nTrained afterwards by " + report.at("/recovery/method").asText() + ", " + report.at("/recovery/steps").asLong() + " steps. Kept: " + kept + ".\n\n");
        for (JsonNode e : report.get("evaluations")) {
            t.append(String.format(Locale.ROOT, "- perplexity of %s: %s before, %s pruned, %s recovered%n", vitrine.core.refusal.Visible.escape(e.path("name").asText()), figure(e.at("/dense/perplexity")),
                    figure(e.at("/pruned/perplexity")), figure(e.at("/recovered/perplexity"))));
        }
        return t.toString();
    }

    private static String figure(JsonNode n) {
        return n.isNumber() ? String.format(Locale.ROOT, "%.4f", n.asDouble()) : "not finite";
    }

    /// Steps of training that follow the layers.
    private record Later(Progress behind, int layers) implements Progress {
        @Override
        public void step(long done, long total, String unit) {
            behind.step(unit.equals("steps") ? done + layers : done, unit.equals("steps") ? total + layers : total, unit);
        }

        @Override
        public void checkCancelled() {
            behind.checkCancelled();
        }

        @Override
        public void figures(long step, Map<String, Double> values) {
            behind.figures(step + layers, values);
        }

        @Override
        public void risky(Path file, int seconds) {
            behind.risky(file, seconds);
        }

        @Override
        public void safe() {
            behind.safe();
        }
    }
}
