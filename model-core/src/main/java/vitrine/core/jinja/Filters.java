package vitrine.core.jinja;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import vitrine.core.jinja.Python.Namespace;
import vitrine.core.jinja.Python.Tuple;
import vitrine.core.jinja.Python.Undefined;

/// Filters (`value | name`) and tests (`value is name`).
final class Filters {

    private static final long MAX_CHARACTERS = 16 << 20;
    private static final int MAX_DEPTH = 200;

    private Filters() {}

    private static Object or(List<Object> a, int i, Map<String, Object> named, String name, Object otherwise) {
        return i < a.size() ? a.get(i) : named.getOrDefault(name, otherwise);
    }

    static Object filter(String name, Object v, List<Object> a, Map<String, Object> n) {
        if (v instanceof Undefined u && !java.util.Set.of("default", "d", "list", "length", "count", "join", "string", "trim", "map", "select", "reject", "selectattr", "rejectattr",
                "upper", "lower", "title", "capitalize", "replace", "first", "last", "unique", "reverse").contains(name)) {
            throw Python.undefined(u);
        }
        return switch (name) {
            case "default", "d" -> v instanceof Undefined || Python.truth(or(a, 1, n, "boolean", false)) && !Python.truth(v) ? or(a, 0, n, "default_value", "") : v;
            case "trim" -> Methods.strip(Python.str(v), or(a, 0, n, "chars", null), true, true);
            case "upper" -> Python.str(v).toUpperCase(Locale.ROOT);
            case "lower" -> Python.str(v).toLowerCase(Locale.ROOT);
            case "title" -> Methods.title(Python.str(v));
            case "capitalize" -> Methods.capital(Python.str(v));
            case "string" -> Python.str(v);
            case "safe" -> v;
            case "length", "count" -> Python.length(v);
            case "list" -> Python.items(v);
            case "first" -> first(Python.items(v));
            case "last" -> first(Python.items(v).reversed());
            case "reverse" -> v instanceof String s ? new StringBuilder(s).reverse().toString() : Python.items(v).reversed();
            case "join" -> Methods.join(Python.str(or(a, 0, n, "d", "")), mapped(v, or(a, 1, n, "attribute", null)));
            case "replace" -> Methods.replace(Python.str(v), Python.str(or(a, 0, n, "old", "")), Python.str(or(a, 1, n, "new", "")), Python.whole(or(a, 2, n, "count", -1L)));
            case "tojson" -> json(v, or(a, 0, n, "indent", null), n);
            case "int" -> whole(v, or(a, 0, n, "default", 0L));
            case "float" -> real(v, or(a, 0, n, "default", 0.0));
            case "abs" -> v instanceof Double d ? (Object) Math.abs(d) : Math.abs(Python.whole(v));
            case "round" -> round(v, Python.whole(or(a, 0, n, "precision", 0L)));
            case "sum" -> Python.items(mapped(v, or(a, 0, n, "attribute", null))).stream().reduce(0L, Python::add);
            case "min" -> Python.items(v).stream().min(Python::compare).orElse(new Undefined("the smallest of nothing"));
            case "max" -> Python.items(v).stream().max(Python::compare).orElse(new Undefined("the largest of nothing"));
            case "sort" -> sorted(v, n);
            case "unique" -> unique(v);
            case "items" -> Methods.ofOrNull(v, "items") == null ? new ArrayList<>() : Methods.ofOrNull(v, "items").call(List.of(), Map.of());
            case "dictsort" -> dictionary(v);
            case "attr" -> v instanceof Map<?, ?> ? new Undefined(Python.str(a.getFirst())) : Python.attribute(v, Python.text(a.getFirst()));
            case "map" -> map(v, a, n);
            case "select", "reject" -> picked(v, null, a, name.equals("select"));
            case "selectattr", "rejectattr" -> picked(v, Python.text(or(a, 0, n, "attribute", null)), a.subList(1, a.size()), name.equals("selectattr"));
            case "indent" -> indented(Python.str(v), or(a, 0, n, "width", 4L), Python.truth(or(a, 1, n, "first", false)), Python.truth(or(a, 2, n, "blank", false)));
            case "format" -> Methods.formatted(Python.str(v), a, n);
            case "escape", "e" -> Python.str(v).replace("&", "&amp;").replace(">", "&gt;").replace("<", "&lt;").replace("'", "&#39;").replace("\"", "&#34;");
            case "wordcount" -> (long) ((List<?>) Methods.ofOrNull(Python.str(v), "split").call(List.of(), Map.of())).size();
            case "batch" -> batched(v, Python.whole(or(a, 0, n, "linecount", 1L)));
            default -> throw new TemplateError("the filter " + name + " is not known here");
        };
    }

