package vitrine.views.lora;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import vitrine.core.artifact.AdapterArtifact;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Provenance;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;

/// What `vitrine adapter compare` found of two adapters of one base.
///
/// @param cosine of all deltas together; NaN where one of them is zero
record Comparison(Artifact artifact, String adapter, String other, double cosine, int common, List<Row> rows) {

    static final String KIND = "adapter-compare";
    private static final long MAX_BYTES = 256 << 20;

    /// What the map shows.
    enum Measure {
        COSINE("cosine", "cosine"), OVERLAP_LEFT("overlap, left", "overlap_left"), OVERLAP_RIGHT("overlap, right", "overlap_right"), CONFLICT("sign conflict", "sign_conflict"),
        TRIMMED("sign conflict, top 20 %", "trimmed_sign_conflict");

        private final String label;
        private final String key;

        Measure(String label, String key) {
            this.label = label;
            this.key = key;
        }

        String label() {
            return label;
        }

        String key() {
            return key;
        }
    }

    /// A module that one of them changes.
    record Row(String module, String kind, int layer, String absent, JsonNode figures) {

        OptionalDouble figure(String key) {
            JsonNode n = figures.path(key);
            return n.isNumber() ? OptionalDouble.of(n.asDouble()) : OptionalDouble.empty();
        }

        String title() {
            return layer < 0 ? Visible.name(module) : "Layer " + layer + ", " + Visible.name(kind);
        }
    }

    /// @throws Refusal `artifact-invalid`
    static Comparison of(Artifact artifact) {
        ObjectNode n = artifact.beside(AdapterArtifact.ROWS, MAX_BYTES)
                .orElseThrow(() -> Refusal.of(Category.ARTIFACT_INVALID, artifact.folder(), "there is no %s: this artifact holds no modules", AdapterArtifact.ROWS));
        List<Row> rows = new ArrayList<>();
        for (JsonNode r : n.path("modules")) {
            rows.add(new Row(r.path("module").asText(), r.path("kind").asText(), r.path("layer").asInt(-1), r.path("absent").isTextual() ? r.path("absent").asText() : null, r));
        }
        JsonNode s = artifact.manifest().summary();
        return new Comparison(artifact, s.path("adapter").asText(), s.path("other").asText(), s.path("cosine").isNumber() ? s.path("cosine").asDouble() : Double.NaN,
                s.path("common_modules").asInt(), List.copyOf(rows));
    }

    Optional<Row> row(String module) {
        return rows.stream().filter(r -> r.module().equals(module)).findFirst();
    }

    /// Principal angles of a module in degrees, smallest first; empty where only one of them changes it.
    double[] angles(boolean left, Row row) {
        try (SafetensorsFile file = artifact.tensors()) {
            String name = (left ? "angles_left." : "angles_right.") + row.module();
            return file.has(name) ? file.doubles(name) : new double[0];
        }
    }

    Provenance derived(String method) {
        return Provenance.derived(adapter + " and " + other, "F64", method);
    }
}
