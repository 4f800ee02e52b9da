package vitrine.core.work.adapter;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import vitrine.core.adapter.AdapterFit;
import vitrine.core.analysis.adapter.BaseWeight;
import vitrine.core.analysis.adapter.DeltaSpectrum;
import vitrine.core.analysis.adapter.Dense;
import vitrine.core.analysis.adapter.Factors;
import vitrine.core.analysis.adapter.LeadingVectors;
import vitrine.core.analysis.adapter.StartFactors;
import vitrine.core.architecture.Head;
import vitrine.core.architecture.Linear;
import vitrine.core.architecture.LinearLayers;
import vitrine.core.architecture.NamedTensor;
import vitrine.core.artifact.Provenance;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;
import vitrine.core.task.Task;
import vitrine.core.tensor.StoredValues;
import vitrine.core.work.input.Glob;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.input.SiteWeight;
import vitrine.core.work.output.Figures;
import vitrine.core.work.output.Outcome;

/// A LoRA adapter from a full fine-tune: of each linear layer's change the best approximation of a rank, as a PEFT folder with a card.
public final class AdapterExtractRun {

    private static final String WEIGHT = ".weight";
    private static final int NAMED = 3;

    private AdapterExtractRun() {}

    public static Outcome run(Task.AdapterExtract task, Path staging, Progress progress, Consumer<String> warn) throws IOException {
        try (LoadedModel base = LoadedModel.open(task.model()); LoadedModel tuned = LoadedModel.open(task.tuned());
             MappedWeights baseMap = new MappedWeights(base.checkpoint()); MappedWeights tunedMap = new MappedWeights(tuned.checkpoint())) {
            requireSameShapes(base, tuned);
            Map<String, LinearLayers.Placed> chosen = new LinkedHashMap<>();
            LinearLayers.of(base.spec()).forEach((name, placed) -> {
                if (name.endsWith(WEIGHT) && Glob.matchesAny(task.tensors(), name)) {
                    chosen.put(name, placed);
                }
            });
            Head head = base.spec().head();
            // A head of its own is a linear layer too; one that shares the embedding's table is not touched.
            if (head != null && !head.tied() && head.weight().endsWith(WEIGHT) && Glob.matchesAny(task.tensors(), head.weight())) {
                chosen.put(head.weight(), new LinearLayers.Placed(new Linear(head.weight(), head.bias(), base.spec().vocabSize(), head.width(), false), -1));
            }
            if (chosen.isEmpty()) {
                throw Refusal.of(Category.TASK_INVALID, base.checkpoint().path(), "none of its linear layers has a name that %s matches", String.valueOf(task.tensors()));
            }
            List<PeftFolder.Module> modules = new ArrayList<>();
            Map<String, Factors> factors = new LinkedHashMap<>();
            ObjectNode rows = Json.object();
            double lost = 0;
            double total = 0;
            int done = 0;
            try (Arena arena = Arena.ofShared()) {
                for (Map.Entry<String, LinearLayers.Placed> e : chosen.entrySet()) {
                    progress.checkCancelled();
                    progress.step(done++, chosen.size(), "modules");
                    AdapterFit.Site site = new AdapterFit.Site(null, AdapterFit.Role.LINEAR, e.getKey(), e.getValue().linear(), e.getValue().layer());
                    Difference d = new Difference(new SiteWeight(site, tuned.checkpoint(), tunedMap), new SiteWeight(site, base.checkpoint(), baseMap));
                    String path = e.getKey().substring(0, e.getKey().length() - WEIGHT.length());
                    try (Arena scratch = Arena.ofShared()) {
                        LeadingVectors v = LeadingVectors.of(d, Math.min(task.rank(), Math.min(d.rows(), d.columns())), scratch);
                        double squares = v.frobenius() * v.frobenius();
                        total += squares;
                        int kept = Math.min(task.rank(), new DeltaSpectrum(v.values(), v.left(), v.right()).numericalRank());
                        double held = 0;
                        for (int k = 0; k < kept; k++) {
                            held += v.values()[k] * v.values()[k];
                        }
                        lost += Math.max(0, squares - held);
                        rows.putObject(path).put("rank", kept).put("frobenius_norm", v.frobenius()).put("energy", squares == 0 ? 1 : Math.min(1, held / squares));
                        if (kept > 0) {
                            Factors f = StartFactors.truncated(new DeltaSpectrum(v.values(), v.left(), v.right()), kept, 1, scratch);
                            factors.put(path, new Factors(f.a().copy(arena), f.b().copy(arena), 1));
                            modules.add(new PeftFolder.Module(path, false, d.rows(), d.columns(), kept, kept, null, null));
                        }
                    }
                    d.release();
                }
                if (modules.isEmpty()) {
                    throw Refusal.of(Category.TASK_INVALID, tuned.checkpoint().path(), "its linear layers are those of %s: there is nothing to extract", base.checkpoint().name());
                }
                progress.step(done, chosen.size(), "modules");
                PeftFolder folder = new PeftFolder(config(task, chosen), modules);
                folder.write(staging, (m, a) -> factors.get(m.path()), () -> { });
            }
            List<String> others = others(base, tuned, chosen, baseMap, tunedMap, progress);
            if (!others.isEmpty()) {
                warn.accept(String.format(Locale.ROOT, "%,d tensors that are no part of the adapter changed as well: %s%s.", others.size(),
                        String.join(", ", others.stream().limit(NAMED).map(Visible::name).toList()), others.size() > NAMED ? " and others" : ""));
            }
            ObjectNode summary = Json.object().put("model", base.checkpoint().name()).put("tuned", tuned.checkpoint().name()).put("rank", task.rank()).put("modules", modules.size())
                    .put("parameters", modules.stream().mapToLong(m -> (long) m.rank() * (m.in() + m.out())).sum()).put("not_carried", others.size());
            Figures.put(summary, "energy", total == 0 ? 1 : 1 - lost / total);
            Figures.put(summary, "relative_error", total == 0 ? 0 : Math.sqrt(lost / total));
            summary.set("rows", rows);
            Files.write(staging.resolve("README.md"), card(summary, others).getBytes(StandardCharsets.UTF_8));
            return new Outcome(summary, Map.of("relative_error", Provenance.derived(tuned.checkpoint().name() + " minus " + base.checkpoint().name(), "F64",
                    "Frobenius norm of what the best approximations of rank " + task.rank() + " leave, by that of all changes")));
        }
    }

