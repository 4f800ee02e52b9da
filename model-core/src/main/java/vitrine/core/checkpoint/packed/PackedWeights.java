package vitrine.core.checkpoint.packed;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.json.Json;
import vitrine.core.refusal.Bounds;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;

/// Finds packed weights among a checkpoint's tensors and puts the matrices that they stand for in their places.
public final class PackedWeights {

    private static final String STATE = ".quant_state.bitsandbytes__";
    private static final int MAX_STATE_BYTES = 1 << 16;

    private final Map<String, TensorEntry> tensors;
    private final boolean laterZeros;
    private final Map<String, TensorEntry> out = new LinkedHashMap<>();

    private PackedWeights(Map<String, TensorEntry> tensors, boolean laterZeros) {
        this.tensors = tensors;
        this.laterZeros = laterZeros;
    }

    /// Whether any tensor has a name that packed weights have.
    public static boolean areIn(Set<String> names) {
        return names.stream().anyMatch(n -> n.endsWith(".qweight") || n.endsWith(".SCB") || n.contains(STATE));
    }

    /// The tensors, with packed weights in one, under the name that the plain weight would have. What does not fit together stays as it is.
    ///
    /// @param config the checkpoint's, or null
    /// @throws Refusal `config-invalid` for a quantisation state that is none
    public static Map<String, TensorEntry> unpacked(Map<String, TensorEntry> tensors, ObjectNode config) {
        boolean later = config != null && config.path("quantization_config").path("checkpoint_format").asText("").equals("gptq_v2");
        return new PackedWeights(tensors, later).all();
    }

    private Map<String, TensorEntry> all() {
        for (TensorEntry t : tensors.values()) {
            TensorEntry as = one(t);
            out.putIfAbsent(as.name(), as);
        }
        for (Iterator<String> names = out.keySet().iterator(); names.hasNext(); ) {
            String name = names.next();
            if (isPart(name)) {
                names.remove();
            }
        }
        return out;
    }

    private TensorEntry one(TensorEntry t) {
        if (t.name().endsWith(".qweight")) {
            return grouped(t, t.name().substring(0, t.name().length() - ".qweight".length()));
        }
        if (t.name().endsWith(".weight") && t.dtype() == DType.I8 && t.shape().rank() == 2) {
            return rows(t);
        }
        if (t.name().endsWith(".weight") && t.dtype() == DType.U8) {
            for (String kind : List.of("nf4", "fp4")) {
                TensorEntry state = tensors.get(t.name() + STATE + kind);
                if (state != null) {
                    return blocks(t, state, kind);
                }
            }
        }
        return t;
    }

    /// Whether a tensor is a part of one that was put together.
    private boolean isPart(String name) {
        for (String suffix : List.of(".qzeros", ".scales", ".g_idx")) {
            if (name.endsWith(suffix)) {
                return assembled(name.substring(0, name.length() - suffix.length()) + ".weight");
            }
        }
        for (String suffix : List.of(".SCB", ".weight_format")) {
            if (name.endsWith(suffix)) {
                return assembled(name.substring(0, name.length() - suffix.length()) + ".weight");
            }
        }
        for (String part : List.of(".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map")) {
            if (name.endsWith(".weight" + part)) {
                return assembled(name.substring(0, name.length() - part.length()));
            }
        }
        int state = name.indexOf(STATE);
        return state > 0 && assembled(name.substring(0, state));
    }

    private boolean assembled(String weight) {
        return out.containsKey(weight) && out.get(weight).assembly() instanceof Unpacking;
    }

    private TensorEntry grouped(TensorEntry q, String layer) {
        TensorEntry zeros = tensors.get(layer + ".qzeros");
        TensorEntry scales = tensors.get(layer + ".scales");
        TensorEntry order = tensors.get(layer + ".g_idx");
        if (zeros == null || scales == null || tensors.containsKey(layer + ".weight") || q.dtype() != DType.I32 || zeros.dtype() != DType.I32 || !scales.dtype().floating()
                || !scales.dtype().readable() || q.shape().rank() != 2 || zeros.shape().rank() != 2 || scales.shape().rank() != 2) {
            return q;
        }
        long groups = scales.shape().size(0);
        long outputs = scales.shape().size(1);
        if (groups < 1 || outputs < 1 || outputs > Integer.MAX_VALUE || zeros.shape().size(0) != groups || 32 * zeros.shape().size(1) % outputs != 0) {
            return q;
        }
        long bits = 32 * zeros.shape().size(1) / outputs;
        if (q.shape().size(1) == outputs && (bits == 2 || bits == 4 || bits == 8)) {
            long inputs = q.shape().size(0) * (32 / bits);
            if (inputs < 1 || inputs > Integer.MAX_VALUE || order != null && (order.dtype() != DType.I32 || order.elements() != inputs)) {
                return q;
            }
            return matrix(q, layer, outputs, inputs, new Unpacking.Gptq(q, zeros, scales, order, (int) bits, laterZeros));
        }
        if (q.shape().size(1) == outputs / 8 && outputs % 8 == 0 && bits == 4 && order == null && q.shape().size(0) >= 1 && q.shape().size(0) <= Integer.MAX_VALUE) {
            return matrix(q, layer, outputs, q.shape().size(0), new Unpacking.Awq(q, zeros, scales));
        }
        return q;
    }

