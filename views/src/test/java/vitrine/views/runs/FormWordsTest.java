package vitrine.views.runs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashSet;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import vitrine.core.task.PruneSupport;
import vitrine.core.task.TrainingSupport;
import vitrine.core.task.FinetuneMethod;
import vitrine.core.task.PruneMethod;
import vitrine.resources.Language;
import vitrine.resources.Sentences;

/// The forms of a new run with every method, in Chinese: each label, explanation and default has its words, whichever method is chosen. Names of options, of
/// methods and of modules stay.
class FormWordsTest {

    private static final Sentences CHINESE = Sentences.of(Language.CHINESE);
    /// Three English words in a row, or a text that begins as an English sentence does.
    private static final Pattern ENGLISH = Pattern.compile("\\b[a-z]{2,}(,? [a-z]{2,}){2,}\\b|^[A-Z][a-z]+( [a-z]+)+[.]?$");
    private static final Pattern NAMES = Pattern.compile("(LoRA|LayRA|HFT|APEX|Wanda|SVD|SlimGPT|[A-Za-z]*-?(LoRA|LoRAP|GPT|LLM|SVD|MoE)|DoRA|DHA|SGT|MASA|NOLA|SVFT|Bone|Rho|Taylor|[a-z_\\d]+|[A-Z]|all-linear|[\\d.e−×, -]+.?)");

    @Test
    void everyMethodsFormSpeaksChinese() {
        Set<String> words = new LinkedHashSet<>();
        for (FinetuneMethod m : FinetuneMethod.values()) {
            words.add(Methods.label(m));
            words.add(Methods.about(m));
        }
        for (PruneMethod m : PruneMethod.values()) {
            words.add(Methods.label(m.name()));
            words.add(Methods.about(m));
            PruneSupport.lack("pytorch", m).ifPresent(why -> words.add(Form.lacking("pytorch", why)));
        }
        for (FinetuneMethod m : FinetuneMethod.values()) {
            TrainingSupport.lack("pytorch", m).ifPresent(why -> words.add(Form.lacking("pytorch", why)));
            TrainingSupport.lack("embedded", m).ifPresent(why -> words.add(Form.lacking("embedded", why)));
        }
        for (Iterable<Setting> list : java.util.List.<Iterable<Setting>>of(Setting.LIST, PruneFields.LIST, PruneFields.RECOVERY)) {
            for (Setting s : list) {
                words.add(s.label());
                words.add(s.about());
                words.add(s.about() + " " + (list == Setting.LIST ? s.option() : PruneFields.option(s)) + " on the command line.");
                words.add(s.fallback());
            }
        }
        Set<String> left = new TreeSet<>();
        for (String w : words) {
            String said = CHINESE.of(w);
            if (!w.isBlank() && !NAMES.matcher(w).matches() && (ENGLISH.matcher(said).find() || !CHINESE.knows(w))) {
                left.add(w + " → " + said);
            }
        }
        assertEquals(Set.of(), left);
        assertTrue(words.size() > 250, "words of the forms: " + words.size());
    }
}
