package vitrine.core.artifact;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// The spectra of weight matrices that a `spectrum` task left: one row per matrix and checkpoint, read at once, and the singular values,
/// read when asked for.
///
///     SpectrumArtifact spectra = SpectrumArtifact.of(artifact);
///     for (Row row : spectra.rows()) {
///         row.value(Measure.EFFECTIVE_RANK).ifPresent(...);
///     }
///     double[] s = spectra.values(row);                        // [r], largest first; empty where the row is an estimate
///     spectra.curves(Measure.NORMALISED_EFFECTIVE_RANK);       // per checkpoint and kind, over layers
///     spectra.growth(Measure.SPECTRAL_NORM);                   // per matrix, over checkpoints
///
/// The folder holds, beside the manifest, `spectra.json` (the rows; its first keys are the command line's public ones) and
/// `result.safetensors` with `sv.TENSOR` [r] float64 per matrix with all its singular values, largest first; of an estimate
/// `top.TENSOR` [k], the largest ones that stand out, and `density.TENSOR` [n, 2], pairs of a singular value and how many it stands for,
/// smallest first. In a series of checkpoints the names begin with `c0.`, `c1.` and so on.
///
/// @param accuracy what was asked for: `exact`, `fast` or `estimate`; each row says what was done
/// @param against the name of the checkpoint that was subtracted, or null: then the rows are of deltas
/// @param checkpoints one, or a series in the order it was given
/// @param rows checkpoint by checkpoint, in the order of the forward pass
public record SpectrumArtifact(Artifact artifact, String accuracy, String against, List<Subject> checkpoints, List<Row> rows) {

    /// The file of rows within the artifact's folder.
    public static final String ROWS = "spectra.json";
    public static final String FORMAT = "vitrine-spectra";
    public static final int VERSION = 1;

    private static final long MAX_BYTES = 256L << 20;

    /// A checkpoint of the series.
    ///
    /// @param path as the task named it
    /// @param step the training step that its name ends with (`checkpoint-500`, `step_500`), or -1
    public record Subject(int index, String name, String path, long step) {}

    /// A figure.
    ///
    /// @param low lower end of the 95 % interval of an estimate; NaN for a figure that was computed, as `high` is
    public record Figure(double value, double low, double high) {
        public boolean estimated() {
            return !Double.isNaN(low);
        }
    }

    /// One matrix of one checkpoint.
    ///
    /// @param checkpoint index into [SpectrumArtifact#checkpoints]
    /// @param tensor the matrix's name, unique within a checkpoint: the stored tensor's, and after `#` the part of it that this is, as in
    /// `transformer.h.0.attn.c_attn.weight#query` or `model.layers.0.mlp.experts.down_proj#expert.3`
    /// @param stored the stored tensor's name
    /// @param kind what the matrix is for: `query`, `key`, `value`, `output`, `gate`, `up`, `down`, `router`, `embedding`, `head`, `other`
    /// @param layer or -1
    /// @param head the query head (of query and output) or key/value head (of key and value), or -1 for all heads together
    /// @param expert or -1
    /// @param rows as stored, `columns` likewise
    /// @param dtype the stored type, such as `BF16`
    /// @param figures those that there are: an absent figure has no meaning here, it is never NaN or 0 instead
    /// @param alphaReliable whether the matrix is large enough and its tail long and close enough to a power law for alpha to mean something
    /// @param accuracy what was done, which may be more than was asked for; empty where there is no spectrum
    /// @param method how, in a few words
    /// @param note why it is not what was asked for, or what to mind; or null
    /// @param absent why there is no spectrum (values that are not finite), one sentence without a full stop; or null
    public record Row(int checkpoint, String tensor, String stored, String kind, int layer, int head, int expert, int rows, int columns, String dtype,
                      Map<Measure, Figure> figures, boolean alphaReliable, String accuracy, String method, String note, String absent) {

        /// The smaller side r, the number of singular values.
        public int rank() {
            return Math.min(rows, columns);
        }

        public Optional<Figure> figure(Measure measure) {
            return Optional.ofNullable(figures.get(measure));
        }

        public OptionalDouble value(Measure measure) {
            Figure f = figures.get(measure);
            return f == null ? OptionalDouble.empty() : OptionalDouble.of(f.value);
        }

        /// Whether the effective rank is an estimate with an interval.
        public boolean estimated() {
            return accuracy.equals("estimate");
        }
    }

