package vitrine.core.artifact;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The ranks of an adapter along its training run: `ranks.jsonl`, in the run's folder while it goes and in its result.
///
/// A line per step that is kept, about fifty a run: `step` and `modules`, each with `module`, `layer`, `sigma` (singular values of the delta, largest first),
/// `norm_product` (s |b_i| |a_i| of the stored components, gates in them) and, where the method has gates, `gate` (w_i, whose mean is 1).
///
/// @param steps the earliest first
public record RankTrail(List<Step> steps) {

    /// The file.
    public static final String FILE = "ranks.jsonl";

    /// @param modules in the order of the first step
    public record Step(long step, List<Module> modules) {}

    /// @param layer or -1
    /// @param gate empty where the method has none
    public record Module(String module, int layer, int out, int in, double[] sigma, double[] normProduct, double[] gate) {}

    /// Where a folder holds a trail: a run's folder, a result in it, or what was kept of it.
    public static Optional<Path> in(Path folder) {
        return TrailFile.in(folder, FILE);
    }

    /// Reads a trail. A last line that is being written is left for the next time.
    ///
    /// @throws vitrine.core.refusal.Refusal where a whole line is none of a trail
    public static RankTrail read(Path file) {
        return new RankTrail(TrailFile.read(file, "ranks", line -> {
            List<Module> modules = new ArrayList<>();
            for (JsonNode m : line.path("modules")) {
                modules.add(new Module(m.path("module").asText(), m.path("layer").asInt(-1), m.path("out").asInt(), m.path("in").asInt(), values(m.path("sigma")), values(m.path("norm_product")),
                        values(m.path("gate"))));
            }
            return modules.isEmpty() ? null : new Step(line.path("step").asLong(), List.copyOf(modules));
        }));
    }

    private static double[] values(JsonNode list) {
        double[] out = new double[list.size()];
        for (int i = 0; i < out.length; i++) {
            out[i] = list.get(i).asDouble(Double.NaN);
        }
        return out;
    }
}
