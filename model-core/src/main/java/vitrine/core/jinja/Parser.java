package vitrine.core.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import vitrine.core.jinja.Lexer.Kind;
import vitrine.core.jinja.Lexer.Token;
import vitrine.core.jinja.Node.Call;
import vitrine.core.jinja.Node.Expression;
import vitrine.core.jinja.Node.Statement;

/// From words to statements, in Jinja's grammar; precedence from `if ... else` down to names.
final class Parser {

    private static final int MAX_DEPTH = 100;
    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");

    private final List<Token> tokens;
    private int at;
    private int depth;

    private Parser(List<Token> tokens) {
        this.tokens = tokens;
    }

    static List<Statement> parse(String source) {
        Parser p = new Parser(Lexer.tokens(source));
        List<Statement> all = p.body(Set.of());
        if (p.peek().kind() != Kind.END) {
            throw p.wrong("the tag " + p.peek().text() + " has no beginning");
        }
        return all;
    }

    // --- words

    private Token peek() {
        return tokens.get(at);
    }

    private Token next() {
        return tokens.get(at++);
    }

    private boolean skip(String word) {
        if (peek().is(word)) {
            at++;
            return true;
        }
        return false;
    }

    private Token expect(Kind kind) {
        if (peek().kind() != kind) {
            throw wrong("expected " + kind.name().toLowerCase(java.util.Locale.ROOT).replace('_', ' ') + ", found " + shown());
        }
        return next();
    }

    private void expect(String word) {
        if (!skip(word)) {
            throw wrong("expected " + word + ", found " + shown());
        }
    }

    private String shown() {
        return peek().kind() == Kind.END ? "the end" : peek().text().isBlank() ? "a text" : peek().text();
    }

    private TemplateError wrong(String what) {
        return TemplateError.at(peek().line(), what);
    }

    // --- statements

    /// Statements up to a block that begins with one of `ends`, which stays to be read, its name next.
    private List<Statement> body(Set<String> ends) {
        if (++depth > MAX_DEPTH) {
            throw wrong("blocks are nested more than " + MAX_DEPTH + " deep");
        }
        List<Statement> out = new ArrayList<>();
        while (peek().kind() != Kind.END) {
            Token t = next();
            switch (t.kind()) {
                case TEXT -> out.add(new Statement.Text(t.text()));
                case PRINT_BEGIN -> {
                    out.add(new Statement.Print(tuple()));
                    expect(Kind.PRINT_END);
                }
                default -> {
                    if (peek().kind() != Kind.NAME) {
                        throw wrong("a block begins with a name, not with " + shown());
                    }
                    if (ends.contains(peek().text())) {
                        depth--;
                        return out;
                    }
                    out.add(block(next().text()));
                }
            }
        }
        if (!ends.isEmpty()) {
            throw wrong("a block has no " + String.join(" or ", ends.stream().sorted().toList()));
        }
        depth--;
        return out;
    }

    private Statement block(String name) {
        switch (name) {
            case "if" -> {
                return branches();
            }
            case "for" -> {
                return loop();
            }
            case "set" -> {
                return set();
            }
            case "macro" -> {
                return macro(expect(Kind.NAME).text(), "endmacro");
            }
            case "call" -> {
                List<String> parameters = new ArrayList<>();
                Map<String, Expression> defaults = new LinkedHashMap<>();
                if (peek().is("(")) {
                    parameters(parameters, defaults);
                }
                if (!(expression() instanceof Call call) || call.kind() != Call.Kind.FUNCTION) {
                    throw wrong("a call block needs a call");
                }
                expect(Kind.BLOCK_END);
                return new Statement.CallBlock(call, new Statement.Macro("caller", parameters, defaults, upTo("endcall")));
            }
            case "filter" -> {
                at--;
                List<Call> filters = filters(true);
                expect(Kind.BLOCK_END);
                return new Statement.FilterBlock(filters, upTo("endfilter"));
            }
            case "with" -> {
                List<Statement.Set> values = new ArrayList<>();
                while (peek().kind() != Kind.BLOCK_END) {
                    if (!values.isEmpty()) {
                        expect(",");
                    }
                    Expression target = new Node.Name(expect(Kind.NAME).text());
                    expect("=");
                    values.add(new Statement.Set(target, expression()));
                }
                expect(Kind.BLOCK_END);
                return new Statement.With(values, upTo("endwith"));
            }
            case "generation" -> {
                expect(Kind.BLOCK_END);
                return new Statement.Generation(upTo("endgeneration"));
            }
            case "break" -> {
                expect(Kind.BLOCK_END);
                return new Statement.Break();
            }
            case "continue" -> {
                expect(Kind.BLOCK_END);
                return new Statement.Continue();
            }
            default -> throw wrong("the block " + name + " is not known here");
        }
    }

