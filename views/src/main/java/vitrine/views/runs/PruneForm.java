package vitrine.views.runs;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.stream.Stream;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.ReadOnlyObjectProperty;
import javafx.beans.property.ReadOnlyObjectWrapper;
import javafx.beans.property.SimpleObjectProperty;
import vitrine.core.json.Json;
import vitrine.core.refusal.Refusal;
import vitrine.core.run.PruneRecord;
import vitrine.core.task.PruneAmount;
import vitrine.core.task.PruneMethod;
import vitrine.core.task.PruneSettings;
import vitrine.core.task.PruneSupport;
import vitrine.core.task.Task;
import vitrine.core.work.prune.PruneForecast;
import vitrine.views.tasks.Latest;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.tasks.ViewState;

/// The form of a pruning run, what would be left by headers, and what a preview predicts.
final class PruneForm extends Form {

    static final String DROP = "drop";
    static final String RECOVER_DATA = "recoverData";
    private static final List<String> FILES = List.of(MODEL, DATA, EVAL_DATA, RECOVER_DATA);
    /// Models up to this size are looked at without being asked.
    private static final long SMALL_BYTES = 64L << 20;

    /// What would be left, or why that cannot be told.
    record Outlook(PruneForecast forecast, Refusal refusal) {}

    private final RunBoard board;
    private final Executor background;
    private final Executor ui;
    private final ObjectProperty<PruneMethod> method = new SimpleObjectProperty<>(this, "method", PruneMethod.wanda);
    private final ReadOnlyObjectWrapper<Outlook> outlook = new ReadOnlyObjectWrapper<>(this, "outlook");
    private final ReadOnlyObjectWrapper<List<PruneRecord>> earlier = new ReadOnlyObjectWrapper<>(this, "earlier", List.of());
    private final Latest<Prediction> prediction;
    private long asked;
    private Task.Preview predicted;

    /// @param tasks where predictions are asked for; null for nowhere
    PruneForm(RunBoard board, EngineChoice engine, TaskBoard tasks, Executor background, Executor ui) {
        super(FILES, Stream.concat(PruneFields.LIST.stream(), PruneFields.RECOVERY.stream()).toList(), engine);
        this.board = board;
        this.background = background;
        this.ui = ui;
        prediction = tasks == null ? null : new Latest<>(tasks, "", a -> Prediction.of(a.manifest().summary()));
        method.addListener((o, old, now) -> check());
        text("sparsity").set("0.5");
    }

    ObjectProperty<PruneMethod> methodProperty() {
        return method;
    }

    ReadOnlyObjectProperty<Outlook> outlookProperty() {
        return outlook.getReadOnlyProperty();
    }

    /// How predictions of the present method fared in earlier runs.
    ReadOnlyObjectProperty<List<PruneRecord>> earlierProperty() {
        return earlier.getReadOnlyProperty();
    }

    /// What is predicted; null where this window can ask nobody.
    ReadOnlyObjectProperty<ViewState<Prediction>> predictionProperty() {
        return prediction == null ? null : prediction.stateProperty();
    }

    Task.Prune prune() {
        return (Task.Prune) taskProperty().get();
    }

    void fill(ObjectNode of) {
        filling(() -> {
            clear();
            text(MODEL).set(of.path(MODEL).asText(""));
            text(DATA).set(of.path(DATA).asText(""));
            text(EVAL_DATA).set(of.path(EVAL_DATA).path(0).path("file").asText(""));
            method.set(PruneMethod.valueOf(of.path("method").asText("wanda")));
            fillSettings(of.path("settings"));
            for (String part : List.of("layers", "heads", "experts")) {
                text(DROP + capital(part)).set(word(of.at("/settings/drop/" + part)));
            }
            StringBuilder ranks = new StringBuilder();
            of.at("/settings/ranks").properties().forEach(e -> ranks.append(ranks.isEmpty() ? "" : ", ").append(e.getKey()).append('=').append(e.getValue().asInt()));
            text("ranks").set(ranks.toString());
            text("against").set(of.at("/settings/against").asText(""));
            JsonNode recovery = of.path("recovery");
            text(PruneFields.RECOVER).set(recovery.path("method").asText(""));
            text(RECOVER_DATA).set(recovery.path("data").asText(""));
            PruneFields.trained().forEach(s -> text(s.key()).set(recovery.path("settings").path(PruneFields.trained(s)).asText("")));
            text(PruneFields.RECOVER_MERGE).set(recovery.path("merge").asBoolean() ? "on" : "");
        });
    }

