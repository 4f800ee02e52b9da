package vitrine.core.work.prune;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import vitrine.core.analysis.evaluate.Evaluation;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.LinearLayers;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.artifact.Provenance;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.forward.Mask;
import vitrine.core.json.Json;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.progress.Progress;
import vitrine.core.progress.Quiet;
import vitrine.core.prune.CalibrationPass;
import vitrine.core.prune.Disturbance;
import vitrine.core.prune.ExpectedError;
import vitrine.core.prune.InputCollector;
import vitrine.core.prune.InputStatistics;
import vitrine.core.prune.PrunableMatrix;
import vitrine.core.prune.Structure;
import vitrine.core.prune.method.Contrastive;
import vitrine.core.prune.method.LowRank;
import vitrine.core.prune.method.Magnitude;
import vitrine.core.prune.method.Wanda;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.DroppedParts;
import vitrine.core.task.PruneAmount;
import vitrine.core.task.PruneMethod;
import vitrine.core.task.PruneSettings;
import vitrine.core.task.Task;
import vitrine.core.tensor.Matrix;
import vitrine.core.work.input.CalibrationTexts;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.input.LossGradients;
import vitrine.core.work.output.ChangedTensor;
import vitrine.core.work.output.Figures;
import vitrine.core.work.output.KeptSums;
import vitrine.core.work.output.Outcome;
import vitrine.core.work.prune.report.BeforeAndAfter;
import vitrine.core.work.prune.structure.ExpertPruning;
import vitrine.core.work.prune.structure.FusedHeads;
import vitrine.core.work.prune.structure.HeadPruning;
import vitrine.core.work.prune.structure.PrunedInMemory;
import vitrine.core.work.prune.structure.SharedMatrices;
import vitrine.core.work.prune.structure.StructureScores;
import vitrine.core.work.prune.structure.StructuredRun;

/// What pruning runs of a model by a method would come to, for several amounts that go: size, speed and a predicted loss on the first tokens of a text. Nothing is written
/// and no weight is changed.
///
/// The loss is predicted in one of three ways. For single weights and for ranks: one pass tells how much every matrix errs at each amount without the weights that count least (or without its spectrum's tail), and one more pass per amount lets values err by as much ([Disturbance]); it is the loss of independent errors. For whole parts: their scores say which go, and a pass
/// without them ([Mask]) measures what that costs. Methods that make good what goes, merge, or search are run in memory on the text ([StructuredRun#rebuilt]).
public final class PrunePreview {

    /// Tokens of the text that are looked at.
    private static final int TOKENS = 2048;
    /// How many amounts are tried at most.
    private static final int AMOUNTS = 9;
    private static final long SEED = 20;
    /// Rows of a matrix's inputs that errors are measured on.
    private static final int SAMPLE_ROWS = 256;
    /// Methods whose loss follows from what they make good, merge, truncate, share or find on their way.
    private static final Set<PruneMethod> IN_MEMORY = EnumSet.of(PruneMethod.slimgpt, PruneMethod.submoe, PruneMethod.lorap, PruneMethod.swift_skip, PruneMethod.masa);
    /// Weights in layers from which such a method takes more than moments.
    private static final long LARGE = 20_000_000;
    /// Sets that a search draws at most for each amount.
    private static final int SETS = 40;

    private final Task.Preview task;
    private final PruneSettings s;
    private final PruneAmount amount;
    private final LoadedModel model;
    private final ModelSpec spec;
    private final CalibrationTexts texts;
    private final Progress progress;
    private final double[] amounts;
    private TextContrast contrast;

    private PrunePreview(Task.Preview task, LoadedModel model, Progress progress) {
        this.task = task;
        this.model = model;
        this.progress = progress;
        spec = model.spec();
        s = task.settings() == null ? PruneSettings.DEFAULTS : task.settings();
        amount = PruneAmount.of(s);
        texts = texts();
        amounts = amounts();
    }

    public static Outcome run(Task.Preview task, Progress progress) throws IOException {
        try (LoadedModel model = LoadedModel.open(task.model())) {
            model.requirePerplexity();
            return new PrunePreview(task, model, progress).run();
        }
    }

    /// The first pieces of the text that a run would be calibrated with.
    private CalibrationTexts texts() {
        return first(CalibrationTexts.read(task.data(), s, model, progress));
    }