    private List<Statement> upTo(String end) {
        List<Statement> body = body(Set.of(end));
        expect(end);
        // endmacro may repeat the name.
        if (peek().kind() == Kind.NAME) {
            next();
        }
        expect(Kind.BLOCK_END);
        return body;
    }

    private Statement branches() {
        List<Statement.Branch> branches = new ArrayList<>();
        List<Statement> otherwise = List.of();
        while (true) {
            Expression test = tuple();
            expect(Kind.BLOCK_END);
            branches.add(new Statement.Branch(test, body(Set.of("elif", "else", "endif"))));
            if (skip("elif")) {
                continue;
            }
            if (skip("else")) {
                expect(Kind.BLOCK_END);
                otherwise = body(Set.of("endif"));
            }
            expect("endif");
            expect(Kind.BLOCK_END);
            return new Statement.If(branches, otherwise);
        }
    }

    private Statement loop() {
        Expression target = target();
        expect("in");
        Expression items = disjunction();
        if (peek().is(",")) {
            items = rest(items);
        }
        Expression filter = skip("if") ? expression() : null;
        boolean recursive = skip("recursive");
        expect(Kind.BLOCK_END);
        List<Statement> body = body(Set.of("else", "endfor"));
        List<Statement> otherwise = List.of();
        if (skip("else")) {
            expect(Kind.BLOCK_END);
            otherwise = body(Set.of("endfor"));
        }
        expect("endfor");
        expect(Kind.BLOCK_END);
        return new Statement.For(target, items, filter, body, otherwise, recursive);
    }

    private Expression target() {
        List<Expression> names = new ArrayList<>();
        boolean tuple = false;
        boolean closed = skip("(");
        do {
            if (peek().is("in") || peek().is("=") || peek().is(")")) {
                break;
            }
            Expression e = new Node.Name(expect(Kind.NAME).text());
            if (skip(".")) {
                e = new Node.Attribute(e, expect(Kind.NAME).text());
            }
            names.add(e);
            tuple |= peek().is(",");
        } while (skip(","));
        if (closed) {
            expect(")");
        }
        if (names.isEmpty()) {
            throw wrong("expected a name, found " + shown());
        }
        return tuple ? new Node.ListOf(names, true) : names.getFirst();
    }

    private Statement set() {
        Expression target = target();
        if (skip("=")) {
            Expression value = tuple();
            expect(Kind.BLOCK_END);
            return new Statement.Set(target, value);
        }
        List<Call> filters = filters(false);
        expect(Kind.BLOCK_END);
        return new Statement.SetBlock(target, filters, upTo("endset"));
    }

    private Statement.Macro macro(String name, String end) {
        List<String> parameters = new ArrayList<>();
        Map<String, Expression> defaults = new LinkedHashMap<>();
        parameters(parameters, defaults);
        expect(Kind.BLOCK_END);
        return new Statement.Macro(name, parameters, defaults, upTo(end));
    }

    private void parameters(List<String> parameters, Map<String, Expression> defaults) {
        expect("(");
        while (!skip(")")) {
            if (!parameters.isEmpty()) {
                expect(",");
                if (skip(")")) {
                    return;
                }
            }
            String p = expect(Kind.NAME).text();
            parameters.add(p);
            if (skip("=")) {
                defaults.put(p, expression());
            }
        }
    }

    /// @param bare whether the first filter's name stands without a bar, after the block's own name
    private List<Call> filters(boolean bare) {
        List<Call> out = new ArrayList<>();
        boolean first = bare;
        while (first || peek().is("|")) {
            next();
            out.add(filter(null));
            first = false;
        }
        return out;
    }