    private static Object first(List<Object> items) {
        return items.isEmpty() ? new Undefined("the first of nothing") : items.getFirst();
    }

    private static Object mapped(Object v, Object attribute) {
        return attribute == null ? v : map(v, List.of(), Map.of("attribute", attribute));
    }

    private static List<Object> map(Object v, List<Object> a, Map<String, Object> n) {
        List<Object> out = new ArrayList<>();
        for (Object item : Python.items(v)) {
            if (n.containsKey("attribute")) {
                Object value = path(item, Python.str(n.get("attribute")));
                out.add(value instanceof Undefined && n.containsKey("default") ? n.get("default") : value);
            } else {
                out.add(filter(Python.text(a.getFirst()), item, a.subList(1, a.size()), n));
            }
        }
        return out;
    }

    private static Object path(Object of, String names) {
        Object v = of;
        for (String name : names.split("\\.")) {
            v = Python.item(v, name.matches("\\d{1,9}") ? (Object) Long.parseLong(name) : name);
        }
        return v;
    }

    private static List<Object> picked(Object v, String attribute, List<Object> a, boolean keeps) {
        List<Object> out = new ArrayList<>();
        for (Object item : Python.items(v)) {
            Object value = attribute == null ? item : path(item, attribute);
            boolean is = a.isEmpty() ? Python.truth(value) : test(Python.text(a.getFirst()), value, a.subList(1, a.size()));
            if (is == keeps) {
                out.add(item);
            }
        }
        return out;
    }

    private static Object whole(Object v, Object otherwise) {
        try {
            return switch (v) {
                case Double d -> (long) (double) d;
                case String s -> s.strip().matches("[-+]?\\d+") ? Long.parseLong(s.strip().replaceFirst("^\\+", "")) : (Object) (long) Double.parseDouble(s.strip());
                case null, default -> Python.whole(v);
            };
        } catch (NumberFormatException | TemplateError e) {
            return otherwise;
        }
    }

    private static Object real(Object v, Object otherwise) {
        try {
            return v instanceof String s ? Double.parseDouble(s.strip()) : Python.number(v);
        } catch (NumberFormatException | TemplateError e) {
            return otherwise;
        }
    }

    private static Object round(Object v, long digits) {
        return new java.math.BigDecimal(Double.toString(Python.number(v))).setScale((int) Math.clamp(digits, -30, 30), java.math.RoundingMode.HALF_EVEN).doubleValue();
    }

    private static List<Object> sorted(Object v, Map<String, Object> n) {
        List<Object> out = Python.items(v);
        boolean caseSensitive = Python.truth(n.getOrDefault("case_sensitive", false));
        Comparator<Object> order = Comparator.comparing(x -> {
            Object key = n.containsKey("attribute") ? path(x, Python.str(n.get("attribute"))) : x;
            return key instanceof String s && !caseSensitive ? s.toLowerCase(Locale.ROOT) : key;
        }, Python::compare);
        out.sort(Python.truth(n.getOrDefault("reverse", false)) ? order.reversed() : order);
        return out;
    }

    private static List<Object> unique(Object v) {
        List<Object> out = new ArrayList<>();
        for (Object item : Python.items(v)) {
            if (out.stream().noneMatch(x -> Python.equal(x instanceof String s ? s.toLowerCase(Locale.ROOT) : x, item instanceof String s ? s.toLowerCase(Locale.ROOT) : item))) {
                out.add(item);
            }
        }
        return out;
    }

    private static List<Object> dictionary(Object v) {
        if (!(v instanceof Map<?, ?> m)) {
            throw new TemplateError("a map belongs before dictsort, not " + Python.kind(v));
        }
        List<Object> out = new ArrayList<>();
        m.entrySet().stream().sorted(Comparator.comparing(e -> e.getKey() instanceof String s ? s.toLowerCase(Locale.ROOT) : e.getKey(), Python::compare))
                .forEach(e -> out.add(new Tuple(java.util.Arrays.asList(e.getKey(), e.getValue()))));
        return out;
    }