    private static CalibrationTexts first(CalibrationTexts all) {
        int tokens = 0;
        int pieces = 0;
        while (pieces < all.pieces().size() && (pieces == 0 || tokens + all.pieces().get(pieces).ids().length <= TOKENS)) {
            tokens += all.pieces().get(pieces++).ids().length;
        }
        return new CalibrationTexts(all.pieces().subList(0, pieces), all.chosen().subList(0, pieces), all.of(), all.length(), all.file(), all.seed());
    }

    // --- amounts

    /// What is tried: evenly spread over all that makes sense, and what the settings say.
    private double[] amounts() {
        TreeSet<Double> all = new TreeSet<>();
        switch (amount) {
            case sparsity -> {
                for (int i = 1; i <= AMOUNTS; i++) {
                    if (enoughExperts(i / 10.0)) {
                        all.add(i / 10.0);
                    }
                }
                add(all, s.sparsity());
            }
            case pattern -> all.add(s.nofm().sparsity());
            case named -> all.add(1.0);
            case rank -> {
                int most = task.method() == PruneMethod.masa ? SharedMatrices.kinds(spec, s, model.checkpoint()).stream().mapToInt(k -> k.layers().size()).max().orElse(1)
                        : PruneForecast.matrices(task.method(), s, model.checkpoint(), spec).stream().mapToInt(m -> Math.min(m.out(), m.in())).max().orElse(1);
                spread(all, 1, most);
                add(all, s.rank());
            }
            case layers -> {
                spread(all, 0, spec.layers().size() - 1);
                add(all, s.layers());
            }
            case experts -> {
                int perToken = s.expertsPerToken() != null ? s.expertsPerToken() : mixture().router().perToken();
                spread(all, perToken, mixture().experts().count());
                add(all, s.experts());
            }
            case expertsPerToken -> {
                spread(all, 1, mixture().router().perToken());
                add(all, s.expertsPerToken());
            }
        }
        return all.stream().mapToDouble(Double::doubleValue).toArray();
    }

    /// Whether as many experts are left as a token visits.
    private boolean enoughExperts(double share) {
        if (task.method() != PruneMethod.experts && task.method() != PruneMethod.submoe) {
            return true;
        }
        int count = mixture().experts().count();
        return count - at(share).gone(count) >= (s.expertsPerToken() != null ? s.expertsPerToken() : mixture().router().perToken());
    }

    private FeedForward.Mixture mixture() {
        ExpertPruning.require(spec, model.checkpoint());
        return spec.experts(spec.expertLayers().getFirst());
    }

    private static void add(Set<Double> all, Number wanted) {
        if (wanted != null) {
            all.add(wanted.doubleValue());
        }
    }

    private static void spread(Set<Double> all, int from, int to) {
        int steps = Math.min(AMOUNTS - 1, to - from);
        for (int i = 0; i <= steps; i++) {
            all.add((double) Math.round(from + (double) (to - from) * i / Math.max(1, steps)));
        }
    }

    /// The settings with another amount.
    private PruneSettings at(double value) {
        return amount.in(s, value);
    }

    // --- the whole

    private Outcome run() throws IOException {
        try (Arena arena = Arena.ofShared()) {
            return run(arena);
        }
    }

    private Outcome run(Arena arena) throws IOException {
        ObjectNode out = Json.object().put("model", model.checkpoint().name()).put("method", task.method().name()).put("amount", amount.name()).put("text_hash", vitrine.core.artifact.Fingerprint.of(java.nio.file.Path.of(task.data())))
                .put("sequence_length", texts.length()).put("sequences", texts.pieces().size()).put("predicted_tokens", texts.pieces().stream().mapToLong(p -> p.predicted()).sum());
        int passes = amounts.length + 2;
        progress.step(0, passes, "passes");
        double dense = loss(Probe.NONE, model);
        double speed = new BeforeAndAfter(model, model, new Quiet(progress)).speed(texts.pieces()).get("dense_tokens_per_second").asDouble();
        Figures.put(out, "loss", dense);
        out.put("tokens_per_second", speed);
        progress.step(1, passes, "passes");
        try (Tried tried = IN_MEMORY.contains(task.method()) ? new WholeRun() : task.method().form() == PruneMethod.Form.STRUCTURE ? parts(arena) : matrices()) {
            return run(tried, out, speed, passes);
        }
    }

