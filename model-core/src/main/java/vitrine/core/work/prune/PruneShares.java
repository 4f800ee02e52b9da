package vitrine.core.work.prune;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import vitrine.core.analysis.rank.BlockInfluence;
import vitrine.core.analysis.rank.RankAllocation;
import vitrine.core.architecture.LinearLayers;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.files.Whole;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.progress.Quiet;
import vitrine.core.prune.Allocation;
import vitrine.core.prune.CalibrationPass;
import vitrine.core.prune.InputCollector;
import vitrine.core.prune.PrunableMatrix;
import vitrine.core.prune.ScoreStatistics;
import vitrine.core.prune.method.LowRank;
import vitrine.core.prune.method.OutputEnergy;
import vitrine.core.refusal.Category;
import vitrine.core.task.PruneSettings;
import vitrine.core.tensor.Matrix;
import vitrine.core.work.input.CalibrationTexts;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.output.ChangedTensor;

/// How much of each layer goes, or which rank each matrix keeps, by statistics of the model as it is. They are found in a pass of their own before anything is
/// pruned, and kept beside the finished layers.
final class PruneShares {

    static final double OUTLIER_MULTIPLE = 3;
    static final String FILE = "shares.json";

    private final Map<Integer, Double> sparsities = new LinkedHashMap<>();
    private final Map<String, Integer> ranks = new LinkedHashMap<>();
    private final ObjectNode json;

    private PruneShares(ObjectNode json) {
        this.json = json;
        json.path("layers").forEach(l -> {
            if (l.has("sparsity")) {
                sparsities.put(l.path("layer").asInt(), l.path("sparsity").asDouble());
            }
        });
        json.path("ranks").properties().forEach(e -> ranks.put(e.getKey(), e.getValue().asInt()));
    }

    /// Every layer the same.
    static PruneShares uniform() {
        return new PruneShares(Json.object().put("allocation", "uniform"));
    }

    /// The share of a layer.
    double sparsity(int layer, double otherwise) {
        return sparsities.getOrDefault(layer, otherwise);
    }

    /// The rank of a matrix, or null where none was shared out.
    Integer rank(PrunableMatrix m) {
        return ranks.get(m.name());
    }

    /// What was found, for the report.
    ObjectNode json() {
        return json;
    }

    /// Takes up what an earlier session of the run has found, or finds it.
    static PruneShares of(Path folder, String run, LoadedModel model, PruneSettings s, List<PrunableMatrix> matrices, CalibrationTexts texts, double sparsity, MappedWeights map,
                          Progress progress) throws IOException {
        Path file = folder.resolve(FILE);
        if (Files.exists(file)) {
            JsonNode kept = Json.readObject(file, file, 64L << 20, Category.ARTIFACT_INVALID);
            if (kept.path("run").asText().equals(run)) {
                return new PruneShares((ObjectNode) kept.get("shares"));
            }
        }
        PruneShares found = new PruneShares(s.allocation() == PruneSettings.AllocationName.dynamic ? ranks(model, s, matrices, texts, sparsity, map, progress)
                : sparsities(model, s, matrices, texts, sparsity, map, progress));
        Files.createDirectories(folder);
        ObjectNode kept = Json.object().put("run", run);
        kept.set("shares", found.json);
        Whole.write(file, Json.pretty(kept).getBytes(StandardCharsets.UTF_8));
        return found;
    }

    /// A layer's matrices and what they read.
    private interface OfLayer {
        void look(int layer, List<PrunableMatrix> own, InputCollector inputs);
    }

    private static void pass(LoadedModel model, List<PrunableMatrix> matrices, CalibrationTexts texts, boolean moments, BlockInfluence influence, OfLayer what, Progress progress) {
        int layers = model.spec().layers().size();
        try (CalibrationPass pass = new CalibrationPass(model.forward(), model.weights(), model.spec().hiddenSize(), texts.ids())) {
            for (int l = 0; l < layers; l++) {
                int layer = l;
                progress.checkCancelled();
                progress.step(l, layers, "layers measured");
                List<PrunableMatrix> own = matrices.stream().filter(m -> m.layer() == layer).toList();
                try (InputCollector inputs = new InputCollector(own, moments, 1, texts.tokens())) {
                    pass.pass(inputs, influence == null ? vitrine.core.probe.Probe.NONE : influence, new Quiet(progress));
                    what.look(l, own, inputs);
                }
            }
        }
    }

    private static Matrix widened(LoadedModel model, PrunableMatrix m, MappedWeights map, Arena arena) {
        var entry = model.checkpoint().tensor(m.tensor()).orElseThrow();
        Matrix w = new ChangedTensor(entry, map.data(entry), arena).widened(m, m.scaled() ? LinearLayers.of(model.spec()).get(m.tensor()).linear() : null, model.weights(), arena);
        map.release(entry);
        return w;
    }

