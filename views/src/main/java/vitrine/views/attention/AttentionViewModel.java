package vitrine.views.attention;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import javafx.beans.property.BooleanProperty;
import javafx.beans.property.IntegerProperty;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.ReadOnlyObjectProperty;
import javafx.beans.property.SimpleBooleanProperty;
import javafx.beans.property.SimpleIntegerProperty;
import javafx.beans.property.SimpleObjectProperty;
import javafx.beans.property.SimpleStringProperty;
import javafx.beans.property.StringProperty;
import javafx.collections.FXCollections;
import javafx.collections.ObservableList;
import javafx.collections.ObservableSet;
import vitrine.core.analysis.attention.AttentionRank;
import vitrine.core.analysis.attention.HeadMetric;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.task.Task;
import vitrine.core.task.Task.What;
import vitrine.views.chart.Cells;
import vitrine.views.chart.Scale;
import vitrine.views.tasks.Latest;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.tasks.ViewState;
import vitrine.views.view.Subject;
import vitrine.views.view.SubjectModel;

/// What the Attention view shows, and what it asks for.
///
/// The user's intent is in the properties; everything else follows from them. Maps of all heads are asked for at once where they are
/// small enough to keep, else those of the chosen layer.
public final class AttentionViewModel implements SubjectModel {

    /// A head, counted from 0.
    public record HeadId(int layer, int head) {
        @Override
        public String toString() {
            return "Layer " + layer + ", head " + head;
        }
    }

    /// A prompt that is worth a look with a checkpoint.
    ///
    /// @param title a few words
    /// @param look what to look at, one sentence
    /// @param head the head to look at
    public record Suggestion(String title, String text, String look, HeadId head) {}

    /// What the large map shows.
    public enum Show {
        WEIGHTS("Weights"), ROLLOUT("Rollout"), DIFFERENCE("Difference");

        private final String label;

        Show(String label) {
            this.label = label;
        }

        public String label() {
            return label;
        }
    }

    /// How the large map is drawn.
    public enum Drawing {
        MAP("Map"), LINKS("Links");

        private final String label;

        Drawing(String label) {
            this.label = label;
        }

        public String label() {
            return label;
        }
    }

    /// What layers are compared by.
    public enum Similarity {
        COSINE("Cosine", "layer_cosine"), DIVERGENCE("JS divergence", "layer_divergence");

        private final String label;
        private final String tensor;

        Similarity(String label, String tensor) {
            this.label = label;
            this.tensor = tensor;
        }

        public String label() {
            return label;
        }

        public String tensor() {
            return tensor;
        }
    }

    /// Maps of all heads together are kept up to this many bytes.
    private static final long ALL_MAPS_BYTES = 1L << 30;
    private static final String NEEDS_CHECKPOINT = "This is a capture made before. Open its checkpoint to compute more.";
    /// Layers are compared without being asked while that takes a moment.
    private static final double QUICK_COMPARISONS = 3e8;

    private final ObjectProperty<Subject> subject = new SimpleObjectProperty<>(this, "subject");
    private final StringProperty prompt = new SimpleStringProperty(this, "prompt", "");
    private final BooleanProperty editing = new SimpleBooleanProperty(this, "editing");
    private final ObjectProperty<HeadId> head = new SimpleObjectProperty<>(this, "head", new HeadId(0, 0));
    private final ObjectProperty<Show> show = new SimpleObjectProperty<>(this, "show", Show.WEIGHTS);
    private final ObjectProperty<Drawing> drawing = new SimpleObjectProperty<>(this, "drawing", Drawing.MAP);
    private final ObjectProperty<Scale.Kind> scaleKind = new SimpleObjectProperty<>(this, "scaleKind", Scale.Kind.SQRT);
    private final ObjectProperty<HeadMetric> sortBy = new SimpleObjectProperty<>(this, "sortBy");
    private final ObjectProperty<HeadMetric> colourBy = new SimpleObjectProperty<>(this, "colourBy");
    private final ObjectProperty<Similarity> similarity = new SimpleObjectProperty<>(this, "similarity", Similarity.COSINE);
    private final IntegerProperty query = new SimpleIntegerProperty(this, "query", -1);
    private final IntegerProperty key = new SimpleIntegerProperty(this, "key", -1);
    private final ObservableSet<Integer> isolated = FXCollections.observableSet();
    private final ObservableList<HeadId> pinned = FXCollections.observableArrayList();
    private final ObservableList<Suggestion> suggestions = FXCollections.observableArrayList();
    private final ObjectProperty<Comparison> comparison = new SimpleObjectProperty<>(this, "comparison");

