package vitrine.core.jinja;

import java.math.BigDecimal;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// How values behave: as Python's do.
///
/// A value is null (None), a [Boolean], a [Long], a [Double], a [String], a [List], a [Tuple], a [Map], or one of the kinds below.
final class Python {

    /// A name or a part that is not there: empty text, false, without parts.
    record Undefined(String what) {}

    /// What `namespace()` makes: attributes that can be set from inside loops.
    record Namespace(Map<String, Object> values) {}

    /// What can be called.
    interface Function {
        Object call(List<Object> arguments, Map<String, Object> named);
    }

    /// A list that cannot change, written with parentheses.
    static final class Tuple extends AbstractList<Object> {
        private final List<Object> items;

        Tuple(List<Object> items) {
            this.items = items;
        }

        @Override
        public Object get(int index) {
            return items.get(index);
        }

        @Override
        public int size() {
            return items.size();
        }
    }

    private static final long MAX_CHARACTERS = 16 << 20;
    private static final int MAX_DEPTH = 200;

    private Python() {}

    static TemplateError undefined(Undefined u) {
        return new TemplateError(u.what + " is not defined");
    }

    // --- kinds

    static String kind(Object v) {
        return switch (v) {
            case null -> "None";
            case Boolean b -> "a truth value";
            case Long l -> "a whole number";
            case Double d -> "a number";
            case String s -> "a text";
            case Undefined u -> "nothing (" + u.what + " is not defined)";
            case Collection<?> c -> "a list";
            case Map<?, ?> m -> "a map";
            default -> "a function or a namespace";
        };
    }

    static boolean truth(Object v) {
        return switch (v) {
            case null -> false;
            case Boolean b -> b;
            case Long l -> l != 0;
            case Double d -> d != 0;
            case String s -> !s.isEmpty();
            case Undefined u -> false;
            case Collection<?> c -> !c.isEmpty();
            case Map<?, ?> m -> !m.isEmpty();
            default -> true;
        };
    }

    static boolean isNumber(Object v) {
        return v instanceof Long || v instanceof Double || v instanceof Boolean;
    }

    static long whole(Object v) {
        return switch (v) {
            case Long l -> l;
            case Boolean b -> b ? 1 : 0;
            case null, default -> throw new TemplateError("a whole number belongs where " + kind(v) + " stands");
        };
    }

    static double number(Object v) {
        return switch (v) {
            case Double d -> d;
            case null, default -> whole(v);
        };
    }

    static String text(Object v) {
        if (v instanceof String s) {
            return s;
        }
        throw new TemplateError("a text belongs where " + kind(v) + " stands");
    }

    // --- str and repr

    /// What is printed.
    static String str(Object v) {
        return v instanceof String s ? s : v instanceof Undefined ? "" : repr(v);
    }

    static String repr(Object v) {
        StringBuilder out = new StringBuilder();
        repr(v, out, 0);
        return out.toString();
    }

    private static void repr(Object v, StringBuilder out, int depth) {
        if (depth > MAX_DEPTH || out.length() > MAX_CHARACTERS) {
            throw new TemplateError("a value is too deep or too long to be printed");
        }
        switch (v) {
            case null -> out.append("None");
            case Boolean b -> out.append(b ? "True" : "False");
            case Long l -> out.append(l);
            case Double d -> out.append(decimal(d));
            case String s -> quote(s, out);
            case Undefined u -> out.append("Undefined");
            case Collection<?> c -> {
                boolean tuple = v instanceof Tuple;
                out.append(tuple ? '(' : '[');
                int n = 0;
                for (Object item : c) {
                    out.append(n++ > 0 ? ", " : "");
                    repr(item, out, depth + 1);
                }
                out.append(tuple ? n == 1 ? ",)" : ")" : "]");
            }
            case Map<?, ?> m -> {
                out.append('{');
                int n = 0;
                for (Map.Entry<?, ?> e : m.entrySet()) {
                    out.append(n++ > 0 ? ", " : "");
                    repr(e.getKey(), out, depth + 1);
                    out.append(": ");
                    repr(e.getValue(), out, depth + 1);
                }
                out.append('}');
            }
            default -> throw new TemplateError(kind(v) + " cannot be printed");
        }
    }

