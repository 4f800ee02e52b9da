package vitrine.views.tasks;

import java.util.List;

/// What a view has to show. It is never blank: each state says what it is.
public sealed interface ViewState<T> {

    /// Nothing yet, and what would fill it.
    record Empty<T>(String sentence) implements ViewState<T> {}

    /// Being computed; `previous` is what was there before, shown as stale, or null.
    record Working<T>(TaskRow row, T previous) implements ViewState<T> {}

    record Result<T>(T value) implements ViewState<T> {}

    /// It failed: a bold line, details a line each (file, tensor, numbers), and what helps (or null).
    record Problem<T>(String what, List<String> details, String help) implements ViewState<T> {}

    /// The result to draw, stale or not, or null.
    default T valueOrNull() {
        return switch (this) {
            case Result<T> r -> r.value();
            case Working<T> w -> w.previous();
            case Empty<T> ignored -> null;
            case Problem<T> ignored -> null;
        };
    }
}
