package vitrine.views.anatomy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import vitrine.core.tensor.Shape;

/// Tensor names and shapes as they are read on screen.
final class Names {

    /// The words that checkpoints number their layers by; the same as those of the architectures' own reader.
    private static final Pattern LAYER = Pattern.compile("(?:^|\\.)(?:layers|layer|h|blocks|block)\\.(\\d{1,9})\\.");
    private static final String WEIGHT = ".weight";

    /// Where a name places its tensor.
    ///
    /// @param stack what stands before the number, such as `model.layers`
    /// @param rest what stands behind it, such as `self_attn.q_proj.weight`
    record Place(String stack, int layer, String rest) {}

    private Names() {}

    /// The layer that a tensor's name speaks of, or null.
    static Place place(String name) {
        Matcher m = LAYER.matcher(name);
        return m.find() ? new Place(name.substring(0, m.start(1) - 1), Integer.parseInt(m.group(1)), name.substring(m.end())) : null;
    }

    /// The same tensor's name in another layer, or null for a tensor of no layer.
    static String inLayer(String name, int layer) {
        Place p = place(name);
        return p == null ? null : p.stack + "." + layer + "." + p.rest;
    }

    /// The name without a final `.weight`, which most tensors have.
    static String withoutWeight(String name) {
        return name.endsWith(WEIGHT) && name.length() > WEIGHT.length() ? name.substring(0, name.length() - WEIGHT.length()) : name;
    }

    /// The last component, without a final `.weight`: `q_proj`; a bias keeps its owner: `q_proj.bias`.
    static String last(String name) {
        String stem = withoutWeight(name);
        int dot = stem.lastIndexOf('.');
        if (dot > 0 && !stem.equals(name)) {
            return stem.substring(dot + 1);
        }
        return dot > 0 ? stem.substring(stem.lastIndexOf('.', dot - 1) + 1) : stem;
    }

    /// Ends of a name, shorter ones first, of up to four components, without a final `.weight`; none begins with a number, which says
    /// nothing alone: `down_proj`, `experts.3.down_proj`, `mlp.experts.3.down_proj`.
    static List<String> ends(String name) {
        String stem = withoutWeight(name);
        List<String> out = new ArrayList<>(4);
        String last = last(name);
        out.add(last);
        int from = stem.length() - last.length() - 1;
        for (int k = 0; k < 3 && from > 0; k++) {
            from = stem.lastIndexOf('.', from - 1);
            if (from + 1 < stem.length() && !isDigit(stem.charAt(from + 1))) {
                out.add(stem.substring(from + 1));
            }
        }
        return out;
    }

    /// The last two components: `gate_proj.weight`.
    static String title(String name) {
        int dot = name.lastIndexOf('.');
        return dot <= 0 ? name : name.substring(name.lastIndexOf('.', dot - 1) + 1);
    }

    /// The last component of a path, such as `layers` of `model.layers`.
    static String tail(String path) {
        return path.substring(path.lastIndexOf('.') + 1);
    }

    /// A shape with air, for prose: `512 × 64`.
    static String spaced(Shape shape) {
        return joined(shape, " × ");
    }

    /// A shape for a column: `512×64`.
    static String tight(Shape shape) {
        return joined(shape, "×");
    }

    private static String joined(Shape shape, String between) {
        return shape.rank() == 0 ? "scalar" : Arrays.stream(shape.sizes()).mapToObj(Long::toString).collect(Collectors.joining(between));
    }

    /// Compares names so that numbers in them count as numbers: `layers.2` before `layers.10`.
    static int compareNaturally(String a, String b) {
        int i = 0;
        int j = 0;
        while (i < a.length() && j < b.length()) {
            if (isDigit(a.charAt(i)) && isDigit(b.charAt(j))) {
                int endA = endOfNumber(a, i);
                int endB = endOfNumber(b, j);
                int order = compareDigits(a, skipZeros(a, i, endA), endA, b, skipZeros(b, j, endB), endB);
                if (order != 0) {
                    return order;
                }
                i = endA;
                j = endB;
            } else {
                int order = Character.compare(a.charAt(i++), b.charAt(j++));
                if (order != 0) {
                    return order;
                }
            }
        }
        int order = Integer.compare(a.length() - i, b.length() - j);
        return order != 0 ? order : a.compareTo(b);
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }

    private static int endOfNumber(String s, int from) {
        int end = from;
        while (end < s.length() && isDigit(s.charAt(end))) {
            end++;
        }
        return end;
    }

    private static int skipZeros(String s, int from, int end) {
        int at = from;
        while (at < end - 1 && s.charAt(at) == '0') {
            at++;
        }
        return at;
    }

    private static int compareDigits(String a, int fromA, int endA, String b, int fromB, int endB) {
        int order = Integer.compare(endA - fromA, endB - fromB);
        for (int k = 0; order == 0 && k < endA - fromA; k++) {
            order = Character.compare(a.charAt(fromA + k), b.charAt(fromB + k));
        }
        return order;
    }
}
