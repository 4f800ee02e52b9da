package vitrine.views.compare;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.CompareArtifact;
import vitrine.core.artifact.Provenance;
import vitrine.views.chart.Cells;
import vitrine.views.chart.Numbers;

/// A comparison as it is drawn: the small tensors are read at once, maps when they are looked at.
///
/// @param lossA nats of every token but the first, `[tokens - 1]`; none where there is no prompt that both take. `lossB` likewise
/// @param moved total variation of each head, `[layers][heads]`; none where heads are not compared
record Comparison(CompareArtifact artifact, double[] lossA, double[] lossB, double[] klAb, double[] klBa, double[] js, double[][] moved, double[][] firstA, double[][] firstB) {

    private static final Provenance NONE = Provenance.derived("comparison", "", "of this comparison");

    static Comparison of(Artifact artifact) {
        CompareArtifact a = CompareArtifact.of(artifact);
        return new Comparison(a, a.values("token_nll_a"), a.values("token_nll_b"), a.values("kl_ab"), a.values("kl_ba"), a.values("js"), a.rows("attention_total_variation"),
                a.rows("first_token_mass_a"), a.rows("first_token_mass_b"));
    }

    /// How a tensor or figure came about.
    Provenance provenance(String name) {
        return artifact.artifact().provenance(name).orElse(NONE);
    }

    boolean losses() {
        return lossA.length > 0;
    }

    boolean heads() {
        return moved.length > 0;
    }

    int tokens() {
        return artifact.prompt() == null ? 0 : artifact.prompt().tokens().size();
    }

    /// A token's text with its spaces shown.
    String token(int index) {
        return shown(artifact.prompt().tokens().get(index).text());
    }

    static String shown(String text) {
        return text.replace(' ', '·').replace("\n", "\\n").replace("\t", "\\t");
    }

    List<String> tokenLabels() {
        return IntStream.range(0, tokens()).mapToObj(this::token).toList();
    }

    /// The first words of the prompt.
    String promptWords(int most) {
        StringBuilder out = new StringBuilder();
        for (CompareArtifact.Token t : artifact.prompt().tokens()) {
            out.append(t.special() ? "" : t.text());
            if (out.length() > most) {
                return out.substring(0, most).strip().replace("\n", " ") + "…";
            }
        }
        return out.toString().strip().replace("\n", " ");
    }

    /// The head that moved most; null where none moved.
    HeadId mostMoved() {
        HeadId best = null;
        double most = 0;
        for (int l = 0; l < moved.length; l++) {
            for (int h = 0; h < moved[l].length; h++) {
                if (moved[l][h] > most) {
                    most = moved[l][h];
                    best = new HeadId(l, h);
                }
            }
        }
        return best;
    }

    /// The change of the loss of token `index`, from 1; NaN where there is none.
    double lossChange(int index) {
        return index < 1 || index > lossA.length ? Double.NaN : lossB[index - 1] - lossA[index - 1];
    }

    /// Tokens whose loss changed most: the largest falls, then the largest rises.
    List<Integer> mostChanged(int falls, int rises) {
        List<Integer> order = IntStream.rangeClosed(1, lossA.length).boxed().filter(i -> Double.isFinite(lossChange(i))).sorted(Comparator.comparingDouble(this::lossChange)).toList();
        List<Integer> out = new ArrayList<>(order.stream().filter(i -> lossChange(i) < 0).limit(falls).toList());
        List<Integer> up = order.stream().filter(i -> lossChange(i) > 0).toList();
        out.addAll(up.subList(Math.max(0, up.size() - rises), up.size()));
        return out;
    }

    /// One head's weights; null where they were not kept.
    Cells map(boolean second, HeadId head) {
        float[] values = artifact.map(second, head.layer(), head.head());
        return values.length == 0 ? null : causal(values);
    }

    /// B less A; null where maps were not kept.
    Cells difference(HeadId head) {
        float[] p = artifact.map(false, head.layer(), head.head());
        float[] q = artifact.map(true, head.layer(), head.head());
        if (p.length == 0 || q.length == 0) {
            return null;
        }
        float[] d = new float[p.length];
        int n = tokens();
        for (int i = 0; i < d.length; i++) {
            d[i] = p[i] == 0 && q[i] == 0 && i % n > i / n ? Cells.NONE : q[i] - p[i];
        }
        return Cells.of(n, n, d);
    }

