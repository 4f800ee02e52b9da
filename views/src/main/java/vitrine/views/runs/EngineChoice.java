package vitrine.views.runs;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.ReadOnlyObjectProperty;
import javafx.beans.property.ReadOnlyObjectWrapper;
import javafx.beans.property.SimpleObjectProperty;
import javafx.beans.property.SimpleStringProperty;
import javafx.beans.property.StringProperty;
import vitrine.core.engine.EmbeddedEngine;
import vitrine.core.engine.PythonEngine;
import vitrine.core.engine.PythonInstallation;
import vitrine.core.engine.Pythons;
import vitrine.core.refusal.Refusal;
import vitrine.core.run.RunStore;

/// Which engine a new run is computed with, and the Pythons of this machine that it may run in.
///
/// Pythons are looked for in two steps, each once and on a thread of its own: what each has, which takes as long as starting it, when the form is shown;
/// what devices it has, for which it must load torch, when the engine is chosen.
final class EngineChoice {

    /// Looks for Pythons; may take seconds.
    @FunctionalInterface
    interface Finder {
        /// @param devices whether each is asked for its devices
        /// @return all, in the order in which the engine takes them
        List<PythonInstallation> find(boolean devices);
    }

    /// With what a run is computed.
    ///
    /// @param engine `embedded` or `pytorch`
    /// @param device `auto`, `cpu` or `cuda:N`; of `pytorch` only
    /// @param dtype of `pytorch` only
    record Chosen(String engine, String device, String dtype) {

        static final Chosen EMBEDDED = new Chosen(EmbeddedEngine.NAME, AUTO, FLOAT32);

        /// As a run's environment says it.
        static Chosen of(JsonNode environment) {
            return new Chosen(environment.path("engine").asText(EmbeddedEngine.NAME), environment.path("device").asText(AUTO), environment.path("dtype").asText(FLOAT32));
        }

        boolean python() {
            return engine.equals(PythonEngine.NAME);
        }

        /// Options of the command line; the embedded engine needs none.
        List<String> options() {
            return python() ? List.of("--engine", engine, "--device", device, "--dtype", dtype) : List.of();
        }

        /// What a run is entered with.
        ///
        /// @param embedded what it is with the embedded engine
        ObjectNode environment(ObjectNode embedded) {
            return python() ? RunStore.environment(engine, PythonEngine.VERSION, embedded.path("threads").asInt(1)).put("device", device).put("dtype", dtype) : embedded;
        }
    }

    /// What is known of Pythons.
    ///
    /// @param pythons those that were found; null before the first answer
    /// @param devices whether they were asked for their devices
    /// @param looking whether they are looked for now
    /// @param trouble why they cannot be looked for; empty where they can
    record State(List<PythonInstallation> pythons, boolean devices, boolean looking, String trouble) {

        /// The one that runs would be computed in.
        Optional<PythonInstallation> chosen() {
            return pythons == null ? Optional.empty() : Pythons.chosen(pythons);
        }
    }

    static final String AUTO = "auto";
    static final String FLOAT32 = PythonEngine.Precision.float32.name();
    static final String LOOKING = "Looking for Pythons…";
    private static final String MAKE = " vitrine engines --make-environment makes an environment; VITRINE_PYTHON or the preferences name one.";

    private final Executor ui;
    private final StringProperty engine = new SimpleStringProperty(this, "engine", EmbeddedEngine.NAME);
    private final StringProperty device = new SimpleStringProperty(this, "device", AUTO);
    private final StringProperty dtype = new SimpleStringProperty(this, "dtype", FLOAT32);
    private final ObjectProperty<State> state = new SimpleObjectProperty<>(this, "state", new State(null, false, false, ""));
    private final ReadOnlyObjectWrapper<Chosen> chosen = new ReadOnlyObjectWrapper<>(this, "chosen", Chosen.EMBEDDED);
    private Finder finder;