    @Override
    List<Setting> settings() {
        return Stream.concat(PruneFields.of(method.get()).stream(), PruneFields.recovery(text(PruneFields.RECOVER).get()).stream()).toList();
    }

    @Override
    ObjectNode begun() {
        return Json.object().put("kind", "prune").put("method", method.get().name());
    }

    @Override
    boolean takes(String file) {
        return !file.equals(RECOVER_DATA) || recovers();
    }

    @Override
    void put(ObjectNode json, String file, Path path) {
        if (file.equals(EVAL_DATA)) {
            String name = path.getFileName() == null ? "text" : path.getFileName().toString().replaceFirst("\\.[^.]*$", "");
            json.putArray(EVAL_DATA).addObject().put("name", name).put("file", path.toString());
        } else {
            json.put(file, path.toString());
        }
    }

    /// Whether training follows.
    boolean recovers() {
        return PruneFields.recovery(text(PruneFields.RECOVER).get()).size() > 1;
    }

    @Override
    boolean incomplete(ObjectNode json) {
        return !json.has(MODEL) || method.get().needsData() && !json.has(DATA);
    }

    @Override
    String missing() {
        return method.get().needsData() ? "Choose a checkpoint and a text first." : "Choose a checkpoint first.";
    }

    /// A pattern, a rank, a number of layers or experts that is said takes the place of the share; parts that are named stand together.
    @Override
    void amend(ObjectNode settings) {
        ObjectNode drop = Json.object();
        for (String part : List.of("layers", "heads", "experts")) {
            JsonNode names = settings.remove(DROP + capital(part));
            if (names != null && !names.isEmpty()) {
                drop.set(part, part.equals("layers") ? numbers((ArrayNode) names) : names);
            }
        }
        if (!drop.isEmpty()) {
            settings.set("drop", drop);
        }
        JsonNode against = settings.remove("against");
        if (against != null && !against.isEmpty()) {
            // A file, whatever commas are in its name.
            settings.put("against", Path.of(text("against").get().strip()).toAbsolutePath().normalize().toString());
        }
        JsonNode ranks = settings.remove("ranks");
        if (ranks != null && !ranks.isEmpty()) {
            ObjectNode own = settings.putObject("ranks");
            ranks.forEach(r -> {
                String[] both = r.asText().split("=", 2);
                if (both.length == 2 && both[1].matches("\\d{1,6}")) {
                    own.put(both[0], Integer.parseInt(both[1]));
                } else {
                    own.put(both[0], 0);
                }
            });
            // A share that is typed is for all matrices; ranks of some alone leave the others.
            settings.remove("sparsity");
        }
        if (settings.has("pattern") || settings.has("rank") && method.get().form() == PruneMethod.Form.RANK || settings.has("layers") || settings.has("experts")) {
            settings.remove("sparsity");
        }
    }

    /// What is said of the training that follows is a part of its own; length and seed are those of the whole run.
    @Override
    void amendTask(ObjectNode json) {
        ObjectNode settings = (ObjectNode) json.get("settings");
        JsonNode by = settings.remove(PruneFields.RECOVER);
        JsonNode data = json.remove(RECOVER_DATA);
        JsonNode merge = settings.remove(PruneFields.RECOVER_MERGE);
        ObjectNode training = Json.object();
        PruneFields.trained().forEach(s -> {
            JsonNode v = settings.remove(s.key());
            if (v != null) {
                training.set(PruneFields.trained(s), v);
            }
        });
        if (by == null) {
            return;
        }
        ObjectNode recovery = json.putObject("recovery").put("method", by.asText());
        if (data != null) {
            recovery.set("data", data);
        }
        for (String shared : List.of("sequenceLength", "seed")) {
            if (settings.has(shared)) {
                training.set(shared, settings.get(shared));
            }
        }
        if (!training.isEmpty()) {
            recovery.set("settings", training);
        }
        if (merge != null) {
            recovery.set("merge", merge);
        }
    }

