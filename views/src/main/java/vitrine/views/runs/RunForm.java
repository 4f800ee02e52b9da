package vitrine.views.runs;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.ReadOnlyObjectProperty;
import javafx.beans.property.ReadOnlyObjectWrapper;
import javafx.beans.property.SimpleObjectProperty;
import vitrine.core.engine.PythonEngine;
import vitrine.core.json.Json;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.FinetuneMethod;
import vitrine.core.task.Task;
import vitrine.core.task.TrainingSupport;
import vitrine.core.work.finetune.FinetuneForecast;

/// The form of a training run, and what the run will take.
final class RunForm extends Form {

    static final String INIT_ADAPTER = "initAdapter";
    private static final List<String> FILES = List.of(MODEL, DATA, EVAL_DATA, INIT_ADAPTER);

    /// What the task will take, or why that cannot be told.
    ///
    /// @param ofAnother whether the speed is that of another run, scaled by the arithmetic of a token
    record Outlook(FinetuneForecast forecast, double tokensPerSecond, boolean ofAnother, Refusal refusal) {}

    private final RunBoard board;
    private final Executor background;
    private final Executor ui;
    private final ObjectProperty<FinetuneMethod> method = new SimpleObjectProperty<>(this, "method", FinetuneMethod.lora);
    private final ReadOnlyObjectWrapper<Outlook> outlook = new ReadOnlyObjectWrapper<>(this, "outlook");
    private long asked;

    RunForm(RunBoard board, EngineChoice engine, Executor background, Executor ui) {
        super(FILES, Setting.LIST, engine);
        this.board = board;
        this.background = background;
        this.ui = ui;
        method.addListener((o, old, now) -> check());
        text("steps").set("200");
    }

    ObjectProperty<FinetuneMethod> methodProperty() {
        return method;
    }

    ReadOnlyObjectProperty<Outlook> outlookProperty() {
        return outlook.getReadOnlyProperty();
    }

    /// The settings of another run, to be changed.
    void fill(ObjectNode of) {
        filling(() -> {
            clear();
            for (String k : FILES) {
                text(k).set(of.path(k).asText(""));
            }
            method.set(FinetuneMethod.valueOf(of.path("method").asText("lora")));
            fillSettings(of.path("settings"));
        });
    }

    @Override
    List<Setting> settings() {
        return Setting.LIST.stream().filter(s -> s.methods().contains(method.get())).toList();
    }

    @Override
    ObjectNode begun() {
        return Json.object().put("kind", "finetune").put("method", method.get().name());
    }

    @Override
    boolean takes(String file) {
        return !file.equals(INIT_ADAPTER) || method.get().adapts();
    }

    @Override
    void put(ObjectNode json, String file, Path path) {
        json.put(file, path.toString());
    }

    @Override
    boolean incomplete(ObjectNode json) {
        return !json.has(MODEL) || !json.has(DATA);
    }

    @Override
    String missing() {
        return "Choose a checkpoint and a text first.";
    }

    /// The form begins with a number of steps; epochs that are typed take its place.
    @Override
    void amend(ObjectNode settings) {
        if (settings.has("epochs")) {
            settings.remove("steps");
        }
    }

    @Override
    void made(Task now) {
        look((Task.Finetune) now);
    }

    @Override
    Map<String, String> lacks(Task of) {
        Task.Finetune t = (Task.Finetune) of;
        String name = engine().chosenProperty().get().engine();
        Map<String, String> out = new LinkedHashMap<>();
        TrainingSupport.lack(name, t.method()).ifPresent(why -> out.put(METHOD, lacking(name, why)));
        t.toJson().path("settings").properties().forEach(e -> TrainingSupport.lack(name, e.getKey(), e.getValue().asText()).ifPresent(why -> out.put(e.getKey(), lacking(name, why))));
        return out;
    }

    @Override
    List<String> arguments() {
        Task.Finetune t = (Task.Finetune) taskProperty().get();
        return t == null ? List.of() : arguments(t, engine().chosenProperty().get());
    }

    /// Arguments of `vitrine` that write the run as a job for a cluster.
    List<String> job(Path script) {
        EngineChoice.Chosen e = engine().chosenProperty().get();
        List<String> all = new ArrayList<>(arguments((Task.Finetune) taskProperty().get(), new EngineChoice.Chosen(PythonEngine.NAME, EngineChoice.AUTO, e.dtype())));
        all.addAll(List.of("--export-slurm", script.toAbsolutePath().normalize().toString()));
        return all;
    }

    /// Why the run cannot be a job for a cluster, a sentence; empty where it can.
    String noJob() {
        Task.Finetune t = (Task.Finetune) taskProperty().get();
        try {
            if (t != null) {
                TrainingSupport.require(PythonEngine.NAME, t);
            }
            return t == null ? "There is no task yet." : "";
        } catch (Refusal r) {
            return "A cluster’s jobs run on the pytorch engine. " + r.getMessage();
        }
    }

    /// What the task will take: headers are read off the JavaFX thread, and only the last question's answer counts.
    private void look(Task.Finetune wanted) {
        long mine = ++asked;
        outlook.set(null);
        if (wanted == null || engine().python()) {
            // What is foreseen is what the embedded engine would take.
            return;
        }
        background.execute(() -> {
            Outlook found;
            try {
                found = new Outlook(FinetuneForecast.of(wanted), Double.NaN, false, null);
            } catch (Refusal r) {
                found = new Outlook(null, Double.NaN, false, r);
            }
            Outlook first = found;
            board.pace(wanted).thenCompose(pace -> pace.isNaN() && first.forecast != null ? board.paceOfAnother(wanted, first.forecast).thenApply(p -> new Outlook(first.forecast, p, true, null))
                    : java.util.concurrent.CompletableFuture.completedFuture(new Outlook(first.forecast, pace, false, first.refusal))).thenAccept(o -> ui.execute(() -> {
                if (mine == asked) {
                    outlook.set(o);
                }
            }));
        });
    }

    // --- the same in words

    /// Arguments of `vitrine` that do the same.
    static List<String> arguments(Task.Finetune t, EngineChoice.Chosen engine) {
        List<String> c = new ArrayList<>(List.of("finetune", "--model", t.model(), "--data", t.data(), "--method", t.method().name()));
        if (t.evalData() != null) {
            c.addAll(List.of("--eval-data", t.evalData()));
        }
        if (t.initAdapter() != null) {
            c.addAll(List.of("--init-adapter", t.initAdapter()));
        }
        t.toJson().path("settings").properties().forEach(e -> {
            Setting s = Setting.of(e.getKey());
            if (s == null) {
                return;
            }
            if (s.kind() == Setting.Kind.SWITCH && !s.key().equals("pack")) {
                if (e.getValue().asBoolean()) {
                    c.add(s.option());
                }
            } else {
                c.addAll(List.of(s.option(), s.kind() == Setting.Kind.NAMES ? word(e.getValue()).replace(", ", ",") : word(e.getValue())));
            }
        });
        c.addAll(engine.options());
        return c;
    }
}
