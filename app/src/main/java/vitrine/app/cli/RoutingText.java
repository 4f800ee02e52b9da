package vitrine.app.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import vitrine.core.artifact.RoutingArtifact;

/// A routing artifact as lines for people.
final class RoutingText {

    private final RoutingArtifact routing;
    private final Output output;

    private RoutingText(RoutingArtifact routing, Output output) {
        this.routing = routing;
        this.output = output;
    }

    static void write(RoutingArtifact routing, Output output) {
        RoutingText text = new RoutingText(routing, output);
        text.head();
        text.layers();
        text.domains();
        routing.paths().ifPresent(text::paths);
        routing.sweep().ifPresent(text::sweep);
        routing.against().forEach(text::against);
        text.similarity();
        routing.whatIf().ifPresent(text::whatIf);
    }

    private void line(String format, Object... values) {
        output.text(String.format(Locale.ROOT, format, values));
    }

    private static String cell(double v) {
        return Double.isNaN(v) ? "–" : String.format(Locale.ROOT, "%.4f", v);
    }

    private static String signed(double v) {
        return Double.isNaN(v) ? "–" : String.format(Locale.ROOT, "%+.4f", v);
    }

    private void head() {
        line("%s: %d layers with %d experts, %d per token (%s), %,d tokens%s", routing.model(), routing.moeLayers().size(), routing.experts(), routing.perToken(),
                routing.router().replace('_', ' '), routing.tokens(), Double.isNaN(routing.loss()) ? "" : String.format(Locale.ROOT, ", loss %.4f", routing.loss()));
        RoutingArtifact.HotSet hot = routing.hotSet();
        line("%s %,d of %,d slots (a layer and one of its experts) are used, %,d serve 90 %% of the choices; the busiest (layer %d, expert %d) carries %.2f times its fair share",
                hot.hot() ? "A hot set:" : "No hot set:", hot.used(), hot.slots(), hot.slotsFor90(), hot.busiestLayer(), hot.busiestExpert(), hot.busiest());
    }

    private void layers() {
        boolean several = routing.domains().size() > 1;
        output.text("");
        output.text("layer  load CV  max violation   Gini  balance loss  router entropy  chosen mass  dead  by token id" + (several ? "  by domain (nats)" : ""));
        for (RoutingArtifact.Row r : routing.rows()) {
            line("%5d %8.4f %14.4f %6.3f %13.4f %15.4f %12.4f %5d %12s%s", r.layer(), r.loadVariation(), r.maxViolation(), r.gini(), r.switchLoss(), r.entropy(), r.chosenMass(), r.dead(),
                    cell(r.vocabularySpecialisation()), several ? String.format(Locale.ROOT, "%18.4f", r.domainInformation()) : "");
        }
        line("chance alone gives a load CV of about %s", routing.rows().stream().map(r -> String.format(Locale.ROOT, "%.4f", r.chanceVariation())).distinct().collect(Collectors.joining(", ")));
    }

    /// For each layer and domain the expert that most of the domain's tokens visit.
    private void domains() {
        if (routing.domains().size() < 2) {
            return;
        }
        output.text("");
        line("share of a domain's tokens that visit its favourite expert (chance %.3f)", (double) routing.perToken() / routing.experts());
        output.text("layer" + routing.domains().stream().map(d -> String.format("%16s", d.name().length() > 15 ? d.name().substring(0, 14) + "…" : d.name())).collect(Collectors.joining()));
        for (int i = 0; i < routing.moeLayers().size(); i++) {
            int n = routing.rows().get(i).experts();
            double[] shares = routing.domainShares(i);
            List<String> cells = new ArrayList<>();
            for (int d = 0; d < routing.domains().size(); d++) {
                int from = d * n;
                int best = 0;
                for (int e = 1; e < n; e++) {
                    best = shares[from + e] > shares[from + best] ? e : best;
                }
                cells.add(String.format("%16s", String.format(Locale.ROOT, "%.3f (%d)", shares[from + best], best)));
            }
            output.text(String.format("%5d", routing.moeLayers().get(i)) + String.join("", cells));
        }
    }

