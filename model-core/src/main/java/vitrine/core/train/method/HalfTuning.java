package vitrine.core.train.method;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.NamedTensor;
import vitrine.core.architecture.Part;
import vitrine.core.backward.Parameter;
import vitrine.core.backward.Parameters;
import vitrine.core.train.AdamW;
import vitrine.core.train.Randomness;

/// HFT: half of the parameters are trained in each round, chosen anew by category.
///
/// Of each layer's attention matrices half, of its feed-forward matrices half (where their number is odd, one more in a random half of the layers and
/// one fewer in the other), of all norms half; embeddings and head always. A bias goes with its matrix. Moments of tensors that change sides begin
/// at zero. What rests is not touched, nor does it decay.
///
/// Source: Hui et al., *HFT: Half Fine-Tuning for Large Language Models*, ACL 2025.
public final class HalfTuning extends FullTuning {

    private final long stepsPerRound;
    private final Randomness randomness;
    private ModelSpec spec;
    private long round = -1;
    private Set<String> chosen = Set.of();

    /// @param stepsPerRound steps until another half is chosen
    public HalfTuning(long stepsPerRound, Randomness randomness) {
        this.stepsPerRound = stepsPerRound;
        this.randomness = randomness;
    }

    @Override
    public void prepare(Parameters parameters, Randomness r) {
        spec = parameters.spec();
    }

    @Override
    public List<Parameter> choose(long step, List<Parameter> trained, AdamW optimiser) {
        long now = (step - 1) / stepsPerRound;
        if (now != round) {
            Set<String> next = choose(spec, now, randomness);
            boolean begins = now > 0 && (step - 1) % stepsPerRound == 0;
            Set<String> before = begins ? choose(spec, now - 1, randomness) : next;
            for (Parameter p : trained) {
                p.rest(!next.contains(p.name()));
                if (next.contains(p.name()) != before.contains(p.name())) {
                    optimiser.moments(p).clear();
                }
            }
            chosen = next;
            round = now;
        }
        return trained.stream().filter(p -> chosen.contains(p.name())).toList();
    }

    /// The tensors that a round trains.
    public static Set<String> choose(ModelSpec spec, long round, Randomness randomness) {
        Map<Integer, List<String>> attention = new TreeMap<>();
        Map<Integer, List<String>> feedForward = new TreeMap<>();
        List<String> norms = new ArrayList<>();
        List<String> biases = new ArrayList<>();
        Set<String> out = new HashSet<>();
        for (NamedTensor t : NamedTensor.of(spec)) {
            if (t.layer() < 0) {
                if (t.mainPart() == Part.NORM) {
                    norms.add(t.name());
                } else {
                    out.add(t.name());
                }
            } else if (t.mainPart() == Part.NORM) {
                norms.add(t.name());
            } else if (t.shape().rank() < 2) {
                biases.add(t.name());
            } else {
                switch (t.mainPart()) {
                    case QUERY, KEY, VALUE, OUTPUT -> attention.computeIfAbsent(t.layer(), l -> new ArrayList<>()).add(t.name());
                    default -> feedForward.computeIfAbsent(t.layer(), l -> new ArrayList<>()).add(t.name());
                }
            }
        }
        long stream = round * 1_000_003L;
        halves(attention, out, stream + 1, randomness);
        halves(feedForward, out, stream + 2, randomness);
        pick(norms, (norms.size() + 1) / 2, out, stream + 3, 0, randomness);
        for (String b : biases) {
            String weight = b.replaceAll("bias$", "weight");
            if (out.contains(weight)) {
                out.add(b);
            }
        }
        return out;
    }

    private static void halves(Map<Integer, List<String>> byLayer, Set<String> out, long stream, Randomness randomness) {
        int[] order = randomness.permutation(byLayer.size(), Randomness.Stream.CHOICE, stream * 7);
        int i = 0;
        for (Map.Entry<Integer, List<String>> e : byLayer.entrySet()) {
            int n = e.getValue().size();
            boolean more = order[i++] < byLayer.size() / 2;
            pick(e.getValue(), more ? (n + 1) / 2 : n / 2, out, stream, e.getKey(), randomness);
        }
    }

    private static void pick(List<String> of, int count, Collection<String> out, long stream, int layer, Randomness randomness) {
        int[] order = randomness.permutation(of.size(), Randomness.Stream.CHOICE, stream * 7 + 1 + layer * 131L);
        for (int i = 0; i < of.size(); i++) {
            if (order[i] < count) {
                out.add(of.get(i));
            }
        }
    }

    @Override
    public void write(Parameters parameters, Path folder, ObjectNode summary) throws IOException {
        super.write(parameters, folder, summary);
        var names = summary.putArray("trained_last_round");
        chosen.stream().sorted().forEach(names::add);
    }
}
