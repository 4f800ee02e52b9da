package vitrine.core.work.evaluate;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.IntStream;
import vitrine.core.analysis.evaluate.Evaluation;
import vitrine.core.architecture.Experts;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.NamedTensor;
import vitrine.core.architecture.Router;
import vitrine.core.dataset.Sequences;
import vitrine.core.json.Json;
import vitrine.core.probe.Probe;
import vitrine.core.progress.Progress;
import vitrine.core.progress.Quiet;
import vitrine.core.prune.Structure;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.PruneSettings;
import vitrine.core.task.Task;
import vitrine.core.work.input.CalibrationTexts;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.output.Figures;
import vitrine.core.work.output.KeptSums;
import vitrine.core.work.prune.structure.PrunedInMemory;
import vitrine.core.work.prune.structure.StructureScores;

/// One model as a family: the loss of every combination of layers kept, experts kept and experts per token, its parameters, and which cells nothing is better than.
///
/// Layers go in the order of their influence on the residual stream (ShortGPT), experts in the order of their saliency (mean routing weight times norm of the output), both measured once on the whole model. Nothing is trained. A cell can be written as a checkpoint
/// with the pruning method `explicit`, whose settings stand beside it.
///
/// Active parameters are those that a token passes: all but the experts that it does not visit.
///
/// Source of the view: Baidu, *ERNIE 5.0 Technical Report*, elastic training over depth, width and sparsity.
final class ElasticGrid {

    private final LoadedModel model;
    private final ModelSpec spec;
    private final Task.Elastic task;
    private final Progress progress;

    ElasticGrid(LoadedModel model, Task.Elastic task, Progress progress) {
        this.model = model;
        spec = model.spec();
        this.task = task;
        this.progress = progress;
    }

    /// @param expertsKept by layer, of layers with experts
    private record Cell(int layers, int experts, int perToken, List<Integer> layersKept, Map<Integer, int[]> expertsKept, double loss, long predicted, long total, long active) {

        /// Whether another is at least as good in both and better in one.
        boolean beatenBy(Cell o, boolean byActive) {
            long own = byActive ? active : total;
            long its = byActive ? o.active : o.total;
            return its <= own && o.loss <= loss && (its < own || o.loss < loss);
        }
    }

    ObjectNode measure(String file, List<Sequences.Labelled> data) throws IOException {
        int all = spec.layers().size();
        boolean mixture = !spec.expertLayers().isEmpty();
        int count = mixture ? spec.experts(spec.expertLayers().getFirst()).experts().count() : 0;
        int k = mixture ? spec.experts(spec.expertLayers().getFirst()).router().perToken() : 0;
        if (!mixture && (task.experts() != null || task.perToken() != null)) {
            throw Refusal.of(Category.TASK_INVALID, model.checkpoint().path(), "it has no experts, so the grid has layers only");
        }
        List<Integer> depths = sizes("layers", task.layers() != null ? task.layers() : shares(all), all);
        List<Integer> widths = mixture ? sizes("experts", task.experts() != null ? task.experts() : shares(count), count) : List.of(0);
        List<Integer> visits = mixture ? sizes("perToken", task.perToken() != null ? task.perToken() : List.of(k, 1), count) : List.of(0);
        CalibrationTexts texts = CalibrationTexts.read(task.calibration() == null ? file : task.calibration(), PruneSettings.DEFAULTS, model, progress);
        StructureScores scores = new StructureScores(model, texts, KeptSums.NONE, progress);
        double[] influence = scores.influence();
        Map<Integer, double[]> saliency = mixture ? scores.experts().saliency() : Map.of();
        List<Cell> cells = new ArrayList<>();
        int cellsInAll = depths.size() * widths.size() * visits.size();
        for (int depth : depths) {
            for (int width : widths) {
                for (int visit : visits) {
                    if (visit > width && mixture) {
                        cellsInAll--;
                        continue;
                    }
                    progress.checkCancelled();
                    progress.step(cells.size(), cellsInAll, "cells");
                    cells.add(cell(depth, width, visit, influence, saliency, data));
                }
            }
        }
        progress.step(cells.size(), cellsInAll, "cells");
        return told(cells, influence, saliency);
    }

    private static List<Integer> shares(int all) {
        return List.of(all, Math.max(1, Math.round(0.75f * all)), Math.max(1, Math.round(0.5f * all)));
    }

    private List<Integer> sizes(String what, List<Integer> asked, int most) {
        for (int n : asked) {
            if (n > most) {
                throw Refusal.of(Category.TASK_INVALID, model.checkpoint().path(), "elastic.%s holds %d, and the model has %d", what, n, most);
            }
        }
        return new TreeSet<>(asked).descendingSet().stream().toList();
    }

