package vitrine.core.jinja;

/// A template that cannot be read, or that cannot be applied to these values; the message is a clause without a full stop.
public final class TemplateError extends RuntimeException {

    private final boolean raised;

    /// An error in the words of whoever gives a template its values.
    public TemplateError(String message) {
        this(message, false);
    }

    private TemplateError(String message, boolean raised) {
        super(message);
        this.raised = raised;
    }

    /// An error that the template itself raised, with its own words.
    static TemplateError raised(String message) {
        return new TemplateError(message, true);
    }

    static TemplateError at(int line, String message) {
        return new TemplateError("line " + line + ": " + message);
    }

    /// Whether the template itself refused the values (`raise_exception`).
    public boolean raised() {
        return raised;
    }
}
