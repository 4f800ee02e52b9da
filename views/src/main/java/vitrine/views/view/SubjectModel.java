package vitrine.views.view;

import java.nio.file.Path;
import javafx.beans.property.ReadOnlyObjectProperty;
import vitrine.core.refusal.Refusal;

/// What a [SubjectView] shows of a checkpoint or adapter, and asks for.
public interface SubjectModel {

    /// The subject that is shown; null for none, or for a result without its checkpoint.
    ReadOnlyObjectProperty<Subject> subjectProperty();

    /// Shows another subject.
    void show(Subject subject);

    /// Shows a result that was made before, without its checkpoint.
    ///
    /// @throws Refusal where the path is no artifact of this kind
    void show(Path artifact);

    /// The `vitrine` command lines that make what is shown, one a line.
    String command();

    /// Steps back from the last selection; false where there is nothing to go back to.
    default boolean back() {
        return false;
    }

    /// Releases locks and isolation; false where nothing was locked.
    default boolean release() {
        return false;
    }
}