    private static TensorEntry matrix(TensorEntry q, String layer, long outputs, long inputs, Unpacking how) {
        new Bounds(q.file(), 0).bytes(q.name(), new long[] {outputs, inputs}, Math.multiplyExact(outputs, inputs), 32);
        return q.as(layer + ".weight", DType.F32, Shape.of(outputs, inputs), how);
    }

    private TensorEntry rows(TensorEntry q) {
        TensorEntry scales = tensors.get(q.name().substring(0, q.name().length() - ".weight".length()) + ".SCB");
        if (scales == null || !scales.dtype().readable() || scales.elements() != q.shape().size(0)) {
            return q;
        }
        return q.as(q.name(), DType.F32, q.shape(), new Unpacking.ByRow(q, scales));
    }

    private TensorEntry blocks(TensorEntry q, TensorEntry state, String kind) {
        JsonNode s = read(state);
        TensorEntry absmax = tensors.get(q.name() + ".absmax");
        TensorEntry map = tensors.get(q.name() + ".quant_map");
        TensorEntry nested = tensors.get(q.name() + ".nested_absmax");
        TensorEntry nestedMap = tensors.get(q.name() + ".nested_quant_map");
        long block = s.path("blocksize").asLong(0);
        long nestedBlock = s.path("nested_blocksize").asLong(0);
        JsonNode shape = s.path("shape");
        if (absmax == null || map == null || !shape.isArray() || shape.isEmpty() || shape.size() > 8 || block < 2 || block % 2 != 0) {
            throw invalid(state, "it has no shape, or no block size, or its scales (absmax, quant_map) are not there");
        }
        long[] sizes = new long[shape.size()];
        for (int i = 0; i < sizes.length; i++) {
            sizes[i] = shape.get(i).isIntegralNumber() && shape.get(i).canConvertToLong() ? shape.get(i).longValue() : -1;
            if (sizes[i] < 1) {
                throw invalid(state, "its shape holds %s".formatted(shape.get(i).toString().length() > 30 ? "something long" : shape.get(i)));
            }
        }
        Bounds bounds = new Bounds(q.file(), 0);
        long elements = bounds.elements(q.name(), sizes);
        bounds.bytes(q.name(), sizes, elements, 32);
        long scales = Math.ceilDiv(elements, block);
        boolean twice = nested != null || nestedMap != null;
        boolean fits = q.elements() == Math.ceilDiv(elements, 2) && map.elements() == 16 && map.dtype() == DType.F32 && absmax.elements() == scales
                && (twice ? absmax.dtype() == DType.U8 && nested != null && nestedMap != null && nestedMap.elements() == 256 && nestedMap.dtype() == DType.F32 && nested.dtype() == DType.F32
                        && nestedBlock > 0 && nested.elements() == Math.ceilDiv(scales, nestedBlock) : absmax.dtype() == DType.F32);
        if (!fits) {
            throw Refusal.of(Category.SIZE_MISMATCH, q.file(), "its shape %s in blocks of %,d does not fit %,d bytes and %,d scales", Shape.of(sizes).toString(), block, q.elements(), absmax.elements())
                    .where("tensor " + q.name());
        }
        return q.as(q.name(), DType.F32, Shape.of(sizes), new Unpacking.Blocks(q, absmax, map, nested, nestedMap, kind, block, nestedBlock, s.path("nested_offset").asDouble(0)));
    }

    private static Refusal invalid(TensorEntry state, String problem) {
        return Refusal.of(Category.CONFIG_INVALID, state.file(), "the state of a quantised weight is not understood: %s", problem).where("tensor " + state.name());
    }

    private static JsonNode read(TensorEntry state) {
        if (state.bytes() > MAX_STATE_BYTES || state.dtype() != DType.U8) {
            throw invalid(state, "it has %,d bytes of %s".formatted(state.bytes(), state.dtype()));
        }
        ByteBuffer bytes = ByteBuffer.allocate((int) state.bytes());
        try (FileChannel channel = FileChannel.open(state.file(), StandardOpenOption.READ)) {
            while (bytes.hasRemaining()) {
                if (channel.read(bytes, state.offset() + bytes.position()) < 0) {
                    throw invalid(state, "the file ended within it");
                }
            }
        } catch (IOException e) {
            throw Refusal.of(Category.UNREADABLE, state.file(), "cannot be read (%s)", Json.reason(e)).cause(e);
        }
        return Json.readObject(bytes.array(), Path.of(state.file().getFileName().toString()), Category.CONFIG_INVALID);
    }
}
