package vitrine.app.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Part;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.DataFile;
import vitrine.core.checkpoint.Warning;
import vitrine.core.json.Json;
import vitrine.core.refusal.Visible;

@Command(name = "open", description = "What a checkpoint is made of: family, tensors, parameters, memory, warnings.", mixinStandardHelpOptions = true)
final class OpenCommand extends Subcommand {

    private static final int LISTED = 200;

    @Parameters(paramLabel = "PATH", description = "a checkpoint folder or file, a hub cache folder, an adapter folder")
    Path path;

    @Option(names = "--all", description = "list every tensor; by default the first " + LISTED)
    boolean all;

    @Override
    int run(Output output) throws IOException {
        Checkpoint checkpoint = Checkpoints.open(path);
        if (common.out != null) {
            List<Path> inputs = new ArrayList<>(checkpoint.files().stream().map(DataFile::path).toList());
            inputs.addAll(List.of(checkpoint.configFile(), checkpoint.tokenizerFile()));
            Destination.of(common.out, inputs);
        }
        Anatomy anatomy = Anatomy.of(checkpoint);
        if (common.json) {
            anatomy.warnings().forEach(w -> output.warning(w.message()));
        }
        ObjectNode json = common.json || common.out != null ? json(anatomy) : Json.object();
        if (common.out != null) {
            Results.json(json, common.out);
        }
        if (!common.json) {
            print(anatomy, output);
        }
        output.result(json);
        return 0;
    }

    private void print(Anatomy a, Output out) {
        out.text(a.checkpoint().name());
        out.text(String.format(Locale.ROOT, "  %s, %s, %,d parameters in %,d tensors, %s", a.familyName(), a.checkpoint().format(), a.parameters(),
                a.tensors().size(), Words.bytes(a.checkpoint().fileBytes())));
        String told = a.checkpoint().embedded() == null ? null : a.checkpoint().metadata().get("general.name");
        if (told != null) {
            out.text("  Name in the file: " + Visible.name(told));
        }
        a.spec().ifPresent(s -> out.text("  " + services(s, a)));
        out.text(String.format(Locale.ROOT, "  Memory: %s as float32%s", Words.memory(a.float32Bytes()), a.cacheBytes() == 0 ? ""
                : String.format(Locale.ROOT, "; keys and values %s at %,d positions", Words.memory(a.cacheBytes()), a.cachePositions())));
        out.text("  Types: " + types(a).entrySet().stream().map(e -> e.getKey() + " " + e.getValue()).toList().toString().replaceAll("[\\[\\]]", ""));
        if (!a.byPart().isEmpty()) {
            out.text("Parameters by part");
            for (Map.Entry<Part, Long> e : a.byPart().entrySet()) {
                out.text(String.format(Locale.ROOT, "  %-10s %,16d  %5.1f %%", e.getKey().label(), e.getValue(), 100.0 * e.getValue() / Math.max(1, a.parameters())));
            }
        }
        int listed = all ? a.tensors().size() : Math.min(LISTED, a.tensors().size());
        out.text(String.format(Locale.ROOT, "Tensors (%d%s)", a.tensors().size(), listed < a.tensors().size() ? ", the first " + listed + "; --all lists every one" : ""));
        for (Anatomy.Item t : a.tensors().subList(0, listed)) {
            String also = t.entry().storedName().equals(t.entry().name()) ? "" : "  " + Visible.name(t.entry().storedName());
            out.text(String.format(Locale.ROOT, "  %-60s %-8s %-16s %s%s", Visible.name(t.entry().name()), t.entry().storedAs(), t.entry().shape(), Words.bytes(t.entry().bytes()), also));
        }
        for (Warning w : a.warnings()) {
            out.text("warning: " + w.message());
        }
    }

    /// How many tensors are stored in each type.
    private static Map<String, Integer> types(Anatomy a) {
        Map<String, Integer> types = new TreeMap<>();
        a.tensors().forEach(t -> types.merge(t.entry().storedAs(), 1, Integer::sum));
        return types;
    }

    private static String services(ModelSpec s, Anatomy a) {
        AttentionSpec first = s.layers().isEmpty() ? null : s.layers().getFirst().attention();
        long windowed = s.layers().stream().filter(l -> l.attention().window() > 0).count();
        return String.format(Locale.ROOT, "Layers %d, hidden %d%s%s, vocabulary %d, positions %d%s%s", s.layers().size(), s.hiddenSize(),
                first == null ? "" : String.format(Locale.ROOT, ", heads %d (%d key/value heads of %d), feed-forward %d", first.heads(), first.keyValueHeads(),
                        first.headDim(), s.layers().getFirst().feedForward().width()), experts(s),
                s.vocabSize(), s.maxPositions(), windowed > 0 ? ", " + windowed + " layers with a sliding window" : "",
                a.tied() ? ", output tied to the embedding" : "");
    }