    private final Latest<AttentionCapture> capture;
    private final Latest<AttentionCapture> layerMaps;
    private final Latest<AttentionCapture> other;
    private final Latest<AttentionCapture> otherLayerMaps;
    private final Latest<AttentionCapture> rank;
    private final Latest<AttentionCapture> rollout;
    private final SwitchedOff switchedOff;
    private boolean allMaps;

    /// What B is: another prompt on the same checkpoint, or the same prompt on another checkpoint.
    public record Comparison(Subject subject, String prompt) {}

    public AttentionViewModel(TaskBoard board) {
        String empty = "No attention yet. Give a prompt.";
        switchedOff = new SwitchedOff(board, this);
        capture = new Latest<>(board, empty, AttentionCapture::of);
        layerMaps = new Latest<>(board, empty, AttentionCapture::of);
        other = new Latest<>(board, "Nothing to compare with yet.", AttentionCapture::of);
        otherLayerMaps = new Latest<>(board, empty, AttentionCapture::of);
        rank = new Latest<>(board, "ARank is computed when asked.", AttentionCapture::of);
        rollout = new Latest<>(board, "Rollout is computed when asked.", AttentionCapture::of);
        head.addListener((o, old, now) -> askForLayer());
        show.addListener((o, old, now) -> {
            if (now == Show.ROLLOUT && capture().isPresent() && rollout.state().valueOrNull() == null) {
                askRollout();
            }
        });
        capture.stateProperty().addListener((o, old, now) -> {
            if (now instanceof ViewState.Result<AttentionCapture> r && old != now) {
                settle(r.value());
            }
        });
    }

    // --- intent

    @Override
    public ObjectProperty<Subject> subjectProperty() {
        return subject;
    }

    /// The prompt's text; token ids, parted by spaces or commas, for a checkpoint without a tokenizer.
    public StringProperty promptProperty() {
        return prompt;
    }

    public BooleanProperty editingProperty() {
        return editing;
    }

    public ObjectProperty<HeadId> headProperty() {
        return head;
    }

    public ObjectProperty<Show> showProperty() {
        return show;
    }

    public ObjectProperty<Drawing> drawingProperty() {
        return drawing;
    }

    public ObjectProperty<Scale.Kind> scaleKindProperty() {
        return scaleKind;
    }

    /// What the heads of a layer are ordered by, or null for their own order.
    public ObjectProperty<HeadMetric> sortByProperty() {
        return sortBy;
    }

    /// What heads are coloured by, or null for their maps.
    public ObjectProperty<HeadMetric> colourByProperty() {
        return colourBy;
    }

    public ObjectProperty<Similarity> similarityProperty() {
        return similarity;
    }

    /// The locked query, or -1.
    public IntegerProperty queryProperty() {
        return query;
    }

    /// The locked key, or -1.
    public IntegerProperty keyProperty() {
        return key;
    }

    /// Queries that alone are shown; empty for all.
    public ObservableSet<Integer> isolated() {
        return isolated;
    }

    public ObservableList<HeadId> pinned() {
        return pinned;
    }

    /// Prompts that are worth a look with this checkpoint; empty where nobody knows any.
    public ObservableList<Suggestion> suggestions() {
        return suggestions;
    }

