package vitrine.core.jinja;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import vitrine.core.jinja.Node.Call;
import vitrine.core.jinja.Node.Expression;
import vitrine.core.jinja.Node.Statement;
import vitrine.core.jinja.Python.Function;
import vitrine.core.jinja.Python.Namespace;
import vitrine.core.jinja.Python.Undefined;
import vitrine.core.jinja.Template.Rendered;
import vitrine.core.jinja.Template.Span;

/// One application of a template.
///
/// Names set in a loop, a macro or a `with` are gone behind it; those of an `if` stay.
final class Renderer {

    private static final long MAX_STEPS = 2_000_000;
    private static final int MAX_CHARACTERS = 16 << 20;
    private static final int MAX_DEPTH = 150;
    private static final long MAX_NANOS = 10_000_000_000L;

    /// Names, and where to look for those that are not here.
    private record Scope(Scope outer, Map<String, Object> names) {
        Object get(String name) {
            for (Scope s = this; s != null; s = s.outer) {
                if (s.names.containsKey(name)) {
                    return s.names.get(name);
                }
            }
            return new Undefined(name);
        }

        Scope inner() {
            return new Scope(this, new HashMap<>());
        }
    }

    private enum Flow {
        ON, BREAK, CONTINUE
    }

    private final Scope global;
    private final Map<Object, Integer> watched = new IdentityHashMap<>();
    private final List<Span> generated = new ArrayList<>();
    private final List<List<Span>> turns = new ArrayList<>();
    private final StringBuilder root = new StringBuilder();
    private final long started = System.nanoTime();
    private StringBuilder out = root;
    private long steps;
    private int depth;

    Renderer(Map<String, ?> values, List<?> watch) {
        Map<String, Object> names = new HashMap<>(Filters.functions());
        names.putAll(values);
        global = new Scope(null, names);
        for (Object w : watch) {
            watched.put(w, turns.size());
            turns.add(new ArrayList<>());
        }
    }

    Rendered run(List<Statement> statements) {
        if (run(statements, global.inner()) != Flow.ON) {
            throw new TemplateError("break or continue stands outside a loop");
        }
        return new Rendered(root.toString(), generated, turns);
    }

    private void step() {
        if (++steps > MAX_STEPS || (steps & 0xfff) == 0 && System.nanoTime() - started > MAX_NANOS) {
            throw new TemplateError("it takes too long");
        }
    }

    private void print(String text) {
        out.append(text);
        if (out.length() > MAX_CHARACTERS) {
            throw new TemplateError("it prints more than 16,777,216 characters");
        }
    }

    // --- statements

    private Flow run(List<Statement> body, Scope scope) {
        if (++depth > MAX_DEPTH) {
            throw new TemplateError("macros or loops are nested more than " + MAX_DEPTH + " deep");
        }
        Flow flow = Flow.ON;
        for (Statement s : body) {
            flow = run(s, scope);
            if (flow != Flow.ON) {
                break;
            }
        }
        depth--;
        return flow;
    }

    private Flow run(Statement s, Scope scope) {
        step();
        switch (s) {
            case Statement.Text t -> print(t.text());
            case Statement.Print p -> print(Python.str(value(p.value(), scope)));
            case Statement.If i -> {
                for (Statement.Branch b : i.branches()) {
                    if (Python.truth(value(b.test(), scope))) {
                        return run(b.body(), scope);
                    }
                }
                return run(i.otherwise(), scope);
            }
            case Statement.For f -> loop(f, Python.items(value(f.items(), scope)), scope, 0);
            case Statement.Set t -> assign(t.target(), value(t.value(), scope), scope);
            case Statement.SetBlock b -> assign(b.target(), filtered(b.filters(), captured(b.body(), scope.inner()), scope), scope);
            case Statement.FilterBlock b -> print(Python.str(filtered(b.filters(), captured(b.body(), scope.inner()), scope)));
            case Statement.Macro m -> scope.names.put(m.name(), macro(m, scope));
            case Statement.CallBlock c -> print(Python.str(call(c.call(), scope, macro(c.caller(), scope))));
            case Statement.With w -> {
                Scope inner = scope.inner();
                w.values().forEach(t -> assign(t.target(), value(t.value(), scope), inner));
                return run(w.body(), inner);
            }
            case Statement.Generation g -> {
                int start = out.length();
                boolean direct = out == root;
                Flow flow = run(g.body(), scope.inner());
                if (direct) {
                    generated.add(new Span(start, out.length()));
                }
                return flow;
            }
            case Statement.Break b -> {
                return Flow.BREAK;
            }
            case Statement.Continue c -> {
                return Flow.CONTINUE;
            }
        }
        return Flow.ON;
    }

