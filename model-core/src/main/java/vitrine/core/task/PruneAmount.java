package vitrine.core.task;

import com.fasterxml.jackson.databind.node.ObjectNode;
import vitrine.core.json.Json;

/// What a pruning run is driven by: which of its settings says how much goes.
public enum PruneAmount {
    sparsity, pattern, rank, layers, experts, expertsPerToken,
    /// Parts that are named one by one, or ranks of single matrices: there is nothing between.
    named;

    /// Which one a method's settings use; the sparsity where they say nothing.
    public static PruneAmount of(PruneSettings s) {
        return s.drop() != null || s.ranks() != null ? named : s.pattern() != null ? pattern : s.layers() != null ? layers : s.experts() != null ? experts : s.sparsity() != null ? sparsity : s.rank() != null ? rank
                : s.expertsPerToken() != null ? expertsPerToken : sparsity;
    }

    /// The settings with another amount of this kind; what else says how much goes is left out, but for the experts that a token visits.
    public PruneSettings in(PruneSettings s, double value) {
        ObjectNode n = Json.mapper().valueToTree(s);
        if (this == pattern || this == named) {
            return s;
        }
        for (PruneAmount a : values()) {
            if (a != expertsPerToken) {
                n.remove(a.name());
            }
        }
        if (this == sparsity) {
            n.put(name(), value);
        } else {
            n.put(name(), Math.toIntExact(Math.round(value)));
        }
        return Json.mapper().convertValue(n, PruneSettings.class);
    }
}
