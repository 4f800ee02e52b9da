package vitrine.views.runs;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Executor;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.ReadOnlyObjectProperty;
import javafx.beans.property.ReadOnlyObjectWrapper;
import javafx.beans.property.SimpleObjectProperty;
import vitrine.core.json.Json;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.FinetuneForecast;
import vitrine.core.task.FinetuneMethod;
import vitrine.core.task.Task;

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

    RunForm(RunBoard board, Executor background, Executor ui) {
        super(FILES, Setting.LIST);
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
    String command() {
        return taskProperty().get() == null ? "" : command((Task.Finetune) taskProperty().get());
    }

    /// What the task will take: headers are read off the JavaFX thread, and only the last question's answer counts.
    private void look(Task.Finetune wanted) {
        long mine = ++asked;
        outlook.set(null);
        if (wanted == null) {
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

    /// The command line that does the same.
    static String command(Task.Finetune t) {
        StringBuilder c = new StringBuilder("vitrine finetune --model ").append(quoted(t.model())).append(" --data ").append(quoted(t.data())).append(" --method ").append(t.method());
        if (t.evalData() != null) {
            c.append(" --eval-data ").append(quoted(t.evalData()));
        }
        if (t.initAdapter() != null) {
            c.append(" --init-adapter ").append(quoted(t.initAdapter()));
        }
        t.toJson().path("settings").properties().forEach(e -> {
            Setting s = Setting.of(e.getKey());
            if (s == null) {
                return;
            }
            if (s.kind() == Setting.Kind.SWITCH && !s.key().equals("pack")) {
                c.append(e.getValue().asBoolean() ? " " + s.option() : "");
            } else {
                c.append(' ').append(s.option()).append(' ').append(quoted(s.kind() == Setting.Kind.NAMES ? word(e.getValue()).replace(", ", ",") : word(e.getValue())));
            }
        });
        return c.toString();
    }
}