    /// Takes a suggested prompt and shows it with its head.
    public void take(Suggestion suggestion) {
        prompt.set(suggestion.text());
        head.set(suggestion.head());
        run();
    }

    public ReadOnlyObjectProperty<Comparison> comparisonProperty() {
        return comparison;
    }

    // --- state

    /// Heads and layers that are switched off, to see what that does to the loss.
    SwitchedOff switchedOff() {
        return switchedOff;
    }

    public Latest<AttentionCapture> captureState() {
        return capture;
    }

    /// Maps of the chosen layer, where not all were kept.
    public Latest<AttentionCapture> layerMapsState() {
        return layerMaps;
    }

    public Latest<AttentionCapture> otherState() {
        return other;
    }

    public Latest<AttentionCapture> otherLayerState() {
        return otherLayerMaps;
    }

    public Latest<AttentionCapture> rankState() {
        return rank;
    }

    public Latest<AttentionCapture> rolloutState() {
        return rollout;
    }

    /// What came back for the prompt, if it did.
    public Optional<AttentionCapture> capture() {
        return Optional.ofNullable(capture.state().valueOrNull());
    }

    /// Why this subject has no attention to show, or empty.
    public String obstacle() {
        Subject s = subject.get();
        if (s == null && capture().isPresent()) {
            return "";
        }
        if (s == null) {
            return "Open a checkpoint to see where it attends.";
        }
        if (s.isAdapter()) {
            return s.name() + " is an adapter. Open its base model to see attention.";
        }
        return s.anatomy().obstacle() == null ? "" : s.anatomy().obstacle().getMessage();
    }

    /// Whether prompts are texts; else they are lists of token ids.
    public boolean takesText() {
        Subject s = subject.get();
        return s != null && s.anatomy().checkpoint().hasTokenizer();
    }

    /// The most tokens that the model takes.
    public int maxTokens() {
        return subject.get() == null ? 0 : subject.get().anatomy().spec().map(ModelSpec::maxPositions).orElse(0);
    }

    // --- asking

    /// Shows another checkpoint; its last prompt is not known any more.
    @Override
    public void show(Subject s) {
        if (s.equals(subject.get())) {
            subject.set(s);
            return;
        }
        subject.set(s);
        forget();
        editing.set(false);
        if (!prompt.get().isBlank() && obstacle().isEmpty()) {
            run();
        }
    }

    @Override
    public void show(Path artifact) {
        show(AttentionCapture.of(artifact));
    }

    /// Shows a capture that was made before. Nothing more can be asked about it: its checkpoint need not be there any more.
    public void show(AttentionCapture made) {
        subject.set(null);
        forget();
        editing.set(false);
        allMaps = true;
        rollout.clear(NEEDS_CHECKPOINT);
        layerMaps.clear("This capture has no map of this layer. Add attentions to --what.");
        if (made.hasTensor("rollout")) {
            rollout.show(made);
        }
        if (made.hasTensor("attention_rank")) {
            rank.show(made);
        }
        capture.show(made);
    }

    private void forget() {
        switchedOff.clear();
        query.set(-1);
        key.set(-1);
        isolated.clear();
        pinned.clear();
        comparison.set(null);
        capture.clear("No attention yet. Give a prompt of 2 to " + String.format(java.util.Locale.ROOT, "%,d", maxTokens()) + " tokens.");
        for (Latest<AttentionCapture> l : List.of(layerMaps, other, otherLayerMaps, rank, rollout)) {
            l.clear("");
        }
        show.set(Show.WEIGHTS);
    }

    /// Captures the prompt.
    public void run() {
        if (prompt.get().isBlank() || subject.get() == null || !obstacle().isEmpty()) {
            return;
        }
        editing.set(false);
        query.set(-1);
        key.set(-1);
        isolated.clear();
        rank.clear("");
        rollout.clear("");
        allMaps = mapBytes(estimatedTokens(prompt.get())) <= ALL_MAPS_BYTES;
        capture.ask("Attention of " + subject.get().name(), mainTask());
        switchedOff.ask();
        if (comparison.get() != null) {
            compareWith(comparison.get());
        }
    }

