package vitrine.core.architecture;

import java.util.Collection;
import java.util.HashSet;
import java.util.Set;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// The names of a checkpoint's tensors, asked by families that come in more than one naming.
public final class TensorNames {

    private static final Set<String> LISTS = Set.of("layers", "layer", "h", "blocks", "block");
    private static final int MAX_DIGITS = 9;

    private final Set<String> names;
    private final int layers;

    public TensorNames(Collection<String> names) {
        this.names = new HashSet<>(names);
        int most = -1;
        for (String name : names) {
            most = Math.max(most, layerOf(name));
        }
        layers = most + 1;
    }

    /// The layer that a tensor's name places it in, or -1.
    public static int layerOf(String name) {
        int start = 0;
        for (int dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', start)) {
            int next = name.indexOf('.', dot + 1);
            if (next > 0 && LISTS.contains(name.substring(start, dot))) {
                int layer = numberOr(name, dot + 1, next);
                if (layer >= 0) {
                    return layer;
                }
            }
            start = dot + 1;
        }
        return -1;
    }

    /// The digits of `name` from `from` to before `to`, or -1 where that is no number of a layer.
    private static int numberOr(String name, int from, int to) {
        if (to == from || to - from > MAX_DIGITS) {
            return -1;
        }
        int value = 0;
        for (int i = from; i < to; i++) {
            char c = name.charAt(i);
            if (c < '0' || c > '9') {
                return -1;
            }
            value = 10 * value + c - '0';
        }
        return value;
    }

    /// A module's path in the library's model. Published checkpoints of a bare base model leave its first part out.
    public static String libraryPath(String path, String modelType) {
        int dot = path.indexOf('.');
        return switch (dot < 0 ? path : path.substring(0, dot)) {
            case "h", "wte", "word_embeddings", "blocks" -> "transformer." + path;
            case "layers", "embed_tokens", "embed_in" -> (modelType.equals("gpt_neox") ? "gpt_neox." : "model.") + path;
            case "decoder" -> "model." + path;
            default -> path;
        };
    }

    public boolean has(String name) {
        return names.contains(name);
    }

    /// How many names there are.
    public int size() {
        return names.size();
    }

    /// How many layers the names speak of: the highest number plus one.
    public int layers() {
        return layers;
    }

    /// `prefix` where `PREFIX + tensor` is there or `tensor` alone is not; else the empty prefix of a bare base model.
    public String prefix(String prefix, String tensor) {
        return !names.contains(prefix + tensor) && names.contains(tensor) ? "" : prefix;
    }

    /// The number of layers, where config and tensors agree on it.
    ///
    /// @throws Refusal `config-mismatch` where they do not; asked before anything is made per layer
    public int requireLayers(Config config, String key) {
        return requireLayers(config, key, 0);
    }

    /// The number of layers, where up to `behind` layers may follow the declared ones.
    public int requireLayers(Config config, String key, int behind) {
        int declared = config.positive(key);
        if (declared > layers || layers > (long) declared + behind) {
            throw Refusal.of(Category.CONFIG_MISMATCH, config.file(), "it declares %,d layers; the tensors are those of %,d", declared, layers)
                    .where(key);
        }
        return declared;
    }
}
