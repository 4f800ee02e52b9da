package vitrine.app.workspace;

import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.SimpleObjectProperty;
import javafx.collections.FXCollections;
import javafx.collections.ListChangeListener;
import javafx.collections.ObservableList;
import vitrine.app.state.RecentItem;
import vitrine.app.state.StateStore;
import vitrine.views.view.Subject;

/// What is open: checkpoints, adapters, texts, and what could not be opened. Changed on the JavaFX thread only; paths are looked at on
/// another.
public final class Workspace {

    private final ObservableList<Subject> subjects = FXCollections.observableArrayList();
    /// Lists of their own rather than filtered views: who listens to one of them may read the other.
    private final ObservableList<Subject> checkpoints = FXCollections.observableArrayList();
    private final ObservableList<Subject> adapters = FXCollections.observableArrayList();
    private final ObservableList<OpenText> texts = FXCollections.observableArrayList();
    private final ObservableList<Recognised.Refused> refused = FXCollections.observableArrayList();
    private final ObservableList<RecentItem> recent = FXCollections.observableArrayList();
    private final ObjectProperty<Subject> current = new SimpleObjectProperty<>(this, "current");
    private final StateStore state;
    private final Executor background;
    private final Executor ui;

    /// @param background where paths are looked at, one after the other
    /// @param ui the JavaFX thread
    public Workspace(StateStore state, Executor background, Executor ui) {
        this.state = state;
        this.background = background;
        this.ui = ui;
        subjects.addListener((ListChangeListener<Subject>) c -> {
            checkpoints.setAll(subjects.stream().filter(s -> !s.isAdapter()).toList());
            adapters.setAll(subjects.stream().filter(Subject::isAdapter).toList());
        });
        state.recent().thenAcceptAsync(list -> list.stream().filter(r -> recent.stream().noneMatch(o -> o.path().equals(r.path()))).forEach(recent::add), ui);
    }

    public ObservableList<Subject> checkpoints() {
        return checkpoints;
    }

    public ObservableList<Subject> adapters() {
        return adapters;
    }

    /// Checkpoints and adapters, in the order in which they were opened.
    public ObservableList<Subject> subjects() {
        return subjects;
    }

    public ObservableList<OpenText> texts() {
        return texts;
    }

    /// What could not be opened, with the reason; until it is closed.
    public ObservableList<Recognised.Refused> refused() {
        return refused;
    }

    /// What was opened before, the latest first; filled once the store has been read.
    public ObservableList<RecentItem> recent() {
        return recent;
    }

    /// What the views are about, or null.
    public ObjectProperty<Subject> currentProperty() {
        return current;
    }

    /// Looks at a path without opening it.
    public CompletableFuture<Recognised> look(Path path) {
        return CompletableFuture.supplyAsync(() -> Recognised.look(path), background);
    }

    /// Opens a path; the result is there when it stands in one of the lists. Nothing that is open is touched by what cannot be opened.
    public CompletableFuture<Recognised> open(Path path) {
        return look(path).thenApplyAsync(found -> {
            add(found);
            return found;
        }, ui);
    }

    /// Takes in something that was looked at before.
    public void add(Recognised found) {
        refused.removeIf(r -> r.path().equals(found.path()));
        switch (found) {
            case Recognised.Model m -> {
                replace(m.subject());
                remember(m.recent());
            }
            case Recognised.Text t -> {
                texts.removeIf(o -> o.path().equals(t.path()));
                texts.add(t.text());
                remember(t.recent());
            }
            case Recognised.Refused r -> refused.add(r);
            case Recognised.Result ignored -> { }
        }
    }

    private void replace(Subject subject) {
        int at = subjects.indexOf(subject);
        if (at >= 0) {
            boolean was = subject.equals(current.get());
            subjects.set(at, subject);
            if (was) {
                // The same path read anew: the same subject by equality, so the property must change through null.
                current.set(null);
                current.set(subject);
            }
        } else {
            subjects.add(subject);
        }
    }

    private void remember(RecentItem item) {
        RecentItem absolute = new RecentItem(item.path().toAbsolutePath().normalize(), item.kind(), item.name(), item.what(), item.facts(), item.bytes(), Instant.now());
        recent.removeIf(r -> r.path().equals(absolute.path()));
        recent.addFirst(absolute);
        state.opened(absolute);
    }

    /// Forgets what was opened before.
    public void forgetRecent() {
        recent.clear();
        state.forgetAll();
    }

    /// Takes one thing off the recent list.
    public void forget(RecentItem item) {
        recent.remove(item);
        state.forget(item.path());
    }

    /// Closes a subject; its neighbour becomes the current one.
    public void close(Subject subject) {
        int at = subjects.indexOf(subject);
        subjects.remove(subject);
        if (subject.equals(current.get())) {
            current.set(subjects.isEmpty() ? null : subjects.get(Math.min(at, subjects.size() - 1)));
        }
    }

    public void close(OpenText text) {
        texts.remove(text);
    }

    public void close(Recognised.Refused what) {
        refused.remove(what);
    }

    /// The open subject with this path, if there is one.
    public Optional<Subject> subject(Path path) {
        String wanted = path.toAbsolutePath().normalize().toString();
        return subjects.stream().filter(s -> s.path().equals(wanted)).findFirst();
    }

    /// All open paths, for the next start.
    public List<Path> paths() {
        return java.util.stream.Stream.concat(subjects.stream().map(s -> Path.of(s.path())), texts.stream().map(OpenText::path)).toList();
    }
}