    // --- expressions

    /// One expression, or several with commas between.
    private Expression tuple() {
        Expression first = expression();
        return peek().is(",") ? rest(first) : first;
    }

    private Expression rest(Expression first) {
        List<Expression> items = new ArrayList<>(List.of(first));
        while (skip(",")) {
            if (peek().kind() == Kind.BLOCK_END || peek().kind() == Kind.PRINT_END || peek().is(")")) {
                break;
            }
            items.add(expression());
        }
        return new Node.ListOf(items, true);
    }

    private Expression expression() {
        if (++depth > MAX_DEPTH) {
            throw wrong("expressions are nested more than " + MAX_DEPTH + " deep");
        }
        Expression value = disjunction();
        while (skip("if")) {
            Expression test = disjunction();
            value = new Node.Conditional(test, value, skip("else") ? expression() : null);
        }
        depth--;
        return value;
    }

    private Expression disjunction() {
        Expression left = conjunction();
        while (skip("or")) {
            left = new Node.Binary("or", left, conjunction());
        }
        return left;
    }

    private Expression conjunction() {
        Expression left = negation();
        while (skip("and")) {
            left = new Node.Binary("and", left, negation());
        }
        return left;
    }

    private Expression negation() {
        int nots = 0;
        while (skip("not")) {
            nots++;
        }
        Expression e = comparison();
        for (; nots > 0; nots--) {
            e = new Node.Not(e);
        }
        return e;
    }

    private Expression comparison() {
        Expression first = sum();
        List<String> operators = new ArrayList<>();
        List<Expression> others = new ArrayList<>();
        while (true) {
            if (peek().kind() == Kind.OPERATOR && COMPARISONS.contains(peek().text())) {
                operators.add(next().text());
            } else if (skip("in")) {
                operators.add("in");
            } else if (peek().is("not") && tokens.get(at + 1).is("in")) {
                at += 2;
                operators.add("not in");
            } else {
                return operators.isEmpty() ? first : new Node.Comparison(first, operators, others);
            }
            others.add(sum());
        }
    }

    private Expression sum() {
        Expression left = joined();
        while (peek().is("+") || peek().is("-")) {
            left = new Node.Binary(next().text(), left, joined());
        }
        return left;
    }

    private Expression joined() {
        Expression left = product();
        while (skip("~")) {
            left = new Node.Binary("~", left, product());
        }
        return left;
    }

    private Expression product() {
        Expression left = power();
        while (peek().is("*") || peek().is("/") || peek().is("//") || peek().is("%")) {
            left = new Node.Binary(next().text(), left, power());
        }
        return left;
    }

    private Expression power() {
        Expression left = unary(true);
        while (skip("**")) {
            left = new Node.Binary("**", left, unary(true));
        }
        return left;
    }

    private Expression unary(boolean withFilter) {
        if (++depth > MAX_DEPTH) {
            throw wrong("expressions are nested more than " + MAX_DEPTH + " deep");
        }
        Expression e;
        if (skip("-")) {
            e = new Node.Negative(unary(false));
        } else if (skip("+")) {
            e = unary(false);
        } else {
            e = postfix(primary());
        }
        depth--;
        return withFilter ? filtered(e) : e;
    }

    private Expression primary() {
        Token t = next();
        switch (t.kind()) {
            case NAME -> {
                return switch (t.text()) {
                    case "true", "True" -> new Node.Constant(true);
                    case "false", "False" -> new Node.Constant(false);
                    case "none", "None" -> new Node.Constant(null);
                    default -> new Node.Name(t.text());
                };
            }
            case STRING -> {
                StringBuilder all = new StringBuilder(t.text());
                while (peek().kind() == Kind.STRING) {
                    all.append(next().text());
                }
                return new Node.Constant(all.toString());
            }
            case INTEGER -> {
                try {
                    return new Node.Constant(Long.parseLong(t.text()));
                } catch (NumberFormatException e) {
                    throw TemplateError.at(t.line(), "the number " + t.text() + " is too large");
                }
            }
            case FLOAT -> {
                return new Node.Constant(Double.parseDouble(t.text()));
            }
            default -> {
                if (t.is("(")) {
                    if (skip(")")) {
                        return new Node.ListOf(List.of(), true);
                    }
                    Expression inner = tuple();
                    expect(")");
                    return inner;
                }
                if (t.is("[")) {
                    return new Node.ListOf(items("]"), false);
                }
                if (t.is("{")) {
                    return map();
                }
                at--;
                throw wrong("expected a value, found " + shown());
            }
        }
    }