    private Outcome run(Tried tried, ObjectNode out, double speed, int passes) throws IOException {
        out.put("way", tried.way());
        ArrayNode points = out.putArray("points");
        for (int i = 0; i < amounts.length; i++) {
            progress.checkCancelled();
            progress.step(i + 2L, passes, "passes");
            PruneForecast f = PruneForecast.of(task.method(), at(amounts[i]), model.checkpoint(), spec);
            ObjectNode point = points.addObject().put("amount", amounts[i]).put("parameters", f.parameters()).put("gone", f.gone()).put("bytes", f.bytes()).put("beside_bytes", f.beside());
            if (f.factorised() >= 0) {
                point.put("factorised_parameters", f.factorised());
            }
            if (f.problem() != null) {
                point.put("keeps_shapes", f.problem());
            }
            point.put("tokens_per_second", speed * ((double) f.multiplicationsBefore() / f.multiplications()));
            Probe probe = tried.probe(i);
            if (probe != null) {
                Figures.put(point, "loss", loss(probe, tried.model(i)));
            }
            double error = tried.error(i);
            if (!Double.isNaN(error)) {
                point.put("relative_output_error", error);
            }
            if (tried.refused(i) != null) {
                point.put("refused", tried.refused(i).getMessage());
            }
        }
        if (points.valueStream().allMatch(p -> p.has("refused"))) {
            throw tried.refused(amounts.length - 1);
        }
        progress.step(passes, passes, "passes");
        Map<String, Provenance> from = new LinkedHashMap<>();
        from.put("loss", Provenance.estimated(model.checkpoint().name(), tried.way(), texts.tokens(), Double.NaN));
        return new Outcome(out, from);
    }

    private double loss(Probe probe, LoadedModel of) {
        return new Evaluation(of.forward()).run(texts.pieces(), probe, new Quiet(progress)).all().loss();
    }

    /// What is done to a pass at each amount.
    private interface Tried extends AutoCloseable {
        /// How losses are predicted, in a sentence.
        String way();

        /// Null where this method's loss cannot be predicted.
        Probe probe(int amount) throws IOException;

        default LoadedModel model(int amount) {
            throw new IllegalStateException();
        }

        /// Why a run of this amount would be refused, or null.
        default Refusal refused(int amount) {
            return null;
        }

        /// Asked for after the amount was tried. The mean over matrices of the relative output error; NaN where whole parts go.
        double error(int amount);

        @Override
        default void close() {}
    }

    // --- methods that are run as they are

    /// What the method does to the model is done in memory, calibrated with the texts that the loss is then measured on.
    private final class WholeRun implements Tried {
        private final StructureScores scores = new StructureScores(model, texts, KeptSums.NONE, new Quiet(progress));
        private final Refusal[] refused = new Refusal[amounts.length];
        private final double[] errors = new double[amounts.length];
        // What layers have in common is found once for all amounts.
        private final boolean large = task.method() != PruneMethod.masa && PrunableMatrix.of(spec).stream().mapToLong(PrunableMatrix::size).sum() > LARGE;
        private StructuredRun.Rebuilt now;

        @Override
        public String way() {
            return switch (task.method()) {
                case masa -> "the loss with every matrix put together as the run would write it";
                case swift_skip -> "the loss without the sub-layers that the method's search finds in " + SETS + " sets";
                default -> "the loss after the method was run in memory on these texts, which it is calibrated with too: of other texts it is higher";
            } + (large ? "; of a model of this size for the amount asked for, or three" : "");
        }

        @Override
        public Probe probe(int amount) throws IOException {
            forget();
            errors[amount] = Double.NaN;
            if (large && !few(amount)) {
                return null;
            }
            try {
                now = StructuredRun.rebuilt(new Task.Prune(task.model(), task.data(), task.method(), null, at(amounts[amount])), model, texts, scores, SETS, new Quiet(progress));
                errors[amount] = now.error();
                return now.probe();
            } catch (Refusal r) {
                refused[amount] = r;
                return null;
            }
        }

        /// The amount that is asked for, else three of them.
        private boolean few(int i) {
            Number asked = PrunePreview.this.amount == PruneAmount.experts ? s.experts() : s.sparsity();
            return asked == null ? i % 3 == 1 : amounts[i] == asked.doubleValue();
        }

