package vitrine.views.anatomy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Provenance;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// The values of tensors in figures and histograms, as a statistics task left them.
///
/// Figures of all tensors are held; histograms are read when one is asked for, 8 bytes a bin.
public final class TensorValues implements AutoCloseable {

    /// One tensor's values. NaN and infinities are counted apart; every other figure is of the finite values.
    ///
    /// @param deviation the root of the mean squared distance from the mean
    public record Figures(long count, double min, double max, double mean, double deviation, long zeros, long nan, long infinite) {

        /// Values that are NaN or infinite.
        public long nonFinite() {
            return nan + infinite;
        }
    }

    private static final String FORMAT = "vitrine-statistics";
    private static final List<String> FIGURES = List.of("count", "min", "max", "mean", "standard_deviation", "zeros", "nan", "infinite");

    private final SafetensorsFile file;
    private final Provenance provenance;
    private final String modelName;
    private final List<String> names;
    private final Map<String, Integer> rows;
    private final double[] figures;
    private final int bins;

    private TensorValues(Artifact artifact, SafetensorsFile file) {
        this.file = file;
        modelName = artifact.manifest().summary().path("model").asText("");
        provenance = artifact.provenance("figures").orElse(Provenance.measured(modelName, "as stored", "all values read"));
        names = strings("tensors");
        rows = HashMap.newHashMap(names.size());
        names.forEach(n -> rows.put(n, rows.size()));
        if (!strings("figures").equals(FIGURES) || rows.size() != names.size()) {
            throw Refusal.of(Category.ARTIFACT_INVALID, file.path(), "its columns are not those of a statistics artifact");
        }
        requireShape("figures", FIGURES.size());
        figures = file.doubles("figures");
        bins = requireShape("histogram", -1);
    }

    /// Opens the result of a statistics task.
    ///
    /// @throws Refusal where the artifact is of another kind or damaged
    public static TensorValues of(Artifact artifact) {
        SafetensorsFile file = artifact.tensors();
        try {
            if (!FORMAT.equals(file.metadata().get("format"))) {
                throw Refusal.of(Category.ARTIFACT_INVALID, file.path(), "it holds no statistics of tensors").help("Anatomy opens artifacts of statistics tasks.");
            }
            return new TensorValues(artifact, file);
        } catch (Refusal r) {
            file.close();
            throw r;
        }
    }

    /// Opens an artifact's folder.
    ///
    /// @throws Refusal where it is none, is of another kind or is damaged
    public static TensorValues of(Path folder) {
        return of(Artifact.open(folder));
    }

    private List<String> strings(String key) {
        List<String> out = new ArrayList<>();
        try {
            for (JsonNode n : Json.mapper().readTree(file.metadata().getOrDefault(key, "[]"))) {
                out.add(n.asText());
            }
        } catch (JsonProcessingException e) {
            throw Refusal.of(Category.ARTIFACT_INVALID, file.path(), "its list of %s is not valid JSON", key).cause(e);
        }
        return out;
    }

    /// The second size of a tensor `[tensors, columns]`.
    private int requireShape(String tensor, int columns) {
        long[] sizes = file.shape(tensor).orElseThrow(() -> Refusal.of(Category.TENSOR_MISSING, file.path(), "it is not in the file").where("tensor " + tensor)).sizes();
        if (sizes.length != 2 || sizes[0] != names.size() || columns >= 0 && sizes[1] != columns) {
            throw Refusal.of(Category.ARTIFACT_INVALID, file.path(), "its shape is %s, for %,d tensors", java.util.Arrays.toString(sizes), names.size()).where("tensor " + tensor);
        }
        return Math.toIntExact(sizes[1]);
    }

    /// The checkpoint's name on screen.
    public String modelName() {
        return modelName;
    }

    /// The tensors whose values were read, in file order.
    public List<String> names() {
        return names;
    }

    /// A tensor's figures, if its values were read.
    public Optional<Figures> figures(String name) {
        Integer row = rows.get(name);
        if (row == null) {
            return Optional.empty();
        }
        int at = row * FIGURES.size();
        return Optional.of(new Figures((long) figures[at], figures[at + 1], figures[at + 2], figures[at + 3], figures[at + 4], (long) figures[at + 5],
                (long) figures[at + 6], (long) figures[at + 7]));
    }

    /// Counts in even bins from the least value to the largest; empty where the tensor was not read or has no finite value.
    ///
    /// @throws Refusal where the file cannot be read any more
    public long[] histogram(String name) {
        Integer row = rows.get(name);
        if (row == null || Double.isNaN(figures[row * FIGURES.size() + 1])) {
            return new long[0];
        }
        double[] counts = file.doubles("histogram", (long) row * bins, bins);
        long[] out = new long[bins];
        for (int i = 0; i < bins; i++) {
            out[i] = (long) counts[i];
        }
        return out;
    }

    /// How a tensor's figures came about.
    ///
    /// @param dtype its element type; empty where it is not known
    public Provenance provenance(String name, String dtype) {
        long count = figures(name).map(Figures::count).orElse(0L);
        return new Provenance(provenance.kind(), name, dtype, provenance.method(), count, Double.NaN);
    }

    @Override
    public void close() {
        file.close();
    }
}
