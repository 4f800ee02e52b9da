package vitrine.core.work.compare;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.refusal.Visible;
import vitrine.core.tokenizer.Vocabulary;

/// What is the same in both models: their tokens and their architecture.
final class Sameness {

    private final Compared of;

    Sameness(Compared of) {
        this.of = of;
    }

    /// Says what is the same: tokens and architecture.
    void run() {
        ObjectNode n = of.figures.putObject("same");
        String differs = tokensDiffer();
        of.sameTokens = differs == null;
        String pieces = of.a.source().checkpoint().hasTokenizer() ? String.format("%,d pieces", Vocabulary.of(of.a.source().checkpoint()).size())
                : of.a.specOrNull() == null ? "none" : String.format("%,d ids, no tokenizer", of.a.specOrNull().vocabSize());
        n.put("tokenizer", of.sameTokens).put("tokenizer_note", of.sameTokens ? pieces : differs);
        String other = architectureDiffers();
        ModelSpec spec = of.a.specOrNull();
        n.put("architecture", other == null).put("architecture_note", other != null ? other : spec == null ? "not known" : spec.family() + ", " + spec.layers().size() + " layers");
    }

    /// Why a token of A is not one of B, or null where all are.
    private String tokensDiffer() {
        ModelSpec specA = of.a.specOrNull();
        ModelSpec specB = of.b.specOrNull();
        if (specA != null && specB != null && specA.vocabSize() != specB.vocabSize()) {
            return String.format("A has %,d token ids and B %,d", specA.vocabSize(), specB.vocabSize());
        }
        Checkpoint one = of.a.source().checkpoint();
        Checkpoint two = of.b.source().checkpoint();
        boolean hasA = one.hasTokenizer();
        boolean hasB = two.hasTokenizer();
        if (!hasA && !hasB) {
            return null;
        }
        if (hasA != hasB) {
            return (hasA ? "B" : "A") + " has no tokenizer";
        }
        return Arrays.equals(one.tokenizer(), two.tokenizer()) ? null : vocabulariesDiffer(Vocabulary.of(one), Vocabulary.of(two));
    }

    /// Files written by different programs may hold the same pieces; how texts are cut into them may differ still, which is seen where one is cut.
    private static String vocabulariesDiffer(Vocabulary p, Vocabulary q) {
        if (p.size() != q.size()) {
            return String.format("A's tokenizer has %,d pieces and B's %,d", p.size(), q.size());
        }
        for (int i = 0; i < p.size(); i++) {
            if (!java.util.Objects.equals(p.entryOrNull(i), q.entryOrNull(i))) {
                return String.format("piece %,d is \"%s\" in A's tokenizer and \"%s\" in B's", i, Visible.name(String.valueOf(p.entryOrNull(i))), Visible.name(String.valueOf(q.entryOrNull(i))));
            }
        }
        return null;
    }

    private String architectureDiffers() {
        ModelSpec p = of.a.specOrNull();
        ModelSpec q = of.b.specOrNull();
        if (p == null || q == null) {
            return p == null && q == null ? null : (p == null ? "A" : "B") + "'s family cannot be run here";
        }
        List<String> out = new ArrayList<>();
        differ(out, "family", p.family(), q.family());
        differ(out, "layers", p.layers().size(), q.layers().size());
        differ(out, "hidden size", p.hiddenSize(), q.hiddenSize());
        differ(out, "heads", heads(p), heads(q));
        differ(out, "experts", experts(p), experts(q));
        return out.isEmpty() ? null : String.join("; ", out);
    }

    private static void differ(List<String> out, String what, Object p, Object q) {
        if (!p.equals(q)) {
            out.add(what + " " + p + " and " + q);
        }
    }

    /// The number of heads, layer by layer where they differ.
    private static String heads(ModelSpec s) {
        List<Integer> of = s.layers().stream().map(l -> l.attention().heads()).toList();
        return of.stream().distinct().count() == 1 ? of.getFirst().toString() : of.toString();
    }

    private static String experts(ModelSpec s) {
        return s.expertLayers().stream().map(l -> l + ": " + s.experts(l).router().experts()).toList().toString();
    }
}