    private void paths(RoutingArtifact.Paths paths) {
        output.text("");
        line("%,d different paths through the first experts (%.3f per token)", paths.distinct(), paths.diversity());
        output.text("layers   what the expert of one tells of the next (nats, bias of few tokens taken away)   of what it could");
        for (RoutingArtifact.Paths.Step s : paths.steps()) {
            line("%2d, %2d %38s %52s", s.from(), s.to(), signed(s.corrected()), cell(s.normalised()));
        }
    }

    private void sweep(RoutingArtifact.Sweep sweep) {
        output.text("");
        output.text("experts per token     loss  perplexity       KL  chosen mass  load CV");
        for (RoutingArtifact.Step s : sweep.steps()) {
            line("%16d%s %8s %11s %8s %12.4f %8.4f", s.perToken(), s.perToken() == sweep.trained() ? "*" : " ", cell(s.loss()), cell(s.perplexity()), cell(s.kl()), s.chosenMass(),
                    s.loadVariation());
        }
        line("* as trained; least loss with %d; no worse than 0.005 nats up to %d", sweep.peak(), sweep.range());
    }

    private void against(RoutingArtifact.Against other) {
        output.text("");
        line("%s over the same tokens%s", other.model(), Double.isNaN(other.loss()) ? "" : String.format(Locale.ROOT, ", loss %.4f", other.loss()));
        output.text("layer  same experts  same first expert   chance");
        for (int i = 0; i < other.saturation().length; i++) {
            line("%5d %13.4f %18.4f %8.4f", routing.moeLayers().get(i), other.saturation()[i], other.first()[i], other.chance()[i]);
        }
    }

    /// For each layer the two experts that are most alike.
    private void similarity() {
        if (routing.similarity(RoutingArtifact.Similarity.weights, 0).isEmpty()) {
            return;
        }
        output.text("");
        output.text("most alike: by weights (cosine), by what they write (overlap of subspaces), by what they make of the same tokens (cosine)");
        for (int i = 0; i < routing.moeLayers().size(); i++) {
            StringBuilder row = new StringBuilder(String.format("%5d", routing.moeLayers().get(i)));
            for (RoutingArtifact.Similarity s : RoutingArtifact.Similarity.values()) {
                row.append(String.format("%22s", mostAlike(routing.similarity(s, i).orElseThrow(), routing.rows().get(i).experts())));
            }
            output.text(row.toString());
        }
    }

    private static String mostAlike(double[] of, int n) {
        int a = -1;
        int b = -1;
        for (int x = 0; x < n; x++) {
            for (int y = x + 1; y < n; y++) {
                if (a < 0 || of[x * n + y] > of[a * n + b]) {
                    a = x;
                    b = y;
                }
            }
        }
        return a < 0 ? "–" : String.format(Locale.ROOT, "%.4f (%d, %d)", of[a * n + b], a, b);
    }

    private void whatIf(RoutingArtifact.WhatIf what) {
        output.text("");
        output.text("What if: " + String.join("; ", what.changes()));
        if (Double.isNaN(what.lossBefore())) {
            output.text("There is no loss and no next token: the model has no output head for them.");
            return;
        }
        line("loss %.4f, before %.4f (%s nats); KL %.4f nats; the most likely next token is another after %.2f %% of tokens", what.lossAfter(), what.lossBefore(),
                signed(what.lossAfter() - what.lossBefore()), what.kl(), 100 * what.topChanged());
        if (what.domains().size() > 1) {
            what.domains().forEach(d -> line("  %-16s %s nats, KL %s", d.name(), signed(d.lossAfter() - d.lossBefore()), cell(d.kl())));
        }
        Map<Integer, String> texts = routing.keptTokens().texts();
        for (RoutingArtifact.TokenChange t : what.tokens()) {
            line("  after token %,d %s: KL %s; before %s; after %s", t.token(), text(texts, t.id()), cell(t.kl()), likely(texts, t.before()), likely(texts, t.after()));
        }
    }

    private static String text(Map<Integer, String> texts, int id) {
        return texts.containsKey(id) ? "‘" + texts.get(id) + "’" : "#" + id;
    }

    private static String likely(Map<Integer, String> texts, List<RoutingArtifact.Likely> list) {
        return list.stream().limit(3).map(l -> text(texts, l.id()) + String.format(Locale.ROOT, " %.3f", l.probability())).collect(Collectors.joining(", "));
    }
}
