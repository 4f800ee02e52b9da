package vitrine.core.work.adapter;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import vitrine.core.adapter.Adapter;
import vitrine.core.adapter.AdapterModule;
import vitrine.core.analysis.adapter.DeltaSpectrum;
import vitrine.core.analysis.adapter.Factors;
import vitrine.core.analysis.adapter.ModuleComparison;
import vitrine.core.artifact.AdapterArtifact;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Manifest;
import vitrine.core.artifact.Provenance;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;
import vitrine.core.task.Task;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;
import vitrine.core.work.output.Figures;
import vitrine.core.work.output.Outcome;

/// Two adapters of one base, module by module. Written: `modules.json` with a row per module that either changes, and principal angles as tensors
/// `angles_left.M`, `angles_right.M`, `[min(k1, k2)]`, degrees.
public final class AdapterCompareRun {

    private static final int NAMED = 3;

    private AdapterCompareRun() {}

    public static Outcome run(Task.AdapterCompare task, Path staging, Progress progress, Consumer<String> warn) throws IOException {
        Adapter one = Adapter.open(task.adapter());
        Adapter two = Adapter.open(task.other());
        one.notes().forEach(n -> warn.accept(one.name() + ": " + n));
        two.notes().forEach(n -> warn.accept(two.name() + ": " + n));
        requireOneBase(one, two);
        Set<String> paths = new LinkedHashSet<>();
        one.modules().forEach(m -> paths.add(m.path()));
        two.modules().forEach(m -> paths.add(m.path()));
        Map<String, double[]> angles = new LinkedHashMap<>();
        ObjectNode list = Json.object().put("format", AdapterArtifact.FORMAT).put("version", AdapterArtifact.VERSION);
        ArrayNode rows = list.putArray("modules");
        Total total = new Total();
        int done = 0;
        try (MappedWeights first = new MappedWeights(one.checkpoint()); MappedWeights second = new MappedWeights(two.checkpoint())) {
            for (String path : paths) {
                progress.checkCancelled();
                progress.step(done++, paths.size(), "modules");
                rows.add(row(path, one.module(path).orElse(null), two.module(path).orElse(null), first, second, angles, total, warn));
            }
        }
        progress.step(done, paths.size(), "modules");
        Files.write(staging.resolve(AdapterArtifact.ROWS), Json.pretty(list).getBytes(StandardCharsets.UTF_8));
        Map<String, Declared> declared = new LinkedHashMap<>();
        Map<String, Provenance> provenance = new LinkedHashMap<>();
        angles.forEach((name, v) -> {
            declared.put(name, new Declared(DType.F64, Shape.of(v.length)));
            provenance.put(name, Provenance.derived(one.name() + " and " + two.name(), "F64", "principal angles between the singular vectors of the two deltas, degrees").of(v.length));
        });
        Map<String, String> metadata = Map.of("format", AdapterArtifact.FORMAT, "provenance", Json.line(Manifest.toJson(provenance)));
        try (SafetensorsWriter out = new SafetensorsWriter(staging.resolve(Artifact.TENSORS), declared, metadata)) {
            for (Map.Entry<String, double[]> e : angles.entrySet()) {
                out.write(e.getKey(), 0, e.getValue());
            }
        }
        ObjectNode summary = Json.object().put("adapter", one.name()).put("other", two.name()).put("modules", paths.size()).put("common_modules", total.common);
        Figures.put(summary, "frobenius_norm", Math.sqrt(total.first));
        Figures.put(summary, "other_frobenius_norm", Math.sqrt(total.second));
        Figures.put(summary, "cosine", total.first > 0 && total.second > 0 ? total.inner / Math.sqrt(total.first * total.second) : Double.NaN);
        return new Outcome(summary, provenance);
    }

    private static final class Total {
        private double inner;
        private double first;
        private double second;
        private int common;
    }

