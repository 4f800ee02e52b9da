package vitrine.app.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import picocli.CommandLine.Option;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;
import vitrine.core.task.Task;

/// Parts of a model that are switched off while a command runs.
final class OffOptions {

    @Option(names = "--without-heads", split = ",", paramLabel = "L.H", description = "what if: these heads are switched off; several as 4.7,2.0")
    List<String> heads;

    @Option(names = "--without-layers", split = ",", paramLabel = "L", description = "what if: these layers are switched off; several as 2,3")
    List<Integer> layers;

    @Option(names = "--keep-ranks", split = ",", paramLabel = "MATRIX=R", description = "what if: of this matrix only the R largest singular directions stay; several as "
            + "model.layers.0.self_attn.q_proj=8,model.layers.1.mlp.up_proj=16")
    List<String> ranks;

    /// What they say; null where nothing is switched off.
    Task.Off off() {
        if (heads == null && layers == null && ranks == null) {
            return null;
        }
        List<Task.HeadAt> at = new ArrayList<>();
        for (String h : heads == null ? List.<String>of() : heads) {
            if (!h.matches("\\d{1,5}\\.\\d{1,5}")) {
                throw Refusal.of(Category.TASK_INVALID, null, "--without-heads %s: a layer and a head such as 2.4 belong here", Visible.escape(h));
            }
            at.add(new Task.HeadAt(Integer.parseInt(h.split("\\.")[0]), Integer.parseInt(h.split("\\.")[1])));
        }
        Map<String, Integer> kept = new TreeMap<>();
        for (String r : ranks == null ? List.<String>of() : ranks) {
            if (!r.matches(".+=\\d{1,9}")) {
                throw Refusal.of(Category.TASK_INVALID, null, "--keep-ranks %s: a matrix and a rank such as model.layers.0.self_attn.q_proj=8 belong here", Visible.escape(r));
            }
            int sign = r.lastIndexOf('=');
            if (kept.put(r.substring(0, sign), Integer.valueOf(r.substring(sign + 1))) != null) {
                throw Refusal.of(Category.TASK_INVALID, null, "--keep-ranks names %s twice", Visible.escape(r.substring(0, sign)));
            }
        }
        return new Task.Off(at.isEmpty() ? null : at, layers, kept.isEmpty() ? null : kept);
    }
}
