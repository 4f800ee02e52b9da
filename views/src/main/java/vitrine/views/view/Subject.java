package vitrine.views.view;

import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.checkpoint.Checkpoint;

/// What a view is about: an opened checkpoint or adapter. Two subjects are the same when they were opened from the same path.
public record Subject(Anatomy anatomy) {

    /// The name on screen.
    public String name() {
        return anatomy.checkpoint().name();
    }

    public boolean isAdapter() {
        return anatomy.checkpoint().kind() == Checkpoint.Kind.ADAPTER;
    }

    /// The path that a `vitrine` command names.
    public String path() {
        return anatomy.checkpoint().path().toAbsolutePath().normalize().toString();
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof Subject s && s.path().equals(path());
    }

    @Override
    public int hashCode() {
        return path().hashCode();
    }
}
