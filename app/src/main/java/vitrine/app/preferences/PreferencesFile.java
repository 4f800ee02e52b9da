package vitrine.app.preferences;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import vitrine.core.files.Whole;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;

/// The file that keeps what a user prefers: one JSON object, a line for each preference that was chosen, for people to read and edit.
///
///     {
///       "theme" : "dark",
///       "scale_percent" : 150,
///       "threads" : 4
///     }
///
/// Names that this version does not know are left in their place. The file is written whole or not at all; a file that is no JSON object is set
/// aside under another name before a new one is written.
///
/// @param path such as `preferences.json` in Vitrine's folder
public record PreferencesFile(Path path) {

    /// The file's usual name.
    public static final String NAME = "preferences.json";
    private static final long MAX_BYTES = 1 << 20;

    /// What the file says. A file that is not there says nothing; what is wrong in it is left out and told.
    public Preferences read() {
        if (!Files.exists(path)) {
            return Preferences.USUAL;
        }
        ObjectNode object;
        try {
            object = Json.readObject(path, path, MAX_BYTES, Category.CONFIG_INVALID);
        } catch (Refusal r) {
            return new Preferences(Map.of(), List.of(r.help("The usual settings are used.")));
        }
        Map<Preference, String> chosen = new EnumMap<>(Preference.class);
        List<Refusal> problems = new ArrayList<>();
        object.properties().forEach(e -> {
            Optional<Preference> known = Preference.named(e.getKey());
            if (known.isEmpty()) {
                problems.add(refusal(e.getKey(), "nothing is called that").help("It is left out."));
                return;
            }
            Preference p = known.get();
            Optional<String> text = text(e.getValue());
            Optional<String> problem = text.isEmpty() ? Optional.of("it is no text and no whole number") : p.problem(text.get());
            if (problem.isPresent()) {
                problems.add(wrong(p, e.getValue().isTextual() ? e.getValue().asText() : e.getValue().toString(), problem.get()).help("It is left out."));
            } else if (!text.get().equals(p.usual())) {
                chosen.put(p, text.get());
            }
        });
        return new Preferences(chosen, problems);
    }

    private static Optional<String> text(JsonNode value) {
        return value.isTextual() ? Optional.of(value.asText()) : value.isIntegralNumber() ? Optional.of(value.bigIntegerValue().toString()) : Optional.empty();
    }

    private Refusal refusal(String key, String problem) {
        return Refusal.of(Category.CONFIG_INVALID, path, "%s", problem).where(key);
    }

    private Refusal wrong(Preference p, String value, String problem) {
        return refusal(p.key(), "\"" + Visible.name(value) + "\": " + problem + "; " + p.choices() + " belongs here");
    }

    /// Chooses a value, or takes the choice back where it is the usual one, and gives what holds now.
    ///
    /// @throws Refusal where the value is not one of those that there are
    /// @throws IOException where the file cannot be written; it is then as it was
    public Preferences set(Preference p, String value) throws IOException {
        Optional<String> problem = p.problem(value);
        if (problem.isPresent()) {
            throw wrong(p, value, problem.get());
        }
        ObjectNode object = present();
        if (value.equals(p.usual())) {
            object.remove(p.key());
        } else if (p.isNumber(value)) {
            object.put(p.key(), Integer.parseInt(value));
        } else {
            object.put(p.key(), value);
        }
        Whole.write(path, Json.pretty(object).getBytes(StandardCharsets.UTF_8));
        return read();
    }

    private ObjectNode present() throws IOException {
        if (!Files.exists(path)) {
            return Json.object();
        }
        try {
            return Json.readObject(path, path, MAX_BYTES, Category.CONFIG_INVALID);
        } catch (Refusal damaged) {
            Files.move(path, path.resolveSibling(path.getFileName() + ".damaged-" + Instant.now().toEpochMilli()));
            return Json.object();
        }
    }
}
