package vitrine.views.view;

import java.nio.file.Path;
import java.util.Optional;

/// A view of one checkpoint or adapter: what the shell asks of any view, answered by its model.
public interface SubjectView extends View {

    /// What is shown and asked for.
    SubjectModel model();

    @Override
    default Optional<Subject> subject() {
        return Optional.ofNullable(model().subjectProperty().get());
    }

    @Override
    default void show(Subject subject) {
        model().show(subject);
    }

    @Override
    default void open(Path artifact) {
        model().show(artifact);
    }

    @Override
    default String command() {
        return model().command();
    }

    @Override
    default boolean back() {
        return model().back();
    }

    @Override
    default boolean release() {
        return model().release();
    }
}