    /// Singular values at which an estimate saw the spectrum, smallest first.
    ///
    /// @param weights how many singular values each of them stands for
    public record Density(double[] values, double[] weights) {}

    /// A measure of one kind of matrix over the layers of a checkpoint.
    ///
    /// @param experts whether these are the matrices of routed experts; each layer's value is then the mean over them
    /// @param points one per layer that has such a matrix with the figure, in order
    public record Curve(int checkpoint, String kind, boolean experts, List<Point> points) {}

    /// A layer's value.
    ///
    /// @param value mean over the layer's matrices of the kind, whole ones only, never heads
    /// @param low the smallest of them (or the lower end of an estimate's interval), `high` likewise
    /// @param count how many they are: 1, or the number of experts
    public record Point(int layer, double value, double low, double high, int count) {}

    /// A measure of one matrix over the checkpoints.
    ///
    /// @param values `[checkpoints]`, NaN where a checkpoint has no such matrix or figure
    public record Growth(String tensor, String kind, int layer, int head, int expert, double[] values) {

        /// Last value by first; NaN where either is missing.
        public double ratio() {
            return values[values.length - 1] / values[0];
        }
    }

    /// Reads the rows of an artifact of a `spectrum` task.
    ///
    /// @throws Refusal `artifact-invalid` or `version-unsupported`
    public static SpectrumArtifact of(Artifact artifact) {
        Path file = artifact.folder();
        ObjectNode n = artifact.beside(ROWS, MAX_BYTES)
                .orElseThrow(() -> Refusal.of(Category.ARTIFACT_INVALID, file, "there is no %s: this artifact holds no spectra", ROWS));
        if (!n.path("format").asText().equals(FORMAT)) {
            throw Refusal.of(Category.ARTIFACT_INVALID, file, "its format is %s; spectra say %s", n.path("format").asText("missing"), FORMAT);
        }
        if (n.path("version").asInt(-1) != VERSION) {
            throw Refusal.of(Category.VERSION_UNSUPPORTED, file, "its version is %s; this program reads %d", n.path("version").asText("missing"), VERSION)
                    .help("Compute it again.");
        }
        List<Subject> subjects = new ArrayList<>();
        for (JsonNode c : n.path("checkpoints")) {
            subjects.add(new Subject(subjects.size(), c.path("name").asText(), c.path("path").asText(), c.path("step").asLong(-1)));
        }
        List<Row> rows = new ArrayList<>();
        for (JsonNode r : n.path("matrices")) {
            Row row = row(r);
            if (row.checkpoint < 0 || row.checkpoint >= subjects.size() || row.tensor.isEmpty() || row.rows < 0 || row.columns < 0) {
                throw Refusal.of(Category.ARTIFACT_INVALID, file, "matrix %d of the list has no name, no shape or no checkpoint", rows.size());
            }
            rows.add(row);
        }
        return new SpectrumArtifact(artifact, n.path("accuracy").asText(), n.path("against").asText(null), List.copyOf(subjects), List.copyOf(rows));
    }

    /// The rows as they are stored, with all that the command line's public JSON has.
    public ObjectNode stored() {
        return artifact.beside(ROWS, MAX_BYTES).orElseThrow();
    }

    private static Row row(JsonNode r) {
        Map<Measure, Figure> figures = new EnumMap<>(Measure.class);
        for (Measure m : Measure.values()) {
            JsonNode v = r.path(m.key());
            if (v.isNumber()) {
                JsonNode interval = r.path("intervals").path(m.key());
                figures.put(m, new Figure(v.doubleValue(), interval.path(0).asDouble(Double.NaN), interval.path(1).asDouble(Double.NaN)));
            }
        }
        return new Row(r.path("checkpoint").asInt(0), r.path("tensor").asText(), r.path("stored").asText(), r.path("kind").asText(), r.path("layer").asInt(-1),
                r.path("head").asInt(-1), r.path("expert").asInt(-1), r.path("shape").path(0).asInt(-1), r.path("shape").path(1).asInt(-1), r.path("dtype").asText(),
                figures, r.path("alpha_reliable").asBoolean(), r.path("accuracy").asText(), r.path("method").asText(), r.path("note").asText(null), r.path("absent").asText(null));
    }

