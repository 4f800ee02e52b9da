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
import javafx.beans.property.ReadOnlyObjectProperty;
import javafx.beans.property.ReadOnlyObjectWrapper;
import javafx.beans.property.SimpleStringProperty;
import javafx.beans.property.StringProperty;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;

/// What is typed into a form of a new run: the task that it stands for, and what is wrong with it.
abstract class Form {

    static final String MODEL = "model";
    static final String DATA = "data";
    static final String EVAL_DATA = "evalData";
    /// Keys of what is wrong with the engine and the method.
    static final String ENGINE = "engine";
    static final String METHOD = "method";

    private final Map<String, StringProperty> texts = new LinkedHashMap<>();
    private final ReadOnlyObjectWrapper<Map<String, String>> problems = new ReadOnlyObjectWrapper<>(this, "problems", Map.of());
    private final ReadOnlyObjectWrapper<Task> task = new ReadOnlyObjectWrapper<>(this, "task");
    private final List<String> files;
    private final EngineChoice engine;
    private boolean filling;

    /// @param files keys of fields that take a path
    /// @param engine what the run is computed with
    Form(List<String> files, List<Setting> settings, EngineChoice engine) {
        this.files = files;
        this.engine = engine;
        files.forEach(k -> texts.put(k, new SimpleStringProperty(this, k, "")));
        settings.forEach(s -> texts.put(s.key(), new SimpleStringProperty(this, s.key(), "")));
        texts.values().forEach(t -> t.addListener((o, old, now) -> check()));
        engine.engineProperty().addListener((o, old, now) -> check());
        engine.stateProperty().addListener((o, old, now) -> check());
    }

    /// What the run is computed with.
    EngineChoice engine() {
        return engine;
    }

    StringProperty text(String key) {
        return texts.get(key);
    }

    /// What is wrong, by key; a problem of the whole has an empty key. A field that is not filled in yet has no problem, but there is no task.
    ReadOnlyObjectProperty<Map<String, String>> problemsProperty() {
        return problems.getReadOnlyProperty();
    }

    /// The task, or null while there is none.
    ReadOnlyObjectProperty<Task> taskProperty() {
        return task.getReadOnlyProperty();
    }

    /// Settings of the present method.
    abstract List<Setting> settings();

    /// The task without files and settings.
    abstract ObjectNode begun();

    /// Whether a file that the present method needs was not named yet.
    abstract boolean incomplete(ObjectNode json);

    /// Whether the present method takes a file.
    abstract boolean takes(String file);

    /// Puts a file where the task has it.
    abstract void put(ObjectNode json, String file, Path path);

    /// A task was made of what is typed, or null.
    abstract void made(Task now);

    /// Why what is typed does not say enough yet, or an empty text.
    String missing() {
        return "";
    }

    /// What of a task its engine has not got: sentences by key of the field.
    abstract Map<String, String> lacks(Task of);

    /// Arguments of `vitrine` that do the same; none while there is no task.
    abstract List<String> arguments();

    /// The command line that does the same; empty while there is no task.
    final String command() {
        return arguments().isEmpty() ? "" : line(arguments());
    }

    static String line(List<String> arguments) {
        return "vitrine " + String.join(" ", arguments.stream().map(Form::quoted).toList());
    }

    /// A sentence that says what an engine has not got.
    static String lacking(String engine, String why) {
        return "Not with the " + engine + " engine: " + why + ".";
    }

    /// Does something with fields and looks at them once, afterwards.
    void filling(Runnable work) {
        filling = true;
        work.run();
        filling = false;
        check();
    }

    void clear() {
        texts.values().forEach(t -> t.set(""));
    }

    void fillSettings(JsonNode settings) {
        settings.properties().forEach(e -> {
            if (texts.containsKey(e.getKey())) {
                texts.get(e.getKey()).set(word(e.getValue()));
            }
        });
    }

    static String word(JsonNode value) {
        if (value.isArray()) {
            StringBuilder names = new StringBuilder();
            value.forEach(n -> names.append(names.isEmpty() ? "" : ", ").append(n.asText()));
            return names.toString();
        }
        return value.isBoolean() ? value.asBoolean() ? "on" : "off" : value.asText();
    }

    /// Something after the settings were put together.
    void amend(ObjectNode settings) {}

    /// Something after the whole task was put together.
    void amendTask(ObjectNode json) {}

    final void check() {
        if (filling) {
            return;
        }
        Map<String, String> wrong = new LinkedHashMap<>();
        ObjectNode json = begun();
        for (String k : files) {
            String path = texts.get(k).get().strip();
            if (!takes(k) || path.isEmpty()) {
                continue;
            }
            try {
                Path p = Path.of(path);
                if (!Files.exists(p)) {
                    wrong.put(k, "There is no such file or folder.");
                }
                put(json, k, p.toAbsolutePath().normalize());
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
        amend(settings);
        amendTask(json);
        Task now = null;
        if (wrong.isEmpty()) {
            try {
                now = Task.fromJson(json);
            } catch (Refusal r) {
                String key = r.problem().split("[ :]", 2)[0];
                if (!incomplete(json) || texts.containsKey(key)) {
                    wrong.put(texts.containsKey(key) ? key : "", capital(r.problem()) + ".");
                }
            }
        }
        if (now != null) {
            wrong.putAll(lacks(now));
            if (engine.python() && !engine.lack().isEmpty()) {
                wrong.put(ENGINE, engine.lack());
            }
            now = wrong.isEmpty() ? now : null;
        }
        problems.set(Map.copyOf(wrong));
        task.set(now);
        made(now);
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
                if (!text.equals(s.fallback())) {
                    into.put(s.key(), text.equals("on"));
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

    static String quoted(String text) {
        return text.matches("[A-Za-z0-9_./:=+,-]+") ? text : "'" + text.replace("'", "'\\''") + "'";
    }
}
