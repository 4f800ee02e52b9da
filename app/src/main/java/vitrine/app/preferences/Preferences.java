package vitrine.app.preferences;

import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import vitrine.core.engine.WorkerCommand;
import vitrine.core.refusal.Refusal;

/// What a user prefers. Whatever was not chosen is as usual.
///
/// @param chosen values that differ from the usual ones, each known to be in order
/// @param problems one for everything in the file that could not be used
public record Preferences(Map<Preference, String> chosen, List<Refusal> problems) {

    /// Nothing chosen.
    public static final Preferences USUAL = new Preferences(Map.of(), List.of());

    public Preferences {
        chosen = Map.copyOf(chosen);
        problems = List.copyOf(problems);
    }

    /// The value of one of them, as it is written in the file.
    public String value(Preference p) {
        return chosen.getOrDefault(p, p.usual());
    }

    /// The same with another value, which must be in order; the usual value is one not chosen.
    public Preferences with(Preference p, String value) {
        Map<Preference, String> now = new EnumMap<>(Preference.class);
        now.putAll(chosen);
        if (value.equals(p.usual())) {
            now.remove(p);
        } else {
            now.put(p, value);
        }
        return new Preferences(now, problems);
    }

    /// How many threads compute.
    public int threads() {
        return chosen.containsKey(Preference.THREADS) ? Integer.parseInt(value(Preference.THREADS)) : Runtime.getRuntime().availableProcessors();
    }

    /// The most physical memory that a worker may use.
    public long memoryBytes() {
        return chosen.containsKey(Preference.MEMORY) ? (long) Integer.parseInt(value(Preference.MEMORY)) << 20 : WorkerCommand.defaultMemoryBytes();
    }

    /// How large everything is drawn; empty where the system decides.
    public Optional<Integer> scalePercent() {
        return Optional.ofNullable(chosen.get(Preference.SCALE)).map(Integer::valueOf);
    }

    /// Where Vitrine keeps its own files, where that is not the platform's place.
    public Optional<Path> dataFolder() {
        return Optional.ofNullable(chosen.get(Preference.DATA_FOLDER)).map(Path::of);
    }

    /// The Python of the `pytorch` engine, where one was chosen.
    public Optional<Path> python() {
        return Optional.ofNullable(chosen.get(Preference.PYTHON)).map(Path::of);
    }
}