    private Cell cell(int depth, int width, int visit, double[] influence, Map<Integer, double[]> saliency, List<Sequences.Labelled> data) {
        List<Integer> layers = Arrays.stream(Structure.without(influence, influence.length - depth)).boxed().toList();
        Map<Integer, int[]> experts = new LinkedHashMap<>();
        Map<Integer, Integer> perToken = new LinkedHashMap<>();
        for (int l : spec.expertLayers()) {
            if (layers.contains(l)) {
                experts.put(l, Structure.without(saliency.get(l), saliency.get(l).length - width));
                perToken.put(l, visit);
            }
        }
        List<LayerSpec> kept = layers.stream().map(l -> spec.layers().get(l)).toList();
        ModelSpec smaller = PrunedInMemory.of(spec, kept).choosing(perToken);
        Probe barred = width > 0 ? new PrunedInMemory.Barred(experts) : Probe.NONE;
        Evaluation.Result r = new Evaluation(model.as(smaller).forward()).run(data, barred, new Quiet(progress)).all();
        long total = 0;
        for (NamedTensor t : NamedTensor.of(spec)) {
            total += t.layer() >= 0 && !layers.contains(t.layer()) ? 0 : t.parameters().values().stream().mapToLong(Long::longValue).sum();
        }
        long active = total;
        for (int l : experts.keySet()) {
            long one = ofExpert(spec.experts(l));
            long row = ofRow(spec.experts(l).router());
            int count = saliency.get(l).length;
            total -= (count - width) * (one + row);
            active -= (count - width) * (one + row) + (width - visit) * one;
        }
        return new Cell(depth, width, visit, layers, experts, r.loss(), r.predicted(), total, active);
    }

    /// Values of one expert.
    private static long ofExpert(FeedForward.Mixture m) {
        long sum = 0;
        for (Experts.Matrices x : new Experts.Matrices[] {m.experts().gate(), m.experts().up(), m.experts().down()}) {
            sum += switch (x) {
                case Experts.Each e -> (long) e.out() * e.in() + (e.linears().getFirst().bias() == null ? 0 : e.out());
                case Experts.Stack s -> (long) s.out() * s.in() + (s.bias() == null ? 0 : s.out());
                case Experts.Blocks b -> (long) b.out() * b.in() + (b.bias() == null ? 0 : b.out());
                case null -> 0L;
            };
        }
        return sum;
    }

    /// Values that a router has for each expert.
    private static long ofRow(Router r) {
        return r.logits().in() + (r.logits().bias() == null ? 0 : 1) + (r.correction() == null ? 0 : 1);
    }

    // --- what is said of it

    private ObjectNode told(List<Cell> cells, double[] influence, Map<Integer, double[]> saliency) {
        ObjectNode out = Json.object().put("recipe", "layers go by block influence, experts by saliency, both of the whole model; nothing is trained; loss over every predicted token, float32");
        ArrayNode layers = out.putArray("layer_influence");
        Arrays.stream(influence).forEach(v -> Figures.add(layers, v));
        IntStream.range(0, influence.length).boxed().sorted(Comparator.comparingDouble(l -> influence[l])).forEach(out.putArray("layers_first_to_go")::add);
        saliency.forEach((l, v) -> {
            ArrayNode row = out.withObject("/expert_saliency").putArray(String.valueOf(l));
            Arrays.stream(v).forEach(x -> Figures.add(row, x));
        });
        ArrayNode list = out.putArray("cells");
        for (Cell c : cells) {
            ObjectNode n = list.addObject().put("layers", c.layers);
            if (c.experts > 0) {
                n.put("experts", c.experts).put("experts_per_token", c.perToken);
            }
            Figures.put(n, "loss", c.loss);
            Figures.put(n, "perplexity", Math.exp(c.loss));
            n.put("predicted_tokens", c.predicted).put("parameters", c.total).put("active_parameters", c.active);
            n.put("pareto_active", cells.stream().noneMatch(o -> c.beatenBy(o, true))).put("pareto_total", cells.stream().noneMatch(o -> c.beatenBy(o, false)));
            n.set("prune", settings(c, saliency));
        }
        return out;
    }

    /// The settings of the pruning method `explicit` that write a cell; empty for the whole model.
    private ObjectNode settings(Cell c, Map<Integer, double[]> saliency) {
        ObjectNode n = Json.object();
        if (c.layers < spec.layers().size()) {
            ArrayNode gone = n.withObject("/drop").putArray("layers");
            IntStream.range(0, spec.layers().size()).filter(l -> !c.layersKept.contains(l)).forEach(gone::add);
        }
        boolean fewer = c.expertsKept.entrySet().stream().anyMatch(e -> e.getValue().length < saliency.get(e.getKey()).length);
        if (fewer) {
            ArrayNode gone = n.withObject("/drop").putArray("experts");
            c.expertsKept.forEach((l, kept) -> IntStream.range(0, saliency.get(l).length).filter(e -> Arrays.binarySearch(kept, e) < 0).forEach(e -> gone.add(l + "." + e)));
        }
        if (c.experts > 0 && c.perToken != spec.experts(spec.expertLayers().getFirst()).router().perToken()) {
            n.put("expertsPerToken", c.perToken);
        }
        return n;
    }
}