    /// The task that fills the view.
    public Task.Capture mainTask() {
        int tokens = estimatedTokens(prompt.get());
        List<What> what = new ArrayList<>(List.of(What.metrics, What.thumbnails));
        if (allMaps) {
            what.addFirst(What.attentions);
        }
        int layers = spec().layers().size();
        if ((double) layers * layers / 2 * tokens * tokens <= QUICK_COMPARISONS) {
            what.add(What.similarity);
        }
        return new Task.Capture(subject.get().path(), source(prompt.get()), what, null);
    }

    private ModelSpec spec() {
        return subject.get().anatomy().spec().orElseThrow();
    }

    private Task.Prompt source(String text) {
        if (takesText()) {
            return Task.Prompt.ofText(text);
        }
        List<Integer> ids = new ArrayList<>();
        for (String part : text.strip().split("[\\s,;\\[\\]]+")) {
            if (part.matches("\\d{1,9}")) {
                ids.add(Integer.parseInt(part));
            }
        }
        return Task.Prompt.ofIds(ids);
    }

    /// Tokens are known only after tokenising: a guess from above for ordinary text.
    private int estimatedTokens(String text) {
        if (!takesText()) {
            return text.strip().split("[\\s,;]+").length;
        }
        double n = 2;
        for (int i = 0; i < text.length(); i++) {
            n += text.charAt(i) < 128 ? 0.45 : 1.5;
        }
        return (int) Math.min(n, maxTokens());
    }

    private long mapBytes(int tokens) {
        return 4L * spec().layers().stream().mapToInt(l -> l.attention().heads()).sum() * tokens * tokens;
    }

    private void settle(AttentionCapture c) {
        HeadId h = head.get();
        if (h.layer() >= c.layers() || h.head() >= c.heads()) {
            head.set(new HeadId(0, 0));
        }
        askForLayer();
    }

    /// Where not all maps were kept, asks for those of the chosen layer.
    private void askForLayer() {
        if (subject.get() == null || allMaps || !(capture.state() instanceof ViewState.Result<AttentionCapture> r)) {
            return;
        }
        int layer = head.get().layer();
        AttentionCapture there = layerMaps.state().valueOrNull();
        if (!r.value().hasMap(layer) && (there == null || !there.hasMap(layer))) {
            layerMaps.ask("Maps of layer " + layer, new Task.Capture(subject.get().path(), source(prompt.get()), List.of(What.attentions), new Task.LayerRange(layer, layer)));
        }
        if (comparison.get() != null) {
            askForOtherLayer();
        }
    }

    private void askForOtherLayer() {
        int layer = head.get().layer();
        AttentionCapture b = other.state().valueOrNull();
        AttentionCapture there = otherLayerMaps.state().valueOrNull();
        if (b != null && !b.hasMap(layer) && (there == null || !there.hasMap(layer))) {
            otherLayerMaps.ask("Maps of layer " + layer + ", B", new Task.Capture(comparison.get().subject().path(), source(comparison.get().prompt()),
                    List.of(What.attentions), new Task.LayerRange(layer, layer)));
        }
    }

    /// Compares with another prompt or another checkpoint.
    public void compareWith(Comparison b) {
        comparison.set(b);
        otherLayerMaps.clear("");
        List<What> what = new ArrayList<>(List.of(What.metrics, What.thumbnails));
        if (allMaps) {
            what.addFirst(What.attentions);
        }
        other.ask("Attention of " + b.subject().name() + ", B", new Task.Capture(b.subject().path(), source(b.prompt()), what, null));
        show.set(Show.DIFFERENCE);
    }

