package vitrine.core.architecture;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// A `config.json`, read key by key. It remembers which keys were read, so that a feature nobody asked about is noticed.
///
/// @see KnownKeys
public final class Config {

    private final ObjectNode node;
    private final Path file;
    private final String prefix;
    private final Set<String> read = new LinkedHashSet<>();
    private final Map<String, Config> children = new HashMap<>();

    public Config(ObjectNode node, Path file) {
        this(node, file, "");
    }

    private Config(ObjectNode node, Path file, String prefix) {
        this.node = node;
        this.file = file;
        this.prefix = prefix;
    }

    public Path file() {
        return file;
    }

    /// Whether the key is there with a value other than null.
    public boolean has(String key) {
        read.add(key);
        return node.hasNonNull(key);
    }

    /// Whether the key is there, be it with null.
    public boolean isPresent(String key) {
        read.add(key);
        return node.has(key);
    }

    /// Whether the key is there with the value null, which in some families means something else than leaving it out.
    public boolean isNull(String key) {
        return isPresent(key) && node.get(key).isNull();
    }

    /// A whole number from 1.
    ///
    /// @throws Refusal `config-invalid` where it is missing, null or something else
    public int positive(String key) {
        return whole(key, 1);
    }

    /// A whole number from 1, or the default where the key is missing or null.
    public int positiveOr(String key, int otherwise) {
        return has(key) ? whole(key, 1) : otherwise;
    }

    /// A whole number from 0, or the default where the key is missing or null.
    public int countOr(String key, int otherwise) {
        return has(key) ? whole(key, 0) : otherwise;
    }

    private int whole(String key, int least) {
        JsonNode v = value(key);
        if (!v.isIntegralNumber() || !v.canConvertToInt() || v.intValue() < least) {
            throw invalid(key, "is %s; a whole number from %d to %,d belongs here", show(v), least, Integer.MAX_VALUE);
        }
        return v.intValue();
    }

    /// Whether the key is there with a number.
    public boolean isNumber(String key) {
        return has(key) && node.get(key).isNumber();
    }

    /// A finite number.
    public double number(String key) {
        JsonNode v = value(key);
        if (!v.isNumber() || !Double.isFinite(v.doubleValue())) {
            throw invalid(key, "is %s; a finite number belongs here", show(v));
        }
        return v.doubleValue();
    }

    public double numberOr(String key, double otherwise) {
        return has(key) ? number(key) : otherwise;
    }

    public boolean flagOr(String key, boolean otherwise) {
        if (!has(key)) {
            return otherwise;
        }
        JsonNode v = value(key);
        if (!v.isBoolean()) {
            throw invalid(key, "is %s; true or false belongs here", show(v));
        }
        return v.booleanValue();
    }

    public String text(String key) {
        JsonNode v = value(key);
        if (!v.isTextual()) {
            throw invalid(key, "is %s; a text belongs here", show(v));
        }
        return v.textValue();
    }

    public String textOr(String key, String otherwise) {
        return has(key) ? text(key) : otherwise;
    }

    /// A list of texts, or null where the key is missing or null.
    public List<String> textsOrNull(String key) {
        if (!has(key)) {
            return null;
        }
        List<String> out = new ArrayList<>();
        JsonNode v = value(key);
        for (JsonNode e : v) {
            if (!e.isTextual()) {
                throw invalid(key, "holds %s; a list of texts belongs here", show(e));
            }
            out.add(e.textValue());
        }
        if (!v.isArray()) {
            throw invalid(key, "is %s; a list of texts belongs here", show(v));
        }
        return out;
    }

    /// A list of whole numbers from 0; empty where the key is missing or null.
    public int[] wholes(String key) {
        if (!has(key)) {
            return new int[0];
        }
        JsonNode v = value(key);
        if (!v.isArray()) {
            throw invalid(key, "is %s; a list of whole numbers belongs here", show(v));
        }
        int[] out = new int[v.size()];
        for (int i = 0; i < out.length; i++) {
            JsonNode e = v.get(i);
            if (!e.isIntegralNumber() || !e.canConvertToInt() || e.intValue() < 0) {
                throw invalid(key, "holds %s; a list of whole numbers from 0 belongs here", show(e));
            }
            out[i] = e.intValue();
        }
        return out;
    }

    /// A list of exactly `count` finite numbers.
    public double[] numbers(String key, int count) {
        JsonNode v = value(key);
        if (!v.isArray() || v.size() != count) {
            throw invalid(key, "has %s; a list of %d numbers belongs here", v.isArray() ? v.size() + " entries" : show(v), count);
        }
        double[] out = new double[count];
        for (int i = 0; i < count; i++) {
            if (!v.get(i).isNumber() || !Double.isFinite(v.get(i).doubleValue())) {
                throw invalid(key, "holds %s; a list of numbers belongs here", show(v.get(i)));
            }
            out[i] = v.get(i).doubleValue();
        }
        return out;
    }

    /// The object under a key, or null where it is missing or null. Its keys are watched like this config's own.
    public Config objectOrNull(String key) {
        if (!has(key)) {
            return null;
        }
        JsonNode v = value(key);
        if (!(v instanceof ObjectNode object)) {
            throw invalid(key, "is %s; an object belongs here", show(v));
        }
        return children.computeIfAbsent(key, k -> new Config(object, file, prefix + key + "."));
    }

    /// Whether it has no keys.
    public boolean isEmpty() {
        return node.isEmpty();
    }

    private JsonNode value(String key) {
        read.add(key);
        JsonNode v = node.get(key);
        if (v == null) {
            throw Refusal.of(Category.CONFIG_INVALID, file, "%s is missing", prefix + key);
        }
        return v;
    }

    /// A refusal of the value under a key.
    public Refusal invalid(String key, String problem, Object... arguments) {
        return Refusal.of(Category.CONFIG_INVALID, file, problem, arguments).where(prefix + key);
    }

    /// A refusal of a feature that is not understood.
    public Refusal unsupported(String key, String value) {
        return Refusal.of(Category.FAMILY_UNSUPPORTED, file, "%s is not understood, so the model is not run", value).where(prefix + key)
                .help("Anatomy and everything else that needs no forward pass still work.");
    }

    /// Says that a key's value makes no difference here, so that it does not count as unread.
    public void ignore(String... keys) {
        read.addAll(List.of(keys));
    }

    /// Keys with a value other than null or false that nobody read, with their values.
    Map<String, String> unread() {
        Map<String, String> out = new java.util.TreeMap<>();
        for (String key : new TreeSet<>(iterable())) {
            JsonNode v = node.get(key);
            boolean idle = v.isNull() || v.isBoolean() && !v.booleanValue();
            if (!read.contains(key) && !idle) {
                out.put(prefix + key, show(v));
            }
        }
        children.values().forEach(c -> out.putAll(c.unread()));
        return out;
    }

    private List<String> iterable() {
        List<String> keys = new ArrayList<>();
        node.fieldNames().forEachRemaining(keys::add);
        return keys;
    }

    private static String show(JsonNode v) {
        String text = v.toString();
        return text.length() > 60 ? text.substring(0, 59) + "…" : text;
    }
}
