package vitrine.core.checkpoint.gguf;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongUnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import vitrine.core.checkpoint.Assembly;
import vitrine.core.checkpoint.Embedded;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;

/// A GGUF file (or the parts of one) read as the checkpoint that it was made from: names, shapes and values as there, and its config and tokenizer.
public final class GgufModel implements Embedded {

    private static final Pattern IN_LAYER = Pattern.compile("blk\\.(\\d{1,6})\\.(.+)\\.(weight|bias)");
    private static final Pattern OUTSIDE = Pattern.compile("([a-z_]+)\\.(weight|bias)");
    private static final Pattern OLD_EXPERT = Pattern.compile("ffn_(gate|up|down)\\.(\\d{1,6})");

    /// No published model has more in a layer.
    private static final int MAX_EXPERTS = 4096;

    private final GgufHeader header;
    private final GgufKeys keys;
    private final GgufNames names;
    private final Map<String, TensorEntry> stored;
    private final List<TensorEntry> tensors = new ArrayList<>();

    private GgufModel(GgufHeader header, List<TensorEntry> all) {
        this.header = header;
        keys = new GgufKeys(header);
        names = GgufNames.ofOrNull(keys.architecture(), keys.wholeOr("expert_count", 0) > 0);
        stored = new LinkedHashMap<>();
        all.forEach(t -> stored.put(t.name(), t));
        Set<String> taken = new HashSet<>();
        for (TensorEntry t : all) {
            for (TensorEntry as : original(t)) {
                if (!taken.add(as.name())) {
                    throw Refusal.of(Category.DUPLICATE_NAME, header.shown(), "two tensors of the file stand for it").where("tensor " + as.name());
                }
                tensors.add(as);
            }
        }
    }

    /// Reads a file, or the first of several parts with the tensors of all.
    ///
    /// @param all the tensors of all parts, as stored
    public static GgufModel of(GgufHeader header, List<TensorEntry> all) {
        return new GgufModel(header, all);
    }

    /// The tensors, in the order of their bytes, as the checkpoint had them.
    public List<TensorEntry> tensors() {
        return tensors;
    }

    /// Keys with their values as text; of arrays only how many values they have.
    public Map<String, String> metadata() {
        Map<String, String> out = new LinkedHashMap<>();
        header.values().forEach((key, value) -> out.put(key, switch (value) {
            case GgufValue.Whole w -> Long.toString(w.value());
            case GgufValue.Real r -> Double.toString(r.value());
            case GgufValue.Flag f -> Boolean.toString(f.value());
            case GgufValue.Text t -> t.value();
            case GgufValue.List l -> l.count() + " values";
        }));
        return out;
    }

    /// How many files the model is split into; 1 where it is whole.
    public static long parts(GgufHeader header) {
        return header.values().get("split.count") instanceof GgufValue.Whole w ? w.value() : 1;
    }

    @Override
    public ObjectNode config() {
        return new GgufConfig(header, keys, names, stored).read();
    }

    @Override
    public boolean hasTokenizer() {
        return GgufTokenizer.isIn(header);
    }

    @Override
    public int tokenCount() {
        return new GgufTokenizer(header, keys).count();
    }

    @Override
    public byte[] tokenizer() {
        return new GgufTokenizer(header, keys).json();
    }

    /// What a stored tensor was: one tensor, several, or none that has a place in the checkpoint.
    private List<TensorEntry> original(TensorEntry t) {
        if (names == null) {
            return List.of(t);
        }
        Matcher m = IN_LAYER.matcher(t.name());
        if (m.matches()) {
            return inLayer(t, names.layer() + Integer.parseInt(m.group(1)) + ".", m.group(2), m.group(3));
        }
        m = OUTSIDE.matcher(t.name());
        String name = m.matches() ? names.outside().get(m.group(1)) : null;
        return List.of(name == null ? t : plain(t, name + "." + m.group(2)));
    }

    private List<TensorEntry> inLayer(TensorEntry t, String layer, String stem, String kind) {
        if (names.experts() != null && stem.endsWith("_exps") && t.shape().rank() == 3 && stem.startsWith("ffn_")) {
            String name = expert(stem.substring(4, stem.length() - 5));
            return name == null ? List.of(t) : sliced(t, layer + names.experts()[0], "." + name + "." + kind);
        }
        Matcher old = OLD_EXPERT.matcher(stem);
        if (names.experts() != null && old.matches()) {
            return List.of(plain(t, layer + names.experts()[0] + Integer.parseInt(old.group(2)) + "." + expert(old.group(1)) + "." + kind));
        }
        if (keys.architecture().equals("deepseek2")) {
            if (stem.equals("exp_probs_b")) {
                return List.of(plain(t, layer + "mlp.gate.e_score_correction_bias"));
            }
            if (stem.equals("attn_k_b") && t.shape().rank() == 3) {
                return List.of(expansion(t, layer));
            }
            if (stem.equals("attn_v_b")) {
                // Told with the keys' part.
                return List.of();
            }
        }
        String name = names.inside().get(stem);
        if (name == null) {
            return List.of(t);
        }
        if (stem.equals("ffn_gate_inp_shexp") && t.shape().rank() == 1) {
            return List.of(t.as(layer + name + "." + kind, t.dtype(), Shape.of(1, t.shape().size(0)), null));
        }
        return List.of(rearranged(t, layer + name + "." + kind, stem));
    }

