package vitrine.views.anatomy;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import javafx.beans.property.BooleanProperty;
import javafx.beans.property.IntegerProperty;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.ReadOnlyBooleanProperty;
import javafx.beans.property.ReadOnlyBooleanWrapper;
import javafx.beans.property.ReadOnlyIntegerProperty;
import javafx.beans.property.ReadOnlyIntegerWrapper;
import javafx.beans.property.ReadOnlyObjectProperty;
import javafx.beans.property.ReadOnlyObjectWrapper;
import javafx.beans.property.SimpleBooleanProperty;
import javafx.beans.property.SimpleIntegerProperty;
import javafx.beans.property.SimpleObjectProperty;
import javafx.beans.property.SimpleStringProperty;
import javafx.beans.property.StringProperty;
import javafx.collections.FXCollections;
import javafx.collections.ObservableList;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Part;
import vitrine.core.artifact.Provenance;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.task.Task;
import vitrine.views.tasks.Latest;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.tasks.ViewState;
import vitrine.views.view.Subject;
import vitrine.views.view.SubjectModel;

/// What the Anatomy view shows, and what it asks for.
///
/// The user's intent is in the properties: the selected tensor, the diagram's layer, the search, a part, an order. Rows, notes and values
/// follow. Values of all tensors are read unasked where that is a moment's work; else those of the selected tensor are.
///
/// Lists of many tensors are made beside the JavaFX thread, so that opening a checkpoint of 100,000 never blocks it.
public final class AnatomyViewModel implements SubjectModel {

    /// Up to this many tensors are listed at once; more are listed in the background.
    private static final int LISTED_AT_ONCE = 5_000;
    private static final int REMEMBERED_STEPS = 100;

    private final ObjectProperty<Subject> subject = new SimpleObjectProperty<>(this, "subject");
    private final StringProperty selected = new SimpleStringProperty(this, "selected");
    private final IntegerProperty layer = new SimpleIntegerProperty(this, "layer");
    private final StringProperty search = new SimpleStringProperty(this, "search", "");
    private final ObjectProperty<Part> part = new SimpleObjectProperty<>(this, "part");
    private final ObjectProperty<Order> order = new SimpleObjectProperty<>(this, "order", Order.MODEL);
    private final BooleanProperty descending = new SimpleBooleanProperty(this, "descending");

    private final ReadOnlyObjectWrapper<TensorIndex> index = new ReadOnlyObjectWrapper<>(this, "index");
    private final ReadOnlyBooleanWrapper listing = new ReadOnlyBooleanWrapper(this, "listing");
    private final ReadOnlyIntegerWrapper valuesRevision = new ReadOnlyIntegerWrapper(this, "valuesRevision");
    private final ReadOnlyIntegerWrapper matches = new ReadOnlyIntegerWrapper(this, "matches");
    private final ReadOnlyObjectWrapper<List<TensorRow>> rows = new ReadOnlyObjectWrapper<>(this, "rows", List.of());
    private final ObservableList<Note> notes = FXCollections.observableArrayList();

    private final TensorReading reading;
    private final Executor background;
    private final Executor ui;
    private final Deque<String> steps = new ArrayDeque<>();
    private Folding folding = Folding.NONE;
    private Folding.Key followed;
    private Path artifact;
    private long indexNumber;
    private long listNumber;
    private boolean quiet;
    private boolean goingBack;

    /// @param background runs lists of many tensors, away from the JavaFX thread
    /// @param ui runs on the JavaFX thread; a test may run both in place
    public AnatomyViewModel(TaskBoard board, Executor background, Executor ui) {
        this.background = background;
        this.ui = ui;
        reading = new TensorReading(board, this::changedValues);
        selected.addListener((o, old, now) -> follow(old, now));
        layer.addListener((o, old, now) -> moveTo(old.intValue(), now.intValue()));
        search.addListener((o, old, now) -> searchAnew());
        part.addListener((o, old, now) -> searchAnew());
        order.addListener((o, old, now) -> list());
        descending.addListener((o, old, now) -> list());
    }

