package vitrine.core.architecture;

import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// A parameter of transformers' modules that holds one matrix of all routed experts of a layer, `[experts, ...]`, however the checkpoint stores it: gate and up
/// projections together, or the down projection. Adapters name them (`target_parameters`).
///
/// @param path the parameter's path in the library, such as `model.layers.0.mlp.experts.gate_up_proj`
/// @param layer the layer
/// @param matrices what the checkpoint stores for it, from the first output on: gate and up, both in one, or down
/// @param turned whether peft takes the stored `[in, out]` for `[out, in]`, so that its A reads outputs and its B writes inputs (Llama 4, whose module does not say
///   which way round its parameters are)
///
/// Source: the modules of transformers 5.18; `ParamWrapper` of peft 0.21.
public record ExpertParameter(String path, int layer, List<Experts.Matrices> matrices, boolean turned) {

    /// The name of the parameter of gate and up projections.
    public static final String GATE_UP = "gate_up_proj";
    /// The name of the parameter of down projections.
    public static final String DOWN = "down_proj";

    /// All parameters of experts, by path. Experts that several layers share, and those whose rows lie one after the other in a matrix (DBRX), are not among them: the
    /// library has no such parameters for them.
    public static Map<String, ExpertParameter> of(ModelSpec spec) {
        Map<String, ExpertParameter> out = new LinkedHashMap<>();
        Set<String> seen = new HashSet<>();
        for (LayerSpec l : spec.layers()) {
            if (l.feedForward() instanceof FeedForward.Mixture m && !flat(m.experts().down()) && seen.add(stored(m.experts().down(), 0))) {
                Experts e = m.experts();
                boolean turned = spec.modelType().equals("llama4_text");
                String module = module(spec, stored(e.down(), 0));
                String first = module + "." + GATE_UP;
                out.put(first, new ExpertParameter(first, l.index(), e.up() == null ? List.of(e.gate()) : List.of(e.gate(), e.up()), turned));
                String second = module + "." + DOWN;
                out.put(second, new ExpertParameter(second, l.index(), List.of(e.down()), turned));
            }
        }
        return out;
    }

    private static boolean flat(Experts.Matrices m) {
        return m instanceof Experts.Stack s && s.flat();
    }

    /// The tensor that holds an expert's matrix.
    public static String stored(Experts.Matrices m, int expert) {
        return switch (m) {
            case Experts.Each e -> e.linears().get(expert).weight();
            case Experts.Stack s -> s.weight();
            case Experts.Blocks b -> b.blocks();
        };
    }

    /// The place of one expert's matrix in a tensor of all experts.
    public static String place(String stored, int expert) {
        return stored + "#" + expert;
    }

    /// The library's path of the module that holds the parameters.
    private static String module(ModelSpec spec, String stored) {
        int end = stored.indexOf(".experts.") >= 0 ? stored.indexOf(".experts.") : stored.indexOf(".output_linear");
        String block = TensorNames.libraryPath(stored.substring(0, end), spec.modelType());
        boolean renamed = spec.modelType().equals("mixtral") || spec.modelType().equals("phimoe");
        return (renamed ? block.replace(".block_sparse_moe", ".mlp") : block) + ".experts";
    }

    /// The last part of the path.
    public String name() {
        return path.substring(path.lastIndexOf('.') + 1);
    }

    /// The path of the module that holds it.
    public String module() {
        return path.substring(0, path.lastIndexOf('.'));
    }

    public int experts() {
        return matrices.getFirst().count();
    }

    public int in() {
        return matrices.getFirst().in();
    }

    /// Outputs of all of [#matrices].
    public int out() {
        return matrices.stream().mapToInt(Experts.Matrices::out).sum();
    }

    /// What peft's A reads.
    public int adapterIn() {
        return turned ? out() : in();
    }

    /// What peft's B writes.
    public int adapterOut() {
        return turned ? in() : out();
    }
}
