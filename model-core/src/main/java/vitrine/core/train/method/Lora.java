package vitrine.core.train.method;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import vitrine.core.adapter.Adapter;
import vitrine.core.adapter.AdapterFit;
import vitrine.core.adapter.AdapterModule;
import vitrine.core.architecture.ExpertParameter;
import vitrine.core.architecture.Linear;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.NamedTensor;
import vitrine.core.backward.LowRank;
import vitrine.core.backward.Parameter;
import vitrine.core.backward.Parameters;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;
import vitrine.core.tensor.kernel.Widen;
import vitrine.core.train.Method;
import vitrine.core.train.Randomness;

/// Low-rank adaptation of linear layers, with its variants rsLoRA (another scaling), DoRA (a magnitude per output), and LayRA (some first and last layers
/// only). The model itself stays as it is; the result is a PEFT adapter.
///
/// A begins evenly in (-1/sqrt(in), 1/sqrt(in)), B with zeros, so that the first step changes B only; on an embedding A is 0 and B normal, as in PEFT.
///
/// Beside linear layers, the embedding and the output head may be adapted by their names, and routed experts by those of their parameters.
///
/// Source: Hu et al., *LoRA: Low-Rank Adaptation of Large Language Models*, 2021; Kalajdzievski, *A Rank Stabilization Scaling Factor for Fine-Tuning
/// with LoRA*, 2023; Liu et al., *DoRA: Weight-Decomposed Low-Rank Adaptation*, 2024; Owodunni and Kumar, 2025 (LayRA); initial values as in PEFT 0.21.
public class Lora implements Method {

    /// Stands for every linear layer but the output head, routers and routed experts.
    public static final String ALL_LINEAR = "all-linear";

    /// Stands for all parameters of routed experts.
    public static final String ALL_EXPERTS = "all-experts";

    /// What may be set.
    ///
    /// @param targets endings of module names, or [#ALL_LINEAR]
    /// @param layers the layers that get adapters, or null for all
    /// @param start an adapter to begin with, or null
    /// @param first what the factors begin with otherwise
    /// @param gradients for beginnings that look at it the gradient of every adapted tensor; else null
    /// @param parameters endings of the names of experts' parameters, or [#ALL_EXPERTS]; empty for none
    public record Settings(int rank, double alpha, float dropout, List<String> targets, boolean rankStabilised, boolean dora, List<Integer> layers, Adapter start,
                           FirstFactors.Kind first, Map<String, float[]> gradients, List<String> parameters) {

        /// Without experts.
        public Settings(int rank, double alpha, float dropout, List<String> targets, boolean rankStabilised, boolean dora, List<Integer> layers, Adapter start,
                        FirstFactors.Kind first, Map<String, float[]> gradients) {
            this(rank, alpha, dropout, targets, rankStabilised, dora, layers, start, first, gradients, List.of());
        }

        /// With the usual beginning.
        public Settings(int rank, double alpha, float dropout, List<String> targets, boolean rankStabilised, boolean dora, List<Integer> layers, Adapter start) {
            this(rank, alpha, dropout, targets, rankStabilised, dora, layers, start, FirstFactors.Kind.kaiming, null);
        }

        /// s, what B A is multiplied with.
        public double scaling() {
            return rankStabilised ? alpha / Math.sqrt(rank) : alpha / rank;
        }
    }

    private final Settings settings;
    private final Map<String, Target> modules = new LinkedHashMap<>();
    private final Map<String, ExpertFactors> experts = new LinkedHashMap<>();
    /// The first factors of layers whose matrix has given up their product.
    private final Map<String, FirstFactors> taken = new LinkedHashMap<>();
    private boolean inputMajor;

    public Lora(Settings settings) {
        this.settings = settings;
    }

    @Override
    public boolean trains(NamedTensor tensor) {
        return false;
    }

