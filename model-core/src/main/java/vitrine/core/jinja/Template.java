package vitrine.core.jinja;

import java.util.List;
import java.util.Map;

/// A template, read and ready to be applied. It keeps no state.
public final class Template {

    private final List<Node.Statement> statements;

    private Template(List<Node.Statement> statements) {
        this.statements = statements;
    }

    /// Reads a template.
    ///
    /// @throws TemplateError naming the line
    public static Template parse(String source) {
        return new Template(Parser.parse(source));
    }

    /// What a template made of its values.
    ///
    /// @param generated from where to where `generation` blocks printed, in UTF-16 characters
    /// @param turns where the loops printed whose item was a watched value: `turns.get(i)` belongs to `watched.get(i)`
    public record Rendered(String text, List<Span> generated, List<List<Span>> turns) {}

    /// A function of one value that templates may be given.
    public static Object function(java.util.function.UnaryOperator<Object> of) {
        return (Python.Function) (arguments, named) -> of.apply(arguments.isEmpty() ? null : arguments.getFirst());
    }

    /// A part of a text.
    public record Span(int start, int end) {}

    /// Applies it.
    ///
    /// @param values by name: null, [Boolean], [Long], [Double], [String], [List] and [Map] of such, and what [#function] makes
    /// @param watched values, told apart by identity, for which it is told where loops over them printed
    /// @throws TemplateError where the template refuses the values, or goes beyond what a template may take
    public Rendered render(Map<String, ?> values, List<?> watched) {
        return new Renderer(values, watched).run(statements);
    }
}
