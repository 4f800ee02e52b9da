package vitrine.app.cli;

import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;

/// Changes of routes as they are written on the command line.
final class RouteOptions {

    private static final Pattern LAYER_COUNT = Pattern.compile("(\\d+)=(\\d+)");
    private static final Pattern MASK = Pattern.compile("(\\d+):(\\d+)");
    private static final Pattern FORCE = Pattern.compile("(\\d+):(\\d+)=(\\d+(?:,\\d+)*)");
    private static final Pattern SWAP = Pattern.compile("(\\d+):(\\d+),(\\d+)");

    private RouteOptions() {}

    /// `LAYER=K`; null for null.
    static List<Task.LayerCount> layerCounts(List<String> written) {
        return all("--experts-per-token-at", "LAYER=K, such as 2=4,", LAYER_COUNT, written, m -> new Task.LayerCount(whole(m, 1), whole(m, 2)));
    }

    /// `LAYER:EXPERT`, of experts that are masked and of those that are silent; null for null.
    static List<Task.Mask> masks(List<String> masked, List<String> silent) {
        List<Task.Mask> out = all("--mask", "LAYER:EXPERT, such as 2:3,", MASK, masked, m -> new Task.Mask(whole(m, 1), whole(m, 2)));
        List<Task.Mask> more = all("--silence", "LAYER:EXPERT, such as 2:3,", MASK, silent, m -> new Task.Mask(whole(m, 1), whole(m, 2), true));
        return out == null ? more : more == null ? out : Stream.concat(out.stream(), more.stream()).toList();
    }

    /// `LAYER:TOKEN=E[,E]`; null for null.
    static List<Task.Force> forces(List<String> written) {
        return all("--force", "LAYER:TOKEN=E or LAYER:TOKEN=E,E, such as 2:17=3,", FORCE, written,
                m -> new Task.Force(whole(m, 1), Long.parseLong(m.group(2)), Arrays.stream(m.group(3).split(",")).map(Integer::valueOf).toList()));
    }

    /// `LAYER:A,B`; null for null.
    static List<Task.Swap> swaps(List<String> written) {
        return all("--swap", "LAYER:A,B, such as 2:3,4,", SWAP, written, m -> new Task.Swap(whole(m, 1), whole(m, 2), whole(m, 3)));
    }

    private static int whole(Matcher m, int group) {
        return Integer.parseInt(m.group(group));
    }

    private static <T> List<T> all(String option, String form, Pattern pattern, List<String> written, Function<Matcher, T> of) {
        return written == null ? null : written.stream().map(w -> {
            Matcher m = pattern.matcher(w);
            if (!m.matches()) {
                throw Refusal.of(Category.TASK_INVALID, null, "%s %s: %s belongs here", option, w, form);
            }
            try {
                return of.apply(m);
            } catch (NumberFormatException tooLarge) {
                throw Refusal.of(Category.TASK_INVALID, null, "%s %s: a number is too large", option, w).cause(tooLarge);
            }
        }).toList();
    }
}
