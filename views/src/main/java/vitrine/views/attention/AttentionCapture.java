package vitrine.views.attention;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import vitrine.core.analysis.attention.HeadMetric;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Manifest;
import vitrine.core.artifact.Provenance;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.views.chart.Cells;

/// One prompt's attention as a capture left it: tokens, head metrics, small pictures of all heads, and the maps themselves, read
/// one at a time.
public final class AttentionCapture implements AutoCloseable {

    /// A token of the prompt.
    ///
    /// @param start where it begins in the prompt's text, or -1
    public record PromptToken(int id, String text, int start, int end, boolean special) {}

    private static final int KEPT_MAPS = 6;
    private static final int NO_WINDOW = Integer.MAX_VALUE;

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
        String range = file.metadata().getOrDefault("layers", "0-0");
        firstLayer = Integer.parseInt(range.substring(0, range.indexOf('-')));
        layers = Math.max(keyValueHeads.length, firstLayer + 1);
        heads = headCount();
        for (HeadMetric m : HeadMetric.values()) {
            if (file.has(m.tensor())) {
                metrics.put(m, file.doubles(m.tensor()));
            }
        }
        thumbnails = file.has("thumbnails") ? file.floats("thumbnails") : null;
        side = thumbnails == null ? 0 : (int) file.shape("thumbnails").orElseThrow().size(2);
    }

    /// Opens the capture in an artifact.
    ///
    /// @throws Refusal where it is no capture
    public static AttentionCapture of(Artifact artifact) {
        return new AttentionCapture(artifact.tensors(), artifact::provenance);
    }

    /// Opens a capture's file, as `vitrine capture --out` writes it.
    public static AttentionCapture of(Path path) {
        if (Files.isDirectory(path)) {
            return of(Artifact.open(path));
        }
        SafetensorsFile file = SafetensorsFile.open(path);
        if (!"vitrine-capture".equals(file.metadata().get("format"))) {
            file.close();
            throw Refusal.of(Category.ARTIFACT_INVALID, path, "it is no capture: its metadata do not say vitrine-capture").help("Make one with vitrine capture.");
        }
        Map<String, Provenance> known = Manifest.provenances(json(file, "provenance", "{}"), path);
        return new AttentionCapture(file, tensor -> Optional.ofNullable(known.get(tensor)));
    }

    private static JsonNode json(SafetensorsFile file, String key, String otherwise) {
        try {
            return Json.mapper().readTree(file.metadata().getOrDefault(key, otherwise));
        } catch (JsonProcessingException e) {
            throw Refusal.of(Category.ARTIFACT_INVALID, file.path(), "its %s is not valid JSON", key).cause(e);
        }
    }

    private void readTokens() {
        for (JsonNode t : json(file, "tokens", "[]")) {
            tokens.add(new PromptToken(t.path("id").asInt(), t.path("text").asText(), t.path("start").asInt(-1), t.path("end").asInt(-1), t.path("special").asBoolean()));
        }
    }

    private int[] ints(String key) {
        String list = file.metadata().getOrDefault(key, "[]").replaceAll("[\\[\\] ]", "");
        return list.isEmpty() ? new int[0] : java.util.Arrays.stream(list.split(",")).mapToInt(Integer::parseInt).toArray();
    }

    private int headCount() {
        for (String name : List.of("entropy", "thumbnails", "attentions", "attention_rank")) {
            if (file.has(name)) {
                return (int) file.shape(name).orElseThrow().size(1);
            }
        }
        return file.tensors().keySet().stream().filter(n -> n.startsWith("attentions.")).mapToInt(n -> (int) file.shape(n).orElseThrow().size(0)).max().orElse(0);
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
                .orElse(Provenance.measured(modelName(), "F32", tensor));
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
            return masked(java.util.Arrays.copyOfRange(thumbnails, (layer * heads + head) * n, (layer * heads + head + 1) * n), side, layer);
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
            return masked(file.floats(own ? "attentions." + layer : "attentions", index * n * n, n * n), n, layer);
        });
    }

    /// What the mask hides is empty, never 0.
    private Cells masked(float[] values, int n, int layer) {
        boolean exact = n == tokens.size();
        int window = exact ? window(layer) : 0;
        for (int i = 0; i < n && causal; i++) {
            for (int j = i + 1; j < n; j++) {
                values[i * n + j] = Cells.NONE;
            }
            for (int j = 0; window > 0 && j <= i - window; j++) {
                values[i * n + j] = Cells.NONE;
            }
        }
        return Cells.of(n, n, values);
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
        return masked(file.floats("rollout", (long) layer * n * n, n * n), n, NO_WINDOW);
    }

    @Override
    public void close() {
        file.close();
    }
}
