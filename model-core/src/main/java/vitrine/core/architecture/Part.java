package vitrine.core.architecture;

/// What a weight is for: the kinds of matrix that every view colours alike.
public enum Part {
    QUERY, KEY, VALUE, OUTPUT, GATE, UP, DOWN, EMBEDDING, HEAD, ROUTER, NORM, OTHER;

    /// The word on screen.
    public String label() {
        return name().charAt(0) + name().substring(1).toLowerCase(java.util.Locale.ROOT);
    }
}