    private String captured(List<Statement> body, Scope scope) {
        StringBuilder before = out;
        out = new StringBuilder();
        try {
            run(body, scope);
            return out.toString();
        } finally {
            out = before;
        }
    }

    private Object filtered(List<Call> filters, Object value, Scope scope) {
        Object v = value;
        for (Call f : filters) {
            v = call(f.on(new Node.Constant(v)), scope, null);
        }
        return v;
    }

    private static void assign(Expression target, Object value, Scope scope) {
        switch (target) {
            case Node.Name n -> scope.names.put(n.name(), value);
            case Node.Attribute a -> {
                if (!(a.of() instanceof Node.Name n) || !(scope.get(n.name()) instanceof Namespace space)) {
                    throw new TemplateError("only a namespace's parts can be set");
                }
                space.values().put(a.name(), value);
            }
            case Node.ListOf l -> {
                List<Object> parts = Python.items(value);
                if (parts.size() != l.items().size()) {
                    throw new TemplateError(parts.size() + " values for " + l.items().size() + " names");
                }
                for (int i = 0; i < parts.size(); i++) {
                    assign(l.items().get(i), parts.get(i), scope);
                }
            }
            default -> throw new TemplateError("this cannot be set");
        }
    }

    private void loop(Statement.For f, List<Object> all, Scope scope, int level) {
        List<Object> items = all;
        if (f.filter() != null) {
            items = new ArrayList<>();
            for (Object item : all) {
                step();
                Scope inner = scope.inner();
                assign(f.target(), item, inner);
                if (Python.truth(value(f.filter(), inner))) {
                    items.add(item);
                }
            }
        }
        if (items.isEmpty()) {
            run(f.otherwise(), scope.inner());
            return;
        }
        List<Object> changes = new ArrayList<>();
        for (int i = 0; i < items.size(); i++) {
            step();
            Scope inner = scope.inner();
            inner.names.put("loop", state(f, items, i, scope, level, changes));
            assign(f.target(), items.get(i), inner);
            int start = out.length();
            Flow flow = run(f.body(), inner);
            Integer turn = out == root ? watched.get(items.get(i)) : null;
            if (turn != null && out.length() > start) {
                turns.get(turn).add(new Span(start, out.length()));
            }
            if (flow == Flow.BREAK) {
                return;
            }
        }
    }

    private Map<String, Object> state(Statement.For f, List<Object> items, int i, Scope scope, int level, List<Object> changes) {
        Map<String, Object> loop = new LinkedHashMap<>();
        loop.put("index", i + 1L);
        loop.put("index0", (long) i);
        loop.put("revindex", (long) items.size() - i);
        loop.put("revindex0", items.size() - i - 1L);
        loop.put("first", i == 0);
        loop.put("last", i == items.size() - 1);
        loop.put("length", (long) items.size());
        loop.put("depth", level + 1L);
        loop.put("depth0", (long) level);
        loop.put("previtem", i == 0 ? new Undefined("the item before the first") : items.get(i - 1));
        loop.put("nextitem", i == items.size() - 1 ? new Undefined("the item after the last") : items.get(i + 1));
        loop.put("cycle", (Function) (a, n) -> a.get(i % a.size()));
        loop.put("changed", (Function) (a, n) -> {
            boolean changed = changes.isEmpty() || !Python.equal(changes.getFirst(), a);
            changes.clear();
            changes.add(a);
            return changed;
        });
        if (f.recursive()) {
            loop.put(RECURSION, (Function) (a, n) -> {
                StringBuilder before = out;
                out = new StringBuilder();
                try {
                    loop(f, Python.items(a.getFirst()), scope, level + 1);
                    return out.toString();
                } finally {
                    out = before;
                }
            });
        }
        return loop;
    }

    private static final String RECURSION = "(call)";

    private Function macro(Statement.Macro m, Scope defined) {
        return (arguments, named) -> {
            Scope inner = defined.inner();
            if (arguments.size() > m.parameters().size()) {
                throw new TemplateError("the macro " + m.name() + " takes " + m.parameters().size() + " values, not " + arguments.size());
            }
            for (int i = 0; i < m.parameters().size(); i++) {
                String p = m.parameters().get(i);
                Expression otherwise = m.defaults().get(p);
                inner.names.put(p, i < arguments.size() ? arguments.get(i) : named.containsKey(p) ? named.get(p) : otherwise != null ? value(otherwise, inner) : new Undefined(p));
            }
            if (named.containsKey("caller")) {
                inner.names.put("caller", named.get("caller"));
            }
            return captured(m.body(), inner);
        };
    }