    // --- intent

    @Override
    public ReadOnlyObjectProperty<Subject> subjectProperty() {
        return subject;
    }

    /// The name of the tensor that the inspector shows, or null.
    public StringProperty selectedProperty() {
        return selected;
    }

    /// The layer that the diagram draws.
    public IntegerProperty layerProperty() {
        return layer;
    }

    /// What is searched for: words that all must match.
    public StringProperty searchProperty() {
        return search;
    }

    /// The part whose tensors alone are listed, or null for all.
    public ObjectProperty<Part> partProperty() {
        return part;
    }

    public ObjectProperty<Order> orderProperty() {
        return order;
    }

    public BooleanProperty descendingProperty() {
        return descending;
    }

    // --- state

    /// All tensors, or null while there are none yet.
    ReadOnlyObjectProperty<TensorIndex> indexProperty() {
        return index.getReadOnlyProperty();
    }

    /// Whether tensors are being listed in the background.
    ReadOnlyBooleanProperty listingProperty() {
        return listing.getReadOnlyProperty();
    }

    /// What the table shows.
    ReadOnlyObjectProperty<List<TensorRow>> rowsProperty() {
        return rows.getReadOnlyProperty();
    }

    /// How many tensors the search and the part let through.
    ReadOnlyIntegerProperty matchesProperty() {
        return matches.getReadOnlyProperty();
    }

    /// What the user should know, warnings first.
    ObservableList<Note> notes() {
        return notes;
    }

    /// Grows whenever values of tensors are there that were not.
    ReadOnlyIntegerProperty valuesRevisionProperty() {
        return valuesRevision.getReadOnlyProperty();
    }

    /// What is open, if it is a checkpoint.
    Optional<Anatomy> anatomy() {
        return Optional.ofNullable(subject.get()).map(Subject::anatomy);
    }

    Optional<ModelSpec> spec() {
        return anatomy().flatMap(Anatomy::spec);
    }

    /// The selected tensor, if there is one.
    Optional<TensorLine> selection() {
        return selected.get() == null || index.get() == null ? Optional.empty() : index.get().find(selected.get());
    }

    /// Whether an artifact is shown without its checkpoint.
    boolean isArtifactAlone() {
        return artifact != null;
    }

    /// The name of what is shown.
    String name() {
        return subject.get() != null ? subject.get().name() : reading.all() != null ? reading.all().modelName() : "";
    }

    /// Why no diagram can be drawn, or empty.
    String diagramObstacle() {
        if (subject.get() == null) {
            return isArtifactAlone() ? "This is a result made before. Open its checkpoint to see how the model is wired." : "Open a checkpoint to see how it is wired.";
        }
        if (spec().isPresent() || subject.get().isAdapter()) {
            return "";
        }
        return anatomy().map(Anatomy::obstacle).map(r -> r.getMessage() + " Tensors, shares, values and file layout are shown all the same.").orElse("");
    }

    /// A tensor's values, if they were read.
    Optional<TensorReading.Values> values(String tensor) {
        return index.get() == null ? Optional.empty() : index.get().find(tensor).flatMap(reading::values);
    }

    /// A tensor's figures without its histogram, if they were read.
    Optional<TensorValues.Figures> figures(String tensor) {
        return reading.figures(tensor);
    }

    /// How the figures of a tensor whose values were read came about.
    Provenance valuesProvenance(TensorLine line) {
        return reading.provenance(line);
    }

    /// What there is to show of the selected tensor's values.
    ViewState<TensorReading.Values> selectedValues() {
        return selection().map(reading::state).orElse(new ViewState.Empty<>(""));
    }

    // --- opening

    /// Shows another checkpoint; of the same one opened again, the selection stays.
    @Override
    public void show(Subject now) {
        if (subject.get() != null && subject.get().anatomy() == now.anatomy()) {
            return;
        }
        String keep = now.equals(subject.get()) ? selected.get() : null;
        forget();
        subject.set(now);
        artifact = null;
        Anatomy anatomy = now.anatomy();
        tellNotes();
        index(anatomy.tensors().size(), () -> TensorIndex.of(anatomy), keep);
        reading.open(now);
    }