    private static String indented(String s, Object width, boolean first, boolean blank) {
        String by = width instanceof String w ? w : " ".repeat((int) Math.clamp(Python.whole(width), 0, 1000));
        StringBuilder out = new StringBuilder();
        String[] lines = s.split("\n", -1);
        for (int i = 0; i < lines.length; i++) {
            boolean indents = i == 0 ? first : blank || !lines[i].isEmpty();
            out.append(i > 0 ? "\n" : "").append(indents ? by : "").append(lines[i]);
        }
        return out.toString();
    }

    private static List<Object> batched(Object v, long count) {
        List<Object> out = new ArrayList<>();
        List<Object> part = null;
        for (Object item : Python.items(v)) {
            if (part == null || part.size() >= Math.max(1, count)) {
                part = new ArrayList<>();
                out.add(part);
            }
            part.add(item);
        }
        return out;
    }

    // --- JSON, as json.dumps writes it with ensure_ascii=False

    static String json(Object v, Object indent, Map<String, Object> n) {
        StringBuilder out = new StringBuilder();
        String by = indent == null ? null : indent instanceof String s ? s : " ".repeat((int) Math.clamp(Python.whole(indent), 0, 100));
        String item = by == null ? ", " : ",";
        String key = ": ";
        if (n.get("separators") instanceof List<?> s && s.size() == 2) {
            item = Python.text(s.get(0));
            key = Python.text(s.get(1));
        }
        new JsonText(out, by, item, key, Python.truth(n.getOrDefault("sort_keys", false)), Python.truth(n.getOrDefault("ensure_ascii", false))).write(v, 0);
        return out.toString();
    }

    private record JsonText(StringBuilder out, String by, String item, String key, boolean sorts, boolean ascii) {

        void write(Object v, int depth) {
            if (depth > MAX_DEPTH || out.length() > MAX_CHARACTERS) {
                throw new TemplateError("a value is too deep or too long to be written");
            }
            switch (v) {
                case null -> out.append("null");
                case Boolean b -> out.append(b);
                case Long l -> out.append(l);
                case Double d -> out.append(Double.isNaN(d) ? "NaN" : Double.isInfinite(d) ? d > 0 ? "Infinity" : "-Infinity" : Python.decimal(d));
                case String s -> quote(s);
                case Collection<?> c -> {
                    out.append('[');
                    int n = 0;
                    for (Object x : c) {
                        next(n++, depth);
                        write(x, depth + 1);
                    }
                    close(n, depth, ']');
                }
                case Map<?, ?> m -> {
                    out.append('{');
                    int n = 0;
                    List<Object> keys = new ArrayList<>(m.keySet());
                    if (sorts) {
                        keys.sort(Python::compare);
                    }
                    for (Object k : keys) {
                        next(n++, depth);
                        quote(k instanceof Boolean b ? b.toString() : k == null ? "null" : Python.str(k));
                        out.append(key);
                        write(m.get(k), depth + 1);
                    }
                    close(n, depth, '}');
                }
                default -> throw new TemplateError(Python.kind(v) + " cannot be written as JSON");
            }
        }

        private void next(int n, int depth) {
            out.append(n > 0 ? item : "");
            line(depth + 1);
        }

        private void close(int n, int depth, char c) {
            if (n > 0) {
                line(depth);
            }
            out.append(c);
        }

        private void line(int depth) {
            if (by != null) {
                out.append('\n').append(by.repeat(depth));
            }
        }

        private void quote(String s) {
            out.append('"');
            for (int i = 0; i < s.length(); i++) {
                char c = s.charAt(i);
                switch (c) {
                    case '"' -> out.append("\\\"");
                    case '\\' -> out.append("\\\\");
                    case '\n' -> out.append("\\n");
                    case '\r' -> out.append("\\r");
                    case '\t' -> out.append("\\t");
                    case '\b' -> out.append("\\b");
                    case '\f' -> out.append("\\f");
                    default -> {
                        if (c < 0x20 || ascii && c > 0x7e) {
                            out.append(String.format("\\u%04x", (int) c));
                        } else {
                            out.append(c);
                        }
                    }
                }
            }
            out.append('"');
        }
    }

