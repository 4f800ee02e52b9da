package vitrine.core.train.method;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import vitrine.core.architecture.ExpertParameter;
import vitrine.core.architecture.Experts;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.Head;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.Linear;
import vitrine.core.architecture.LinearLayers;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.TensorNames;
import vitrine.core.backward.Parameters;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// A module, or a parameter of all experts, that gets an adapter.
///
/// @param path in the library's model
/// @param layer or -1
/// @param linear the layer; null but for [Kind#LINEAR] and [Kind#HEAD]
/// @param table the tensor; null but for [Kind#TABLE]
/// @param experts the parameter; null but for [Kind#EXPERTS]
/// @param in what A reads: features, or the vocabulary of a table
/// @param out what B writes
public record Target(Kind kind, String path, int layer, Linear linear, String table, ExpertParameter experts, int in, int out) {

    /// What is adapted.
    public enum Kind {
        LINEAR,
        /// The table that tokens are looked up in.
        TABLE,
        /// The output head, whose matrix may be the table's.
        HEAD,
        EXPERTS
    }

    /// Everything that a run adapts: linear layers first, in the order of the forward pass, then embedding, head, experts.
    ///
    /// @throws Refusal where the model has nothing of a name that is asked for
    public static List<Target> of(Lora.Settings settings, ModelSpec spec) {
        List<Target> out = new ArrayList<>();
        Map<String, Target> known = known(spec);
        boolean all = settings.targets().equals(List.of(Lora.ALL_LINEAR));
        List<String> unused = new ArrayList<>(settings.targets());
        known.forEach((path, t) -> {
            for (String name : settings.targets()) {
                if (all ? t.kind == Kind.LINEAR : path.equals(name) || path.endsWith("." + name)) {
                    unused.remove(all ? Lora.ALL_LINEAR : name);
                    if (settings.layers() != null && t.layer < 0 && !all) {
                        throw Refusal.of(Category.TASK_INVALID, null, "%s is in no layer, and the method adapts some layers only", path);
                    }
                    if (settings.layers() == null || settings.layers().contains(t.layer)) {
                        out.add(t);
                    }
                    return;
                }
            }
        });
        if (!unused.isEmpty() || out.isEmpty() && !settings.targets().isEmpty()) {
            throw Refusal.of(Category.TASK_INVALID, null, "no linear layer of the model is called %s; there are %s", unused.isEmpty() ? settings.targets().getFirst() : unused.getFirst(), kinds(known));
        }
        out.addAll(experts(settings, spec));
        if (out.isEmpty()) {
            throw Refusal.of(Category.TASK_INVALID, null, "neither modules nor parameters are named that adapters could go on");
        }
        return out;
    }

    private static String kinds(Map<String, Target> known) {
        TreeSet<String> kinds = new TreeSet<>();
        known.values().stream().filter(t -> t.kind == Kind.LINEAR).forEach(t -> kinds.add(t.name()));
        List<String> all = new ArrayList<>(kinds);
        known.values().stream().filter(t -> t.kind != Kind.LINEAR).forEach(t -> all.add(t.name()));
        return String.join(", ", all);
    }

    private static List<Target> experts(Lora.Settings settings, ModelSpec spec) {
        if (settings.parameters().isEmpty()) {
            return List.of();
        }
        Map<String, ExpertParameter> known = ExpertParameter.of(spec);
        if (known.isEmpty()) {
            boolean mixture = spec.layers().stream().anyMatch(l -> l.feedForward() instanceof FeedForward.Mixture);
            throw Refusal.of(Category.TASK_INVALID, null, mixture ? "%s keeps its experts in a form that peft has no adapters for" : "%s has no routed experts", spec.family());
        }
        List<Target> out = new ArrayList<>();
        List<String> unused = new ArrayList<>(settings.parameters());
        known.forEach((path, p) -> {
            for (String name : settings.parameters()) {
                if (name.equals(Lora.ALL_EXPERTS) || path.equals(name) || path.endsWith("." + name)) {
                    unused.remove(name);
                    if (settings.layers() == null || settings.layers().contains(p.layer())) {
                        out.add(new Target(Kind.EXPERTS, path, p.layer(), null, null, p, p.adapterIn(), p.adapterOut()));
                    }
                    return;
                }
            }
        });
        if (!unused.isEmpty() || out.isEmpty()) {
            throw Refusal.of(Category.TASK_INVALID, null, "no parameter of the model's experts is called %s; there are experts.%s and experts.%s", unused.isEmpty() ? settings.parameters().getFirst() : unused.getFirst(),
                    ExpertParameter.GATE_UP, ExpertParameter.DOWN);
        }
        return out;
    }

    /// Modules by their path: linear layers, the embedding, the head.
    private static Map<String, Target> known(ModelSpec spec) {
        Map<String, Target> out = new LinkedHashMap<>();
        linears(spec).forEach((weight, placed) -> {
            String path = module(weight, spec);
            out.put(path, new Target(Kind.LINEAR, path, placed.layer(), placed.linear(), null, null, placed.linear().in(), placed.linear().out()));
        });
        String tokens = spec.embedding().tokens();
        String table = module(tokens, spec);
        out.put(table, new Target(Kind.TABLE, table, -1, null, tokens, null, spec.vocabSize(), spec.embedding().width()));
        Head h = spec.head();
        if (h != null) {
            String path = !h.tied() ? module(h.weight(), spec) : spec.modelType().equals("gpt_neox") ? "embed_out" : "lm_head";
            Linear matrix = new Linear(h.weight(), h.bias(), spec.vocabSize(), h.width(), false);
            out.put(path, new Target(Kind.HEAD, path, -1, matrix, null, null, h.width(), spec.vocabSize()));
        }
        return out;
    }

    /// Linear layers that are modules of their own in the library as well, by their weight: routed experts are one tensor there, and routers no linear layers.
    public static Map<String, LinearLayers.Placed> linears(ModelSpec spec) {
        Map<String, LinearLayers.Placed> all = new LinkedHashMap<>(LinearLayers.of(spec));
        for (LayerSpec l : spec.layers()) {
            if (l.feedForward() instanceof FeedForward.Mixture m) {
                all.remove(m.router().logits().weight());
                for (Experts.Matrices matrices : new Experts.Matrices[] {m.experts().gate(), m.experts().up(), m.experts().down()}) {
                    if (matrices instanceof Experts.Each each) {
                        each.linears().forEach(e -> all.remove(e.weight()));
                    }
                }
            }
        }
        return all;
    }

    private static String module(String weight, ModelSpec spec) {
        return TensorNames.libraryPath(weight.substring(0, weight.length() - ".weight".length()), spec.modelType());
    }

    /// Where the adapter of a module goes.
    String place() {
        return switch (kind) {
            case LINEAR -> linear.weight();
            case TABLE -> Parameters.table(table);
            case HEAD -> Parameters.head(linear.weight());
            case EXPERTS -> throw new IllegalStateException("a place for every expert");
        };
    }

    /// The last part of the path.
    String name() {
        return path.substring(path.lastIndexOf('.') + 1);
    }

    /// Values of factors of a rank.
    public long parameters(int rank) {
        return (long) (kind == Kind.EXPERTS ? experts.experts() : 1) * rank * (in + out);
    }
}
