package vitrine.views.routing;

import java.util.List;
import java.util.stream.Collectors;
import vitrine.core.task.Task;

/// The tasks that the view asks for, and the command lines that ask for the same.
final class Asking {

    private Asking() {}

    /// @param counts numbers of experts per token to try, or null
    /// @param alike whether the experts are compared
    /// @param others checkpoints that route the same tokens
    static Task.Routing routing(String model, List<Task.Domain> texts, List<Integer> counts, boolean alike, List<String> others) {
        return new Task.Routing(model, List.copyOf(texts), null, null, counts);
    }

    static Task.Routing whatIf(String model, List<Task.Domain> texts, Change change) {
        return new Task.Routing(model, List.copyOf(texts), null, null, null);
    }

    static String command(Task task) {
        if (!(task instanceof Task.Routing r)) {
            throw new IllegalStateException("this view asks for no " + task.kind());
        }
        StringBuilder line = new StringBuilder("vitrine routing ").append(quoted(r.model()));
        r.data().forEach(d -> line.append(" --data ").append(quoted(d.name() + "=" + d.file())));
        if (r.expertsPerToken() != null) {
            line.append(" --experts-per-token ").append(r.expertsPerToken().stream().map(String::valueOf).collect(Collectors.joining(",")));
        }
        return line.toString();
    }

    private static String quoted(String text) {
        return text.matches("[A-Za-z0-9_./:=+-]+") ? text : "'" + text.replace("'", "'\\''") + "'";
    }
}
