package vitrine.core.task;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.TreeSet;
import vitrine.core.artifact.Manifest;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.json.Json;
import vitrine.core.refusal.Refusal;

/// What differs between the settings of two models: keys of `config.json`, of their adapters' `adapter_config.json`, and of the tasks of the runs
/// whose results they are.
public final class CompareSettings {

    private static final int DEPTH = 6;

    private CompareSettings() {}

    /// The keys that differ, `{"of": config|adapter|run, "key", "a", "b"}`; a side without the key has null.
    public static ArrayNode of(Task.Compare task, Checkpoint a, Checkpoint b) {
        ArrayNode out = Json.mapper().createArrayNode();
        add(out, "config", config(a), config(b));
        add(out, "adapter", adapter(task.adapters()), adapter(task.otherAdapters()));
        ObjectNode runA = run(task.model(), task.adapters());
        ObjectNode runB = run(task.other(), task.otherAdapters());
        if (runA != null || runB != null) {
            add(out, "run", runA == null ? Json.object() : runA, runB == null ? Json.object() : runB);
        }
        return out;
    }

    private static void add(ArrayNode out, String of, ObjectNode a, ObjectNode b) {
        ObjectNode left = flat(a);
        ObjectNode right = flat(b);
        TreeSet<String> keys = new TreeSet<>();
        left.fieldNames().forEachRemaining(keys::add);
        right.fieldNames().forEachRemaining(keys::add);
        for (String key : keys) {
            JsonNode p = left.get(key);
            JsonNode q = right.get(key);
            if (!(empty(p) && empty(q)) && !Objects.equals(p, q)) {
                ObjectNode n = out.addObject().put("of", of).put("key", key);
                n.set("a", p);
                n.set("b", q);
            }
        }
    }

    /// A key that says null sets nothing, as if it were not there.
    private static boolean empty(JsonNode value) {
        return value == null || value.isNull();
    }

    /// Nested objects as keys with points, so that one value that differs is one line.
    private static ObjectNode flat(ObjectNode of) {
        ObjectNode out = Json.object();
        flatten(out, "", of, 0);
        return out;
    }

    private static void flatten(ObjectNode out, String before, ObjectNode of, int depth) {
        of.properties().forEach(e -> {
            if (e.getValue() instanceof ObjectNode inner && depth < DEPTH) {
                flatten(out, before + e.getKey() + ".", inner, depth + 1);
            } else {
                out.set(before + e.getKey(), e.getValue());
            }
        });
    }

    private static ObjectNode config(Checkpoint of) {
        try {
            return of.config();
        } catch (Refusal none) {
            // A checkpoint without a config has no settings; whatever needs one has said so already.
            return Json.object();
        }
    }

    private static ObjectNode adapter(List<Task.AdapterUse> uses) {
        if (uses == null || uses.size() != 1) {
            return Json.object();
        }
        ObjectNode config = config(Checkpoints.open(Path.of(uses.getFirst().path())));
        if (uses.getFirst().weight() != null) {
            config.put("weight", uses.getFirst().weight());
        }
        return config;
    }

    /// The task of the run that left a model, or null where no run of this program did.
    private static ObjectNode run(String model, List<Task.AdapterUse> uses) {
        for (Path file : manifests(model, uses)) {
            JsonNode task = Manifest.read(file.getParent()).task();
            if (task instanceof ObjectNode o && o.path("kind").asText().equals("finetune")) {
                return o;
            }
        }
        return null;
    }

    /// The manifests of the results that are compared, those that there are.
    static List<Path> manifests(Task.Compare task) {
        List<Path> out = new ArrayList<>(manifests(task.model(), task.adapters()));
        out.addAll(manifests(task.other(), task.otherAdapters()));
        return out;
    }

    private static List<Path> manifests(String model, List<Task.AdapterUse> uses) {
        List<Path> out = new ArrayList<>();
        if (uses != null) {
            uses.forEach(u -> addManifest(out, u.path()));
        }
        addManifest(out, model);
        return out;
    }

    private static void addManifest(List<Path> out, String folder) {
        Path file = Path.of(folder).resolve(Manifest.FILE);
        if (Files.isRegularFile(file)) {
            out.add(file);
        }
    }
}