    @Override
    void made(Task now) {
        look((Task.Prune) now);
    }

    private static String capital(String text) {
        return Character.toUpperCase(text.charAt(0)) + text.substring(1);
    }

    private static ArrayNode numbers(ArrayNode names) {
        ArrayNode out = Json.mapper().createArrayNode();
        names.forEach(n -> out.add(n.asText().matches("\\d{1,6}") ? Integer.parseInt(n.asText()) : -1));
        return out;
    }

    // --- how much goes

    /// What says how much goes, as it is typed.
    PruneAmount amount() {
        return prune() == null ? PruneAmount.sparsity : PruneAmount.of(settingsOf(prune()));
    }

    private static PruneSettings settingsOf(Task.Prune t) {
        return Objects.requireNonNullElse(t.settings(), PruneSettings.DEFAULTS);
    }

    /// The value of it; NaN where there is none.
    double value() {
        if (prune() == null) {
            // Before there is a task, what is typed says it.
            String typed = text("sparsity").get().strip();
            return typed.matches("0?\\.\\d{1,9}|0") ? Double.parseDouble(typed) : Double.NaN;
        }
        PruneSettings s = settingsOf(prune());
        Number v = switch (amount()) {
            case sparsity -> s.sparsity();
            case pattern, named -> Double.NaN;
            case rank -> s.rank();
            case layers -> s.layers();
            case experts -> s.experts();
            case expertsPerToken -> s.expertsPerToken();
        };
        return v == null ? Double.NaN : v.doubleValue();
    }

    /// As a slider says it.
    void drag(PruneAmount amount, double value) {
        filling(() -> {
            for (PruneAmount a : PruneAmount.values()) {
                if (a != PruneAmount.expertsPerToken && a != PruneAmount.pattern && a != PruneAmount.named && a != amount && a != PruneAmount.sparsity) {
                    text(a.name()).set("");
                }
            }
            text(amount.name()).set(amount == PruneAmount.sparsity ? String.format(Locale.ROOT, "%.2f", value) : String.valueOf(Math.round(value)));
        });
    }

    // --- what it would come to

    private void look(Task.Prune wanted) {
        long mine = ++asked;
        if (wanted == null) {
            outlook.set(null);
            return;
        }
        // Shares have no end of values: what was asked for another one tells this one too.
        Task.Preview now = preview(wanted);
        if (predicted != null && (now == null || !kind(now).equals(kind(predicted)))) {
            prediction.clear("");
            predicted = null;
        }
        background.execute(() -> {
            Outlook found;
            try {
                found = new Outlook(PruneForecast.of(wanted), null);
            } catch (Refusal r) {
                found = new Outlook(null, r);
            }
            Outlook told = found;
            board.fared(wanted.method().name()).thenAccept(records -> ui.execute(() -> {
                if (mine == asked) {
                    earlier.set(records);
                    outlook.set(told);
                    if (told.forecast != null && told.forecast.bytesBefore() <= SMALL_BYTES && now != null && predicted == null) {
                        predict();
                    }
                }
            }));
        });
    }

    /// What a preview of the present task is, or null where there is no text or nobody to ask.
    private Task.Preview preview(Task.Prune t) {
        String text = t.evalData() != null ? t.evalData().getFirst().file() : t.data();
        return text == null || prediction == null ? null : new Task.Preview(t.model(), text, null, t.method(), t.settings());
    }

    /// The same for every value of an amount.
    private static Task.Preview kind(Task.Preview p) {
        PruneAmount a = PruneAmount.of(p.settings());
        return new Task.Preview(p.model(), p.data(), null, p.method(), a.in(p.settings(), a == PruneAmount.sparsity ? 0.5 : 1));
    }

    boolean predictable() {
        return prune() != null && preview(prune()) != null;
    }

