package vitrine.app.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;
import vitrine.app.preferences.Preference;
import vitrine.app.preferences.Preferences;
import vitrine.app.preferences.PreferencesFile;
import vitrine.app.program.Folders;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;

@Command(name = "preferences", description = {"What the window and the commands do where nothing else is said: theme, language, scale, threads, memory, folders, Python.",
    "vitrine preferences; vitrine preferences set NAME VALUE; vitrine preferences unset NAME"}, mixinStandardHelpOptions = true)
final class PreferencesCommand extends Subcommand {

    @Parameters(arity = "0..3", paramLabel = "WORD", description = "nothing to see them all; set NAME VALUE; unset NAME")
    List<String> words = List.of();

    @Override
    boolean usesPreferences() {
        return false;
    }

    @Override
    int run(Output output) throws IOException {
        if (common.out != null) {
            Destination.of(common.out, List.of());
        }
        PreferencesFile file = new PreferencesFile(Folders.locate().preferences());
        Preferences now = change(file);
        now.problems().forEach(r -> output.warning(r.getMessage()));
        ObjectNode result = Json.object().put("file", file.path().toString());
        ObjectNode all = result.putObject("preferences");
        output.text(Visible.name(file.path().toString()));
        for (Preference p : Preference.values()) {
            String value = now.value(p);
            all.put(p.key(), value);
            output.text(String.format("%-18s%s%s", p.key(), Visible.name(value), now.chosen().containsKey(p) ? "" : "  (not chosen)"));
            output.text(" ".repeat(18) + p.meaning() + ": " + p.choices());
        }
        if (common.out != null) {
            Results.json(result, common.out);
        }
        output.result(result);
        return 0;
    }

    private Preferences change(PreferencesFile file) throws IOException {
        if (words.isEmpty()) {
            return file.read();
        }
        boolean set = words.getFirst().equals("set") && words.size() == 3;
        boolean unset = words.getFirst().equals("unset") && words.size() == 2;
        if (!set && !unset) {
            throw Refusal.of(Category.TASK_INVALID, null, "\"%s\": set NAME VALUE or unset NAME belongs here", String.join(" ", words));
        }
        Preference p = Preference.named(words.get(1)).orElseThrow(() -> Refusal.of(Category.TASK_INVALID, null, "%s: nothing is called that; there are %s", words.get(1),
                Arrays.stream(Preference.values()).map(Preference::key).collect(Collectors.joining(", "))));
        return file.set(p, set ? words.get(2) : p.usual());
    }
}