        @Override
        public LoadedModel model(int amount) {
            return now.model();
        }

        @Override
        public Refusal refused(int amount) {
            return refused[amount];
        }

        @Override
        public double error(int amount) {
            return errors[amount];
        }

        private void forget() {
            if (now != null) {
                now.close();
                now = null;
            }
        }

        @Override
        public void close() {
            forget();
        }
    }

    // --- single weights and ranks

    private Tried matrices() {
        List<PrunableMatrix> matrices = PruneForecast.matrices(task.method(), s, model.checkpoint(), spec);
        Map<PrunableMatrix, ExpectedError> errors = new LinkedHashMap<>();
        Map<String, LinearLayers.Placed> linears = LinearLayers.of(spec);
        contrast = task.method() == PruneMethod.contrastive ? new TextContrast(model, texts, first(CalibrationTexts.read(s.against(), s, model, progress)), new Quiet(progress)) : null;
        boolean moments = task.method() == PruneMethod.whitened_svd || task.method() == PruneMethod.swift_svd;
        Map<PrunableMatrix, Long> tokens = new LinkedHashMap<>();
        try (MappedWeights map = new MappedWeights(model.checkpoint()); CalibrationPass pass = new CalibrationPass(model.forward(), model.weights(), spec.hiddenSize(), texts.ids())) {
            for (LayerSpec l : spec.layers()) {
                progress.checkCancelled();
                List<PrunableMatrix> own = matrices.stream().filter(m -> m.layer() == l.index()).toList();
                try (InputCollector inputs = new InputCollector(own, moments, SAMPLE_ROWS, texts.tokens())) {
                    pass.pass(inputs, new Quiet(progress));
                    for (PrunableMatrix m : own) {
                        progress.checkCancelled();
                        TensorEntry t = model.checkpoint().tensor(m.tensor()).orElseThrow();
                        try (Arena arena = Arena.ofShared()) {
                            Matrix w = new ChangedTensor(t, map.data(t), arena).widened(m, m.scaled() ? linears.get(m.tensor()).linear() : null, model.weights(), arena);
                            errors.put(m, errors(m, w, inputs.of(m)));
                            tokens.put(m, inputs.of(m).tokens());
                        }
                        map.release(t);
                    }
                }
            }
        }
        List<Disturbance> tried = new ArrayList<>();
        for (int i = 0; i < amounts.length; i++) {
            tried.add(disturbance(errors, tokens, i));
        }
        return new Tried() {
            @Override
            public String way() {
                return "the loss of a pass whose values err at random by as much as " + (task.method().masks() ? "their matrices do without the weights that count least" : "the spectrum's tail of their matrices says");
            }

            @Override
            public Probe probe(int amount) {
                return tried.get(amount);
            }

            @Override
            public LoadedModel model(int amount) {
                return model;
            }

            @Override
            public double error(int amount) {
                return errors.values().stream().mapToDouble(e -> Math.sqrt(e.whole()[amount])).average().orElse(0);
            }
        };
    }

    /// What a matrix would err by at each amount.
    private ExpectedError errors(PrunableMatrix m, Matrix w, InputStatistics inputs) {
        return switch (task.method()) {
            case svd -> ranked(m, new LowRank(LowRank.Way.SVD, null).spectrum(w, inputs));
            case whitened_svd, swift_svd -> inputs.tokens() == 0 ? ExpectedError.evenly(new double[amounts.length]) : ranked(m, new LowRank(LowRank.Way.SWIFT, null).spectrum(w, inputs));
            case magnitude -> ExpectedError.byMasks(w, inputs, new Magnitude(s.group() == PruneSettings.Group.row, s.nofm()), amounts, model.weights().products());
            case contrastive -> ExpectedError.byMasks(w, inputs, new Contrastive(s.nofm(), contrast.of(m)), amounts, model.weights().products());
            default -> ExpectedError.byMasks(w, inputs, new Wanda(s.nofm()), amounts, model.weights().products());
        };
    }

    private ExpectedError ranked(PrunableMatrix m, double[] spectrum) {
        return ExpectedError.byRank(spectrum, Arrays.stream(amounts).mapToInt(a -> PruneForecast.rank(m, at(a))).toArray());
    }

