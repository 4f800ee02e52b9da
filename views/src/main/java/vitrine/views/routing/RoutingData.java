package vitrine.views.routing;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import vitrine.core.artifact.Provenance;
import vitrine.core.artifact.RoutingArtifact;
import vitrine.core.artifact.RoutingArtifact.Similarity;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.tensor.Shape;

/// What the view draws of one result. Figures per layer, domain and expert are read at once; pairs of experts layer by layer, when they are looked at.
final class RoutingData {

    /// All domains together.
    static final int ALL = -1;
    /// Matrices of pairs that are kept in memory.
    private static final int KEPT = 12;

    /// What a layer's experts are measured by; each is 1 where all are alike.
    enum Measure {
        LOAD("Load", "share of choices"), WEIGHT("Weight", "share of weight"), PROBABILITY("Probability", "mean probability");

        private final String label;
        private final String words;

        Measure(String label, String words) {
            this.label = label;
            this.words = words;
        }

        String label() {
            return label;
        }

        String words() {
            return words;
        }
    }

    /// How two experts of a layer are said to belong together.
    enum Together {
        CONDITIONAL("P(b | a)"), LIFT("lift"), JACCARD("Jaccard"), NPMI("NPMI");

        private final String label;

        Together(String label) {
            this.label = label;
        }

        String label() {
            return label;
        }
    }

    /// Experts of a layer in an order that puts those together that belong together, and a value for each pair in the order of their numbers.
    record Pairs(double[] values, int[] order) {}