    boolean asks() {
        return predicted != null;
    }

    /// Asks for a prediction of the present task.
    void predict() {
        Task.Preview p = prune() == null ? null : preview(prune());
        if (p != null) {
            predicted = p;
            prediction.ask("Preview of " + Methods.label(p.method().name()), p);
        }
    }

    /// What is predicted of the present task, or null.
    Prediction.At foreseen() {
        Prediction p = prediction == null ? null : prediction.state().valueOrNull();
        double v = amount() == PruneAmount.pattern || amount() == PruneAmount.named ? p == null ? Double.NaN : p.points().getFirst().amount() : value();
        return p == null || predicted == null || Double.isNaN(v) || !p.amount().equals(amount().name()) ? null : p.at(v);
    }

    // --- the same in words

    @Override
    Map<String, String> lacks(Task of) {
        Task.Prune t = (Task.Prune) of;
        String name = engine().chosenProperty().get().engine();
        Map<String, String> out = new LinkedHashMap<>();
        PruneSupport.lack(name, t.method()).ifPresent(why -> out.put(METHOD, lacking(name, why)));
        if (t.settings() != null && t.settings().allocation() != null) {
            PruneSupport.lack(name, t.settings().allocation()).ifPresent(why -> out.put("allocation", lacking(name, why)));
        }
        if (t.settings() != null && t.settings().ranks() != null) {
            PruneSupport.lack(name, PruneSupport.RANKS).ifPresent(why -> out.put(PruneSupport.RANKS, lacking(name, why)));
        }
        if (t.recovery() != null) {
            PruneSupport.lack(name, PruneSupport.RECOVERY).ifPresent(why -> out.put(PruneFields.RECOVER, lacking(name, why)));
        }
        return out;
    }

    @Override
    List<String> arguments() {
        return prune() == null ? List.of() : arguments(prune(), engine().chosenProperty().get());
    }

    /// Arguments of `vitrine` that do the same.
    static List<String> arguments(Task.Prune t, EngineChoice.Chosen engine) {
        List<String> c = new ArrayList<>(List.of("prune", "--model", t.model(), "--method", t.method().name()));
        if (t.data() != null) {
            c.addAll(List.of("--data", t.data()));
        }
        if (t.evalData() != null) {
            t.evalData().forEach(d -> c.addAll(List.of("--eval-data", d.name() + "=" + d.file())));
        }
        JsonNode settings = t.toJson().path("settings");
        settings.path("drop").properties().forEach(e -> c.addAll(List.of("--drop-" + e.getKey(), word(e.getValue()).replace(", ", ","))));
        if (settings.has("ranks")) {
            List<String> ranks = new ArrayList<>();
            settings.path("ranks").properties().forEach(e -> ranks.add(e.getKey() + "=" + e.getValue().asInt()));
            c.addAll(List.of("--ranks", String.join(",", ranks)));
        }
        settings.properties().forEach(e -> PruneFields.LIST.stream().filter(s -> s.key().equals(e.getKey()) && !s.key().equals("ranks")).findFirst().ifPresent(s -> {
            if (s.kind() == Setting.Kind.SWITCH) {
                if (!word(e.getValue()).equals(s.fallback())) {
                    c.add(PruneFields.option(s));
                }
            } else {
                c.addAll(List.of(s.option(), e.getValue().isArray() ? word(e.getValue()).replace(", ", ",") : word(e.getValue())));
            }
        }));
        JsonNode recovery = t.toJson().path("recovery");
        if (t.recovery() != null) {
            c.addAll(List.of("--recover", t.recovery().method().name()));
            if (recovery.has("data")) {
                c.addAll(List.of("--recover-data", recovery.path("data").asText()));
            }
            PruneFields.trained().forEach(s -> {
                JsonNode v = recovery.path("settings").path(PruneFields.trained(s));
                if (!v.isMissingNode()) {
                    c.addAll(List.of(s.option(), v.asText()));
                }
            });
            if (recovery.path("merge").asBoolean()) {
                c.add("--recover-merge");
            }
        }
        c.addAll(engine.options());
        return c;
    }
}