    @Override
    public void prepare(Parameters parameters, Randomness randomness) {
        if (settings.start != null) {
            begin(parameters, AdapterFit.of(settings.start, parameters.spec(), parameters.checkpoint()));
            return;
        }
        List<Target> targets = Target.of(settings, parameters.spec());
        targets.forEach(this::requireKnown);
        int number = 0;
        for (Target t : targets) {
            switch (t.kind()) {
                case TABLE -> begin(parameters, t, randomness, number);
                case EXPERTS -> beginExperts(parameters, t, randomness, number);
                default -> {
                    Linear l = t.linear();
                    Parameter a = Parameter.zeros(t.path() + ".lora_A.weight", Shape.of(settings.rank, l.in()), parameters.arena());
                    Parameter b = Parameter.zeros(t.path() + ".lora_B.weight", Shape.of(l.out(), settings.rank), parameters.arena());
                    FirstFactors first = settings.first.changesBase() ? taken(parameters, l) : FirstFactors.random(settings.first, settings.rank, l.out(), l.in(), randomness, number);
                    a.set(FirstFactors.floats(first.a()));
                    b.set(FirstFactors.floats(first.b()));
                    if (first.taken() != null) {
                        taken.put(t.path(), first);
                    }
                    adapt(parameters, t, a, b, (float) settings.scaling(), null, number);
                }
            }
            number++;
        }
    }

    /// Refuses what a variant is not defined for, or what peft would not load.
    private void requireKnown(Target t) {
        if (t.kind() == Target.Kind.LINEAR) {
            return;
        }
        FirstFactors.Kind f = settings.first;
        boolean random = f == FirstFactors.Kind.kaiming || f == FirstFactors.Kind.gaussian;
        String reason = t.kind() == Target.Kind.HEAD ? (f.changesBase() || f.inner() ? "the initialisation " + f.name() + " is there for linear layers of the blocks only" : null)
                : !random ? "the initialisation " + f.name() + " is there for linear layers only"
                : temperature() != 0f ? "BeamLoRA's ranks compete within linear layers only"
                : dora() && t.kind() == Target.Kind.TABLE ? "DoRA of an embedding would need the norms of all of its columns at every step, and is not there"
                : dora() ? "peft has no DoRA for parameters of experts"
                : settings.dropout > 0 && t.kind() == Target.Kind.EXPERTS ? "peft has no dropout for adapters of experts" : null;
        if (reason != null) {
            throw Refusal.of(Category.TASK_INVALID, null, "%s cannot be adapted so: %s", t.path(), reason);
        }
    }