    private String expert(String which) {
        return switch (which) {
            case "gate" -> names.experts()[1];
            case "up" -> names.experts()[2];
            case "down" -> names.experts()[3];
            default -> null;
        };
    }

    /// The experts of a stack are matrices of their own, each where it lies.
    private static List<TensorEntry> sliced(TensorEntry t, String before, String behind) {
        if (t.shape().size(0) > MAX_EXPERTS || t.elements() == 0) {
            return List.of(t);
        }
        int experts = (int) t.shape().size(0);
        List<TensorEntry> out = new ArrayList<>();
        long bytes = t.bytes() / experts;
        for (int e = 0; e < experts; e++) {
            out.add(new TensorEntry(before + e + behind, t.dtype(), Shape.of(t.shape().size(1), t.shape().size(2)), t.file(), t.offset() + e * bytes, bytes, null, t.name()));
        }
        return out;
    }

    private TensorEntry expansion(TensorEntry k, String layer) {
        TensorEntry v = stored.get(k.name().replace("attn_k_b", "attn_v_b"));
        if (v == null || v.shape().rank() != 3 || v.shape().size(0) != k.shape().size(0) || v.shape().size(2) != k.shape().size(1) || !v.dtype().readable()) {
            throw Refusal.of(Category.TENSOR_MISSING, header.shown(), "the values' part that belongs to it, attn_v_b of the same heads, is not there").where("tensor " + k.name());
        }
        long rows = Math.multiplyExact(k.shape().size(0), k.shape().size(2) + v.shape().size(1));
        return k.as(layer + "self_attn.kv_b_proj.weight", DType.F32, Shape.of(rows, k.shape().size(1)), new Rearranged.Expansion(k, v));
    }

    private TensorEntry plain(TensorEntry t, String name) {
        return rearranged(t, name, "");
    }

    private TensorEntry rearranged(TensorEntry t, String name, String stem) {
        boolean gemma = keys.architecture().startsWith("gemma");
        Assembly how = null;
        if (gemma && name.endsWith("norm.weight") && t.dtype().readable() && !t.dtype().blocked()) {
            return t.as(name, DType.F32, t.shape(), new Rearranged.LessOne(t));
        }
        switch (keys.architecture()) {
            case "llama", "granite" -> {
                int heads = keys.wholeOr("attention.head_count", 0);
                if (stem.equals("attn_q")) {
                    how = rows(t, halves(t, heads));
                } else if (stem.equals("attn_k")) {
                    how = rows(t, halves(t, keys.wholeOr("attention.head_count_kv", heads)));
                }
            }
            case "gptneox" -> how = stem.equals("attn_qkv") ? rows(t, byHead(t, keys.wholeOr("attention.head_count", 0))) : null;
            case "gpt2" -> {
                boolean stored = Set.of("attn_qkv", "attn_output", "ffn_up", "ffn_down").contains(stem) && t.shape().rank() == 2;
                if (stored && t.dtype().readable()) {
                    return t.as(name, DType.F32, Shape.of(t.shape().size(1), t.shape().size(0)), new Rearranged.Transposed(t));
                }
            }
            default -> {
            }
        }
        return t.as(name, t.dtype(), t.shape(), how);
    }

    private static Assembly rows(TensorEntry t, LongUnaryOperator order) {
        return order == null ? null : new Rearranged.Rows(t, order);
    }

    /// Rotary pairs are neighbours in the file, and half a head apart in the checkpoint.
    private static LongUnaryOperator halves(TensorEntry t, int heads) {
        long rows = t.shape().size(0);
        if (heads <= 0 || rows % (2L * heads) != 0) {
            return null;
        }
        long width = rows / heads;
        return r -> {
            long in = r % width;
            return r - in + 2 * (in % (width / 2)) + in / (width / 2);
        };
    }

    /// Queries of all heads, then keys, then values in the file; in the checkpoint head by head.
    private static LongUnaryOperator byHead(TensorEntry t, int heads) {
        long rows = t.shape().size(0);
        if (heads <= 0 || rows % (3L * heads) != 0) {
            return null;
        }
        long width = rows / (3L * heads);
        return r -> {
            long head = r / (3 * width);
            long part = r / width % 3;
            return (part * heads + head) * width + r % width;
        };
    }
}