    private static String experts(ModelSpec s) {
        List<FeedForward.Mixture> all = s.layers().stream().map(LayerSpec::feedForward).filter(FeedForward.Mixture.class::isInstance).map(FeedForward.Mixture.class::cast).toList();
        if (all.isEmpty()) {
            return "";
        }
        FeedForward.Mixture first = all.getFirst();
        return String.format(Locale.ROOT, ", %d experts of width %d in %d layers, %d per token%s", first.experts().count(), first.width(), all.size(), first.router().perToken(),
                first.shared() == null ? "" : String.format(Locale.ROOT, " and a shared one of width %d", first.shared().width()));
    }

    private static ObjectNode json(Anatomy a) {
        ObjectNode n = Json.object();
        n.put("path", a.checkpoint().path().toString()).put("name", a.checkpoint().name()).put("kind", a.checkpoint().kind().name().toLowerCase(Locale.ROOT))
                .put("format", a.checkpoint().format()).put("family", a.familyName());
        a.spec().ifPresent(s -> {
            n.put("model_type", s.modelType());
            ObjectNode w = n.putObject("config").put("layers", s.layers().size()).put("hidden_size", s.hiddenSize()).put("vocabulary", s.vocabSize())
                    .put("positions", s.maxPositions()).put("encoder", s.encoder()).put("tied", a.tied());
            ArrayNode layers = w.putArray("attention");
            s.layers().forEach(l -> layers.addObject().put("heads", l.attention().heads()).put("kv_heads", l.attention().keyValueHeads())
                    .put("head_dim", l.attention().headDim()).put("window", l.attention().window()));
            ArrayNode experts = w.putArray("experts");
            s.layers().forEach(l -> {
                if (l.feedForward() instanceof FeedForward.Mixture m) {
                    experts.addObject().put("layer", l.index()).put("count", m.experts().count()).put("per_token", m.router().perToken()).put("width", m.width())
                            .put("shared_width", m.shared() == null ? 0 : m.shared().width());
                }
            });
        });
        n.put("runs", a.spec().isPresent() && a.obstacle() == null);
        if (a.obstacle() != null) {
            n.putObject("obstacle").put("category", a.obstacle().category().code()).put("message", a.obstacle().getMessage());
        }
        n.put("parameters", a.parameters()).put("tensor_count", a.tensors().size()).put("file_bytes", a.checkpoint().fileBytes())
                .put("tensor_bytes", a.checkpoint().tensorBytes());
        n.putObject("memory").put("float32_bytes", a.float32Bytes()).put("kv_cache_bytes", a.cacheBytes()).put("kv_cache_positions", a.cachePositions());
        ObjectNode parts = n.putObject("parameters_by_part");
        a.byPart().forEach((p, c) -> parts.put(p.name().toLowerCase(Locale.ROOT), c));
        ObjectNode types = n.putObject("tensors_by_dtype");
        types(a).forEach(types::put);
        ArrayNode tensors = n.putArray("tensors");
        for (Anatomy.Item t : a.tensors()) {
            ObjectNode e = tensors.addObject().put("name", t.entry().name()).put("dtype", t.entry().dtype().name());
            ArrayNode shape = e.putArray("shape");
            for (long size : t.entry().shape().sizes()) {
                shape.add(size);
            }
            if (!t.entry().storedAs().equals(t.entry().dtype().name())) {
                e.put("stored_as", t.entry().storedAs());
            }
            if (!t.entry().storedName().equals(t.entry().name())) {
                e.put("stored_name", t.entry().storedName());
            }
            e.put("parameters", t.entry().elements()).put("bytes", t.entry().bytes()).put("file", t.entry().file().getFileName().toString())
                    .put("offset", t.entry().offset()).put("part", t.part().name().toLowerCase(Locale.ROOT)).put("layer", t.layer());
        }
        ObjectNode metadata = n.putObject("metadata");
        a.checkpoint().metadata().forEach(metadata::put);
        ArrayNode warnings = n.putArray("warnings");
        a.warnings().forEach(w -> warnings.addObject().put("category", w.category().code()).put("message", w.message()));
        return n;
    }
}