    // --- expressions

    private Object value(Expression e, Scope scope) {
        step();
        return switch (e) {
            case Node.Constant c -> c.value();
            case Node.Name n -> scope.get(n.name());
            case Node.ListOf l -> {
                List<Object> items = new ArrayList<>();
                l.items().forEach(i -> items.add(value(i, scope)));
                yield l.tuple() ? new Python.Tuple(items) : items;
            }
            case Node.MapOf m -> {
                Map<Object, Object> map = Python.map();
                for (int i = 0; i < m.keys().size(); i++) {
                    map.put(value(m.keys().get(i), scope), value(m.values().get(i), scope));
                }
                yield map;
            }
            case Node.Attribute a -> Python.attribute(value(a.of(), scope), a.name());
            case Node.Item i when i.key() instanceof Node.Slice s -> Python.slice(value(i.of(), scope), optional(s.from(), scope), optional(s.to(), scope), optional(s.step(), scope));
            case Node.Item i -> Python.item(value(i.of(), scope), value(i.key(), scope));
            case Node.Slice s -> throw new TemplateError("a slice stands outside brackets");
            case Call c -> call(c, scope, null);
            case Node.Not n -> !Python.truth(value(n.of(), scope));
            case Node.Negative n -> {
                Object v = value(n.of(), scope);
                yield v instanceof Double d ? (Object) (-d) : Python.arithmetic("-", 0L, v);
            }
            case Node.Binary b -> binary(b, scope);
            case Node.Comparison c -> compared(c, scope);
            case Node.Conditional c -> Python.truth(value(c.test(), scope)) ? value(c.then(), scope)
                    : c.otherwise() == null ? new Undefined("the other side of an if") : value(c.otherwise(), scope);
        };
    }

    private Object optional(Expression e, Scope scope) {
        return e == null ? null : value(e, scope);
    }

    private Object binary(Node.Binary b, Scope scope) {
        Object left = value(b.left(), scope);
        return switch (b.operator()) {
            case "and" -> Python.truth(left) ? value(b.right(), scope) : left;
            case "or" -> Python.truth(left) ? left : value(b.right(), scope);
            case "~" -> Python.add(Python.str(left), Python.str(value(b.right(), scope)));
            case "+" -> Python.add(left, value(b.right(), scope));
            default -> Python.arithmetic(b.operator(), left, value(b.right(), scope));
        };
    }

    private boolean compared(Node.Comparison c, Scope scope) {
        Object left = value(c.first(), scope);
        for (int i = 0; i < c.operators().size(); i++) {
            Object right = value(c.others().get(i), scope);
            boolean holds = switch (c.operators().get(i)) {
                case "==" -> Python.equal(left, right);
                case "!=" -> !Python.equal(left, right);
                case "<" -> Python.compare(left, right) < 0;
                case "<=" -> Python.compare(left, right) <= 0;
                case ">" -> Python.compare(left, right) > 0;
                case ">=" -> Python.compare(left, right) >= 0;
                case "in" -> Python.contains(right, left);
                default -> !Python.contains(right, left);
            };
            if (!holds) {
                return false;
            }
            left = right;
        }
        return true;
    }

    private Object call(Call c, Scope scope, Function caller) {
        Object of = value(c.of(), scope);
        List<Object> arguments = new ArrayList<>();
        c.arguments().forEach(a -> arguments.add(value(a, scope)));
        Map<String, Object> named = new LinkedHashMap<>();
        c.named().forEach((k, v) -> named.put(k, value(v, scope)));
        if (caller != null) {
            named.put("caller", caller);
        }
        try {
            return switch (c.kind()) {
                case FILTER -> Filters.filter(c.name(), of, arguments, named);
                case TEST -> Filters.test(c.name(), of, arguments);
                case FUNCTION -> switch (of) {
                    case Function f -> f.call(arguments, named);
                    case Map<?, ?> loop when loop.get(RECURSION) instanceof Function f -> f.call(arguments, named);
                    case Undefined u -> throw Python.undefined(u);
                    case null, default -> throw new TemplateError(Python.kind(of) + " cannot be called");
                };
            };
        } catch (java.util.NoSuchElementException | IndexOutOfBoundsException e) {
            throw new TemplateError((c.name() == null ? "a call" : c.name()) + " misses a value");
        }
    }
}