    private static void quote(String s, StringBuilder out) {
        char q = s.indexOf('\'') >= 0 && s.indexOf('"') < 0 ? '"' : '\'';
        out.append(q);
        s.codePoints().forEach(c -> {
            switch (c) {
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                case '\\' -> out.append("\\\\");
                default -> {
                    if (c == q) {
                        out.append('\\').append(q);
                    } else if (c < 0x20 || c >= 0x7f && c <= 0xa0 || c == 0xad) {
                        out.append(String.format("\\x%02x", c));
                    } else {
                        out.appendCodePoint(c);
                    }
                }
            }
        });
        out.append(q);
    }

    /// A number with a fraction, as Python writes it.
    static String decimal(double d) {
        if (Double.isNaN(d)) {
            return "nan";
        }
        if (Double.isInfinite(d)) {
            return d > 0 ? "inf" : "-inf";
        }
        if (d == 0) {
            return 1 / d < 0 ? "-0.0" : "0.0";
        }
        BigDecimal b = new BigDecimal(Double.toString(d)).stripTrailingZeros();
        int exponent = b.precision() - b.scale() - 1;
        if (exponent >= -4 && exponent < 16) {
            return b.scale() <= 0 ? b.toBigInteger() + ".0" : b.toPlainString();
        }
        String digits = b.unscaledValue().abs().toString();
        return (d < 0 ? "-" : "") + digits.charAt(0) + (digits.length() > 1 ? "." + digits.substring(1) : "") + String.format("e%s%02d", exponent < 0 ? "-" : "+", Math.abs(exponent));
    }

    // --- comparison

    static boolean equal(Object a, Object b) {
        if (isNumber(a) && isNumber(b)) {
            return a instanceof Double || b instanceof Double ? number(a) == number(b) : whole(a) == whole(b);
        }
        if (a instanceof Undefined || b instanceof Undefined) {
            return a instanceof Undefined && b instanceof Undefined;
        }
        if (a instanceof Collection<?> x && b instanceof Collection<?> y) {
            if (x.size() != y.size() || a instanceof Tuple != b instanceof Tuple) {
                return false;
            }
            var right = y.iterator();
            for (Object left : x) {
                if (!equal(left, right.next())) {
                    return false;
                }
            }
            return true;
        }
        if (a instanceof Map<?, ?> x && b instanceof Map<?, ?> y) {
            return x.size() == y.size() && x.entrySet().stream().allMatch(e -> y.containsKey(e.getKey()) && equal(e.getValue(), y.get(e.getKey())));
        }
        return Objects.equals(a, b);
    }

    static int compare(Object a, Object b) {
        if (isNumber(a) && isNumber(b)) {
            return a instanceof Double || b instanceof Double ? Double.compare(number(a), number(b)) : Long.compare(whole(a), whole(b));
        }
        if (a instanceof String x && b instanceof String y) {
            return compareTexts(x, y);
        }
        if (a instanceof List<?> x && b instanceof List<?> y) {
            for (int i = 0; i < Math.min(x.size(), y.size()); i++) {
                if (!equal(x.get(i), y.get(i))) {
                    return compare(x.get(i), y.get(i));
                }
            }
            return Integer.compare(x.size(), y.size());
        }
        throw a instanceof Undefined u ? undefined(u) : b instanceof Undefined u ? undefined(u) : new TemplateError(kind(a) + " and " + kind(b) + " have no order");
    }

    private static int compareTexts(String x, String y) {
        int[] a = x.codePoints().toArray();
        int[] b = y.codePoints().toArray();
        return java.util.Arrays.compare(a, b);
    }