    /// All singular values of a row `[r]`, largest first, read from the file now; empty where it is an estimate or has no spectrum.
    public double[] values(Row row) {
        return read("sv.", row);
    }

    /// The largest singular values `[k]` that an estimate is sure of, largest first; of other rows all values.
    public double[] top(Row row) {
        return row.estimated() ? read("top.", row) : values(row);
    }

    /// Where an estimate saw the spectrum, or nothing for other rows.
    public Optional<Density> density(Row row) {
        double[] pairs = read("density.", row);
        if (pairs.length == 0) {
            return Optional.empty();
        }
        double[] values = new double[pairs.length / 2];
        double[] weights = new double[pairs.length / 2];
        for (int i = 0; i < values.length; i++) {
            values[i] = pairs[2 * i];
            weights[i] = pairs[2 * i + 1];
        }
        return Optional.of(new Density(values, weights));
    }

    private double[] read(String what, Row row) {
        String name = tensorName(what, row.checkpoint, row.tensor, checkpoints.size());
        try (SafetensorsFile file = artifact.tensors()) {
            return file.has(name) ? file.doubles(name) : new double[0];
        }
    }

    /// The name in `result.safetensors` of what belongs to a matrix.
    ///
    /// @param what `sv.`, `top.` or `density.`
    public static String tensorName(String what, int checkpoint, String tensor, int checkpoints) {
        return (checkpoints > 1 ? "c" + checkpoint + "." : "") + what + tensor;
    }

    /// A measure over layers, one curve per checkpoint, kind and (routed experts or not). Embeddings and heads have no layer and so no curve.
    public List<Curve> curves(Measure measure) {
        record Key(int checkpoint, String kind, boolean experts) {}
        Map<Key, TreeMap<Integer, List<Figure>>> groups = new LinkedHashMap<>();
        for (Row r : rows) {
            Figure f = r.figures.get(measure);
            if (f != null && r.layer >= 0 && r.head < 0) {
                groups.computeIfAbsent(new Key(r.checkpoint, r.kind, r.expert >= 0), k -> new TreeMap<>())
                        .computeIfAbsent(r.layer, l -> new ArrayList<>()).add(f);
            }
        }
        List<Curve> out = new ArrayList<>();
        groups.forEach((key, layers) -> {
            List<Point> points = new ArrayList<>();
            layers.forEach((layer, figures) -> points.add(point(layer, figures)));
            out.add(new Curve(key.checkpoint, key.kind, key.experts, points));
        });
        return out;
    }

    private static Point point(int layer, List<Figure> figures) {
        double sum = 0;
        double low = Double.POSITIVE_INFINITY;
        double high = Double.NEGATIVE_INFINITY;
        for (Figure f : figures) {
            sum += f.value;
            low = Math.min(low, f.estimated() ? f.low : f.value);
            high = Math.max(high, f.estimated() ? f.high : f.value);
        }
        return new Point(layer, sum / figures.size(), low, high, figures.size());
    }

    /// A measure over checkpoints, one entry per matrix that any of them has. With one checkpoint there is nothing that grows: one value each.
    public List<Growth> growth(Measure measure) {
        Map<String, Growth> out = new LinkedHashMap<>();
        for (Row r : rows) {
            Growth g = out.computeIfAbsent(r.tensor, t -> {
                double[] values = new double[checkpoints.size()];
                Arrays.fill(values, Double.NaN);
                return new Growth(t, r.kind, r.layer, r.head, r.expert, values);
            });
            g.values[r.checkpoint] = r.value(measure).orElse(Double.NaN);
        }
        return new ArrayList<>(out.values());
    }
}