    /// Shows the values that an artifact holds, without its checkpoint.
    @Override
    public void show(Path folder) {
        TensorValues made = TensorValues.of(folder);
        forget();
        subject.set(null);
        artifact = folder;
        reading.show(made);
        index(made.names().size(), () -> TensorIndex.of(made), null);
    }

    private void forget() {
        quiet = true;
        selected.set(null);
        layer.set(0);
        search.set("");
        part.set(null);
        order.set(Order.MODEL);
        descending.set(false);
        quiet = false;
        steps.clear();
        folding = Folding.NONE;
        followed = null;
        reading.forget();
        index.set(null);
        rows.set(List.of());
        matches.set(0);
    }

    private void index(int tensors, Supplier<TensorIndex> made, String keep) {
        long mine = ++indexNumber;
        if (tensors <= LISTED_AT_ONCE) {
            indexed(made.get(), keep);
            return;
        }
        listing.set(true);
        background.execute(() -> {
            TensorIndex done = made.get();
            ui.execute(() -> {
                if (mine == indexNumber) {
                    indexed(done, keep);
                }
            });
        });
    }

    private void indexed(TensorIndex done, String keep) {
        index.set(done);
        followLayer(layer.get());
        if (followed == null) {
            done.firstLayer().ifPresent(k -> folding = folding.opened(k.stack(), k.layer()));
        }
        list();
        if (keep != null && done.find(keep).isPresent()) {
            selected.set(keep);
        }
    }

    // --- listing

    private Listing wanted() {
        return new Listing(search.get(), part.get(), order.get(), descending.get());
    }

    private void searchAnew() {
        folding = folding.searching();
        list();
    }

    private void list() {
        TensorIndex from = index.get();
        if (quiet || from == null) {
            return;
        }
        long mine = ++listNumber;
        Listing what = wanted();
        Folding how = folding;
        // Sorting in the background reads figures as they are now.
        TensorValues sortedBy = reading.all();
        Supplier<TensorIndex.Listed> work = () -> from.list(what, how, line -> sortKey(line, what.order(), sortedBy));
        if (from.size() <= LISTED_AT_ONCE) {
            listing.set(false);
            take(work.get());
            return;
        }
        listing.set(true);
        background.execute(() -> {
            TensorIndex.Listed done = work.get();
            ui.execute(() -> {
                if (mine == listNumber && from == index.get()) {
                    listing.set(false);
                    take(done);
                }
            });
        });
    }

    private void take(TensorIndex.Listed done) {
        rows.set(done.rows());
        matches.set(done.matches());
    }

    private static double sortKey(TensorLine line, Order order, TensorValues values) {
        TensorEntry entry = line.item() == null ? null : line.item().entry();
        if (order.needsValues()) {
            return values == null ? Double.NaN : values.figures(line.name()).map(f -> switch (order) {
                case MEAN -> f.mean();
                case DEVIATION -> f.deviation();
                case LEAST -> f.min();
                case MOST -> f.max();
                case ZEROS -> (double) f.zeros();
                default -> (double) f.nonFinite();
            }).orElse(Double.NaN);
        }
        return switch (order) {
            case PARAMETERS -> line.elements();
            case BYTES -> entry == null ? Double.NaN : entry.bytes();
            case OFFSET -> entry == null ? Double.NaN : entry.offset();
            default -> Double.NaN;
        };
    }

    /// Opens or closes a group of the table.
    void toggle(TensorRow.Group group) {
        folding = folding.toggled(group, index.get().layers(group), wanted().filtered());
        list();
    }

    // --- selecting

    private void follow(String old, String now) {
        if (quiet) {
            return;
        }
        if (old != null && !goingBack) {
            steps.push(old);
            if (steps.size() > REMEMBERED_STEPS) {
                steps.removeLast();
            }
        }
        if (now == null) {
            reading.cancelOne();
            return;
        }
        selection().ifPresent(line -> {
            if (line.stack() >= 0 && line.stack() == diagramStack() && line.layer() < spec().orElseThrow().layers().size()) {
                quiet = true;
                layer.set(line.layer());
                quiet = false;
                followLayer(line.layer());
            }
            if (line.stack() >= 0 && !folding.open(line.stack(), line.layer())) {
                folding = folding.opened(line.stack(), line.layer());
            }
            list();
            reading.ask(line);
        });
    }

