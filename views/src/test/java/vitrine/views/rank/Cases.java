package vitrine.views.rank;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Manifest;
import vitrine.core.artifact.SpectrumArtifact;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.json.Json;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;
import vitrine.views.view.Subject;

/// What the tests of this view look at: reference cases of the model core with figures of the standard implementation, and small
/// artifacts made here.
final class Cases {

    private static final Path REFERENCE = Path.of("../model-core/src/test/resources/reference");

    private Cases() {}

    /// The checkpoint of a reference case.
    static Subject subject(String name) {
        return open(REFERENCE.resolve(name));
    }

    static Subject open(Path checkpoint) {
        return new Subject(Anatomy.of(Checkpoints.open(checkpoint)));
    }

    private static JsonNode golden(String name) {
        try {
            return Json.mapper().readTree(REFERENCE.resolve(name).resolve("golden.json").toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static double[] tensor(String name, String tensor) {
        try (SafetensorsFile file = SafetensorsFile.open(REFERENCE.resolve(name).resolve("golden.safetensors"))) {
            return file.doubles(tensor);
        }
    }

    /// A figure of a weight matrix as numpy found it.
    ///
    /// @param column such as `er1`
    static double weightMetric(String name, String matrix, String column) {
        JsonNode g = golden(name);
        List<String> columns = new ArrayList<>();
        g.get("columns").fieldNames().forEachRemaining(columns::add);
        int row = IntStream.range(0, g.get("matrices").size()).filter(i -> g.get("matrices").get(i).asText().equals(matrix)).findFirst().orElseThrow();
        return tensor(name, "metrics")[row * columns.size() + columns.indexOf(column)];
    }

    /// A figure of keys or values as numpy found it.
    static double siteMetric(String name, String tensor, int row, String column) {
        List<String> columns = new ArrayList<>();
        golden(name).get("columns").fieldNames().forEachRemaining(columns::add);
        return tensor(name, tensor)[row * columns.size() + columns.indexOf(column)];
    }

    /// The sequences of a cache case as a data file.
    static Path sequences(String name, Path file) {
        JsonNode g = golden(name);
        int count = g.get("sequences").asInt();
        double[] ids = tensor(name, "input_ids");
        StringBuilder lines = new StringBuilder();
        int length = ids.length / count;
        for (int s = 0; s < count; s++) {
            int first = s * length;
            ObjectNode line = Json.object();
            ArrayNode list = line.putArray("input_ids");
            IntStream.range(0, length).forEach(i -> list.add((int) ids[first + i]));
            lines.append(Json.line(line)).append('\n');
        }
        try {
            Files.writeString(file, lines);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return file;
    }

    /// A row of a made-up artifact: its JSON, and its tensor (`sv.`, `top.`) or null.
    record Made(String tensor, String kind, int layer, int expert, int rows, int columns, Map<String, Double> figures, Map<String, double[]> intervals, String absent, String prefix, double[] values) {}

    static Made matrix(String tensor, String kind, int layer, int rows, int columns, double effectiveRank, double... values) {
        return expert(tensor, kind, layer, -1, rows, columns, effectiveRank, values);
    }

    static Made expert(String tensor, String kind, int layer, int expert, int rows, int columns, double effectiveRank, double... values) {
        return new Made(tensor, kind, layer, expert, rows, columns, Map.of("effective_rank", effectiveRank, "normalised_effective_rank", effectiveRank / Math.min(rows, columns)), Map.of(), null,
                "sv.", values);
    }

    /// Writes an artifact of spectra as the worker does.
    static Artifact spectra(Path folder, Made... rows) {
        try {
            Files.createDirectories(folder);
            ObjectNode n = Json.object().put("format", SpectrumArtifact.FORMAT).put("version", SpectrumArtifact.VERSION).put("accuracy", "exact");
            n.putArray("checkpoints").addObject().put("name", "made-up").put("path", "made-up");
            ArrayNode matrices = n.putArray("matrices");
            Map<String, Declared> declared = new LinkedHashMap<>();
            for (Made m : rows) {
                ObjectNode r = matrices.addObject().put("tensor", m.tensor()).put("stored", m.tensor()).put("kind", m.kind()).put("layer", m.layer()).put("checkpoint", 0).put("dtype", "F32");
                if (m.expert() >= 0) {
                    r.put("expert", m.expert());
                }
                r.putArray("shape").add(m.rows()).add(m.columns());
                m.figures().forEach(r::put);
                m.intervals().forEach((k, v) -> r.withObject("/intervals").putArray(k).add(v[0]).add(v[1]));
                r.put("accuracy", m.intervals().isEmpty() ? m.absent() == null ? "exact" : "" : "estimate").put("method", "made here");
                if (m.absent() != null) {
                    r.put("absent", m.absent());
                }
                if (m.values() != null) {
                    declared.put(m.prefix() + m.tensor(), new Declared(DType.F64, Shape.of(m.values().length)));
                }
            }
            Files.writeString(folder.resolve(SpectrumArtifact.ROWS), Json.pretty(n));
            try (SafetensorsWriter out = new SafetensorsWriter(folder.resolve(Artifact.TENSORS), declared, Map.of())) {
                for (Made m : rows) {
                    if (m.values() != null) {
                        out.write(m.prefix() + m.tensor(), 0, m.values());
                    }
                }
            }
            new Manifest("spectrum", Json.object().put("kind", "spectrum"), Map.of(), Json.object().put("name", "made-up"), "2026-01-01T00:00:00Z", 1, Json.object(), Map.of(), List.of()).write(folder);
            return Artifact.open(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
