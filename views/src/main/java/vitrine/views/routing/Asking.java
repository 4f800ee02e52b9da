package vitrine.views.routing;

import java.util.List;
import java.util.stream.Collectors;
import vitrine.core.task.Task;
import vitrine.core.task.TaskRoutingBuilder;

/// The tasks that the view asks for, and the command lines that ask for the same.
final class Asking {

    private Asking() {}

    /// @param counts numbers of experts per token to try, or null
    /// @param alike whether the experts are compared
    /// @param others checkpoints that route the same tokens
    static Task.Routing routing(String model, List<Task.Domain> texts, List<Integer> counts, boolean alike, List<String> others) {
        return TaskRoutingBuilder.builder().model(model).data(List.copyOf(texts)).expertsPerToken(counts).similarity(alike ? true : null)
                .against(others.isEmpty() ? null : List.copyOf(others)).build();
    }

    static Task.Routing whatIf(String model, List<Task.Domain> texts, Change change) {
        List<Task.Mask> mask = switch (change) {
            case Change.Mask m -> List.of(new Task.Mask(m.layer(), m.expert()));
            case Change.Without w -> w.experts().stream().map(m -> new Task.Mask(m.layer(), m.expert())).toList();
            case Change.Silence s -> List.of(new Task.Mask(s.layer(), s.expert(), true));
            default -> null;
        };
        List<Task.Force> force = change instanceof Change.Force f ? List.of(new Task.Force(f.layer(), f.token(), f.experts())) : null;
        List<Task.Swap> swap = change instanceof Change.Swap s ? List.of(new Task.Swap(s.layer(), s.one(), s.other())) : null;
        return TaskRoutingBuilder.builder().model(model).data(List.copyOf(texts)).mask(mask).force(force).swap(swap).build();
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
        if (Boolean.TRUE.equals(r.similarity())) {
            line.append(" --similarity");
        }
        each(r.against(), o -> line.append(" --against ").append(quoted(o)));
        each(r.mask(), m -> line.append(Boolean.TRUE.equals(m.silent()) ? " --silence " : " --mask ").append(m.layer()).append(':').append(m.expert()));
        each(r.force(), f -> line.append(" --force ").append(f.layer()).append(':').append(f.token()).append('=').append(f.experts().stream().map(String::valueOf).collect(Collectors.joining(","))));
        each(r.swap(), s -> line.append(" --swap ").append(s.layer()).append(':').append(s.first()).append(',').append(s.second()));
        return line.toString();
    }

    private static <T> void each(List<T> all, java.util.function.Consumer<T> append) {
        if (all != null) {
            all.forEach(append);
        }
    }

    static String quoted(String text) {
        return text.matches("[A-Za-z0-9_./:=+-]+") ? text : "'" + text.replace("'", "'\\''") + "'";
    }
}