    static boolean contains(Object in, Object what) {
        return switch (in) {
            case String s -> s.contains(text(what));
            case Map<?, ?> m -> m.containsKey(what);
            case Collection<?> c -> c.stream().anyMatch(item -> equal(item, what));
            case Undefined u -> false;
            case null, default -> throw new TemplateError(kind(in) + " holds nothing to look for");
        };
    }

    // --- arithmetic

    static Object add(Object a, Object b) {
        if (a instanceof String x && b instanceof String y) {
            return bounded(x.length() + (long) y.length(), () -> x + y);
        }
        if (a instanceof List<?> x && b instanceof List<?> y && a instanceof Tuple == b instanceof Tuple) {
            List<Object> both = new ArrayList<>(x);
            both.addAll(y);
            return a instanceof Tuple ? new Tuple(both) : both;
        }
        return arithmetic("+", a, b);
    }

    private static <T> T bounded(long characters, java.util.function.Supplier<T> make) {
        if (characters > MAX_CHARACTERS) {
            throw new TemplateError("a text or a list would have more than 16,777,216 parts");
        }
        return make.get();
    }

    static Object arithmetic(String operator, Object a, Object b) {
        if (operator.equals("*") && (a instanceof String || a instanceof List<?>) && b instanceof Long n) {
            return repeated(a, n);
        }
        if (operator.equals("*") && a instanceof Long n && (b instanceof String || b instanceof List<?>)) {
            return repeated(b, n);
        }
        if (operator.equals("%") && a instanceof String s) {
            return Methods.formatted(s, b instanceof Tuple t ? t : List.of(b), Map.of());
        }
        if (!isNumber(a) || !isNumber(b)) {
            throw a instanceof Undefined u ? undefined(u) : b instanceof Undefined u ? undefined(u)
                    : new TemplateError(kind(a) + " " + operator + " " + kind(b) + " has no meaning");
        }
        boolean wide = a instanceof Double || b instanceof Double;
        if ((operator.equals("/") || operator.equals("//") || operator.equals("%")) && number(b) == 0) {
            throw new TemplateError("a division by 0");
        }
        try {
            return switch (operator) {
                case "+" -> wide ? (Object) (number(a) + number(b)) : Math.addExact(whole(a), whole(b));
                case "-" -> wide ? (Object) (number(a) - number(b)) : Math.subtractExact(whole(a), whole(b));
                case "*" -> wide ? (Object) (number(a) * number(b)) : Math.multiplyExact(whole(a), whole(b));
                case "/" -> number(a) / number(b);
                case "//" -> wide ? (Object) Math.floor(number(a) / number(b)) : Math.floorDiv(whole(a), whole(b));
                case "%" -> wide ? (Object) (number(a) - Math.floor(number(a) / number(b)) * number(b)) : Math.floorMod(whole(a), whole(b));
                case "**" -> wide || whole(b) < 0 ? (Object) Math.pow(number(a), number(b)) : java.math.BigInteger.valueOf(whole(a))
                        .pow((int) Math.min(4096, whole(b))).longValueExact();
                default -> throw new IllegalArgumentException(operator);
            };
        } catch (ArithmeticException e) {
            throw new TemplateError("a number grows beyond 64 bits");
        }
    }

    private static Object repeated(Object v, long times) {
        int n = (int) Math.clamp(times, 0, Integer.MAX_VALUE);
        if (v instanceof String s) {
            return bounded((long) s.length() * n, () -> s.repeat(n));
        }
        List<?> list = (List<?>) v;
        return bounded((long) list.size() * n, () -> {
            List<Object> out = new ArrayList<>();
            for (int i = 0; i < n; i++) {
                out.addAll(list);
            }
            return v instanceof Tuple ? new Tuple(out) : out;
        });
    }

    // --- parts

