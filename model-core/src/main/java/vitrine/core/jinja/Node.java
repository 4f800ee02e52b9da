package vitrine.core.jinja;

import java.util.List;
import java.util.Map;

/// The parts of a template: statements that print and expressions that have a value.
sealed interface Node {

    /// What prints.
    sealed interface Statement extends Node {
        record Text(String text) implements Statement {}

        record Print(Expression value) implements Statement {}

        record If(List<Branch> branches, List<Statement> otherwise) implements Statement {}

        record Branch(Expression test, List<Statement> body) {}

        record For(Expression target, Expression items, Expression filter, List<Statement> body, List<Statement> otherwise, boolean recursive) implements Statement {}

        record Set(Expression target, Expression value) implements Statement {}

        /// `{% set x %}...{% endset %}`
        record SetBlock(Expression target, List<Call> filters, List<Statement> body) implements Statement {}

        record Macro(String name, List<String> parameters, Map<String, Expression> defaults, List<Statement> body) implements Statement {}

        /// `{% call f() %}...{% endcall %}`
        record CallBlock(Call call, Macro caller) implements Statement {}

        record FilterBlock(List<Call> filters, List<Statement> body) implements Statement {}

        /// `{% with a = 1 %}...{% endwith %}`
        record With(List<Set> values, List<Statement> body) implements Statement {}

        /// `{% generation %}`: what the model would have written.
        record Generation(List<Statement> body) implements Statement {}

        record Break() implements Statement {}

        record Continue() implements Statement {}
    }

    /// What has a value.
    sealed interface Expression extends Node {}

    record Constant(Object value) implements Expression {}

    record Name(String name) implements Expression {}

    record ListOf(List<Expression> items, boolean tuple) implements Expression {}

    record MapOf(List<Expression> keys, List<Expression> values) implements Expression {}

    record Attribute(Expression of, String name) implements Expression {}

    record Item(Expression of, Expression key) implements Expression {}

    record Slice(Expression from, Expression to, Expression step) implements Expression {}

    /// A call of `of`, or of a filter or a test called `name` whose first argument is `of`.
    record Call(Kind kind, Expression of, String name, List<Expression> arguments, Map<String, Expression> named) implements Expression {
        enum Kind {
            FUNCTION, FILTER, TEST
        }

        Call on(Expression first) {
            return new Call(kind, first, name, arguments, named);
        }
    }

    record Not(Expression of) implements Expression {}

    record Negative(Expression of) implements Expression {}

    /// `+ - * / // % ** ~`, `and`, `or`
    record Binary(String operator, Expression left, Expression right) implements Expression {}

    /// `a < b <= c`
    record Comparison(Expression first, List<String> operators, List<Expression> others) implements Expression {}

    record Conditional(Expression test, Expression then, Expression otherwise) implements Expression {}
}
