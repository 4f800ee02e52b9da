package vitrine.core.task;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// Parts of a model that are named one by one, by the numbers that they have in it, from 0.
///
/// @param layers numbers of layers
/// @param heads query heads, `LAYER.HEAD`
/// @param experts routed experts, `LAYER.EXPERT`
@JsonInclude(JsonInclude.Include.NON_NULL)
public record DroppedParts(List<Integer> layers, List<String> heads, List<String> experts) {

    private static final Pattern PART = Pattern.compile("(\\d{1,6})\\.(\\d{1,6})");

    public DroppedParts {
        if (layers != null && layers.stream().anyMatch(l -> l == null || l < 0)) {
            throw Refusal.of(Category.TASK_INVALID, null, "drop names a layer that is no number from 0");
        }
        requireParts("head", heads);
        requireParts("expert", experts);
        if ((layers == null || layers.isEmpty()) && (heads == null || heads.isEmpty()) && (experts == null || experts.isEmpty())) {
            throw Refusal.of(Category.TASK_INVALID, null, "drop names nothing; layers, heads or experts belong there");
        }
    }

    private static void requireParts(String what, List<String> parts) {
        if (parts != null) {
            for (String p : parts) {
                if (p == null || !PART.matcher(p).matches()) {
                    throw Refusal.of(Category.TASK_INVALID, null, "the %s to drop is %s; LAYER.%s belongs here, such as 3.0", what, p, what.toUpperCase(java.util.Locale.ROOT));
                }
            }
        }
    }

    /// Refuses parts that a model does not have.
    public void requireIn(ModelSpec spec) {
        int count = spec.layers().size();
        for (int l : layers == null ? List.<Integer>of() : layers) {
            requireLayer("layer " + l, l, count);
        }
        byLayer(heads).forEach((l, which) -> {
            requireLayer("head " + l + "." + which.getFirst(), l, count);
            int all = spec.layers().get(l).attention().heads();
            if (which.getLast() >= all) {
                throw Refusal.of(Category.TASK_INVALID, null, "head %d.%d is to go, and layer %d has %d heads, from 0", l, which.getLast(), l, all);
            }
        });
        byLayer(experts).forEach((l, which) -> {
            requireLayer("expert " + l + "." + which.getFirst(), l, count);
            int all = spec.expertLayers().contains(l) ? spec.experts(l).experts().count() : 0;
            if (which.getLast() >= all) {
                throw Refusal.of(Category.TASK_INVALID, null, all == 0 ? "expert %d.%d is to go, and layer %d has no experts" : "expert %d.%d is to go, and layer %d has %d experts, from 0", l,
                        which.getLast(), l, all);
            }
        });
    }

    private static void requireLayer(String what, int layer, int count) {
        if (layer >= count) {
            throw Refusal.of(Category.TASK_INVALID, null, "%s is to go, and the model has %d layers, from 0", what, count);
        }
    }

    /// The numbers of the layers that go, without repeats.
    public TreeSet<Integer> layerSet() {
        return new TreeSet<>(layers == null ? List.of() : layers);
    }

    /// The numbers of the heads that go, by layer.
    public Map<Integer, TreeSet<Integer>> headsByLayer() {
        return byLayer(heads);
    }

    /// The numbers of the experts that go, by layer.
    public Map<Integer, TreeSet<Integer>> expertsByLayer() {
        return byLayer(experts);
    }

    private static Map<Integer, TreeSet<Integer>> byLayer(List<String> parts) {
        Map<Integer, TreeSet<Integer>> out = new TreeMap<>();
        for (String p : parts == null ? List.<String>of() : parts) {
            Matcher m = PART.matcher(p);
            if (m.matches()) {
                out.computeIfAbsent(Integer.valueOf(m.group(1)), l -> new TreeSet<>()).add(Integer.valueOf(m.group(2)));
            }
        }
        return new LinkedHashMap<>(out);
    }
}