    /// @param ui the JavaFX thread
    EngineChoice(Executor ui) {
        this.ui = ui;
        for (StringProperty p : List.of(engine, device, dtype)) {
            p.addListener((o, old, now) -> chosen.set(new Chosen(engine.get(), device.get(), dtype.get())));
        }
        engine.addListener((o, old, now) -> {
            if (now.equals(PythonEngine.NAME)) {
                look(true);
            }
        });
    }

    /// `embedded` or `pytorch`; set it to choose.
    StringProperty engineProperty() {
        return engine;
    }

    /// `auto`, `cpu` or `cuda:N`.
    StringProperty deviceProperty() {
        return device;
    }

    /// `float32` or `bfloat16`.
    StringProperty dtypeProperty() {
        return dtype;
    }

    /// All three.
    ReadOnlyObjectProperty<Chosen> chosenProperty() {
        return chosen.getReadOnlyProperty();
    }

    ReadOnlyObjectProperty<State> stateProperty() {
        return state;
    }

    boolean python() {
        return chosen.get().python();
    }

    /// Chooses as a run was.
    void choose(Chosen as) {
        device.set(as.device);
        dtype.set(as.dtype);
        engine.set(as.engine);
    }

    /// Who looks for Pythons; before it is said nobody does.
    void findWith(Finder now) {
        finder = now;
    }

    /// Looks for Pythons, unless they are known.
    void look() {
        look(python());
    }

    /// Looks again: someone may have installed something.
    void again() {
        if (!state.get().looking) {
            state.set(new State(state.get().pythons, false, false, ""));
            ask(python());
        }
    }

    private void look(boolean devices) {
        State s = state.get();
        if (!s.looking && (s.pythons == null || devices && !s.devices)) {
            ask(devices);
        }
    }

    private void ask(boolean devices) {
        Finder asked = finder;
        if (asked == null) {
            state.set(new State(List.of(), true, false, "This window cannot look for Pythons."));
            return;
        }
        state.set(new State(state.get().pythons, state.get().devices, true, ""));
        Thread.ofPlatform().daemon().name("pythons").start(() -> {
            State found;
            try {
                found = new State(List.copyOf(asked.find(devices)), devices, false, "");
            } catch (Refusal r) {
                found = new State(List.of(), true, false, r.getMessage());
            } catch (RuntimeException e) {
                // The state of looking would have no end.
                ui.execute(() -> state.set(new State(List.of(), true, false, "Looking for Pythons failed: " + e)));
                throw e;
            }
            State told = found;
            ui.execute(() -> {
                state.set(told);
                // The engine may have been chosen in the meantime.
                look();
            });
        });
    }

    /// Why runs cannot be computed with `pytorch` as far as is known, a sentence; empty where they can, or where that is not known yet.
    String lack() {
        State s = state.get();
        if (!s.trouble.isEmpty()) {
            return s.trouble;
        }
        return s.pythons == null ? "" : Pythons.lack(s.pythons).map(why -> "Not available: " + why + "." + MAKE).orElse("");
    }

    /// Why `pytorch` cannot be chosen now, a sentence; empty where it can.
    String notNow() {
        return state.get().pythons == null ? LOOKING : lack();
    }

    /// Devices that may be chosen: those of the Python that runs would be computed in, and the one that is chosen.
    List<String> devices() {
        List<String> all = new ArrayList<>(List.of(AUTO));
        state.get().chosen().ifPresent(p -> p.devices().forEach(d -> all.add(d.name())));
        if (!all.contains("cpu")) {
            all.add("cpu");
        }
        if (!all.contains(device.get())) {
            all.add(device.get());
        }
        return all;
    }

    /// What a device is, where that is known.
    Optional<PythonInstallation.Device> device(String name) {
        return state.get().chosen().flatMap(p -> p.devices().stream().filter(d -> d.name().equals(name)).findFirst());
    }
}
