package vitrine.core.task;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import vitrine.core.architecture.AttentionLoops;
import vitrine.core.artifact.Fingerprint;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.DataFile;
import vitrine.core.json.Json;

/// What a task's result depends on, and the name that follows from it. Reads headers and small files; computes nothing.
public final class TaskInputs {

    /// The embedded engine's version: results of another version are not taken from the cache.
    public static final String ENGINE_VERSION = "7";

    private TaskInputs() {}

    /// The files whose content the result depends on.
    ///
    /// @throws vitrine.core.refusal.Refusal where the checkpoint cannot be opened
    public static List<Path> files(Task task) {
        List<Path> files = new ArrayList<>();
        if (task.model() != null) {
            add(files, task.model());
        }
        if (task.adapters() != null) {
            task.adapters().forEach(a -> add(files, a.path()));
        }
        switch (task) {
            case Task.Spectrum s -> {
                s.checkpoints().stream().skip(1).forEach(m -> add(files, m));
                if (s.against() != null) {
                    add(files, s.against());
                }
            }
            case Task.Capture c when c.prompt().file() != null -> files.add(Path.of(c.prompt().file()));
            case Task.Heads h -> files.add(Path.of(h.data()));
            case Task.Evaluate e -> {
                files.add(Path.of(e.data()));
                if (e.heterogeneity() != null && e.heterogeneity().against() != null) {
                    files.add(Path.of(e.heterogeneity().against()));
                }
                if (e.elastic() != null && e.elastic().calibration() != null) {
                    files.add(Path.of(e.elastic().calibration()));
                }
            }
            case Task.Rank r -> files.add(Path.of(r.data()));
            case Task.Finetune f -> {
                files.add(Path.of(f.data()));
                if (f.evalData() != null) {
                    files.add(Path.of(f.evalData()));
                }
                if (f.initAdapter() != null) {
                    Checkpoint adapter = Checkpoints.open(Path.of(f.initAdapter()));
                    adapter.files().forEach(d -> files.add(d.path()));
                    files.add(adapter.configFile());
                }
            }
            case Task.Routing r -> {
                if (r.against() != null) {
                    r.against().forEach(m -> add(files, m));
                }
                r.data().forEach(d -> files.add(Path.of(d.file())));
            }
            case Task.Adapter a -> {
                add(files, a.adapter());
                addTexts(files, a.data());
            }
            case Task.AdapterCut a -> {
                add(files, a.adapter());
                addTexts(files, a.data());
            }
            case Task.AdapterCompare a -> {
                add(files, a.adapter());
                add(files, a.other());
            }
            case Task.AdapterExtract a -> add(files, a.tuned());
            case Task.Preview p -> {
                files.add(Path.of(p.data()));
                if (p.settings() != null && p.settings().against() != null) {
                    files.add(Path.of(p.settings().against()));
                }
                // The chat template is part of what is seen.
                Path folder = Checkpoints.open(Path.of(p.model())).tokenizerFile().getParent();
                for (String name : List.of("chat_template.jinja", "tokenizer_config.json", "chat_template.json", "special_tokens_map.json")) {
                    files.add(folder.resolve(name));
                }
            }
            case Task.Convert c when c.other() != null -> add(files, c.other());
            case Task.Compare c -> {
                add(files, c.other());
                if (c.otherAdapters() != null) {
                    c.otherAdapters().forEach(a -> add(files, a.path()));
                }
                addTexts(files, c.data());
                if (c.prompt() != null && c.prompt().file() != null) {
                    files.add(Path.of(c.prompt().file()));
                }
                CompareSettings.manifests(c).forEach(files::add);
            }
            case Task.Prune p -> {
                if (p.data() != null) {
                    files.add(Path.of(p.data()));
                }
                if (p.recoveryData() != null) {
                    files.add(Path.of(p.recoveryData()));
                }
                if (p.settings() != null && p.settings().against() != null) {
                    files.add(Path.of(p.settings().against()));
                }
                addTexts(files, p.evalData());
            }
            default -> {
            }
        }
        return files;
    }

    private static void addTexts(List<Path> files, List<Task.Domain> data) {
        if (data != null) {
            data.forEach(d -> files.add(Path.of(d.file())));
        }
    }

    private static void add(List<Path> files, String model) {
        Checkpoint checkpoint = Checkpoints.open(Path.of(model));
        for (DataFile f : checkpoint.files()) {
            files.add(f.path());
        }
        files.add(checkpoint.configFile());
        files.add(checkpoint.tokenizerFile());
        if (AttentionLoops.areBeside(checkpoint)) {
            files.add(AttentionLoops.file(checkpoint));
        }
    }

    /// The fingerprints of a task's input files, by path.
    public static Map<String, String> fingerprints(Task task) {
        Map<String, String> out = new LinkedHashMap<>();
        for (Path p : files(task)) {
            out.put(p.toString(), Fingerprint.of(p));
        }
        return out;
    }

    /// The name under which a task's artifact is kept: its kind and a hash of the task, its inputs and who computes.
    ///
    /// @param engine what the result depends on beside task and inputs: the engine's name and version, and with what it computes
    public static String key(Task task, String engine) {
        ObjectNode all = Json.object().put("engine", engine);
        all.set("task", task.toJson());
        fingerprints(task).forEach(all.withObject("/inputs")::put);
        return task.kind() + "-" + Fingerprint.ofText(Json.line(all)).substring(0, 32);
    }
}