    /// An embedding's A is 0 and its B normal with deviation 1, as in PEFT.
    private void begin(Parameters parameters, Target t, Randomness randomness, int number) {
        Parameter a = Parameter.zeros(t.path() + ".lora_embedding_A", Shape.of(settings.rank, t.in()), parameters.arena());
        Parameter b = Parameter.zeros(t.path() + ".lora_embedding_B", Shape.of(t.out(), settings.rank), parameters.arena());
        float[] values = new float[t.out() * settings.rank];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) randomness.normal(Randomness.Stream.INITIAL, number, i);
        }
        b.set(values);
        adapt(parameters, t, a, b, (float) settings.scaling(), null, number);
    }

    private void beginExperts(Parameters parameters, Target t, Randomness randomness, int number) {
        ExpertFactors f = new ExpertFactors(t.experts(), settings.rank, (float) settings.scaling(), number, parameters);
        double bound = 1 / Math.sqrt(t.in());
        boolean normal = settings.first == FirstFactors.Kind.gaussian;
        f.setA((r, c) -> {
            long at = (long) r * t.in() + c;
            return (float) (normal ? randomness.normal(Randomness.Stream.INITIAL, number, at) / settings.rank
                    : (2 * randomness.uniform(Randomness.Stream.INITIAL, number, at) - 1) * bound);
        });
        experts.put(t.path(), f);
    }

    /// The factors that a layer's matrix, or its gradient, gives; the matrix keeps the rest.
    private FirstFactors taken(Parameters parameters, Linear l) {
        float[] w = parameters.values(l);
        double[] of = rows(settings.first.looksAtGradient() ? settings.gradients.get(l.weight()) : w, l);
        FirstFactors first = FirstFactors.of(settings.first, of, l.out(), l.in(), settings.rank, settings.scaling());
        for (int o = 0; o < l.out(); o++) {
            for (int i = 0; i < l.in(); i++) {
                w[l.inputMajor() ? i * l.out() + o : o * l.in() + i] -= (float) first.taken()[o * l.in() + i];
            }
        }
        parameters.replace(l, w);
        return first;
    }

    /// A stored matrix as `[out, in]`.
    static double[] rows(float[] stored, Linear l) {
        double[] out = new double[stored.length];
        for (int o = 0; o < l.out(); o++) {
            for (int i = 0; i < l.in(); i++) {
                out[o * l.in() + i] = stored[l.inputMajor() ? i * l.out() + o : o * l.in() + i];
            }
        }
        return out;
    }

    private void begin(Parameters parameters, AdapterFit fit) {
        Adapter adapter = fit.adapter();
        if (!fit.replaced().isEmpty()) {
            throw Refusal.of(Category.ADAPTER_INVALID, adapter.checkpoint().path(), "it replaces whole tensors (%s), which this version does not train", fit.replaced().keySet().iterator().next())
                    .help("Begin with an adapter of low-rank factors only.");
        }
        if (adapter.modules().stream().anyMatch(m -> m.solar() != null)) {
            throw Refusal.of(Category.ADAPTER_INVALID, adapter.checkpoint().path(), "it is stored as coefficients (SOLAR), not as factors that could be trained")
                    .help("Write it as factors first: vitrine adapter cut ADAPTER --energy 1 --model BASE --out FOLDER.");
        }
        int number = 0;
        try (MappedWeights map = new MappedWeights(adapter.checkpoint())) {
            for (AdapterFit.Site site : fit.sites()) {
                AdapterModule m = site.module();
                if (m.part() != null) {
                    continue;
                }
                boolean table = site.role() == AdapterFit.Role.TABLE;
                if (m.diagonal() != null || m.bias() != null || table && m.magnitude() != null) {
                    throw Refusal.of(Category.ADAPTER_INVALID, adapter.checkpoint().path(), "its module %s is no plain low-rank change, which this version does not train", m.path());
                }
                String factor = m.path() + (table ? ".lora_embedding_" : ".lora_");
                Parameter a = read(parameters, factor + (table ? "A" : "A.weight"), m.a(), map);
                Parameter b = read(parameters, factor + (table ? "B" : "B.weight"), m.b(), map);
                float[] magnitude = m.magnitude() == null ? null : read(parameters, "", m.magnitude(), map).toArray();
                Linear matrix = site.role() == AdapterFit.Role.HEAD ? new Linear(site.weight(), null, m.out(), m.in(), false) : site.linear();
                Target t = new Target(table ? Target.Kind.TABLE : site.role() == AdapterFit.Role.HEAD ? Target.Kind.HEAD : Target.Kind.LINEAR, m.path(), site.layer(), matrix,
                        table ? site.weight() : null, null, m.in(), m.out());
                adapt(parameters, t, a, b, (float) m.scaling(), magnitude, number++);
            }
            goOnWithExperts(parameters, adapter, number, map);
        }
    }

    private void goOnWithExperts(Parameters parameters, Adapter adapter, int number, MappedWeights map) {
        List<String> named = adapter.config().targetParameters();
        if (named.isEmpty()) {
            return;
        }
        int next = number;
        Settings own = new Settings(adapter.config().rank(), adapter.config().alpha(), 0f, List.of(), false, false, null, null, FirstFactors.Kind.kaiming, null, named);
        for (Target t : Target.of(own, parameters.spec())) {
            requireKnown(t);
            String first = t.experts().module() + ".0." + (t.name().equals(ExpertParameter.GATE_UP) ? "gate_proj" : t.name());
            AdapterModule m = adapter.module(first).orElseThrow(() -> Refusal.of(Category.ADAPTER_MISMATCH, adapter.checkpoint().path(), "it names the parameter %s and holds no factors for it", t.path()));
            int rank = m.rank();
            ExpertFactors f = new ExpertFactors(t.experts(), rank, (float) m.scaling(), next++, parameters);
            float[] a = read(parameters, "", m.a(), map).toArray();
            float[] b = read(parameters, "", m.b(), map).toArray();
            if (a.length != (long) t.experts().experts() * rank * t.in() || b.length != (long) t.experts().experts() * rank * t.out()) {
                throw Refusal.of(Category.ADAPTER_MISMATCH, adapter.checkpoint().path(), "A and B of %s are %s and %s, which do not fit the base's", t.path(), m.a().shape().toString(), m.b().shape().toString());
            }
            int across = t.experts().experts() * rank;
            f.setA((r, c) -> a[r * t.in() + c]);
            f.setB((r, c) -> b[r * across + c]);
            experts.put(t.path(), f);
        }
    }

    private static Parameter read(Parameters parameters, String name, TensorEntry t, MappedWeights map) {
        Parameter p = Parameter.zeros(name, t.shape(), parameters.arena());
        Widen.toFloat(t.dtype(), map.data(t), 0, t.elements(), p.data());
        return p;
    }

    private boolean dora() {
        return settings.start == null ? settings.dora : settings.start.config().dora();
    }

    private void adapt(Parameters parameters, Target t, Parameter a, Parameter b, float scale, float[] magnitude, int number) {
        noteModule(t);
        Parameter m = null;
        if (dora()) {
            Linear l = t.linear();
            m = Parameter.zeros(t.path() + ".lora_magnitude_vector", Shape.of(l.out()), parameters.arena());
            m.set(magnitude == null ? rowNorms(parameters.values(l), l.out(), l.in(), l.inputMajor()) : magnitude);
        }
        float dropout = t.kind() == Target.Kind.TABLE ? 0f : settings.dropout;
        parameters.adapt(t.place(), new LowRank(a, b, scale, dropout, gate(t.path(), a, parameters), temperature(), m, number));
    }

    /// The norms of a weight's rows.
    private static float[] rowNorms(float[] w, int out, int in, boolean inputMajor) {
        float[] norms = new float[out];
        for (int o = 0; o < out; o++) {
            double sum = 0;
            for (int i = 0; i < in; i++) {
                double v = w[inputMajor ? i * out + o : o * in + i];
                sum += v * v;
            }
            norms[o] = (float) Math.sqrt(sum);
        }
        return norms;
    }

    /// A gate per rank, for methods that have one.
    Parameter gate(String path, Parameter a, Parameters parameters) {
        return null;
    }

    float temperature() {
        return 0f;
    }

    /// Notes a module that a variant has adapted itself.
    final void noteModule(Target t) {
        modules.put(t.path(), t);
        inputMajor |= t.linear() != null && t.linear().inputMajor();
    }

    // --- which layers

    /// The linear layers that get an adapter, by the name of their weight.
    ///
    /// @throws Refusal where the model has no layer of a name that is asked for
    public static Map<String, Linear> targets(Settings settings, ModelSpec spec) {
        Map<String, Linear> out = new LinkedHashMap<>();
        Target.of(settings, spec).stream().filter(t -> t.kind() == Target.Kind.LINEAR).forEach(t -> out.put(t.linear().weight(), t.linear()));
        return out;
    }

    private static String kind(String path) {
        return path.substring(path.lastIndexOf('.') + 1);
    }

    // --- the result

    /// What is written for A: its values, or what a method makes of them.
    float[] exportedA(LowRank l) {
        return l.a().toArray();
    }

    @Override
    public void write(Parameters parameters, Path folder, ObjectNode summary) throws IOException {
        Map<String, Declared> declared = new LinkedHashMap<>();
        Map<String, float[]> values = new LinkedHashMap<>();
        modules.forEach((path, target) -> {
            LowRank l = parameters.adapters().get(target.place());
            if (target.kind() == Target.Kind.TABLE) {
                put(declared, values, path + ".lora_embedding_A", l.a().shape(), l.a().toArray());
                put(declared, values, path + ".lora_embedding_B", l.b().shape(), l.b().toArray());
                return;
            }
            float[] a = exportedA(l);
            float[] b = l.b().toArray();
            FirstFactors first = taken.get(path);
            if (first != null) {
                // The change of the matrix as it was: s (B A - B0 A0), of twice the rank.
                a = java.util.Arrays.copyOf(a, 2 * a.length);
                System.arraycopy(FirstFactors.floats(first.a()), 0, a, first.a().length, first.a().length);
                b = beside(b, first.b(), settings.rank);
            }
            put(declared, values, path + ".lora_A.weight", Shape.of(a.length / l.a().shape().size(1), l.a().shape().size(1)), a);
            put(declared, values, path + ".lora_B.weight", Shape.of(l.b().shape().size(0), b.length / l.b().shape().size(0)), b);
            if (l.magnitude() != null) {
                put(declared, values, path + ".lora_magnitude_vector", l.magnitude().shape(), l.magnitude().toArray());
            }
        });
        experts.values().forEach(f -> {
            // PEFT wraps a module once for each of its parameters: the first stands innermost.
            boolean inner = f.parameter().name().equals(ExpertParameter.GATE_UP) && experts.containsKey(f.parameter().module() + "." + ExpertParameter.DOWN);
            String path = f.parameter().module() + (inner ? ".base_layer" : "");
            long across = f.peftA().length / f.parameter().adapterIn();
            put(declared, values, path + ".lora_A.weight", Shape.of(across, f.parameter().adapterIn()), f.peftA());
            put(declared, values, path + ".lora_B.weight", Shape.of(f.parameter().adapterOut(), across), f.peftB());
        });
        try (SafetensorsWriter out = new SafetensorsWriter(folder.resolve("adapter_model.safetensors"), declared, Map.of("format", "pt"))) {
            for (Map.Entry<String, float[]> e : values.entrySet()) {
                out.write(e.getKey(), 0, e.getValue());
            }
        }
        Files.write(folder.resolve("adapter_config.json"), Json.pretty(config(parameters)).getBytes(StandardCharsets.UTF_8));
        long count = parameters.trained().stream().mapToLong(Parameter::elements).sum();
        if (settings.first != FirstFactors.Kind.kaiming) {
            summary.put("init", settings.first.name());
        }
        summary.put("result", "adapter").put("modules", modules.size() + experts.size()).put("trained_parameters", count);
    }

    /// How many times the run's own rank the result has.
    int ranks() {
        return settings.first.changesBase() ? 2 : 1;
    }

    /// Says where modules have a rank, or an alpha, of their own.
    void patterns(Parameters parameters, Map<String, Target> of, ObjectNode ranks, ObjectNode alphas) {}

    /// `[B, -B0]`.
    private static float[] beside(float[] b, double[] first, int rank) {
        float[] out = new float[2 * b.length];
        for (int o = 0; o < b.length / rank; o++) {
            for (int r = 0; r < rank; r++) {
                out[2 * o * rank + r] = b[o * rank + r];
                out[(2 * o + 1) * rank + r] = (float) -first[o * rank + r];
            }
        }
        return out;
    }

    private static void put(Map<String, Declared> declared, Map<String, float[]> values, String name, Shape shape, float[] v) {
        declared.put(Adapter.PREFIX + name, new Declared(DType.F32, shape));
        values.put(Adapter.PREFIX + name, v);
    }

    private ObjectNode config(Parameters parameters) {
        Checkpoint base = parameters.checkpoint();
        if (settings.start != null) {
            ObjectNode c = settings.start.config().json().deepCopy();
            return c.put("inference_mode", true);
        }
        ObjectNode c = Json.object().put("peft_type", "LORA").put("task_type", "CAUSAL_LM").put("base_model_name_or_path", base.path().toString());
        c.put("r", ranks() * settings.rank);
        // The scaling stays what it was with the run's own rank.
        double alpha = settings.alpha * (settings.rankStabilised ? Math.sqrt(ranks()) : ranks());
        if (alpha == Math.rint(alpha)) {
            c.put("lora_alpha", (long) alpha);
        } else {
            c.put("lora_alpha", alpha);
        }
        c.put("lora_dropout", settings.dropout).put("bias", "none").put("fan_in_fan_out", inputMajor).put("inference_mode", true).put("init_lora_weights", true)
                .put("use_rslora", settings.rankStabilised).put("use_dora", settings.dora).putNull("modules_to_save").putNull("revision");
        TreeSet<String> kinds = new TreeSet<>();
        modules.keySet().forEach(p -> kinds.add(kind(p)));
        kinds.forEach(c.putArray("target_modules")::add);
        if (!experts.isEmpty()) {
            // Layers that are named hold for modules only, so that parameters are named whole.
            ArrayNode named = c.putArray("target_parameters");
            experts.keySet().stream().sorted((p, q) -> Boolean.compare(kind(p).equals(ExpertParameter.DOWN), kind(q).equals(ExpertParameter.DOWN))).forEach(named::add);
        }
        if (settings.layers == null) {
            c.putNull("layers_to_transform").putNull("layers_pattern");
        } else {
            ArrayNode layers = c.putArray("layers_to_transform");
            settings.layers.forEach(layers::add);
            c.putNull("layers_pattern");
        }
        patterns(parameters, modules, c.putObject("rank_pattern"), c.putObject("alpha_pattern"));
        return c;
    }

    /// What was set.
    public Settings settings() {
        return settings;
    }

    /// The layers of LayRA: the first `a` and the last `b` of `count`.
    public static List<Integer> outerLayers(int count, int a, int b) {
        List<Integer> out = new ArrayList<>();
        for (int l = 0; l < count; l++) {
            if (l < a || l >= count - b) {
                out.add(l);
            }
        }
        return out;
    }

    /// Copies rows of values in native memory.
    static void copyRow(MemorySegment from, long fromAt, MemorySegment to, long toAt, int count, int stride) {
        for (int i = 0; i < count; i++) {
            to.setAtIndex(JAVA_FLOAT, toAt + (long) i * stride, from.getAtIndex(JAVA_FLOAT, fromAt + (long) i * stride));
        }
    }
}