    /// The stack of layers that the diagram draws, or -1.
    private int diagramStack() {
        return spec().filter(s -> !s.layers().isEmpty() && index.get() != null)
                .flatMap(s -> index.get().find(s.layers().getFirst().attention().output().weight())).map(TensorLine::stack).orElse(-1);
    }

    /// The diagram's layer is the one that is open in the table.
    private void followLayer(int now) {
        int stack = diagramStack();
        if (stack < 0) {
            return;
        }
        Folding.Key key = new Folding.Key(stack, now);
        if (!key.equals(followed)) {
            folding = followed == null ? folding.opened(stack, now) : folding.moved(followed, key);
            followed = key;
        }
    }

    /// Another layer in the diagram: what is selected is selected there.
    private void moveTo(int from, int to) {
        if (quiet || index.get() == null) {
            return;
        }
        followLayer(to);
        String there = selection().filter(l -> l.stack() == diagramStack() && l.layer() == from).map(l -> Names.inLayer(l.name(), to)).orElse(null);
        if (there != null && index.get().find(there).isPresent()) {
            selected.set(there);
        }
        list();
    }

    /// Steps back to the tensor selected before.
    @Override
    public boolean back() {
        if (steps.isEmpty()) {
            return false;
        }
        String to = steps.pop();
        // Going back is no step of its own.
        goingBack = true;
        selected.set(to);
        goingBack = false;
        return true;
    }

    /// Releases the selection, the part and the search; false where there was none of them.
    @Override
    public boolean release() {
        boolean held = selected.get() != null || part.get() != null || !search.get().isEmpty();
        selected.set(null);
        part.set(null);
        search.set("");
        return held;
    }

    // --- values

    /// Values of all tensors.
    Latest<TensorValues> allState() {
        return reading.allState();
    }

    /// Tries again to read the selected tensor's values.
    void retryValues() {
        selection().ifPresent(reading::retry);
    }

    /// The task that reads the values of all tensors.
    Task.Statistics allTask() {
        return TensorReading.allTask(subject.get());
    }

    /// Reads the values of all tensors.
    void askAll() {
        reading.askAll();
    }

    /// Gives the reading of all values up.
    void cancelAll() {
        reading.cancelAll();
    }

    private void changedValues() {
        tellNotes();
        if (order.get().needsValues()) {
            list();
        }
        valuesRevision.set(valuesRevision.get() + 1);
    }

    private void tellNotes() {
        List<Note> now = Notes.of(anatomy().orElse(null), reading.nonFinite());
        if (!now.equals(notes)) {
            notes.setAll(now);
        }
    }

    // --- what can be copied

    /// The equivalent command line.
    @Override
    public String command() {
        if (subject.get() != null) {
            return "vitrine open " + quoted(subject.get().path());
        }
        return artifact == null ? "" : "vitrine snapshot anatomy " + quoted(artifact.toAbsolutePath().normalize().toString()) + " --out anatomy.png";
    }

    private static String quoted(String text) {
        return text.matches("[A-Za-z0-9_./:=+-]+") ? text : "'" + text.replace("'", "'\\''") + "'";
    }

    /// The listed tensors with their figures as CSV; empty while there are none.
    public String csv() {
        TensorIndex from = index.get();
        if (from == null) {
            return "";
        }
        TensorValues sortedBy = reading.all();
        return TensorCsv.of(from.chosen(wanted(), line -> sortKey(line, order.get(), sortedBy)), this::figures);
    }

    /// Whether the tensors are an adapter's.
    boolean isAdapter() {
        return anatomy().map(a -> a.checkpoint().kind() == Checkpoint.Kind.ADAPTER).orElse(false);
    }
}
