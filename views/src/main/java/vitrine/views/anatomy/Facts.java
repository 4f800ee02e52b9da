package vitrine.views.anatomy;

import java.util.ArrayList;
import java.util.List;
import javafx.scene.layout.Region;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.artifact.Provenance;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.resources.Guide;
import vitrine.views.chart.Numbers;
import vitrine.views.control.MetricTile;
import vitrine.views.control.Quantity;

/// A checkpoint in a row of headline figures. A wide window shows more of them.
final class Facts extends Region {

    static final double HEIGHT = 76;
    private static final double GAP = 12;
    private static final int ALWAYS = 4;
    /// All tiles are shown when each has this much room.
    private static final double COMFORTABLE = 200;
    /// From here on a count is shortened; the note has it in full.
    private static final double LONG_COUNT = 1e9;

    /// Below this width of a tile captions are shortened.
    private static final double NARROW = 190;

    private final List<MetricTile> tiles = new ArrayList<>();
    private final AnatomyViewModel model;
    private boolean narrow;

    Facts(AnatomyViewModel model) {
        getStyleClass().add("vt-facts");
        setMinHeight(HEIGHT);
        setPrefHeight(HEIGHT);
        this.model = model;
        model.subjectProperty().addListener((o, old, now) -> show());
        widthProperty().addListener((o, old, now) -> {
            if (narrow != isNarrow(now.doubleValue())) {
                show();
            }
        });
        show();
    }

    private static boolean isNarrow(double width) {
        return (width - (ALWAYS - 1) * GAP) / ALWAYS < NARROW;
    }

    private void show() {
        Anatomy a = model.anatomy().orElse(null);
        narrow = isNarrow(getWidth());
        tiles.clear();
        if (a != null) {
            tiles.addAll(of(a, narrow));
            tiles.forEach(t -> t.getStyleClass().add("vt-compact-tile"));
        }
        getChildren().setAll(tiles);
        setVisible(a != null);
        setManaged(a != null);
    }

    /// The tiles, most wanted first.
    static List<MetricTile> of(Anatomy a, boolean narrow) {
        List<MetricTile> tiles = new ArrayList<>(List.of(parameters(a), file(a), memory(a, narrow)));
        if (a.checkpoint().kind() == Checkpoint.Kind.ADAPTER) {
            tiles.add(rank(a));
        } else {
            tiles.add(cache(a, narrow));
            a.spec().ifPresent(s -> tiles.addAll(config(a, s)));
        }
        return tiles;
    }

    private static MetricTile parameters(Anatomy a) {
        Provenance p = Provenance.measured(a.checkpoint().name(), "", "values of all weights, counted in the headers");
        boolean longCount = a.parameters() >= LONG_COUNT;
        long idle = a.tensors().stream().filter(Anatomy.Item::idle).count();
        String note = longCount ? Numbers.count(a.parameters()) : a.tied() ? "tied head counted once" : idle > 0 ? Numbers.count(idle) + " unused tensors left out"
                : a.checkpoint().kind() == Checkpoint.Kind.ADAPTER ? "of the adapter alone" : "all weights";
        return new MetricTile("Parameters", Quantity.of(a.parameters(), longCount ? Numbers::si : Numbers::count, p)).badge(Guide.Section.formula("anatomy", "parameters")).note(note);
    }

    private static MetricTile file(Anatomy a) {
        int files = a.checkpoint().files().size();
        Provenance p = Provenance.measured(a.checkpoint().name(), "", files == 1 ? "size of the file, header included" : "sizes of all files, headers included");
        int n = a.tensors().size();
        String note = Numbers.count(n) + (n == 1 ? " tensor" : " tensors") + (files > 1 ? " in " + Numbers.count(files) + " files" : "");
        return new MetricTile(files > 1 ? "Files" : "File", Quantity.of(a.checkpoint().fileBytes(), Numbers::bytes, p)).badge().note(note);
    }

    private static MetricTile memory(Anatomy a, boolean narrow) {
        Provenance p = Provenance.derived(a.checkpoint().name(), "F32", "parameters × 4 bytes");
        return new MetricTile(narrow ? "In memory" : "Weights in memory", Quantity.of(a.float32Bytes(), Numbers::bytes, p)).badge(Guide.Section.formula("anatomy", "weights in memory")).note("widened to float32");
    }

