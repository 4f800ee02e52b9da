package vitrine.core.work.prune;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.family.Families;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.prune.PrunableMatrix;
import vitrine.core.prune.Structure;
import vitrine.core.prune.method.Contrastive;
import vitrine.core.prune.method.HeadFusion;
import vitrine.core.prune.method.Lorap;
import vitrine.core.prune.method.LowRank;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.PruneMethod;
import vitrine.core.task.PruneSettings;
import vitrine.core.task.Task;
import vitrine.core.work.input.Glob;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.output.ChangedTensor;
import vitrine.core.work.prune.report.PruneEnding;
import vitrine.core.work.prune.structure.ExpertPruning;
import vitrine.core.work.prune.structure.FusedHeads;
import vitrine.core.work.prune.structure.SharedMatrices;
import vitrine.core.work.prune.structure.SmallerModel;

/// What a pruning run would leave, told from headers alone before anything is read or written: no value of a weight is looked at.
///
/// @param parametersBefore of the model
/// @param parameters of the result
/// @param prunable weights that could go
/// @param gone of them that would be 0, or not be there
/// @param bytesBefore of the model's files
/// @param bytes of the result's, without what lies beside the checkpoint
/// @param beside bytes of masks, or of thin matrices where they were asked for
/// @param factorised parameters with thin matrices in the place of full ones; -1 where the method makes none
/// @param multiplicationsBefore of weights with values that a token takes, the output head included
/// @param multiplications of the result
/// @param problem why no config can express what would be left, so that it keeps its shapes; or null
public record PruneForecast(long parametersBefore, long parameters, long prunable, long gone, long bytesBefore, long bytes, long beside, long factorised, long multiplicationsBefore,
                            long multiplications, String problem) {

    /// @throws Refusal where the model cannot be opened, or has nothing that the method could take
    public static PruneForecast of(Task.Prune task) {
        Checkpoint checkpoint = Checkpoints.open(Path.of(task.model()));
        if (checkpoint.kind() == Checkpoint.Kind.ADAPTER) {
            throw Refusal.of(Category.FAMILY_UNSUPPORTED, checkpoint.path(), "this is an adapter, which has no forward pass of its own").help("Open its base model.");
        }
        LoadedModel.requireNoLoops(checkpoint);
        ModelSpec spec = Families.read(checkpoint.config(), checkpoint.configFile(), checkpoint.tensors().keySet());
        return of(task.method(), task.numbers(), checkpoint, spec);
    }

    static PruneForecast of(PruneMethod method, PruneSettings s, Checkpoint checkpoint, ModelSpec spec) {
        return switch (method.form()) {
            case MASK -> masks(method, s, checkpoint, spec);
            case RANK -> ranks(s, checkpoint, spec);
            case STRUCTURE -> parts(method, s, checkpoint, spec);
        };
    }

    /// Matrices that a method over single matrices takes up; types in which it cannot write are left out.
    static List<PrunableMatrix> matrices(PruneMethod method, PruneSettings s, Checkpoint checkpoint, ModelSpec spec) {
        List<PrunableMatrix> out = new ArrayList<>();
        boolean writes = method.form() == PruneMethod.Form.RANK || method == PruneMethod.sparsegpt;
        for (PrunableMatrix m : PrunableMatrix.of(spec)) {
            TensorEntry t = checkpoint.tensor(m.tensor()).orElseThrow();
            if ((s.targetModules() == null || s.targetModules().stream().anyMatch(x -> Glob.namesModule(x, m.module()))) && !(writes && (m.scaled() || !ChangedTensor.storable(t.dtype())))
                    && t.dtype().bits() % 8 == 0 && (s.pattern() == null || m.in() % s.nofm().of() == 0)) {
                out.add(m);
            }
        }
        if (out.isEmpty()) {
            throw Refusal.of(Category.TASK_INVALID, checkpoint.path(), "it holds no matrix that the method %s can prune", method.name());
        }
        return out;
    }

    private static PruneForecast masks(PruneMethod method, PruneSettings s, Checkpoint checkpoint, ModelSpec spec) {
        long prunable = 0;
        long gone = 0;
        long stored = 0;
        boolean byRow = s.pattern() == null && (method != PruneMethod.magnitude || s.group() == PruneSettings.Group.row);
        for (PrunableMatrix m : matrices(method, s, checkpoint, spec)) {
            prunable += m.size();
            gone += byRow ? (long) (method == PruneMethod.contrastive ? m.in() - Contrastive.kept(s.share(), m.in()) : (int) (s.share() * m.in())) * m.out() : (long) (s.share() * m.size());
        }
        for (String tensor : matrices(method, s, checkpoint, spec).stream().map(PrunableMatrix::tensor).distinct().toList()) {
            stored += checkpoint.tensor(tensor).orElseThrow().elements();
        }
        long all = PruneEnding.Sizes.parameters(checkpoint);
        long work = work(spec, Work.WHOLE);
        return new PruneForecast(all, all, prunable, gone, checkpoint.fileBytes(), checkpoint.fileBytes(), stored, -1, work, work, null);
    }

    private static PruneForecast ranks(PruneSettings s, Checkpoint checkpoint, ModelSpec spec) {
        long prunable = 0;
        long kept = 0;
        long beside = 0;
        for (PrunableMatrix m : matrices(PruneMethod.svd, s, checkpoint, spec)) {
            long thin = (long) rank(m, s) * (m.out() + m.in());
            boolean whole = rank(m, s) >= Math.min(m.out(), m.in()) || Boolean.TRUE.equals(s.factorised()) && rank(m, s) >= LowRank.breakEven(m.out(), m.in());
            prunable += m.size();
            kept += whole ? m.size() : thin;
            beside += whole || !Boolean.TRUE.equals(s.factorised()) ? 0 : 4 * thin;
        }
        long all = PruneEnding.Sizes.parameters(checkpoint);
        long work = work(spec, Work.WHOLE);
        return new PruneForecast(all, all, prunable, 0, checkpoint.fileBytes(), checkpoint.fileBytes(), beside, all - prunable + kept, work, work, null);
    }

    /// The rank that a matrix keeps where every one keeps the same share.
    static int rank(PrunableMatrix m, PruneSettings s) {
        if (s.ranks() != null) {
            // Of several patterns that name a matrix the last one holds; one that none names stays.
            int own = s.rank() != null ? s.rank() : s.sparsity() != null ? Math.max(1, LowRank.rankFor(m.out(), m.in(), 1 - s.share())) : Math.min(m.out(), m.in());
            for (Map.Entry<String, Integer> e : s.ranks().entrySet()) {
                own = Glob.namesModule(e.getKey(), m.module()) ? e.getValue() : own;
            }
            return own;
        }
        return s.rank() != null ? s.rank() : Math.max(1, LowRank.rankFor(m.out(), m.in(), 1 - s.share()));
    }

    // --- whole parts

    private static PruneForecast parts(PruneMethod method, PruneSettings s, Checkpoint checkpoint, ModelSpec spec) {
        if (method == PruneMethod.masa) {
            return shared(s, checkpoint, spec);
        }
        int layers = spec.layers().size();
        List<Integer> stay = IntStream.range(0, layers).boxed().toList();
        Map<Integer, int[]> groups = new TreeMap<>();
        Map<Integer, int[]> channels = new TreeMap<>();
        Map<Integer, int[]> experts = new TreeMap<>();
        Map<Integer, int[][]> shared = new TreeMap<>();
        switch (method) {
            case shortgpt -> {
                int drop = s.layers() != null ? s.layers() : s.gone(layers);
                if (drop >= layers) {
                    throw Refusal.of(Category.TASK_INVALID, checkpoint.path(), "%d layers are to go, and it has %d", drop, layers);
                }
                stay = IntStream.range(drop, layers).boxed().toList();
            }
            case experts, submoe -> {
                ExpertPruning.require(spec, checkpoint);
                spec.expertLayers().forEach(l -> experts.put(l, first(ExpertPruning.staying(s, spec, l, checkpoint))));
            }
            case dha -> {
                FusedHeads.require(spec, checkpoint);
                for (LayerSpec l : spec.layers()) {
                    int count = l.attention().keyValueHeads();
                    int size = count / HeadFusion.staying(count, s.share());
                    if (size > 1 && !Boolean.FALSE.equals(s.even())) {
                        shared.put(l.index(), HeadFusion.pieces(new int[][] {first(count)}, size));
                    }
                }
            }
            // Which sub-layers go is searched for: only where both of a layer do, it leaves.
            case swift_skip -> { }
            case lorap -> {
                for (LayerSpec l : spec.layers()) {
                    if (s.parts() != PruneSettings.Parts.heads && (l.feedForward() instanceof FeedForward.Gated || l.feedForward() instanceof FeedForward.Plain)) {
                        int width = l.feedForward().width();
                        channels.put(l.index(), first(width - Lorap.gone(width, s.share(), s.lowestKept() == null ? Lorap.LOWEST_KEPT : s.lowestKept())));
                    }
                }
            }
            case explicit -> {
                if (s.drop() != null) {
                    s.drop().requireIn(spec);
                    stay = stay.stream().filter(l -> !s.drop().layerSet().contains(l)).toList();
                    s.drop().headsByLayer().forEach((l, gone) -> groups.put(l, whole(spec.layers().get(l), gone)));
                    if (!s.drop().expertsByLayer().isEmpty()) {
                        for (int l : spec.expertLayers()) {
                            Set<Integer> gone = s.drop().expertsByLayer().getOrDefault(l, new TreeSet<>());
                            experts.put(l, IntStream.range(0, spec.experts(l).experts().count()).filter(e -> !gone.contains(e)).toArray());
                        }
                    }
                    if (!groups.isEmpty()) {
                        spec.layers().forEach(l -> groups.putIfAbsent(l.index(), first(l.attention().keyValueHeads())));
                    }
                }
            }
            default -> {
                boolean heads = method == PruneMethod.heads || s.parts() != PruneSettings.Parts.channels;
                boolean mlp = method != PruneMethod.heads && s.parts() != PruneSettings.Parts.heads;
                for (LayerSpec l : spec.layers()) {
                    int count = l.attention().keyValueHeads();
                    if (heads) {
                        groups.put(l.index(), first(count - (method == PruneMethod.heads ? Math.min(count - 1, (int) Math.round(s.share() * count)) : s.gone(count))));
                    }
                    if (mlp && !(l.feedForward() instanceof FeedForward.Mixture)) {
                        channels.put(l.index(), first(l.feedForward().width() - s.gone(l.feedForward().width())));
                    }
                }
            }
        }
        // Heads that share a key with one that stays are 0 in their place.
        if (method == PruneMethod.explicit && groups.values().stream().mapToInt(g -> g.length).distinct().count() > 1) {
            groups.clear();
        }
        Structure structure = new Structure(stay, groups, channels, experts, shared);
        StringBuilder problem = new StringBuilder();
        boolean uneven = (method == PruneMethod.heads || method == PruneMethod.dha) && Boolean.FALSE.equals(s.even()) || s.allocation() == PruneSettings.AllocationName.incremental;
        SmallerModel smaller = uneven ? null : SmallerModel.ofOrNull(checkpoint, spec, structure, s.expertsPerToken(), problem);
        if (smaller == null && (stay.size() < layers || !experts.isEmpty() || s.expertsPerToken() != null)) {
            throw Refusal.of(Category.TASK_INVALID, checkpoint.configFile(), "what would be left has no config: %s", problem);
        }
        long all = PruneEnding.Sizes.parameters(checkpoint);
        long prunable = PrunableMatrix.of(spec).stream().mapToLong(PrunableMatrix::size).sum();
        long before = work(spec, Work.WHOLE);
        if (method == PruneMethod.swift_skip) {
            return new PruneForecast(all, all, prunable, 0, checkpoint.fileBytes(), checkpoint.fileBytes(), 0, -1, before, before, "only layers of which both sub-layers are skipped leave, and which those are is searched for");
        }
        if (method == PruneMethod.dha && smaller == null) {
            return new PruneForecast(all, all, prunable, 0, checkpoint.fileBytes(), checkpoint.fileBytes(), 0, all - fused(s, spec), before, before, problem.isEmpty() ? "layers, keys and values share heads in ways of their own" : problem.toString());
        }
        if (smaller == null) {
            return new PruneForecast(all, all, prunable, 0, checkpoint.fileBytes(), checkpoint.fileBytes(), 0, -1, before, before, problem.isEmpty() ? s.allocation() == PruneSettings.AllocationName.incremental ? "layers lose different shares" : "layers lose different numbers of heads" : problem.toString());
        }
        long stored = smaller.declared().values().stream().mapToLong(d -> d.shape().elements() * d.dtype().bits() / 8).sum();
        long parameters = smaller.declared().values().stream().filter(d -> d.dtype().floating()).mapToLong(d -> d.shape().elements()).sum();
        long now = work(spec, new Work(structure, s.expertsPerToken()));
        return new PruneForecast(all, parameters, prunable, all - parameters, checkpoint.fileBytes(), checkpoint.fileBytes() - checkpoint.tensorBytes() + stored, 0, method == PruneMethod.lorap ? parameters - thinner(s, spec) : method == PruneMethod.dha ? parameters : -1, before, now, null);
    }

    private static PruneForecast shared(PruneSettings s, Checkpoint checkpoint, ModelSpec spec) {
        long all = PruneEnding.Sizes.parameters(checkpoint);
        long before = work(spec, Work.WHOLE);
        long prunable = PrunableMatrix.of(spec).stream().mapToLong(PrunableMatrix::size).sum();
        List<SharedMatrices.Kind> kinds = SharedMatrices.kinds(spec, s, checkpoint);
        long beside = Boolean.TRUE.equals(s.factorised()) ? kinds.stream().mapToLong(k -> 8L * k.layers().size() * k.layers().size()
                + (k.atoms(s) == k.layers().size() ? 0 : k.atoms(s) * (4 * k.size() + 8L * k.layers().size()))).sum() : 0;
        return new PruneForecast(all, all, prunable, 0, checkpoint.fileBytes(), checkpoint.fileBytes(), beside, all - kinds.stream().mapToLong(k -> k.spared(s)).sum(), before, before, null);
    }

    /// Parameters that DHA's fused heads would spare: exact where all layers have heads of one width.
    private static long fused(PruneSettings s, ModelSpec spec) {
        double all = spec.layers().stream().mapToInt(l -> l.attention().keyValueHeads()).sum();
        boolean even = !Boolean.FALSE.equals(s.even());
        double share = (all - FusedHeads.staying(spec, s.share())) / all;
        return spec.layers().stream().mapToLong(l -> {
            AttentionSpec a = l.attention();
            AttentionSpec.QueryKeyValue.Separate p = (AttentionSpec.QueryKeyValue.Separate) a.projection();
            double gone = even ? a.keyValueHeads() - HeadFusion.staying(a.keyValueHeads(), s.share()) : share * a.keyValueHeads();
            return FusedHeads.spared(p.key(), a.headDim(), gone) + FusedHeads.spared(p.value(), a.valueDim(), gone);
        }).sum();
    }

    /// Parameters that LoRAP's thin matrices of attention would save.
    private static long thinner(PruneSettings s, ModelSpec spec) {
        long saved = 0;
        for (LayerSpec l : spec.layers()) {
            if (s.parts() != PruneSettings.Parts.channels && l.attention().projection() instanceof AttentionSpec.QueryKeyValue.Separate p) {
                List<Lorap.Shape> shapes = List.of(p.query(), p.key(), p.value(), l.attention().output()).stream().map(x -> new Lorap.Shape(x.out(), x.in())).toList();
                int[] ranks = Lorap.ranks(shapes.get(0), shapes.get(1), shapes.get(2), shapes.get(3), s.share());
                for (int i = 0; i < ranks.length; i++) {
                    Lorap.Shape x = shapes.get(i);
                    saved += ranks[i] == Lorap.WHOLE || ranks[i] >= Math.min(x.out(), x.in()) ? 0 : (long) x.out() * x.in() - (long) ranks[i] * (x.out() + x.in());
                }
            }
        }
        return saved;
    }

    /// Key/value groups of which a head stays.
    private static int[] whole(LayerSpec l, Set<Integer> gone) {
        int size = l.attention().groupSize();
        return IntStream.range(0, l.attention().keyValueHeads()).filter(g -> !IntStream.range(g * size, (g + 1) * size).allMatch(gone::contains)).toArray();
    }

    private static int[] first(int count) {
        return IntStream.range(0, count).toArray();
    }

    // --- arithmetic

    /// What of a model works.
    private record Work(Structure structure, Integer perToken) {
        static final Work WHOLE = new Work(null, null);

        boolean has(int layer) {
            return structure == null || structure.layers().contains(layer);
        }

        double heads(LayerSpec l) {
            int[] kept = structure == null ? null : structure.groups().get(l.index());
            return kept == null ? 1 : (double) kept.length / l.attention().keyValueHeads();
        }

        double shared(LayerSpec l) {
            int[][] pieces = structure == null ? null : structure.shared().get(l.index());
            return pieces == null ? 1 : (double) pieces.length / l.attention().keyValueHeads();
        }

        double channels(LayerSpec l) {
            int[] kept = structure == null ? null : structure.channels().get(l.index());
            return kept == null ? 1 : (double) kept.length / l.feedForward().width();
        }
    }

    /// Multiplications of weights with values that a token takes: every weight once, of routed experts those of as many as a token visits, and the output head.
    private static long work(ModelSpec spec, Work of) {
        double sum = spec.head() == null ? 0 : (double) spec.hiddenSize() * spec.vocabSize();
        for (LayerSpec l : spec.layers()) {
            if (!of.has(l.index())) {
                continue;
            }
            for (PrunableMatrix m : PrunableMatrix.of(l)) {
                boolean attention = switch (m.kind()) {
                    case QUERY, KEY, VALUE, QUERY_KEY_VALUE, LATENT, OUTPUT -> true;
                    case GATE, UP, GATE_UP, DOWN -> false;
                };
                double share = m.kind() == PrunableMatrix.Kind.KEY || m.kind() == PrunableMatrix.Kind.VALUE ? of.heads(l) * of.shared(l) : attention ? of.heads(l) : m.routed() ? visited(l, of.perToken()) : of.channels(l);
                sum += share * m.size();
            }
        }
        return Math.round(sum);
    }

    private static double visited(LayerSpec l, Integer perToken) {
        FeedForward.Mixture m = (FeedForward.Mixture) l.feedForward();
        return (double) Objects.requireNonNullElse(perToken, m.router().perToken()) / m.experts().count();
    }
}