    /// Ends the comparison.
    public void compareWithNothing() {
        comparison.set(null);
        other.clear("Nothing to compare with yet.");
        otherLayerMaps.clear("");
        if (show.get() == Show.DIFFERENCE) {
            show.set(Show.WEIGHTS);
        }
    }

    /// Computes the numerical rank of every head's map.
    public void askRank() {
        capture().filter(c -> subject.get() != null).ifPresent(c -> rank.ask("ARank of " + subject.get().name(),
                new Task.Capture(subject.get().path(), source(prompt.get()), List.of(What.arank), null)));
    }

    /// Why ARank cannot be computed for this prompt, or empty.
    public String rankObstacle() {
        if (subject.get() == null) {
            return NEEDS_CHECKPOINT;
        }
        int n = capture().map(c -> c.tokens().size()).orElse(0);
        return n > AttentionRank.MAX_TOKENS ? String.format(java.util.Locale.ROOT, "ARank is computed for prompts of up to %,d tokens; this one has %,d.",
                AttentionRank.MAX_TOKENS, n) : "";
    }

    /// Computes attention rollout.
    public void askRollout() {
        if (subject.get() == null) {
            return;
        }
        rollout.ask("Rollout of " + subject.get().name(), new Task.Capture(subject.get().path(), source(prompt.get()), List.of(What.rollout), null));
    }

    // --- what follows

    /// The chosen head's weights, or null while they are not there.
    public Cells map(HeadId h) {
        return map(capture.state().valueOrNull(), layerMaps.state().valueOrNull(), h);
    }

    private static Cells map(AttentionCapture all, AttentionCapture layer, HeadId h) {
        if (all != null && all.hasMap(h.layer())) {
            return all.map(h.layer(), h.head());
        }
        return layer != null && layer.hasMap(h.layer()) ? layer.map(h.layer(), h.head()) : null;
    }

    /// The same head's weights in B, or null.
    public Cells otherMap(HeadId h) {
        AttentionCapture b = other.state().valueOrNull();
        return b == null || h.layer() >= b.layers() || h.head() >= b.heads() ? null : map(b, otherLayerMaps.state().valueOrNull(), h);
    }

    /// What the large map shows now, or null while it is not there.
    public Cells shownMap() {
        HeadId h = head.get();
        Cells cells = switch (show.get()) {
            case WEIGHTS -> map(h);
            case ROLLOUT -> rollout.state().valueOrNull() == null ? null : rollout.state().valueOrNull().rollout(h.layer());
            case DIFFERENCE -> difference(map(h), otherMap(h));
        };
        return cells == null || isolated.size() < 2 ? cells : onlyRows(cells, new ArrayList<>(isolated));
    }

    /// B − A, or null where one is missing or they have not the same number of tokens.
    static Cells difference(Cells a, Cells b) {
        if (a == null || b == null || a.rows() != b.rows()) {
            return null;
        }
        float[] out = new float[a.rows() * a.columns()];
        for (int r = 0; r < a.rows(); r++) {
            for (int c = 0; c < a.columns(); c++) {
                boolean there = a.at(r, c) != Cells.NONE && b.at(r, c) != Cells.NONE;
                out[r * a.columns() + c] = there ? b.at(r, c) - a.at(r, c) : Cells.NONE;
            }
        }
        return Cells.of(a.rows(), a.columns(), out);
    }

    private static Cells onlyRows(Cells cells, List<Integer> rows) {
        float[] out = new float[cells.rows() * cells.columns()];
        java.util.Arrays.fill(out, Cells.NONE);
        for (int r : rows) {
            for (int c = 0; c < cells.columns(); c++) {
                out[r * cells.columns() + c] = cells.at(r, c);
            }
        }
        return Cells.of(cells.rows(), cells.columns(), out);
    }

