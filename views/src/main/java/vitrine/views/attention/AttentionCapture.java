package vitrine.views.attention;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import vitrine.core.analysis.attention.HeadMetric;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Manifest;
import vitrine.core.artifact.Provenance;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;
import vitrine.core.tensor.Shape;
import vitrine.views.chart.Cells;

/// One prompt's attention as a capture left it: tokens, head metrics, small pictures of all heads, and the maps themselves, read
/// one at a time.
public final class AttentionCapture implements AutoCloseable {

    /// A token of the prompt.
    ///
    /// @param start where it begins in the prompt's text, or -1
    public record PromptToken(int id, String text, int start, int end, boolean special) {}

    private static final int KEPT_MAPS = 6;

    private final SafetensorsFile file;
    private final Function<String, Optional<Provenance>> provenance;
    private final List<PromptToken> tokens = new ArrayList<>();
    private final int layers;
    private final int heads;
    private final int firstLayer;
    private final int[] keyValueHeads;
    private final int[] windows;
    private final boolean causal;
    private final Map<HeadMetric, double[]> metrics = new EnumMap<>(HeadMetric.class);
    private final float[] thumbnails;
    private final int side;
    /// Maps read lately, the last one used last.
    private final Map<String, Cells> maps = new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Cells> eldest) {
            return size() > KEPT_MAPS;
        }
    };

    private AttentionCapture(SafetensorsFile file, Function<String, Optional<Provenance>> provenance) {
        this.file = file;
        this.provenance = provenance;
        readTokens();
        keyValueHeads = ints("kv_heads");
        windows = ints("windows");
        causal = !"false".equals(file.metadata().get("causal"));
        int[] range = range();
        firstLayer = range[0];
        layers = keyValueHeads.length;
        if (layers <= range[1]) {
            throw invalid("its kv_heads name %,d layers, its range ends with layer %,d", layers, range[1]);
        }
        heads = headCount();
        checkShapes(range[1] - range[0] + 1);
        for (HeadMetric m : HeadMetric.values()) {
            if (file.has(m.tensor())) {
                metrics.put(m, file.doubles(m.tensor()));
            }
        }
        thumbnails = file.has("thumbnails") ? file.floats("thumbnails") : null;
        side = thumbnails == null ? 0 : (int) file.shape("thumbnails").orElseThrow().size(2);
    }

    private Refusal invalid(String problem, Object... arguments) {
        return Refusal.of(Category.ARTIFACT_INVALID, file.path(), problem, arguments);
    }

    /// Every tensor that is drawn has the layers, heads and tokens that the rest of the file speaks of.
    private void checkShapes(int captured) {
        int n = tokens.size();
        for (HeadMetric m : HeadMetric.values()) {
            require(m.tensor(), layers, heads);
        }
        require("attention_rank", layers, heads);
        require("query_entropy", layers, heads, n);
        require("received_mass", layers, heads, n);
        require("layer_cosine", layers, layers);
        require("layer_divergence", layers, layers);
        require("rollout", layers, n, n);
        for (String name : file.tensors().keySet()) {
            Shape shape = file.shape(name).orElseThrow();
            if (name.equals("attentions") || name.startsWith("attentions.")) {
                boolean whole = name.equals("attentions");
                long own = shape.rank() < 3 ? -1 : shape.size(shape.rank() - 3);
                require(name, whole ? new long[] {captured, Math.min(own, heads), n, n} : new long[] {Math.min(own, heads), n, n});
            } else if (name.equals("thumbnails")) {
                long tiles = shape.rank() < 4 ? -1 : Math.min(shape.size(2), n);
                require(name, layers, heads, tiles, tiles);
            }
        }
    }

    private void require(String tensor, long... sizes) {
        Shape there = file.shape(tensor).orElse(null);
        if (there != null && !there.equals(Shape.of(sizes))) {
            throw invalid("its shape is %s; with %,d layers, %,d heads and %,d tokens %s belongs here", there, layers, heads, tokens.size(), Shape.of(sizes))
                    .where("tensor " + tensor);
        }
    }

    private int[] range() {
        Matcher m = Pattern.compile("(\\d{1,9})-(\\d{1,9})").matcher(file.metadata().getOrDefault("layers", ""));
        if (!m.matches() || Integer.parseInt(m.group(1)) > Integer.parseInt(m.group(2))) {
            throw invalid("its layers are \"%s\"; a range such as 0-11 belongs here", Visible.name(file.metadata().getOrDefault("layers", "")));
        }
        return new int[] {Integer.parseInt(m.group(1)), Integer.parseInt(m.group(2))};
    }

    /// Opens the capture in an artifact.
    ///
    /// @throws Refusal where it is no capture, or one that does not fit together
    public static AttentionCapture of(Artifact artifact) {
        return read(artifact.tensors(), file -> artifact::provenance);
    }

    /// Opens a capture's file, as `vitrine capture --out` writes it, or an artifact's folder.
    ///
    /// @throws Refusal where it is no capture, or one that does not fit together
    public static AttentionCapture of(Path path) {
        if (Files.isDirectory(path)) {
            return of(Artifact.open(path));
        }
        return read(SafetensorsFile.open(path), file -> {
            Map<String, Provenance> known = Manifest.provenances(json(file, "provenance", "{}"), path);
            return tensor -> Optional.ofNullable(known.get(tensor));
        });
    }

    private static AttentionCapture read(SafetensorsFile file, Function<SafetensorsFile, Function<String, Optional<Provenance>>> provenance) {
        try {
            if (!"vitrine-capture".equals(file.metadata().get("format"))) {
                throw Refusal.of(Category.ARTIFACT_INVALID, file.path(), "it is no capture: its metadata do not say vitrine-capture")
                        .help("Make one with vitrine capture.");
            }
            return new AttentionCapture(file, provenance.apply(file));
        } catch (Refusal r) {
            file.close();
            throw r;
        }
    }

    private static JsonNode json(SafetensorsFile file, String key, String otherwise) {
        try {
            return Json.mapper().readTree(file.metadata().getOrDefault(key, otherwise));
        } catch (JsonProcessingException e) {
            throw Refusal.of(Category.ARTIFACT_INVALID, file.path(), "its %s is not valid JSON", key).cause(e);
        }
    }

    private void readTokens() {
        JsonNode list = json(file, "tokens", "[]");
        for (JsonNode t : list.isArray() ? list : Json.mapper().createArrayNode()) {
            tokens.add(new PromptToken(t.path("id").asInt(), t.path("text").asText(), t.path("start").asInt(-1), t.path("end").asInt(-1), t.path("special").asBoolean()));
        }
        if (tokens.isEmpty()) {
            throw invalid("its metadata list no tokens");
        }
    }

    private int[] ints(String key) {
        String list = file.metadata().getOrDefault(key, "[]");
        Matcher m = Pattern.compile("\\[((?:\\d{1,9}(?:, ?\\d{1,9})*)?)]").matcher(list);
        if (!m.matches()) {
            throw invalid("its %s are \"%s\"; a list of whole numbers belongs here", key, Visible.name(list));
        }
        return m.group(1).isEmpty() ? new int[0] : Arrays.stream(m.group(1).split(", ?")).mapToInt(Integer::parseInt).toArray();
    }

    private int headCount() {
        for (String name : List.of("entropy", "thumbnails", "attentions", "attention_rank")) {
            Shape shape = file.shape(name).orElse(null);
            if (shape != null && shape.rank() > 1) {
                return (int) Math.min(shape.size(1), Integer.MAX_VALUE);
            }
        }
        return (int) file.tensors().keySet().stream().filter(n -> n.startsWith("attentions.")).map(n -> file.shape(n).orElseThrow())
                .filter(shape -> shape.rank() == 3).mapToLong(shape -> shape.size(0)).max().orElse(0);
    }

    public List<PromptToken> tokens() {
        return tokens;
    }

    public int layers() {
        return layers;
    }

    /// Query heads of the widest layer.
    public int heads() {
        return heads;
    }

    /// Whether keys after a query are hidden from it.
    public boolean causal() {
        return causal;
    }

    /// The window of a layer, 0 for none.
    public int window(int layer) {
        return layer < windows.length ? windows[layer] : 0;
    }

    /// Key/value heads of a layer.
    public int keyValueHeads(int layer) {
        return layer < keyValueHeads.length ? keyValueHeads[layer] : heads;
    }

    public String modelName() {
        return file.metadata().getOrDefault("model", "");
    }

    public String family() {
        return file.metadata().getOrDefault("family", "");
    }

    /// How a tensor came about.
    public Provenance provenance(String tensor) {
        return provenance.apply(tensor.startsWith("attentions") && !file.has(tensor) ? "attentions." + firstLayer : tensor)
                .orElseGet(() -> Provenance.derived(modelName(), "", "as the file holds it; it does not say how " + tensor + " came about"));
    }

    /// Whether a metric was computed.
    public boolean has(HeadMetric metric) {
        return metrics.containsKey(metric);
    }

    public boolean hasTensor(String name) {
        return file.has(name);
    }

    /// A head's metric; NaN where it was not computed or the layer has no such head.
    public double metric(HeadMetric metric, int layer, int head) {
        double[] values = metrics.get(metric);
        return values == null ? Double.NaN : values[layer * heads + head];
    }

    /// A metric of all heads, `[layers, heads]`.
    public Cells metric(HeadMetric metric) {
        double[] values = metrics.get(metric);
        float[] cells = new float[layers * heads];
        for (int i = 0; i < cells.length; i++) {
            cells[i] = values == null || Double.isNaN(values[i]) ? Cells.NONE : (float) values[i];
        }
        return Cells.of(layers, heads, cells);
    }

    /// A head's small picture, or null where there is none.
    public Cells thumbnail(int layer, int head) {
        if (thumbnails != null) {
            int n = side * side;
            return masked(Arrays.copyOfRange(thumbnails, (layer * heads + head) * n, (layer * heads + head + 1) * n), side, window(layer));
        }
        return hasMap(layer) && tokens.size() <= 128 ? map(layer, head) : null;
    }

    /// Whether the file holds a layer's maps.
    public boolean hasMap(int layer) {
        return file.has("attentions." + layer)
                || file.has("attentions") && layer >= firstLayer && layer < firstLayer + file.shape("attentions").orElseThrow().size(0);
    }

    /// A head's weights `[queries, keys]`, hidden entries empty.
    public Cells map(int layer, int head) {
        return maps.computeIfAbsent(layer + "." + head, key -> {
            int n = tokens.size();
            boolean own = file.has("attentions." + layer);
            long index = own ? head : (long) (layer - firstLayer) * file.shape("attentions").orElseThrow().size(1) + head;
            return masked(file.floats(own ? "attentions." + layer : "attentions", index * n * n, n * n), n, window(layer));
        });
    }

    /// What the mask hides is empty, never 0. In a reduced map a tile is empty where all of its cells are hidden.
    private Cells masked(float[] values, int side, int window) {
        if (causal) {
            long n = tokens.size();
            for (int i = 0; i < side; i++) {
                // The first query of this row of tiles sees farthest back.
                long firstQuery = (i * n + side - 1) / side;
                for (int j = 0; j < side; j++) {
                    long lastKey = ((j + 1) * n + side - 1) / side - 1;
                    if (j > i || window > 0 && lastKey <= firstQuery - window) {
                        values[i * side + j] = Cells.NONE;
                    }
                }
            }
        }
        return Cells.of(side, side, values);
    }

    /// Each query's entropy in nats, or null.
    public double[] queryEntropy(int layer, int head) {
        return perToken("query_entropy", layer, head);
    }

    /// The mean weight that each key gets, or null.
    public double[] receivedMass(int layer, int head) {
        return perToken("received_mass", layer, head);
    }

    private double[] perToken(String tensor, int layer, int head) {
        if (!file.has(tensor)) {
            return null;
        }
        int n = tokens.size();
        float[] values = file.floats(tensor, (long) (layer * heads + head) * n, n);
        double[] out = new double[n];
        for (int i = 0; i < n; i++) {
            out[i] = values[i];
        }
        return out;
    }

    /// A small square matrix over layers, such as `layer_cosine`, or null.
    public Cells layerMatrix(String tensor) {
        return file.has(tensor) ? Cells.of(layers, layers, file.floats(tensor)) : null;
    }

    /// The mean over heads of a tensor `[layers, heads]`, or null.
    public double[] layerMeans(String tensor) {
        if (!file.has(tensor)) {
            return null;
        }
        double[] all = file.doubles(tensor);
        double[] out = new double[layers];
        for (int l = 0; l < layers; l++) {
            int n = 0;
            for (int h = 0; h < heads; h++) {
                if (!Double.isNaN(all[l * heads + h])) {
                    out[l] += all[l * heads + h];
                    n++;
                }
            }
            out[l] = n == 0 ? Double.NaN : out[l] / n;
        }
        return out;
    }

    /// The rollout after a layer `[positions, input tokens]`, or null.
    public Cells rollout(int layer) {
        if (!file.has("rollout")) {
            return null;
        }
        int n = tokens.size();
        return masked(file.floats("rollout", (long) layer * n * n, n * n), n, 0);
    }

    @Override
    public void close() {
        file.close();
    }
}
