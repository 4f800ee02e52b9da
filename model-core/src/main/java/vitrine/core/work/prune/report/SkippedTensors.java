package vitrine.core.work.prune.report;

import com.fasterxml.jackson.databind.node.ArrayNode;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.NamedTensor;
import vitrine.core.architecture.Part;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.json.Json;
import vitrine.core.prune.PrunableMatrix;

/// What a pruning run leaves as it is, and why.
public final class SkippedTensors {

    private final Map<String, String> reasons = new LinkedHashMap<>();

    /// Begins with what is never pruned: everything but the linear layers of decoder layers.
    public SkippedTensors(ModelSpec spec, Checkpoint checkpoint) {
        Map<String, PrunableMatrix> prunable = new HashMap<>();
        PrunableMatrix.of(spec).forEach(m -> prunable.put(m.tensor(), m));
        Map<String, NamedTensor> known = new HashMap<>();
        NamedTensor.of(spec).forEach(t -> known.put(t.name(), t));
        for (TensorEntry t : checkpoint.tensors().values()) {
            if (!prunable.containsKey(t.name())) {
                reasons.put(t.name(), reason(t, known.get(t.name())));
            }
        }
    }

    private static String reason(TensorEntry t, NamedTensor known) {
        if (known == null) {
            return "no weight of the forward pass";
        }
        Part part = known.mainPart();
        if (part == Part.EMBEDDING) {
            return "embedding";
        }
        if (part == Part.HEAD) {
            return "output head";
        }
        if (part == Part.ROUTER) {
            return "router";
        }
        if (part == Part.NORM) {
            return "norm";
        }
        return t.shape().rank() <= 1 ? "bias" : t.dtype().floating() ? "no linear layer of a decoder layer" : "stored in blocks of four bits";
    }

    public void add(PrunableMatrix m, String why) {
        add(m.name(), why);
    }

    public void add(String name, String why) {
        reasons.put(name, why);
    }

    ArrayNode json() {
        ArrayNode list = Json.mapper().createArrayNode();
        reasons.forEach((name, why) -> list.addObject().put("tensor", name).put("reason", why));
        return list;
    }
}
