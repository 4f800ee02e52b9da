package vitrine.core.architecture;

import java.util.Collection;
import java.util.HashSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// The names of a checkpoint's tensors, asked by families that come in more than one naming.
public final class TensorNames {

    private static final Pattern LAYER = Pattern.compile("(?:^|\\.)(?:layers|layer|h|blocks|block)\\.(\\d{1,9})\\.");

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
        Matcher m = LAYER.matcher(name);
        return m.find() ? Integer.parseInt(m.group(1)) : -1;
    }

    public boolean has(String name) {
        return names.contains(name);
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
        int declared = config.positive(key);
        if (declared != layers) {
            throw Refusal.of(Category.CONFIG_MISMATCH, config.file(), "it declares %,d layers; the tensors are those of %,d", declared, layers)
                    .where(key);
        }
        return declared;
    }
}