    /// Deltas of different bases say nothing of each other.
    private static void requireOneBase(Adapter one, Adapter two) {
        StringBuilder problems = new StringBuilder();
        int count = 0;
        for (AdapterModule m : one.modules()) {
            AdapterModule n = two.module(m.path()).orElse(null);
            if (n != null && (n.in() != m.in() || n.out() != m.out() || n.embedding() != m.embedding())) {
                if (count++ < NAMED) {
                    problems.append(count == 1 ? "" : "; ").append(m.path()).append(" is ").append(m.out()).append(" x ").append(m.in()).append(" in one and ").append(n.out()).append(" x ")
                            .append(n.in()).append(" in the other");
                }
            }
        }
        if (count > 0) {
            throw Refusal.of(Category.ADAPTER_MISMATCH, two.checkpoint().path(), "it is for another base than %s: %s", one.name(), new Plain(problems.toString()));
        }
        if (one.modules().stream().noneMatch(m -> two.module(m.path()).isPresent())) {
            throw Refusal.of(Category.ADAPTER_MISMATCH, two.checkpoint().path(), "it changes none of the %d modules that %s changes", one.modules().size(), one.name());
        }
    }

    private record Plain(String text) {
        @Override
        public String toString() {
            return Visible.escape(text);
        }
    }

    private static ObjectNode row(String path, AdapterModule one, AdapterModule two, MappedWeights first, MappedWeights second, Map<String, double[]> angles, Total total,
                                  Consumer<String> warn) {
        AdapterModule m = one != null ? one : two;
        ObjectNode row = Json.object().put("module", path).put("kind", m.kind()).put("layer", vitrine.core.architecture.TensorNames.layerOf(path + ".weight"));
        row.putArray("shape").add(m.embedding() ? m.in() : m.out()).add(m.embedding() ? m.out() : m.in());
        put(row, "rank", one);
        put(row, "other_rank", two);
        try (Arena arena = Arena.ofShared()) {
            Factors f = one == null ? null : read(one, first, arena);
            Factors g = two == null ? null : read(two, second, arena);
            if (f != null && f.nonFinite() > 0 || g != null && g.nonFinite() > 0) {
                row.put("absent", "values of its factors are not finite");
                warn.accept(Visible.name(path) + " is not compared: values of its factors are not finite.");
                return row;
            }
            if (f == null || g == null) {
                double norm = DeltaSpectrum.of(f == null ? g : f, arena).measures().frobenius();
                row.put("frobenius_norm", f == null ? 0 : norm).put("other_frobenius_norm", f == null ? norm : 0);
                total.first += f == null ? 0 : norm * norm;
                total.second += f == null ? norm * norm : 0;
                return row;
            }
            ModuleComparison c = ModuleComparison.of(f, g, arena);
            total.common++;
            total.inner += c.inner();
            total.first += c.firstNorm() * c.firstNorm();
            total.second += c.secondNorm() * c.secondNorm();
            row.put("frobenius_norm", c.firstNorm()).put("other_frobenius_norm", c.secondNorm());
            Figures.put(row, "cosine", c.cosine());
            Figures.put(row, "overlap_left", c.overlap());
            Figures.put(row, "overlap_right", c.rightOverlap());
            // What random spaces of these ranks have.
            row.put("random_overlap_left", (double) Math.max(f.rank(), g.rank()) / f.out()).put("random_overlap_right", (double) Math.max(f.rank(), g.rank()) / f.in());
            Figures.put(row, "sign_conflict", c.signConflict());
            Figures.put(row, "trimmed_sign_conflict", c.trimmedConflict());
            row.put("trimmed_shared", c.shared());
            angles.put("angles_left." + path, c.leftAngles());
            angles.put("angles_right." + path, c.rightAngles());
        }
        return row;
    }

    private static void put(ObjectNode row, String key, AdapterModule m) {
        if (m == null) {
            row.putNull(key);
        } else {
            row.put(key, m.rank());
        }
    }

    private static Factors read(AdapterModule m, MappedWeights map, Arena arena) {
        if (m.solar() != null) {
            throw Refusal.of(Category.TASK_INVALID, m.a().file(), "its deltas are coefficients that mean nothing without the base")
                    .help("Write it as factors first: vitrine adapter cut ADAPTER --energy 1 --model BASE --out FOLDER.");
        }
        Factors f = Factors.read(m, map, arena);
        return m.embedding() ? f.ofTable(arena) : f;
    }
}
