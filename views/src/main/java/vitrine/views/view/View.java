package vitrine.views.view;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import javafx.scene.Node;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;

/// One of the window's views, showing one subject. The shell puts its parts where they belong and asks it for what its buttons and
/// keys do.
public interface View {

    ViewKind kind();

    /// The subject that is shown, if any.
    Optional<Subject> subject();

    /// Shows another subject.
    void show(Subject subject);

    /// Whether the view has its own picker of what it is about and needs no checkpoint to be open.
    default boolean choosesItsSubject() {
        return false;
    }

    /// Shows a result that was made before, without its checkpoint: what can be asked for anew is then not offered.
    ///
    /// @throws Refusal where the path is no artifact of this view's kind
    void open(Path artifact);

    /// Fills the middle below the view header; asks for no padding.
    Node body();

    /// The controls of the view header after the subject's picker: modes, scale, sorting. The last ones move into a menu when there is no room.
    List<Node> headerControls();

    /// Fills the inspector: details of what is selected.
    Node inspector();

    /// The `vitrine` command lines that make what is shown, one a line.
    String command();

    /// The numbers behind what is shown, as CSV with a head line.
    String csv();

    /// What the help button tells.
    List<HelpTopic> help();

    /// Puts the focus where one searches in this view.
    void find();

    /// The name of a file that what is shown is exported to, without an ending.
    String exportName();

    /// The task behind what is shown, for its JSON.
    Optional<Task> task();

    /// Where one can go to by name in what is shown. Asked for when somebody searches, so it may be long.
    default List<Place> places() {
        return List.of();
    }

    /// Steps back from the last selection; false where there is nothing to go back to.
    default boolean back() {
        return false;
    }

    /// Releases locks and isolation; false where nothing was locked.
    default boolean release() {
        return false;
    }
}