    private final RoutingArtifact artifact;
    private final double[][] load;
    private final double[][] firstLoad;
    private final double[][] domainLoad;
    private final double[][] weights;
    private final double[][] probability;
    private final List<RoutingArtifact.Against> against;
    private final double[][][] otherLoads;
    private final boolean compared;
    private double[] both = {};
    private int bothOf = -1;
    private final Map<List<Object>, Pairs> pairs = new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<List<Object>, Pairs> eldest) {
            return size() > KEPT;
        }
    };

    private RoutingData(RoutingArtifact artifact) {
        this.artifact = artifact;
        int layers = artifact.moeLayers().size();
        load = new double[layers][];
        domainLoad = new double[layers][];
        weights = new double[layers][];
        probability = new double[layers][];
        firstLoad = new double[layers][];
        // The file is opened once: hundreds of layers would parse its header hundreds of times.
        try (SafetensorsFile file = artifact.artifact().tensors()) {
            for (int i = 0; i < layers; i++) {
                int n = artifact.rows().get(i).experts();
                load[i] = sized(layer(file, "expert_load", i), n, "expert_load");
                firstLoad[i] = sized(layer(file, "first_choice_load", i), n, "first_choice_load");
                domainLoad[i] = sized(layer(file, "domain_load", i), n * artifact.domains().size(), "domain_load");
                weights[i] = sized(layer(file, "expert_weight_sum", i), n, "expert_weight_sum");
                probability[i] = sized(layer(file, "mean_router_probability", i), n, "mean_router_probability");
            }
        }
        against = artifact.against();
        compared = artifact.similarity(Similarity.weights, 0).isPresent();
        otherLoads = new double[against.size()][][];
    }

    /// The values of one layer, from the tensor of all layers or from the layer's own.
    double[] layer(SafetensorsFile file, String name, int i) {
        Optional<Shape> all = file.shape(name);
        if (all.isEmpty()) {
            return file.doubles(name + "." + number(i));
        }
        int count = Math.toIntExact(all.get().elements() / all.get().sizes()[0]);
        return file.doubles(name, (long) i * count, count);
    }

    private double[] sized(double[] values, int count, String tensor) {
        if (values.length != count) {
            throw Refusal.of(Category.ARTIFACT_INVALID, artifact.artifact().tensorFile(), "%s holds %,d values of a layer; with its experts and domains %,d belong here", tensor, values.length, count);
        }
        return values;
    }

    /// @throws Refusal `artifact-invalid` where it is no result of routing, or one that does not fit together
    static RoutingData of(RoutingArtifact artifact) {
        if (artifact.moeLayers().isEmpty() || artifact.rows().size() != artifact.moeLayers().size() || artifact.domains().isEmpty()) {
            throw Refusal.of(Category.ARTIFACT_INVALID, artifact.artifact().folder(), "it names %d layers with experts, figures of %d, and %d texts", artifact.moeLayers().size(),
                    artifact.rows().size(), artifact.domains().size());
        }
        return new RoutingData(artifact);
    }

    RoutingArtifact artifact() {
        return artifact;
    }

    int layers() {
        return load.length;
    }

    /// The layer's number in the model.
    int number(int layer) {
        return artifact.moeLayers().get(layer);
    }

    /// Of the layer.
    int experts(int layer) {
        return artifact.rows().get(layer).experts();
    }

    /// The most that a layer has.
    int experts() {
        return artifact.rows().stream().mapToInt(RoutingArtifact.Row::experts).max().orElse(0);
    }

    int perToken(int layer) {
        return artifact.rows().get(layer).perToken();
    }

    List<RoutingArtifact.Domain> domains() {
        return artifact.domains();
    }

    long tokens(int domain) {
        return domain == ALL ? artifact.tokens() : domains().get(domain).tokens();
    }

    List<RoutingArtifact.Against> against() {
        return against;
    }

    List<String> layerNames() {
        return artifact.moeLayers().stream().map(String::valueOf).toList();
    }

    /// Tokens that visited the expert.
    double visits(int layer, int domain, int expert) {
        return domain == ALL ? load[layer][expert] : domainLoad[layer][domain * experts(layer) + expert];
    }

    /// Tokens whose heaviest expert it is.
    double firstChoices(int layer, int expert) {
        return firstLoad[layer][expert];
    }

    /// The sum of the weights that it received.
    double weightSum(int layer, int expert) {
        return weights[layer][expert];
    }

    /// The mean of its probability over all tokens.
    double meanProbability(int layer, int expert) {
        return probability[layer][expert];
    }

    /// Against the fair share, which is 1; NaN where there were no tokens. Weight and probability are known of all texts together only.
    double share(Measure measure, int layer, int domain, int expert) {
        double[] of = switch (measure) {
            case LOAD -> null;
            case WEIGHT -> weights[layer];
            case PROBABILITY -> probability[layer];
        };
        if (of == null) {
            return visits(layer, domain, expert) / ((double) tokens(domain) * perToken(layer)) * experts(layer);
        }
        return of[expert] / Arrays.stream(of).sum() * experts(layer);
    }

    /// The same by choices, of a side of a comparison.
    double share(Side side, int layer, int expert) {
        if (side.checkpoint() == 0) {
            return share(Measure.LOAD, layer, side.domain(), expert);
        }
        double[] other = otherLoad(side.checkpoint() - 1)[layer];
        int n = experts(layer);
        double visits = side.domain() != ALL ? other[side.domain() * n + expert] : IntStream.range(0, domains().size()).mapToDouble(d -> other[d * n + expert]).sum();
        return visits / ((double) tokens(side.domain()) * perToken(layer)) * n;
    }

    private double[][] otherLoad(int other) {
        if (otherLoads[other] == null) {
            otherLoads[other] = IntStream.range(0, layers()).mapToObj(i -> sized(artifact.againstLoad(other, i), experts(i) * domains().size(), "against_domain_load")).toArray(double[][]::new);
        }
        return otherLoads[other];
    }

    String name(Side side) {
        String domain = side.domain() == ALL ? "all texts" : domains().get(side.domain()).name();
        String checkpoint = side.checkpoint() == 0 ? against.isEmpty() ? "" : artifact.model() : against.get(side.checkpoint() - 1).model();
        return checkpoint.isEmpty() ? domain : domain + " in " + checkpoint;
    }

    /// Everything that can be compared.
    List<Side> sides() {
        List<Side> out = new ArrayList<>();
        for (int c = 0; c <= against.size(); c++) {
            for (int d = domains().size() > 1 ? 0 : domains().size(); d < domains().size(); d++) {
                out.add(new Side(c, d));
            }
            out.add(new Side(c, ALL));
        }
        return out;
    }

    /// The share of a domain's tokens that visit the expert; chance is k / N.
    double specialisation(int layer, int domain, int expert) {
        return visits(layer, domain, expert) / tokens(domain);
    }

    /// How an expert's visitors divide among the domains, every domain with the same weight; all NaN where nobody visits.
    double[] division(int layer, int expert) {
        double[] of = IntStream.range(0, domains().size()).mapToDouble(d -> tokens(d) == 0 ? 0 : specialisation(layer, d, expert)).toArray();
        double sum = Arrays.stream(of).sum();
        return Arrays.stream(of).map(v -> sum == 0 ? Double.NaN : v / sum).toArray();
    }

    /// How far an expert's visitors are from an even division, 0 to ln D nats.
    double unevenness(int layer, int expert) {
        double[] p = division(layer, expert);
        double entropy = Arrays.stream(p).filter(v -> v > 0).map(v -> -v * Math.log(v)).sum();
        return Double.isNaN(p[0]) ? 0 : Math.log(p.length) - entropy;
    }

    /// Mutual information of domain and expert, bits.
    double information(int layer) {
        return artifact.rows().get(layer).domainInformation() / Math.log(2);
    }

    /// Where to look first: the most one-sided expert of the layer that knows most about domains, else the busiest one.
    Place first() {
        int d = domains().size();
        if (d > 1) {
            int layer = IntStream.range(0, layers()).boxed().max(Comparator.comparingDouble(i -> Double.isNaN(information(i)) ? -1 : information(i))).orElse(0);
            int expert = IntStream.range(0, experts(layer)).boxed().filter(e -> load[layer][e] > 0).max(Comparator.comparingDouble(e -> unevenness(layer, e))).orElse(0);
            return new Place(layer, expert);
        }
        int busiest = Math.max(0, artifact.moeLayers().indexOf(artifact.hotSet().busiestLayer()));
        return new Place(busiest, Math.min(artifact.hotSet().busiestExpert(), experts(busiest) - 1));
    }

    // --- pairs

    /// Co-activation of a layer's experts.
    Pairs together(Together by, int layer) {
        List<Object> key = List.of(by, layer);
        Pairs known = pairs.get(key);
        if (known == null) {
            double[] values = switch (by) {
                case CONDITIONAL -> artifact.conditional(layer);
                case LIFT -> artifact.lift(layer);
                case JACCARD -> artifact.jaccard(layer);
                case NPMI -> artifact.pointwiseInformation(layer);
            };
            // One order for all ways to say it, so that a block stays where it is.
            known = new Pairs(values, by == Together.CONDITIONAL ? Clustering.order(affinity(layer), experts(layer)) : together(Together.CONDITIONAL, layer).order());
            pairs.put(key, known);
        }
        return known;
    }

    /// Symmetric: the larger of both conditionals, so that a rare expert stands by the one it always goes with.
    private double[] affinity(int layer) {
        int n = experts(layer);
        double[] p = artifact.conditional(layer);
        double[] out = new double[n * n];
        for (int a = 0; a < n; a++) {
            for (int b = 0; b < n; b++) {
                out[a * n + b] = Math.max(p[a * n + b], p[b * n + a]);
            }
        }
        return out;
    }

    /// Tokens that visit both experts.
    double together(int layer, int a, int b) {
        if (bothOf != layer) {
            both = artifact.coactivation(layer);
            bothOf = layer;
        }
        return both[a * experts(layer) + b];
    }

    /// P(column | row) of two experts.
    double conditional(int layer, int row, int column) {
        return together(Together.CONDITIONAL, layer).values()[row * experts(layer) + column];
    }

    /// How alike the experts are; empty where it was not asked for.
    Optional<Pairs> similarity(Similarity of, int layer) {
        List<Object> key = List.of(of, layer);
        if (compared && !pairs.containsKey(key)) {
            artifact.similarity(of, layer).ifPresent(values -> pairs.put(key, new Pairs(values, Clustering.order(values, experts(layer)))));
        }
        return Optional.ofNullable(pairs.get(key));
    }

    // --- provenance

    /// How a tensor came about; derived from the router's logits where the artifact does not say.
    Provenance provenance(String tensor) {
        return artifact.artifact().provenance(tensor).or(() -> artifact.artifact().provenance(tensor + "." + number(0)))
                .orElseGet(() -> Provenance.derived("router logits of " + artifact.model(), "", tensor.replace('_', ' ')).of(artifact.tokens()));
    }

    /// The same with what the view made of it.
    Provenance provenance(String tensor, String method) {
        Provenance p = provenance(tensor);
        return Provenance.derived(p.source(), p.dtype(), method + "; " + p.method()).of(p.samples());
    }

    /// Counts of visits are observed.
    Provenance counted(String method) {
        Provenance p = provenance("expert_load");
        return Provenance.measured(p.source(), p.dtype(), method).of(p.samples());
    }
}
