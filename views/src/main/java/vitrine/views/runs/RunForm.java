package vitrine.views.runs;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.ReadOnlyObjectProperty;
import javafx.beans.property.ReadOnlyObjectWrapper;
import javafx.beans.property.SimpleObjectProperty;
import javafx.beans.property.SimpleStringProperty;
import javafx.beans.property.StringProperty;
import vitrine.core.json.Json;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.FinetuneForecast;
import vitrine.core.task.FinetuneMethod;
import vitrine.core.task.Task;

/// What is typed into the form of a new run: the task that it stands for, what is wrong with it, and what it will take.
final class RunForm {

    static final String MODEL = "model";
    static final String DATA = "data";
    static final String EVAL_DATA = "evalData";
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
    private final Map<String, StringProperty> texts = new LinkedHashMap<>();
    private final ReadOnlyObjectWrapper<Map<String, String>> problems = new ReadOnlyObjectWrapper<>(this, "problems", Map.of());
    private final ReadOnlyObjectWrapper<Task.Finetune> task = new ReadOnlyObjectWrapper<>(this, "task");
    private final ReadOnlyObjectWrapper<Outlook> outlook = new ReadOnlyObjectWrapper<>(this, "outlook");
    private long asked;
    private boolean filling;

    RunForm(RunBoard board, Executor background, Executor ui) {
        this.board = board;
        this.background = background;
        this.ui = ui;
        FILES.forEach(k -> texts.put(k, new SimpleStringProperty(this, k, "")));
        Setting.LIST.forEach(s -> texts.put(s.key(), new SimpleStringProperty(this, s.key(), "")));
        texts.get("steps").set("200");
        texts.values().forEach(t -> t.addListener((o, old, now) -> check()));
        method.addListener((o, old, now) -> check());
        check();
    }

    StringProperty text(String key) {
        return texts.get(key);
    }

    ObjectProperty<FinetuneMethod> methodProperty() {
        return method;
    }

    /// What is wrong, by key; a problem of the whole has an empty key. A field that is not filled in yet has no problem, but there is no task.
    ReadOnlyObjectProperty<Map<String, String>> problemsProperty() {
        return problems.getReadOnlyProperty();
    }

    /// The task, or null while there is none.
    ReadOnlyObjectProperty<Task.Finetune> taskProperty() {
        return task.getReadOnlyProperty();
    }

    ReadOnlyObjectProperty<Outlook> outlookProperty() {
        return outlook.getReadOnlyProperty();
    }

    /// The settings of another run, to be changed.
    void fill(ObjectNode of) {
        filling = true;
        texts.values().forEach(t -> t.set(""));
        for (String k : FILES) {
            texts.get(k).set(of.path(k).asText(""));
        }
        method.set(FinetuneMethod.valueOf(of.path("method").asText("lora")));
        of.path("settings").properties().forEach(e -> {
            if (texts.containsKey(e.getKey())) {
                texts.get(e.getKey()).set(word(e.getKey(), e.getValue()));
            }
        });
        filling = false;
        check();
    }

    private static String word(String key, JsonNode value) {
        if (value.isArray()) {
            StringBuilder names = new StringBuilder();
            value.forEach(n -> names.append(names.isEmpty() ? "" : ", ").append(n.asText()));
            return names.toString();
        }
        return value.isBoolean() ? value.asBoolean() ? "on" : "off" : value.asText();
    }

    /// Settings of the present method.
    List<Setting> settings() {
        return Setting.LIST.stream().filter(s -> s.methods().contains(method.get())).toList();
    }

    // --- from texts to a task

    private void check() {
        if (filling) {
            return;
        }
        Map<String, String> wrong = new LinkedHashMap<>();
        ObjectNode json = Json.object().put("kind", "finetune").put("method", method.get().name());
        for (String k : FILES) {
            String path = texts.get(k).get().strip();
            if (k.equals(INIT_ADAPTER) && !method.get().adapts() || path.isEmpty()) {
                continue;
            }
            try {
                Path p = Path.of(path);
                if (!Files.exists(p)) {
                    wrong.put(k, "There is no such file or folder.");
                }
                json.put(k, p.toAbsolutePath().normalize().toString());
            } catch (InvalidPathException e) {
                wrong.put(k, "That is no path.");
            }
        }
        ObjectNode settings = json.putObject("settings");
        for (Setting s : settings()) {
            String text = texts.get(s.key()).get().strip();
            if (!text.isEmpty()) {
                put(settings, s, text, wrong);
            }
        }
        // The form begins with a number of steps; epochs that are typed take its place.
        if (settings.has("epochs")) {
            settings.remove("steps");
        }
        Task.Finetune made = null;
        if (wrong.isEmpty()) {
            try {
                made = (Task.Finetune) Task.fromJson(json);
            } catch (Refusal r) {
                String key = r.problem().split("[ :]", 2)[0];
                boolean missing = !json.has(MODEL) || !json.has(DATA);
                if (!missing || texts.containsKey(key)) {
                    wrong.put(texts.containsKey(key) ? key : "", capital(r.problem()) + ".");
                }
            }
        }
        problems.set(Map.copyOf(wrong));
        task.set(made);
        look(made);
    }

    private static String capital(String text) {
        return Character.toUpperCase(text.charAt(0)) + text.substring(1);
    }

    private static void put(ObjectNode into, Setting s, String text, Map<String, String> wrong) {
        switch (s.kind()) {
            case WHOLE -> {
                if (!text.matches("\\d{1,9}")) {
                    wrong.put(s.key(), "A whole number belongs here.");
                } else {
                    into.put(s.key(), Integer.parseInt(text));
                }
            }
            case NUMBER -> {
                try {
                    double v = Double.parseDouble(text.replace('\u2212', '-'));
                    if (Double.isFinite(v)) {
                        into.put(s.key(), v);
                    } else {
                        wrong.put(s.key(), "A finite number belongs here.");
                    }
                } catch (NumberFormatException e) {
                    wrong.put(s.key(), "A number belongs here, such as 0.001 or 1e-3.");
                }
            }
            case SWITCH -> {
                if (text.equals("on")) {
                    into.put(s.key(), true);
                }
            }
            case CHOICE -> {
                if (!text.equals(s.fallback())) {
                    into.put(s.key(), text);
                }
            }
            case NAMES -> {
                ArrayNode names = into.putArray(s.key());
                for (String name : text.split("[,\\s]+")) {
                    if (!name.isEmpty()) {
                        names.add(name);
                    }
                }
            }
        }
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
                c.append(' ').append(s.option()).append(' ').append(quoted(s.kind() == Setting.Kind.NAMES ? word(s.key(), e.getValue()).replace(", ", ",") : word(s.key(), e.getValue())));
            }
        });
        return c.toString();
    }

    static String quoted(String text) {
        return text.matches("[A-Za-z0-9_./:=+,-]+") ? text : "'" + text.replace("'", "'\\''") + "'";
    }
}