    private static ObjectNode sparsities(LoadedModel model, PruneSettings s, List<PrunableMatrix> matrices, CalibrationTexts texts, double sparsity, MappedWeights map, Progress progress) {
        boolean owl = s.allocation() == PruneSettings.AllocationName.owl;
        double multiple = s.outlierMultiple() == null ? OUTLIER_MULTIPLE : s.outlierMultiple();
        List<Integer> layers = new ArrayList<>();
        List<Double> statistic = new ArrayList<>();
        List<Long> weights = new ArrayList<>();
        pass(model, matrices, texts, false, null, (l, own, inputs) -> {
            if (own.isEmpty()) {
                return;
            }
            try (Arena arena = Arena.ofShared()) {
                List<Matrix> values = own.stream().map(m -> widened(model, m, map, arena)).toList();
                List<double[]> norms = own.stream().map(m -> inputs.of(m).norms()).toList();
                ScoreStatistics.Result r = ScoreStatistics.of(rows -> {
                    for (int i = 0; i < values.size(); i++) {
                        ScoreStatistics.wanda(values.get(i), norms.get(i), rows);
                    }
                }, multiple);
                layers.add(l);
                statistic.add(owl ? 100 * r.outliers() : r.median());
                weights.add(own.stream().mapToLong(PrunableMatrix::size).sum());
            }
        }, progress);
        double[] x = statistic.stream().mapToDouble(Double::doubleValue).toArray();
        double spread = s.allocationSpread() == null ? owl ? Allocation.OWL_SPREAD : Allocation.DLP_SPREAD : s.allocationSpread();
        double[] shares = Allocation.share(owl ? x : Allocation.ofMedians(x), weights.stream().mapToLong(Long::longValue).toArray(), spread, sparsity);
        ObjectNode n = Json.object().put("allocation", s.allocation().name()).put("spread", spread).put("statistic", owl ? "outlier ratio, per cent of scores above " + multiple + " times their mean"
                : "median score");
        for (int i = 0; i < shares.length; i++) {
            n.withArray("/layers").addObject().put("layer", layers.get(i)).put("statistic", x[i]).put("sparsity", shares[i]);
        }
        return n;
    }

    /// Ranks for Swift-SVD, kind by kind: matrices of one kind and shape share a budget.
    private static ObjectNode ranks(LoadedModel model, PruneSettings s, List<PrunableMatrix> matrices, CalibrationTexts texts, double sparsity, MappedWeights map, Progress progress) {
        BlockInfluence influence = new BlockInfluence(model.spec());
        Map<String, Double> energies = new LinkedHashMap<>();
        pass(model, matrices, texts, true, influence, (l, own, inputs) -> {
            for (PrunableMatrix m : own) {
                try (Arena arena = Arena.ofShared()) {
                    energies.put(m.name(), OutputEnergy.of(widened(model, m, map, arena), inputs.of(m)));
                }
            }
        }, progress);
        double[] importance = influence.mean();
        double alpha = s.alpha() == null ? 0.5 : s.alpha();
        ObjectNode n = Json.object().put("allocation", "dynamic").put("alpha", alpha);
        for (int l = 0; l < importance.length; l++) {
            n.withArray("/layers").addObject().put("layer", l).put("block_influence", importance[l]);
        }
        Map<String, List<PrunableMatrix>> kinds = new LinkedHashMap<>();
        for (PrunableMatrix m : matrices) {
            kinds.computeIfAbsent(m.kind() + " " + m.out() + " " + m.in() + (m.routed() ? " " + m.inputs().replaceAll("^\\d+\\.", "") : ""), k -> new ArrayList<>()).add(m);
        }
        ObjectNode out = n.putObject("ranks");
        for (List<PrunableMatrix> kind : kinds.values()) {
            PrunableMatrix first = kind.getFirst();
            int[] full = new int[kind.size()];
            Arrays.fill(full, Math.min(first.out(), first.in()));
            int uniform = LowRank.rankFor(first.out(), first.in(), 1 - sparsity);
            int[] ranks = RankAllocation.share(kind.stream().mapToDouble(m -> importance[m.layer()]).toArray(), kind.stream().mapToDouble(m -> energies.get(m.name())).toArray(), full,
                    uniform * kind.size(), 1 - sparsity, alpha);
            for (int i = 0; i < ranks.length; i++) {
                out.put(kind.get(i).name(), Math.max(1, ranks[i]));
            }
        }
        return n;
    }
}
