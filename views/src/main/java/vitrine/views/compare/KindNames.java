package vitrine.views.compare;

import java.util.Map;

/// Kinds of matrix in words, as the columns of maps name them.
final class KindNames {

    private static final Map<String, String> SHORT = Map.of("query", "q", "key", "k", "value", "v", "output", "o");
    private static final Map<String, String> PLURAL = Map.of("query", "Query projections", "key", "Key projections", "value", "Value projections", "output", "Output projections", "gate",
            "Gate matrices", "up", "Up matrices", "down", "Down matrices", "router", "Routers");

    private KindNames() {}

    static String shortName(String kind) {
        return SHORT.getOrDefault(kind, kind);
    }

    static String plural(String kind) {
        return PLURAL.getOrDefault(kind, "Matrices of kind " + kind);
    }
}