    private List<Expression> items(String close) {
        List<Expression> items = new ArrayList<>();
        while (!skip(close)) {
            if (!items.isEmpty()) {
                expect(",");
                if (skip(close)) {
                    break;
                }
            }
            items.add(expression());
        }
        return items;
    }

    private Expression map() {
        List<Expression> keys = new ArrayList<>();
        List<Expression> values = new ArrayList<>();
        while (!skip("}")) {
            if (!keys.isEmpty()) {
                expect(",");
                if (skip("}")) {
                    break;
                }
            }
            keys.add(expression());
            expect(":");
            values.add(expression());
        }
        return new Node.MapOf(keys, values);
    }

    private Expression postfix(Expression of) {
        Expression e = of;
        while (true) {
            if (skip(".")) {
                Token t = next();
                if (t.kind() == Kind.NAME) {
                    e = new Node.Attribute(e, t.text());
                } else if (t.kind() == Kind.INTEGER) {
                    e = new Node.Item(e, new Node.Constant(Long.parseLong(t.text())));
                } else {
                    at--;
                    throw wrong("expected a name after the dot, found " + shown());
                }
            } else if (skip("[")) {
                e = new Node.Item(e, key());
                expect("]");
            } else if (peek().is("(")) {
                e = call(e);
            } else {
                return e;
            }
        }
    }

    private Expression key() {
        Expression from = peek().is(":") ? null : expression();
        if (!skip(":")) {
            return from;
        }
        Expression to = peek().is(":") || peek().is("]") ? null : expression();
        Expression step = skip(":") && !peek().is("]") ? expression() : null;
        return new Node.Slice(from, to, step);
    }

    private Call call(Expression of) {
        List<Expression> arguments = new ArrayList<>();
        Map<String, Expression> named = new LinkedHashMap<>();
        arguments(arguments, named);
        return new Call(Call.Kind.FUNCTION, of, null, arguments, named);
    }

    private void arguments(List<Expression> arguments, Map<String, Expression> named) {
        expect("(");
        boolean first = true;
        while (!skip(")")) {
            if (!first) {
                expect(",");
                if (skip(")")) {
                    return;
                }
            }
            first = false;
            if (peek().kind() == Kind.NAME && tokens.get(at + 1).is("=")) {
                String name = next().text();
                next();
                named.put(name, expression());
            } else if (named.isEmpty()) {
                arguments.add(expression());
            } else {
                throw wrong("a value without a name stands behind one with a name");
            }
        }
    }

    private Expression filtered(Expression of) {
        Expression e = of;
        while (true) {
            if (skip("|")) {
                e = filter(e);
            } else if (skip("is")) {
                e = test(e);
            } else if (peek().is("(")) {
                e = call(e);
            } else {
                return e;
            }
        }
    }

    private Call filter(Expression of) {
        String name = expect(Kind.NAME).text();
        List<Expression> arguments = new ArrayList<>();
        Map<String, Expression> named = new LinkedHashMap<>();
        if (peek().is("(")) {
            arguments(arguments, named);
        }
        return new Call(Call.Kind.FILTER, of, name, arguments, named);
    }

    private Expression test(Expression of) {
        boolean not = skip("not");
        String name = expect(Kind.NAME).text();
        List<Expression> arguments = new ArrayList<>();
        Map<String, Expression> named = new LinkedHashMap<>();
        Token t = peek();
        if (t.is("(")) {
            arguments(arguments, named);
        } else if (switch (t.kind()) {
            case STRING, INTEGER, FLOAT -> true;
            case NAME -> !Set.of("else", "or", "and", "if", "is", "in", "not", "recursive").contains(t.text());
            default -> t.is("[") || t.is("{");
        }) {
            arguments.add(postfix(primary()));
        }
        Expression call = new Call(Call.Kind.TEST, of, name, arguments, named);
        return not ? new Node.Not(call) : call;
    }
}