    /// Why the difference cannot be drawn, or empty.
    public String differenceObstacle() {
        if (subject.get() == null) {
            return NEEDS_CHECKPOINT;
        }
        if (comparison.get() == null) {
            return "Nothing to compare with yet. Choose another prompt or checkpoint.";
        }
        AttentionCapture a = capture.state().valueOrNull();
        AttentionCapture b = other.state().valueOrNull();
        if (a == null || b == null) {
            return "";
        }
        if (a.tokens().size() != b.tokens().size()) {
            return String.format(java.util.Locale.ROOT, "A has %,d tokens, B has %,d: maps of different size have no difference. Change one of the prompts.",
                    a.tokens().size(), b.tokens().size());
        }
        return head.get().layer() >= b.layers() || head.get().head() >= b.heads() ? "B has no " + head.get().toString().toLowerCase(java.util.Locale.ROOT) + "." : "";
    }

    /// The scale of the large map.
    public Scale scale() {
        return show.get() == Show.DIFFERENCE ? Scale.diverging(1) : mapScale();
    }

    /// The scale of attention weights, whatever the large map shows.
    public Scale mapScale() {
        return switch (scaleKind.get()) {
            case LINEAR -> Scale.linear(0, 1);
            case LOG -> Scale.log(1);
            default -> Scale.sqrt(0, 1);
        };
    }

    /// What the large map shows.
    public Show show() {
        return show.get();
    }

    /// The heads of each layer from left to right, or null for their own order.
    public int[][] order() {
        AttentionCapture c = capture.state().valueOrNull();
        HeadMetric by = sortBy.get();
        if (c == null || by == null || !c.has(by)) {
            return null;
        }
        int[][] out = new int[c.layers()][];
        for (int l = 0; l < out.length; l++) {
            int layer = l;
            out[l] = IntStream.range(0, c.heads()).boxed()
                    .sorted(Comparator.comparingDouble((Integer h) -> Double.isNaN(c.metric(by, layer, h)) ? Double.NEGATIVE_INFINITY : c.metric(by, layer, h)).reversed())
                    .mapToInt(Integer::intValue).toArray();
        }
        return out;
    }

    /// What a head's figures are called for: `previous token 0.61`, or `no named pattern`.
    public String pattern(HeadId h) {
        AttentionCapture c = capture.state().valueOrNull();
        return c == null ? "" : Patterns.name(c, h);
    }

    /// Keeps a head at hand, or lets go of it.
    public void pin(HeadId h) {
        if (!pinned.remove(h)) {
            pinned.add(h);
        }
    }

    /// Releases locks and isolation; false where there were none.
    @Override
    public boolean release() {
        boolean held = query.get() >= 0 || !isolated.isEmpty();
        query.set(-1);
        key.set(-1);
        isolated.clear();
        return held;
    }

    /// The equivalent command lines.
    @Override
    public String command() {
        if (subject.get() == null) {
            return "";
        }
        String what = capture().isPresent() ? mainTask().what().stream().map(Enum::name).reduce((a, b) -> a + "," + b).orElse("attentions") : "attentions";
        String text = takesText() ? "--prompt " + quoted(prompt.get()) : "--ids ids.json";
        StringBuilder out = new StringBuilder("vitrine capture ").append(quoted(subject.get().path())).append(' ').append(text)
                .append(" --what ").append(what).append(" --out attention.safetensors");
        if (comparison.get() != null) {
            out.append("\nvitrine capture ").append(quoted(comparison.get().subject().path())).append(" --prompt ").append(quoted(comparison.get().prompt()))
                    .append(" --what ").append(what).append(" --out attention-b.safetensors");
        }
        if (switchedOff.any()) {
            out.append("\nvitrine capture ").append(quoted(subject.get().path())).append(' ').append(text).append(" --what loss").append(switchedOff.options()).append(" --out switched-off.safetensors");
        }
        return out.append("\nvitrine snapshot attention attention.safetensors --out attention.png").toString();
    }

    private static String quoted(String text) {
        return text.matches("[A-Za-z0-9_./:=+-]+") ? text : "'" + text.replace("'", "'\\''") + "'";
    }
}