    /// Where the values of a layer are that each matrix gives. What stands between the two halves of an expert cannot be reached: its errors are put together behind it.
    private Disturbance disturbance(Map<PrunableMatrix, ExpectedError> errors, Map<PrunableMatrix, Long> tokens, int amount) {
        Disturbance out = new Disturbance(SEED);
        Map<Integer, Map<PrunableMatrix.Kind, double[]>> routed = new TreeMap<>();
        errors.forEach((m, e) -> {
            boolean mixture = spec.layers().get(m.layer()).feedForward() instanceof FeedForward.Mixture;
            double[] own = e.outputs()[amount];
            double mean = e.whole()[amount];
            switch (m.kind()) {
                case QUERY -> out.add(m.layer(), Site.QUERY_PROJECTED, own);
                case KEY -> out.add(m.layer(), Site.KEY_PROJECTED, own);
                case VALUE -> out.add(m.layer(), Site.VALUE, own);
                case QUERY_KEY_VALUE, LATENT -> List.of(Site.QUERY_PROJECTED, Site.KEY_PROJECTED, Site.VALUE).forEach(site -> out.add(m.layer(), site, mean));
                case OUTPUT -> out.add(m.layer(), Site.ATTN_OUT, own);
                case GATE, UP, GATE_UP, DOWN -> {
                    if (mixture) {
                        double[] sum = routed.computeIfAbsent(m.layer(), l -> new TreeMap<>()).computeIfAbsent(m.kind(), k -> new double[2]);
                        sum[0] += tokens.get(m) * mean;
                        sum[1] += tokens.get(m);
                    } else if (m.kind() == PrunableMatrix.Kind.DOWN) {
                        out.add(m.layer(), Site.MLP_OUT, own);
                    } else if (m.kind() == PrunableMatrix.Kind.GATE_UP) {
                        out.add(m.layer(), Site.MLP_MID, mean);
                    } else {
                        out.add(m.layer(), Site.MLP_MID, own);
                    }
                }
            }
        });
        routed.forEach((layer, kinds) -> kinds.values().stream().filter(k -> k[1] > 0).forEach(k -> out.add(layer, Site.MLP_OUT, k[0] / k[1])));
        return out;
    }

    // --- whole parts

    private Tried parts(Arena arena) throws IOException {
        StructureScores scores = new StructureScores(model, texts, KeptSums.NONE, new Quiet(progress));
        List<Structure> structures = new ArrayList<>();
        List<FusedHeads> fused = new ArrayList<>();
        List<Integer> all = IntStream.range(0, spec.layers().size()).boxed().toList();
        switch (task.method()) {
            case shortgpt -> {
                double[] influence = scores.influence();
                for (double a : amounts) {
                    PruneSettings now = at(a);
                    structures.add(new Structure(Arrays.stream(Structure.without(influence, now.layers() != null ? now.layers() : now.gone(influence.length))).boxed().toList(), Map.of(), Map.of(), Map.of()));
                }
            }
            case heads -> {
                double[][] heads;
                try (LossGradients gradients = new LossGradients(model, scores.outputs())) {
                    heads = scores.heads(gradients, "heads");
                }
                for (double a : amounts) {
                    structures.add(new Structure(all, groups(heads, at(a)), Map.of(), Map.of()));
                }
            }
            case taylor -> {
                StructureScores.Taylor t = scores.taylor(Boolean.TRUE.equals(s.secondOrder()));
                for (double a : amounts) {
                    PruneSettings now = at(a);
                    Map<Integer, int[]> groups = new TreeMap<>();
                    Map<Integer, int[]> channels = new TreeMap<>();
                    if (s.parts() != PruneSettings.Parts.channels) {
                        t.groups().forEach((l, v) -> groups.put(l, Structure.without(v, now.gone(v.length))));
                    }
                    if (s.parts() != PruneSettings.Parts.heads) {
                        t.channels().forEach((l, v) -> channels.put(l, Structure.without(v, now.gone(v.length))));
                    }
                    structures.add(new Structure(all, groups, channels, Map.of()));
                }
            }
            case experts -> {
                StructureScores.ExpertUse use = scores.experts();
                for (double a : amounts) {
                    structures.add(new Structure(all, Map.of(), Map.of(), experts(use, at(a))));
                }
            }
            case dha -> {
                FusedHeads.require(spec, model.checkpoint());
                StructureScores.Fusions fusions = scores.fusions();
                for (double a : amounts) {
                    fused.add(FusedHeads.of(fusions, at(a), spec));
                }
            }
            case explicit -> structures.add(new Structure(all, Map.of(), Map.of(), Map.of()));
            default -> throw new IllegalStateException(task.method().name());
        }
        return new Tried() {
            @Override
            public String way() {
                return !fused.isEmpty() ? "the loss of a pass with heads fused as these texts say" : "the loss of a pass without the parts that score least, by the scores of the model as it is";
            }

            @Override
            public Probe probe(int amount) {
                return !fused.isEmpty() ? fused.get(amount).probe() : s.drop() != null ? without(s.drop(), arena) : without(structures.get(amount), arena);
            }

            @Override
            public LoadedModel model(int amount) {
                Integer perToken = at(amounts[amount]).expertsPerToken();
                return perToken == null ? model : model.as(spec.choosing(spec.expertLayers().stream().collect(Collectors.toMap(l -> l, l -> perToken))));
            }

            @Override
            public double error(int amount) {
                return Double.NaN;
            }
        };
    }