    // --- tests

    static boolean test(String name, Object v, List<Object> a) {
        return switch (name) {
            case "defined" -> !(v instanceof Undefined);
            case "undefined" -> v instanceof Undefined;
            case "none" -> v == null;
            case "string" -> v instanceof String;
            case "boolean" -> v instanceof Boolean;
            case "true" -> Boolean.TRUE.equals(v);
            case "false" -> Boolean.FALSE.equals(v);
            case "integer" -> v instanceof Long;
            case "float" -> v instanceof Double;
            case "number" -> Python.isNumber(v);
            case "mapping" -> v instanceof Map<?, ?>;
            case "sequence" -> v instanceof String || v instanceof Collection<?> || v instanceof Map<?, ?>;
            case "iterable" -> v instanceof String || v instanceof Collection<?> || v instanceof Map<?, ?> || v instanceof Undefined;
            case "callable" -> v instanceof Python.Function;
            case "odd" -> Math.floorMod(Python.whole(v), 2) == 1;
            case "even" -> Math.floorMod(Python.whole(v), 2) == 0;
            case "divisibleby" -> Math.floorMod(Python.whole(v), Python.whole(a.getFirst())) == 0;
            case "eq", "equalto", "==" -> Python.equal(v, a.getFirst());
            case "ne", "!=" -> !Python.equal(v, a.getFirst());
            case "lt", "lessthan", "<" -> Python.compare(v, a.getFirst()) < 0;
            case "le", "<=" -> Python.compare(v, a.getFirst()) <= 0;
            case "gt", "greaterthan", ">" -> Python.compare(v, a.getFirst()) > 0;
            case "ge", ">=" -> Python.compare(v, a.getFirst()) >= 0;
            case "in" -> Python.contains(a.getFirst(), v);
            case "sameas" -> v == a.getFirst() || v instanceof Boolean b && b.equals(a.getFirst());
            case "upper" -> Python.str(v).equals(Python.str(v).toUpperCase(Locale.ROOT)) && !Python.str(v).equals(Python.str(v).toLowerCase(Locale.ROOT));
            case "lower" -> Python.str(v).equals(Python.str(v).toLowerCase(Locale.ROOT)) && !Python.str(v).equals(Python.str(v).toUpperCase(Locale.ROOT));
            default -> throw new TemplateError("the test " + name + " is not known here");
        };
    }

    // --- functions that are always there

    static Map<String, Object> functions() {
        Map<String, Object> f = new LinkedHashMap<>();
        f.put("range", (Python.Function) (a, n) -> range(a));
        f.put("namespace", (Python.Function) (a, n) -> {
            Map<String, Object> values = new LinkedHashMap<>();
            if (!a.isEmpty() && a.getFirst() instanceof Map<?, ?> m) {
                m.forEach((k, v) -> values.put(Python.str(k), v));
            }
            values.putAll(n);
            return new Namespace(values);
        });
        f.put("dict", (Python.Function) (a, n) -> {
            Map<Object, Object> out = Python.map();
            if (!a.isEmpty() && a.getFirst() instanceof Map<?, ?> m) {
                out.putAll(m);
            }
            out.putAll(n);
            return out;
        });
        f.put("raise_exception", (Python.Function) (a, n) -> {
            throw TemplateError.raised(a.isEmpty() ? "" : Python.str(a.getFirst()));
        });
        return f;
    }

    private static List<Object> range(List<Object> a) {
        if (a.isEmpty()) {
            throw new TemplateError("range misses a value");
        }
        long from = a.size() > 1 ? Python.whole(a.get(0)) : 0;
        long to = Python.whole(a.get(a.size() > 1 ? 1 : 0));
        long step = a.size() > 2 ? Python.whole(a.get(2)) : 1;
        if (step == 0 || Math.abs((to - from) / (double) step) > 100_000) {
            throw new TemplateError("a range is too long");
        }
        List<Object> out = new ArrayList<>();
        for (long i = from; step > 0 ? i < to : i > to; i += step) {
            out.add(i);
        }
        return out;
    }
}
