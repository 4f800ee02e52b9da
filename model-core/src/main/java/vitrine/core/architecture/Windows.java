package vitrine.core.architecture;

import java.util.List;
import java.util.function.IntUnaryOperator;

/// Which layers attend within a sliding window.
public final class Windows {

    private Windows() {}

    /// Every layer the same: the config's `sliding_window`, none where it is null, `otherwise` where it is missing.
    public static IntUnaryOperator everyLayer(Config config, int otherwise) {
        int window = windowOr(config, otherwise);
        return layer -> window;
    }

    /// By `layer_types` where the config lists them, else by `otherwise` (true = sliding).
    public static IntUnaryOperator byLayerType(Config config, int layers, java.util.function.IntPredicate otherwise) {
        List<String> types = typesOrNull(config, layers);
        int window = windowOr(config, 4096);
        boolean[] slides = new boolean[layers];
        for (int l = 0; l < layers; l++) {
            slides[l] = types == null ? otherwise.test(l) : types.get(l).equals("sliding_attention");
            if (slides[l] && window == 0) {
                throw config.invalid("sliding_window", "is null, and layer %d has a sliding window", l);
            }
        }
        return l -> slides[l] ? window : 0;
    }

    private static int windowOr(Config config, int otherwise) {
        if (config.isNull("sliding_window")) {
            return 0;
        }
        return config.positiveOr("sliding_window", otherwise);
    }

    /// Qwen's rule: layers from `max_window_layers` on slide, where `use_sliding_window` is true.
    public static IntUnaryOperator qwen(Config config, int layers) {
        boolean use = config.flagOr("use_sliding_window", false);
        int first = config.countOr("max_window_layers", 28);
        if (!use) {
            List<String> types = typesOrNull(config, layers);
            config.ignore("sliding_window");
            if (types != null && types.contains("sliding_attention")) {
                throw config.invalid("layer_types", "it lists sliding_attention while use_sliding_window is false");
            }
            return l -> 0;
        }
        return byLayerType(config, layers, l -> l >= first);
    }

    /// Where `use_sliding_window` is true: the layers that `layer_types` lists, else those that `otherwise` names.
    public static IntUnaryOperator slidingIf(Config config, int layers, java.util.function.IntPredicate otherwise) {
        if (config.flagOr("use_sliding_window", false)) {
            return byLayerType(config, layers, otherwise);
        }
        return qwen(config, layers);
    }

    /// The types of all layers, or null where the config lists none.
    public static List<String> typesOrNull(Config config, int layers) {
        List<String> types = config.textsOrNull("layer_types");
        if (types == null) {
            return null;
        }
        if (types.size() != layers) {
            throw config.invalid("layer_types", "it has %d entries for %d layers", types.size(), layers);
        }
        for (String type : types) {
            if (!type.equals("sliding_attention") && !type.equals("full_attention")) {
                throw config.unsupported("layer_types", "layer type " + type);
            }
        }
        return types;
    }
}
