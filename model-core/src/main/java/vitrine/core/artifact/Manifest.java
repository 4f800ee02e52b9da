package vitrine.core.artifact;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// The `manifest.json` of an artifact: what was asked, of what, by which engine, and what came of it.
///
/// The file carries `format` and `version`; its JSON schema is `schemas/manifest.schema.json` of the resources.
///
/// @param kind the task's kind, such as `capture`
/// @param task the task as it was given
/// @param inputs fingerprints of the input files, by path
/// @param engine name and version of the engine and what it computed with
/// @param created ISO-8601 instant, UTC
/// @param seconds how long the task ran
/// @param summary the figures that a list of artifacts shows
/// @param provenance how each tensor of the artifact came about, by name
/// @param warnings what the user should know, one sentence each
public record Manifest(String kind, ObjectNode task, Map<String, String> inputs, ObjectNode engine, String created, double seconds,
                       ObjectNode summary, Map<String, Provenance> provenance, List<String> warnings) {

    /// The file's name within the artifact's folder.
    public static final String FILE = "manifest.json";

    private static final String FORMAT = "vitrine-artifact";
    private static final int VERSION = 1;
    private static final long MAX_BYTES = 64 << 20;

    public void write(Path folder) throws IOException {
        ObjectNode n = Json.object();
        n.put("format", FORMAT).put("version", VERSION).put("kind", kind);
        n.set("task", task);
        ObjectNode in = n.putObject("inputs");
        inputs.forEach(in::put);
        n.set("engine", engine);
        n.put("created", created).put("seconds", seconds);
        n.set("summary", summary);
        n.set("provenance", toJson(provenance));
        warnings.forEach(n.putArray("warnings")::add);
        Files.write(folder.resolve(FILE), Json.pretty(n).getBytes(StandardCharsets.UTF_8));
    }

    /// Reads the manifest of an artifact's folder.
    ///
    /// @throws Refusal `artifact-invalid` or `version-unsupported`
    public static Manifest read(Path folder) {
        Path file = folder.resolve(FILE);
        if (!Files.isRegularFile(file)) {
            throw Refusal.of(Category.ARTIFACT_INVALID, folder, "there is no manifest.json: this folder is no artifact");
        }
        return of(Json.readObject(file, file, MAX_BYTES, Category.ARTIFACT_INVALID), file);
    }

    /// Reads a manifest from its JSON.
    ///
    /// @param file where it was found
    /// @throws Refusal `artifact-invalid` or `version-unsupported`
    static Manifest of(ObjectNode n, Path file) {
        if (!n.path("format").asText().equals(FORMAT)) {
            throw Refusal.of(Category.ARTIFACT_INVALID, file, "its format is %s; artifacts say %s", n.path("format").asText("missing"), FORMAT);
        }
        if (n.path("version").asInt(-1) != VERSION) {
            throw Refusal.of(Category.VERSION_UNSUPPORTED, file, "its version is %s; this program reads %d", n.path("version").asText("missing"), VERSION)
                    .help("Open it with the program that wrote it, or compute it again.");
        }
        Map<String, String> inputs = new LinkedHashMap<>();
        n.path("inputs").properties().forEach(e -> inputs.put(e.getKey(), e.getValue().asText()));
        List<String> warnings = new ArrayList<>();
        n.path("warnings").forEach(w -> warnings.add(w.asText()));
        return new Manifest(n.path("kind").asText(), object(n, "task", file), inputs, object(n, "engine", file), n.path("created").asText(),
                n.path("seconds").asDouble(), object(n, "summary", file), provenances(n.path("provenance"), file), warnings);
    }

    private static ObjectNode object(ObjectNode n, String key, Path file) {
        if (n.get(key) instanceof ObjectNode o) {
            return o;
        }
        throw Refusal.of(Category.ARTIFACT_INVALID, file, "it has no object %s", key);
    }

    /// Provenances by tensor, as they stand in manifests and in the metadata of captures.
    public static ObjectNode toJson(Map<String, Provenance> provenance) {
        ObjectNode n = Json.object();
        provenance.forEach((name, v) -> n.set(name, toJson(v)));
        return n;
    }

    /// Reads what [#toJson(Map)] wrote into `file`.
    ///
    /// @throws Refusal `artifact-invalid`
    public static Map<String, Provenance> provenances(JsonNode n, Path file) {
        Map<String, Provenance> out = new LinkedHashMap<>();
        n.properties().forEach(e -> out.put(e.getKey(), fromJson(file, e.getValue())));
        return out;
    }

    /// A provenance as it stands in manifests.
    public static ObjectNode toJson(Provenance v) {
        ObjectNode n = Json.object().put("kind", v.kind().label()).put("source", v.source()).put("dtype", v.dtype()).put("method", v.method())
                .put("samples", v.samples());
        return Double.isNaN(v.error()) ? n : n.put("error", v.error());
    }

    private static Provenance fromJson(Path file, JsonNode n) {
        for (Provenance.Kind kind : Provenance.Kind.values()) {
            if (kind.label().equals(n.path("kind").asText())) {
                return new Provenance(kind, n.path("source").asText(), n.path("dtype").asText(), n.path("method").asText(),
                        n.path("samples").asLong(), n.path("error").asDouble(Double.NaN));
            }
        }
        throw Refusal.of(Category.ARTIFACT_INVALID, file, "a provenance has the kind %s", n.path("kind").asText("missing"));
    }
}
