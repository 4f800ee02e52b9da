package vitrine.views.anatomy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.Embedding;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.Head;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.Linear;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Norm;
import vitrine.core.architecture.Rope;
import vitrine.core.tensor.Activation;
import vitrine.views.anatomy.DiagramLayout.Mark;
import vitrine.views.anatomy.DiagramLayout.Place;
import vitrine.views.anatomy.DiagramLayout.Spacing;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Surface;
import vitrine.views.chart.TextStyle;
import vitrine.views.testing.FxThread;

/// Laws that the diagram keeps for every model and every width that the window gives it.
class DiagramLayoutTest {

    /// From the narrowest card, with its scroll bar, to the widest.
    private static final double[] WIDTHS = {274, 292, 335, 373, 514};

    private static Surface surface;

    @BeforeAll
    static void start() {
        surface = FxThread.get(() -> {
            vitrine.views.chart.ScreenFonts.load();
            return new FigureCanvas(new BlockDiagram(l -> { })).surface();
        });
    }

    static List<String> references() throws java.io.IOException {
        return Cases.references();
    }

    private static DiagramLayout layout(Wiring wiring, double width) {
        return FxThread.get(() -> DiagramLayout.of(wiring, width, new Spacing(5, 0.82), 0, surface));
    }

    @ParameterizedTest
    @MethodSource("references")
    void boxesLieWithinTheFigureAndNeverOnEachOther(String name) {
        ModelSpec spec = Cases.reference(name).anatomy().spec().orElseThrow();
        for (double width : WIDTHS) {
            check(Wiring.of(spec, spec.layers().size() - 1, t -> true), width, name);
        }
    }

    private static void check(Wiring wiring, double width, String name) {
        DiagramLayout at = layout(wiring, width);
        List<Place> places = at.places();
        for (int i = 0; i < places.size(); i++) {
            Place p = places.get(i);
            String what = name + " at " + width + ": " + p;
            assertTrue(p.x() >= 0 && p.x() + p.w() <= width + 0.01 && p.y() >= 0 && p.y() + p.h() <= at.bottom() + 0.01, what);
            TextStyle style = p.look() == DiagramLayout.Look.BOX ? TextStyle.SMALL : p.look() == DiagramLayout.Look.BAR ? TextStyle.AXIS : TextStyle.CELL;
            double text = FxThread.get(() -> surface.textWidth(p.text(), style));
            assertTrue(text <= p.w(), what + " has text of " + text);
            for (int j = 0; j < i; j++) {
                Place o = places.get(j);
                assertFalse(p.x() < o.x() + o.w() - 0.01 && o.x() < p.x() + p.w() - 0.01 && p.y() < o.y() + o.h() - 0.01 && o.y() < p.y() + p.h() - 0.01, what + " on " + o);
            }
        }
        for (Mark m : at.marks()) {
            if (m instanceof Mark.Words w) {
                double text = FxThread.get(() -> surface.textWidth(w.text(), w.style()));
                double left = w.right() ? w.x() - text : w.x();
                assertTrue(left >= -0.5 && left + text <= width + 0.5, name + " at " + width + ": " + w);
            }
        }
        // Whatever is abbreviated, every box of the wiring can be pointed at.
        assertEquals(Set.copyOf(wiring.boxes()), places.stream().map(Place::box).collect(Collectors.toSet()), name);
    }

    /// A model of any number of heads and layers, without files.
    private static ModelSpec model(int layers, int heads, int keyValueHeads, boolean parallel) {
        List<LayerSpec> all = new ArrayList<>();
        for (int l = 0; l < layers; l++) {
            String p = "model.layers." + l + ".";
            AttentionSpec a = new AttentionSpec(heads, keyValueHeads, 64, 0.125f, 0, true, 4096, new Rope(1e6, 32, false, new Rope.Scaling.Linear(4)),
                    new AttentionSpec.QueryKeyValue.Separate(Linear.of(p + "self_attn.q_proj", heads * 64, 8192, true), Linear.of(p + "self_attn.k_proj", keyValueHeads * 64, 8192, true),
                            Linear.of(p + "self_attn.v_proj", keyValueHeads * 64, 8192, true)), null, Linear.of(p + "self_attn.o_proj", 8192, heads * 64, false));
            FeedForward f = new FeedForward.Gated(Linear.of(p + "mlp.gate_proj", 28672, 8192, false), Linear.of(p + "mlp.up_proj", 28672, 8192, false),
                    Linear.of(p + "mlp.down_proj", 8192, 28672, false), Activation.SILU);
            LayerSpec spec = LayerSpec.preNorm(l, Norm.rms(p + "in.weight", 8192, 1e-6), a, Norm.rms(p + "post.weight", 8192, 1e-6), f).withResidual(0.22f);
            all.add(parallel ? spec.inParallel() : spec);
        }
        return new ModelSpec("x", "X", false, 8192, 128256, 131072, false, Embedding.of("model.embed_tokens.weight", 8192), all,
                Norm.rms("model.norm.weight", 8192, 1e-6), Head.of("lm_head.weight", 8192, false), List.of());
    }

    @Test
    void anyNumberOfHeadsFits() {
        for (boolean parallel : new boolean[] {false, true}) {
            for (int[] heads : new int[][] {{1, 1}, {12, 12}, {32, 32}, {128, 128}, {71, 1}, {64, 8}, {128, 8}, {128, 16}, {96, 48}}) {
                Wiring w = Wiring.of(model(2, heads[0], heads[1], parallel), 1, t -> true);
                for (double width : WIDTHS) {
                    check(w, width, heads[0] + " over " + heads[1] + (parallel ? ", parallel" : ""));
                }
            }
        }
    }

    @Test
    void abbreviatedHeadsBeginWithTheFirstAndEndWithTheLast() {
        List<String> cells = layout(Wiring.of(model(1, 128, 128, false), 0, t -> true), 373).places().stream().map(Place::text).filter(t -> t.matches("[qkv]\\d+")).toList();
        assertTrue(cells.containsAll(List.of("q0", "k0", "v0", "q127", "k127", "v127")), cells.toString());
        assertFalse(cells.contains("q64"));
    }

    @Test
    void groupsThatDoNotFitHeadByHeadAreWrittenAsRanges() {
        List<String> cells = layout(Wiring.of(model(1, 64, 8, false), 0, t -> true), 514).places().stream().map(Place::text).filter(t -> t.startsWith("q")).toList();
        assertTrue(cells.containsAll(List.of("q0–7", "q8–15", "q56–63")), cells.toString());
    }

    @Test
    void fewLayersAreChipsAndManyATrack() {
        DiagramLayout few = layout(Wiring.of(model(5, 8, 8, false), 2, t -> true), 373);
        assertEquals(5, few.marks().stream().filter(m -> m instanceof Mark.Step).count());
        DiagramLayout many = layout(Wiring.of(model(126, 8, 8, false), 2, t -> true), 373);
        Mark.Track track = many.marks().stream().filter(Mark.Track.class::isInstance).map(Mark.Track.class::cast).findFirst().orElseThrow();
        assertEquals(0, track.layerAt(track.x(), 126));
        assertEquals(125, track.layerAt(track.x() + track.w(), 126));
        assertEquals(63, track.layerAt(track.x() + track.w() / 2, 126));
        assertEquals(0, layout(Wiring.of(model(1, 8, 8, false), 0, t -> true), 373).marks().stream().filter(m -> m instanceof Mark.Step).count());
    }
}
