package vitrine.core.run;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import vitrine.core.json.Json;

/// What differs between the tasks of two runs.
public final class RunComparison {

    /// A setting that is not the same; null where a run leaves it at its default.
    ///
    /// @param key such as `settings.lr`
    public record Difference(String key, JsonNode a, JsonNode b) {}

    private RunComparison() {}

    /// The keys that differ, in their order.
    public static List<Difference> of(ObjectNode taskA, ObjectNode taskB) {
        ObjectNode a = flat(taskA);
        ObjectNode b = flat(taskB);
        TreeSet<String> keys = new TreeSet<>();
        a.fieldNames().forEachRemaining(keys::add);
        b.fieldNames().forEachRemaining(keys::add);
        List<Difference> out = new ArrayList<>();
        for (String key : keys) {
            if (a.get(key) == null || !a.get(key).equals(b.get(key))) {
                out.add(new Difference(key, a.get(key), b.get(key)));
            }
        }
        return out;
    }

    private static ObjectNode flat(ObjectNode task) {
        ObjectNode out = Json.object();
        task.properties().forEach(e -> {
            if (e.getValue() instanceof ObjectNode inner) {
                inner.properties().forEach(i -> out.set(e.getKey() + "." + i.getKey(), i.getValue()));
            } else {
                out.set(e.getKey(), e.getValue());
            }
        });
        return out;
    }
}
