package vitrine.views.runs;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import vitrine.core.artifact.LoopTrail;
import vitrine.views.chart.Cells;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.HeatMap;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.ReadOut;
import vitrine.views.chart.Scale;
import vitrine.views.control.Card;

/// How a run of SGT grew: which layers repeat their attention from which step on, and how widely the heads of each layer attend now.
final class LoopCards {

    /// Steps across are drawn in so many columns at most.
    private static final int COLUMNS = 120;

    private final Card loopsCard = new Card("Loops");
    private final Card entropyCard = new Card("Entropy");
    private final HeatMap loops = new HeatMap().stretched().largestCell(32).name("loops");
    private final HeatMap entropy = new HeatMap().stretched().largestCell(32).name("entropy");
    private LoopTrail drawn;
    private long drawnSteps;
    private long drawnTo;

    LoopCards() {
        FigureCanvas first = new FigureCanvas(loops);
        first.setId("attention-loops");
        loopsCard.content(first);
        FigureCanvas second = new FigureCanvas(entropy);
        second.setId("head-entropy");
        entropy.scaleProperty().set(Scale.linear(0, 1));
        entropyCard.content(second);
    }

    List<Card> nodes() {
        return List.of(loopsCard, entropyCard);
    }

    HeatMap loops() {
        return loops;
    }

    HeatMap entropy() {
        return entropy;
    }

    /// @param d of a run that has a trail
    void show(RunData d) {
        LoopTrail trail = d.loops();
        long steps = Math.max(d.steps(), trail.steps().getLast().step());
        if (trail == drawn && steps == drawnSteps && d.run().step() == drawnTo) {
            return;
        }
        drawn = trail;
        drawnSteps = steps;
        drawnTo = d.run().step();
        // Every choice has its line: until the next one all is as it was.
        showLoops(trail, steps, Math.max(drawnTo, trail.steps().getLast().step()));
        showEntropy(trail.steps().getLast());
        loopsCard.subtitle("steps 1 to " + Numbers.count(steps)).provenance(Origins.measured(d, "how often each layer repeats its attention after a step; empty: steps to come"));
        entropyCard.subtitle("heads, step " + Numbers.count(trail.steps().getLast().step()))
                .provenance(Origins.measured(d, "−Σ p ln p ÷ ln keys of each text's last query, from 0 to 1: half the step's mean, half what it was; kept heads: of the deepest loop"));
    }

    private void showLoops(LoopTrail trail, long steps, long done) {
        int layers = trail.steps().getFirst().loops().length;
        int columns = (int) Math.clamp(steps, 1, COLUMNS);
        long[] at = IntStream.rangeClosed(1, columns).mapToLong(c -> Math.max(1, Math.round((double) steps * c / columns))).toArray();
        float[] cells = new float[layers * columns];
        int most = 1;
        for (int c = 0; c < columns; c++) {
            int[] now = at[c] > done ? null : after(trail, at[c]);
            for (int l = 0; l < layers; l++) {
                cells[l * columns + c] = now == null ? Cells.NONE : now[l];
                most = now == null ? most : Math.max(most, now[l]);
            }
        }
        loops.scaleProperty().set(Scale.linear(0, most));
        loops.rowLabels(numbers(layers)).columnLabels(Arrays.stream(at).mapToObj(String::valueOf).toList()).readOut((l, c) -> new ReadOut().add(ReadOut.Role.NAME, "layer " + l).line()
                .add(ReadOut.Role.VALUE, Numbers.count(Math.round(cells[l * columns + c]))).add(ReadOut.Role.CONTEXT, "loops after step " + Numbers.count(at[c])));
        loops.show(Cells.of(layers, columns, cells));
    }

    /// The loops after a step.
    private static int[] after(LoopTrail trail, long step) {
        int[] now = new int[trail.steps().getFirst().loops().length];
        for (LoopTrail.Step s : trail.steps()) {
            now = s.step() <= step ? s.loops() : now;
        }
        return now;
    }

    private void showEntropy(LoopTrail.Step now) {
        int layers = now.entropy().length;
        int heads = Arrays.stream(now.entropy()).mapToInt(e -> e.length).max().orElse(0);
        float[] cells = new float[layers * heads];
        Arrays.fill(cells, Cells.NONE);
        for (int l = 0; l < layers; l++) {
            for (int h = 0; h < now.entropy()[l].length; h++) {
                cells[l * heads + h] = (float) now.entropy()[l][h];
            }
        }
        entropy.rowLabels(numbers(layers)).columnLabels(numbers(heads)).readOut((l, h) -> new ReadOut().add(ReadOut.Role.NAME, "layer " + l + ", head " + h).line()
                .add(ReadOut.Role.VALUE, Numbers.probability(cells[l * heads + h])).add(ReadOut.Role.CONTEXT, "entropy"
                + (now.loops()[l] == 0 ? "" : now.loops()[l] == 1 ? "; the layer loops once" : "; the layer loops " + now.loops()[l] + " times")));
        entropy.show(Cells.of(layers, heads, cells));
    }

    private static List<String> numbers(int count) {
        List<String> out = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            out.add(String.valueOf(i));
        }
        return out;
    }
}
