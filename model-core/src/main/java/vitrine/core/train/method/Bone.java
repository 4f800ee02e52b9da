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
import vitrine.core.architecture.Linear;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.NamedTensor;
import vitrine.core.backward.Parameter;
import vitrine.core.backward.Parameters;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;
import vitrine.core.tensor.kernel.Parallel;
import vitrine.core.train.AdamW;
import vitrine.core.train.Method;
import vitrine.core.train.Randomness;

/// Bone: a matrix W `[out, in]`, cut into blocks W_ij of r x r, becomes `W_ij + W_ij M_i + M_i`, with a trained M_i `[r, r]` for each row of blocks, 0 at first. The change is
/// not of low rank: the matrices themselves hold the result while it is trained, and their gradients are passed on to M, `dM_i = sum_j (W_ij^T + I) dW'_ij`.
///
/// The result is an adapter of a kind of its own, as peft's MiSS in the form `bat` (`miss_block`), which peft loads; [vitrine.core.adapter.Adapter] reads LoRA only.
///
/// Source: Kang, *Bone: Block-Affine Adaptation of Large Language Models*, 2024 (arXiv 2409.15371), in the form of its successor in peft 0.21.
public final class Bone implements Method {

    /// @param base the matrix as the checkpoint has it, `[out, in]`, float32
    /// @param blocks M, `[out / r, r, r]`
    private record Matrix(Target target, Parameter weight, MemorySegment base, Parameter blocks) {}

    private final int rank;
    private final Map<String, Target> targets = new LinkedHashMap<>();
    private final List<Integer> layers;
    private final List<Matrix> matrices = new ArrayList<>();
    private final List<Parameter> changing = new ArrayList<>();

    /// @param settings rank and targets count
    /// @throws Refusal where a matrix cannot be cut into blocks of r x r
    public Bone(Lora.Settings settings, ModelSpec spec) {
        rank = settings.rank();
        layers = settings.layers();
        for (Target t : Target.of(settings, spec)) {
            Linear l = t.linear();
            if (t.kind() != Target.Kind.LINEAR || l.inputMajor() || l.in() % rank != 0 || l.out() % rank != 0) {
                throw Refusal.of(Category.TASK_INVALID, null, "r is %d; bone cuts matrices into blocks of r x r, which %s cannot be cut into", rank, t.path());
            }
            targets.put(l.weight(), t);
        }
    }

    @Override
    public boolean trains(NamedTensor tensor) {
        return targets.containsKey(tensor.name());
    }

    @Override
    public void prepare(Parameters parameters, Randomness randomness) {
        targets.forEach((name, t) -> {
            Parameter w = parameters.get(name);
            MemorySegment base = parameters.arena().allocate(4 * w.elements(), 64);
            base.copyFrom(w.data().asSlice(0, 4 * w.elements()));
            Parameter m = Parameter.zeros(t.path() + ".miss_block", Shape.of(t.out() / rank, rank, rank), parameters.arena());
            matrices.add(new Matrix(t, w, base, m));
            changing.add(m);
            parameters.train(m);
        });
    }

    /// The matrices are changed through M.
    @Override
    public boolean stepped(Parameter p) {
        return !targets.containsKey(p.name());
    }

    @Override
    public List<Parameter> choose(long step, List<Parameter> trained, AdamW optimiser) {
        return changing;
    }

    @Override
    public void gradients() {
        for (Matrix x : matrices) {
            int in = x.target.in();
            MemorySegment d = x.weight.gradient();
            x.blocks.clear();
            MemorySegment out = x.blocks.gradient();
            Parallel.over(x.target.out() / rank, 1, (from, to) -> {
                for (int i = from; i < to; i++) {
                    double[] sum = new double[rank * rank];
                    for (int a = 0; a < rank; a++) {
                        long row = (long) (i * rank + a) * in;
                        for (int j = 0; j < in; j += rank) {
                            for (int l = 0; l < rank; l++) {
                                sum[a * rank + l] += d.getAtIndex(JAVA_FLOAT, row + j + l);
                            }
                            for (int k = 0; k < rank; k++) {
                                double w = x.base.getAtIndex(JAVA_FLOAT, row + j + k);
                                for (int l = 0; l < rank; l++) {
                                    sum[k * rank + l] += w * d.getAtIndex(JAVA_FLOAT, row + j + l);
                                }
                            }
                        }
                    }
                    for (int v = 0; v < sum.length; v++) {
                        out.setAtIndex(JAVA_FLOAT, (long) i * sum.length + v, (float) sum[v]);
                    }
                }
            });
        }
    }

    @Override
    public void after(long step, long steps, AdamW optimiser) {
        matrices.forEach(this::apply);
    }

    private void apply(Matrix x) {
        int in = x.target.in();
        float[] m = x.blocks.toArray();
        Parallel.over(x.target.out(), rank, (from, to) -> {
            double[] made = new double[rank];
            for (int o = from; o < to; o++) {
                int block = o / rank * rank * rank;
                for (int j = 0; j < in; j += rank) {
                    for (int l = 0; l < rank; l++) {
                        made[l] = x.base.getAtIndex(JAVA_FLOAT, (long) o * in + j + l) + (double) m[block + o % rank * rank + l];
                    }
                    for (int k = 0; k < rank; k++) {
                        double w = x.base.getAtIndex(JAVA_FLOAT, (long) o * in + j + k);
                        for (int l = 0; l < rank; l++) {
                            made[l] += w * m[block + k * rank + l];
                        }
                    }
                    for (int l = 0; l < rank; l++) {
                        x.weight.data().setAtIndex(JAVA_FLOAT, (long) o * in + j + l, (float) made[l]);
                    }
                }
            }
        });
    }

    @Override
    public void write(Parameters parameters, Path folder, ObjectNode summary) throws IOException {
        Map<String, Declared> declared = new LinkedHashMap<>();
        matrices.forEach(x -> declared.put(Adapter.PREFIX + x.blocks.name(), new Declared(DType.F32, x.blocks.shape())));
        try (SafetensorsWriter out = new SafetensorsWriter(folder.resolve("adapter_model.safetensors"), declared, Map.of("format", "pt"))) {
            for (Matrix x : matrices) {
                out.write(Adapter.PREFIX + x.blocks.name(), 0, x.blocks.toArray());
            }
        }
        ObjectNode c = Json.object().put("peft_type", "MISS").put("task_type", "CAUSAL_LM").put("base_model_name_or_path", parameters.checkpoint().path().toString());
        c.put("r", rank).put("mini_r", 1).put("miss_dropout", 0.0).put("bias", "none").put("init_weights", "bat").put("inference_mode", true).putNull("modules_to_save").putNull("revision");
        TreeSet<String> kinds = new TreeSet<>();
        targets.values().forEach(t -> kinds.add(t.path().substring(t.path().lastIndexOf('.') + 1)));
        kinds.forEach(c.putArray("target_modules")::add);
        if (layers == null) {
            c.putNull("layers_to_transform").putNull("layers_pattern");
        } else {
            ArrayNode named = c.putArray("layers_to_transform");
            layers.forEach(named::add);
        }
        Files.write(folder.resolve("adapter_config.json"), Json.pretty(c).getBytes(StandardCharsets.UTF_8));
        summary.put("result", "adapter").put("modules", matrices.size());
    }
}