    /// Key/value groups that stay: the same number in every layer, or the best of all.
    private Map<Integer, int[]> groups(double[][] heads, PruneSettings now) {
        Map<Integer, int[]> out = HeadPruning.all(spec);
        HeadPruning.take(out, heads, spec, now.sparsity(), !Boolean.FALSE.equals(s.even()));
        return out;
    }

    private Map<Integer, int[]> experts(StructureScores.ExpertUse use, PruneSettings now) {
        Map<Integer, int[]> out = new TreeMap<>();
        (s.criterion() == PruneSettings.Criterion.frequency ? use.frequency() : use.saliency()).forEach((l, score) -> {
            int stay = now.experts() != null ? now.experts() : now.sparsity() == null ? score.length : score.length - now.gone(score.length);
            out.put(l, Structure.without(score, score.length - Math.max(ExpertPruning.perToken(now, spec, l), stay)));
        });
        return out;
    }

    /// A pass without what a structure leaves out.
    private Probe without(Structure structure, Arena arena) {
        Set<Integer> layers = new LinkedHashSet<>(IntStream.range(0, spec.layers().size()).boxed().toList());
        structure.layers().forEach(layers::remove);
        Set<Mask.Head> heads = new LinkedHashSet<>();
        structure.groups().forEach((l, kept) -> {
            int size = spec.layers().get(l).attention().groupSize();
            for (int h = 0; h < spec.layers().get(l).attention().heads(); h++) {
                if (Arrays.binarySearch(kept, h / size) < 0) {
                    heads.add(new Mask.Head(l, h));
                }
            }
        });
        return Probe.all(List.of(new Mask(heads, layers).probe(spec, arena), new Channels(structure.channels()), new PrunedInMemory.Barred(structure.experts())));
    }

    /// A pass without parts that are named.
    private Probe without(DroppedParts drop, Arena arena) {
        drop.requireIn(spec);
        Set<Mask.Head> heads = new LinkedHashSet<>();
        drop.headsByLayer().forEach((l, which) -> which.forEach(h -> heads.add(new Mask.Head(l, h))));
        Map<Integer, int[]> experts = new TreeMap<>();
        drop.expertsByLayer().forEach((l, which) -> experts.put(l, IntStream.range(0, spec.experts(l).experts().count()).filter(e -> !which.contains(e)).toArray()));
        return Probe.all(List.of(new Mask(heads, drop.layerSet()).probe(spec, arena), new PrunedInMemory.Barred(experts)));
    }

    /// Channels that are not kept are 0.
    private record Channels(Map<Integer, int[]> kept) implements Probe {
        @Override
        public boolean wants(int layer, Site site) {
            return site == Site.MLP_MID && kept.containsKey(layer);
        }

        @Override
        public void at(Place place, Matrix mid) {
            int[] stay = kept.get(place.layer());
            for (int c = 0; c < mid.columns(); c++) {
                if (Arrays.binarySearch(stay, c) < 0) {
                    for (int r = 0; r < mid.rows(); r++) {
                        mid.set(r, c, 0f);
                    }
                }
            }
        }
    }
}