    private static void requireSameShapes(LoadedModel base, LoadedModel tuned) {
        for (Map.Entry<String, LinearLayers.Placed> e : LinearLayers.of(base.spec()).entrySet()) {
            TensorEntry own = base.checkpoint().tensor(e.getKey()).orElseThrow();
            TensorEntry other = tuned.checkpoint().tensor(e.getKey()).orElse(null);
            if (other == null || !other.shape().equals(own.shape())) {
                throw Refusal.of(Category.CONFIG_MISMATCH, tuned.checkpoint().path(), other == null ? "%s has it with shape %s, and it is not here" : "%s has it with shape %s, here it is %s",
                        base.checkpoint().name(), own.shape().toString(), other == null ? "" : other.shape().toString()).where("tensor " + e.getKey()).help("Take two states of one model.");
            }
        }
    }

    private static ObjectNode config(Task.AdapterExtract task, Map<String, LinearLayers.Placed> chosen) {
        ObjectNode c = Json.object().put("task_type", "CAUSAL_LM").put("base_model_name_or_path", task.model()).put("lora_dropout", 0.0).put("bias", "none").put("use_rslora", false)
                .put("use_dora", false).put("lora_bias", false).putNull("modules_to_save");
        // The layers say themselves which way round they are; PEFT wants to be told as well.
        return c.put("fan_in_fan_out", chosen.values().stream().anyMatch(p -> p.linear().inputMajor()));
    }

    /// Tensors that differ and that no adapter of linear layers carries.
    private static List<String> others(LoadedModel base, LoadedModel tuned, Map<String, LinearLayers.Placed> chosen, MappedWeights baseMap, MappedWeights tunedMap, Progress progress) {
        List<String> out = new ArrayList<>();
        for (NamedTensor t : NamedTensor.of(base.spec())) {
            TensorEntry a = base.checkpoint().tensor(t.name()).orElseThrow();
            TensorEntry b = tuned.checkpoint().tensor(t.name()).orElse(null);
            if (chosen.containsKey(t.name()) || b == null) {
                continue;
            }
            progress.checkCancelled();
            boolean differ = a.dtype() == b.dtype() ? baseMap.data(a).mismatch(tunedMap.data(b)) >= 0 : differ(a, b, baseMap, tunedMap);
            if (differ) {
                out.add(t.name());
            }
        }
        return out;
    }

    private static boolean differ(TensorEntry a, TensorEntry b, MappedWeights baseMap, MappedWeights tunedMap) {
        for (long i = 0; i < a.elements(); i++) {
            if (StoredValues.at(a.dtype(), baseMap.data(a), i) != StoredValues.at(b.dtype(), tunedMap.data(b), i)) {
                return true;
            }
        }
        return false;
    }

    private static String card(ObjectNode s, List<String> others) {
        StringBuilder out = new StringBuilder(String.format(Locale.ROOT, "# LoRA of %s against %s%n%n", Visible.escape(s.get("tuned").asText()), Visible.escape(s.get("model").asText())));
        out.append(String.format(Locale.ROOT, "Extracted by Vitrine: of each linear layer's change the best approximation of rank %d. Share of the squared norm kept: %.6f; relative error %.6f.%n%n",
                s.get("rank").asInt(), s.get("energy").asDouble(), s.get("relative_error").asDouble()));
        if (!others.isEmpty()) {
            out.append("Changed as well, and not carried: ").append(String.join(", ", others.stream().map(Visible::escape).toList())).append(".\n\n");
        }
        out.append("| module | rank | norm of the change | share kept |\n| --- | --- | --- | --- |\n");
        s.get("rows").properties().forEach(e -> out.append(String.format(Locale.ROOT, "| %s | %d | %.6g | %.6f |%n", Visible.escape(e.getKey()), e.getValue().get("rank").asInt(),
                e.getValue().get("frobenius_norm").asDouble(), e.getValue().get("energy").asDouble())));
        return out.toString();
    }

    /// The difference of two weights, read block by block.
    private record Difference(SiteWeight after, SiteWeight before) implements BaseWeight {
        @Override
        public int rows() {
            return after.rows();
        }

        @Override
        public int columns() {
            return after.columns();
        }

        @Override
        public void read(int from, int count, MemorySegment target) {
            after.read(from, count, target);
            try (Arena scratch = Arena.ofConfined()) {
                Dense b = Dense.allocate(scratch, count, columns());
                before.read(from, count, b.data());
                for (long i = 0; i < (long) count * columns(); i++) {
                    target.setAtIndex(JAVA_DOUBLE, i, target.getAtIndex(JAVA_DOUBLE, i) - b.data().getAtIndex(JAVA_DOUBLE, i));
                }
            }
        }

        void release() {
            after.release();
            before.release();
        }
    }
}