    /// Keys after a query that have no weight are hidden, not 0.
    private Cells causal(float[] values) {
        int n = tokens();
        for (int i = 0; i < values.length; i++) {
            if (i % n > i / n && values[i] == 0) {
                values[i] = Cells.NONE;
            }
        }
        return Cells.of(n, n, values);
    }

    /// A figure of the logit lens, `[layers + 1, tokens]`; null where there is no lens. Positions without a next token are empty.
    Cells lens(LensMeasure measure, boolean second) {
        double[][] rows = artifact.rows(measure.tensor() + (second ? "_b" : "_a"));
        if (rows.length == 0) {
            return null;
        }
        float[] values = new float[rows.length * tokens()];
        for (int l = 0; l < rows.length; l++) {
            for (int t = 0; t < tokens(); t++) {
                values[l * tokens() + t] = measure == LensMeasure.TARGET && t == tokens() - 1 ? Cells.NONE : (float) rows[l][t];
            }
        }
        return Cells.of(rows.length, tokens(), values);
    }

    /// B less A; null where depths differ.
    static Cells difference(Cells a, Cells b) {
        if (a == null || b == null || a.rows() != b.rows() || a.columns() != b.columns()) {
            return null;
        }
        float[] d = new float[a.rows() * a.columns()];
        for (int i = 0; i < d.length; i++) {
            float p = a.at(i / a.columns(), i % a.columns());
            float q = b.at(i / a.columns(), i % a.columns());
            d[i] = p == Cells.NONE || q == Cells.NONE ? Cells.NONE : q - p;
        }
        return Cells.of(a.rows(), a.columns(), d);
    }

    /// Load shares of experts in units of the fair share, one row per layer with experts; null where there are none.
    Cells load(boolean second) {
        List<CompareArtifact.Routing> rows = artifact.routing();
        if (rows.isEmpty()) {
            return null;
        }
        int experts = rows.stream().mapToInt(r -> Math.max(r.loadA().length, r.loadB().length)).max().orElse(0);
        float[] values = new float[rows.size() * experts];
        for (int i = 0; i < rows.size(); i++) {
            double[] load = second ? rows.get(i).loadB() : rows.get(i).loadA();
            for (int e = 0; e < experts; e++) {
                values[i * experts + e] = e < load.length ? (float) (load[e] * load.length) : Cells.NONE;
            }
        }
        return Cells.of(rows.size(), experts, values);
    }

    /// What was found, in a few sentences.
    String reading() {
        List<String> out = new ArrayList<>();
        int kind = -1;
        double most = 0;
        for (int k = 0; k < artifact.kinds().size(); k++) {
            for (double[] row : artifact.relativeChange()) {
                if (row[k] > most) {
                    most = row[k];
                    kind = k;
                }
            }
        }
        if (kind >= 0) {
            out.add(KindNames.plural(artifact.kinds().get(kind)) + " moved most: up to " + Numbers.wholePercent(most) + " of their norm.");
        } else if (artifact.tensors().changed() == 0 && !artifact.matrices().isEmpty()) {
            out.add("No weight matrix that both have differs.");
        }
        if (kind >= 0 && !artifact.absent().containsKey("spectra") && artifact.largestRankChange().isPresent()) {
            out.add("Normalised effective rank changed by at most " + Numbers.probabilityInList(artifact.largestRankChange().getAsDouble()) + " in any matrix.");
        }
        if (artifact.prompt() != null && !Double.isNaN(artifact.prompt().agreement())) {
            out.add("After " + Numbers.wholePercent(artifact.prompt().agreement()) + " of the prompt's tokens both have the same most likely next token.");
        }
        for (CompareArtifact.Routing r : artifact.routing().stream().filter(x -> x.moved() > 0).sorted(Comparator.comparingDouble((CompareArtifact.Routing x) -> -x.moved())).limit(1).toList()) {
            out.add(String.format(Locale.ROOT, "Layer %d shifts %s of its choices to other experts, more than any.", r.layer(), Numbers.wholePercent(r.moved())));
        }
        return String.join(" ", out);
    }
}