    static long length(Object v) {
        return switch (v) {
            case String s -> s.codePointCount(0, s.length());
            case Collection<?> c -> c.size();
            case Map<?, ?> m -> m.size();
            case Undefined u -> 0;
            case null, default -> throw new TemplateError(kind(v) + " has no length");
        };
    }

    /// What a loop goes over: a map's keys, a text's characters.
    static List<Object> items(Object v) {
        return switch (v) {
            case List<?> l -> new ArrayList<>(l);
            case Collection<?> c -> new ArrayList<>(c);
            case Map<?, ?> m -> new ArrayList<>(m.keySet());
            case String s -> {
                List<Object> out = new ArrayList<>();
                s.codePoints().forEach(c -> out.add(Character.toString(c)));
                yield out;
            }
            case Undefined u -> new ArrayList<>();
            case null, default -> throw new TemplateError("nothing can be listed of " + kind(v));
        };
    }

    /// `of[key]`; a [Undefined] where there is none.
    static Object item(Object of, Object key) {
        switch (of) {
            case Undefined u -> throw undefined(u);
            case Map<?, ?> m -> {
                if (m.containsKey(key)) {
                    return m.get(key);
                }
            }
            case List<?> l when key instanceof Long i -> {
                int at = (int) (i < 0 ? i + l.size() : i);
                if (at >= 0 && at < l.size()) {
                    return l.get(at);
                }
            }
            case String s when key instanceof Long i -> {
                int[] points = s.codePoints().toArray();
                int at = (int) (i < 0 ? i + points.length : i);
                if (at >= 0 && at < points.length) {
                    return Character.toString(points[at]);
                }
            }
            case Namespace n -> {
                if (key instanceof String k && n.values.containsKey(k)) {
                    return n.values.get(k);
                }
            }
            case null, default -> {
                // Nothing has no parts.
            }
        }
        return key instanceof String name ? attributeOrUndefined(of, name) : new Undefined("part " + str(key));
    }

    /// `of.name`: a method first, then a part, as Jinja looks.
    static Object attribute(Object of, String name) {
        if (of instanceof Undefined u) {
            throw undefined(u);
        }
        Object method = Methods.ofOrNull(of, name);
        if (method != null) {
            return method;
        }
        if (of instanceof Map<?, ?> m && m.containsKey(name)) {
            return m.get(name);
        }
        return attributeOrUndefined(of, name);
    }

    private static Object attributeOrUndefined(Object of, String name) {
        if (of instanceof Namespace n && n.values.containsKey(name)) {
            return n.values.get(name);
        }
        Object method = of instanceof Map<?, ?> ? null : Methods.ofOrNull(of, name);
        return method != null ? method : new Undefined(name);
    }

    static Object slice(Object of, Object from, Object to, Object step) {
        if (of instanceof Undefined u) {
            throw undefined(u);
        }
        List<Object> all = of instanceof String || of instanceof List<?> ? items(of) : null;
        if (all == null) {
            throw new TemplateError(kind(of) + " cannot be cut");
        }
        long by = step == null ? 1 : whole(step);
        if (by == 0) {
            throw new TemplateError("a slice goes by steps of 0");
        }
        int n = all.size();
        long first = from == null ? by > 0 ? 0 : n - 1 : bound(whole(from), n, by);
        long last = to == null ? by > 0 ? n : -1 : bound(whole(to), n, by);
        List<Object> out = new ArrayList<>();
        for (long i = first; by > 0 ? i < last : i > last; i += by) {
            out.add(all.get((int) i));
        }
        if (of instanceof String) {
            StringBuilder s = new StringBuilder();
            out.forEach(s::append);
            return s.toString();
        }
        return of instanceof Tuple ? new Tuple(out) : out;
    }

    private static long bound(long i, int n, long by) {
        long at = i < 0 ? i + n : i;
        return by > 0 ? Math.clamp(at, 0, n) : Math.clamp(at, -1, n - 1);
    }

    static Map<Object, Object> map() {
        return new LinkedHashMap<>();
    }
}