    private static MetricTile cache(Anatomy a, boolean narrow) {
        Provenance p = Provenance.derived("config.json", "F32", "keys and values of all layers and positions, 4 bytes each; windows are not counted");
        ModelSpec spec = a.spec().orElse(null);
        if (spec == null || spec.encoder() || spec.layers().isEmpty()) {
            String reason = spec == null ? "family unknown" : "none in an encoder";
            return new MetricTile("KV cache", Quantity.missing(reason, p)).badge(Guide.Section.formula("anatomy", "KV cache")).note(spec == null ? "needs heads and layers" : "it reads all tokens at once");
        }
        String formula = cacheFormula(a, spec);
        return new MetricTile((narrow ? "KV at " : "KV cache at ") + Numbers.count(a.cachePositions()), Quantity.of(a.cacheBytes(), Numbers::bytes, p)).badge(Guide.Section.formula("anatomy", "KV cache"))
                .note(narrow ? formula.replace(" × ", "×") : formula);
    }

    /// `2 × layers × key/value heads × size × positions × 4 B`.
    static String cacheFormula(Anatomy a, ModelSpec spec) {
        AttentionSpec first = spec.layers().getFirst().attention();
        boolean alike = spec.layers().stream().map(LayerSpec::attention).allMatch(l -> l.keyValueHeads() == first.keyValueHeads() && l.headDim() == first.headDim());
        int positions = a.cachePositions();
        return alike ? "2 × " + spec.layers().size() + " × " + first.keyValueHeads() + " × " + first.headDim() + " × " + positions + " × 4 B"
                : "2 × Σ heads × size × " + positions + " × 4 B";
    }

    private static MetricTile rank(Anatomy a) {
        Provenance p = Provenance.measured(a.checkpoint().name(), "", "rows of the A matrices");
        long[] ranks = a.tensors().stream().map(Anatomy.Item::entry).filter(t -> t.name().contains(".lora_A.") && t.shape().rank() == 2)
                .map(TensorEntry::shape).mapToLong(s -> s.size(0)).sorted().distinct().toArray();
        if (ranks.length == 0) {
            return new MetricTile("Rank", Quantity.missing("no A matrices", p)).badge().note("none of its tensors is named lora_A");
        }
        MetricTile tile = new MetricTile(ranks.length == 1 ? "Rank" : "Largest rank", Quantity.of(ranks[ranks.length - 1], Numbers::count, p)).badge();
        long modules = a.tensors().stream().filter(t -> t.entry().name().contains(".lora_A.")).count();
        return tile.note(ranks.length == 1 ? "the same in " + Numbers.count(modules) + " modules" : "from " + ranks[0] + " on, " + ranks.length + " different");
    }

    private static List<MetricTile> config(Anatomy a, ModelSpec s) {
        Provenance p = Provenance.measured("config.json", "", "as the config says, and the tensors' shapes agree");
        AttentionSpec first = s.layers().isEmpty() ? null : s.layers().getFirst().attention();
        List<MetricTile> tiles = new ArrayList<>();
        tiles.add(new MetricTile("Layers", Quantity.of(s.layers().size(), Numbers::count, p)).badge().note("residual stream of " + Numbers.count(s.hiddenSize())));
        if (first != null) {
            tiles.add(new MetricTile("Heads", Quantity.of(first.heads(), Numbers::count, p)).badge()
                    .note(first.keyValueHeads() + " key/value, size " + first.headDim()));
        }
        tiles.add(new MetricTile("Vocabulary", Quantity.of(s.vocabSize(), Numbers::count, p)).badge().note(a.tied() ? "tied to the head" : "tokens"));
        tiles.add(new MetricTile("Positions", Quantity.of(s.maxPositions(), Numbers::count, p)).badge().note(s.positionsAreHard() ? "no longer text is possible" : "longer is unusual"));
        return tiles;
    }

    @Override
    protected double computePrefHeight(double width) {
        return HEIGHT;
    }

    @Override
    protected void layoutChildren() {
        int shown = Math.min(tiles.size(), Math.max(ALWAYS, (int) ((getWidth() + GAP) / (COMFORTABLE + GAP))));
        double each = (getWidth() - (shown - 1) * GAP) / Math.max(1, shown);
        for (int i = 0; i < tiles.size(); i++) {
            MetricTile t = tiles.get(i);
            t.setVisible(i < shown);
            double x = Math.round(i * (each + GAP));
            t.resizeRelocate(x, 0, Math.round((i + 1) * (each + GAP) - GAP) - x, getHeight());
        }
    }
}
