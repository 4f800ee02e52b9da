package vitrine.core.work.finetune;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.Map;
import vitrine.core.analysis.adapter.DeltaSpectrum;
import vitrine.core.analysis.adapter.Dense;
import vitrine.core.analysis.adapter.Factors;
import vitrine.core.analysis.adapter.StoredComponents;
import vitrine.core.architecture.TensorNames;
import vitrine.core.artifact.RankTrail;
import vitrine.core.backward.LowRank;
import vitrine.core.backward.Parameter;
import vitrine.core.backward.Parameters;
import vitrine.core.json.Json;
import vitrine.core.task.RunFolder;

/// Writes the ranks of an adapter along its run, a line for about every fiftieth part of it. [RankTrail] says what is written.
final class RankTrailWriter extends TrailWriter {

    private static final int LINES = 50;
    private static final String FACTOR = ".lora_";
    /// Spectra of more modules would take longer than the steps between them: then experts are left out.
    private static final int MOST_MODULES = 512;

    RankTrailWriter(RunFolder folder) {
        super(folder, RankTrail.FILE);
    }

    /// Whether a step of so many is one that is kept.
    static boolean keeps(long step, long steps) {
        return step == steps || step % Math.max(1, steps / LINES) == 0;
    }

    /// Adds the ranks as they are now; methods without factors have none.
    void add(long step, Parameters parameters) throws IOException {
        if (parameters.adapters().isEmpty()) {
            return;
        }
        ObjectNode line = Json.object().put("step", step);
        ArrayNode modules = line.putArray("modules");
        boolean all = parameters.adapters().size() <= MOST_MODULES;
        for (Map.Entry<String, LowRank> adapter : parameters.adapters().entrySet()) {
            LowRank l = adapter.getValue();
            if (!all && l.b().name().contains(".experts.")) {
                continue;
            }
            // Several experts' matrices may share A.
            String name = l.b().name();
            String path = name.contains(FACTOR) ? name.substring(0, name.indexOf(FACTOR)) : name;
            try (Arena arena = Arena.ofShared()) {
                Factors f = factors(l, arena);
                if (f.nonFinite() > 0) {
                    // The run ends at its own check; here there is no spectrum.
                    continue;
                }
                ObjectNode m = modules.addObject().put("module", path).put("layer", TensorNames.layerOf(path + ".weight")).put("out", f.out()).put("in", f.in());
                put(m, "sigma", DeltaSpectrum.of(f, arena).values());
                put(m, "norm_product", StoredComponents.of(f, arena).normProduct());
                float[] w = l.weights();
                if (w != null) {
                    ArrayNode gate = m.putArray("gate");
                    for (float v : w) {
                        gate.add(v);
                    }
                }
            }
        }
        if (!modules.isEmpty()) {
            append(line);
        }
    }

    /// With gates in A, as the adapter is written.
    private static Factors factors(LowRank l, Arena arena) {
        Dense a = dense(l.a(), arena);
        float[] w = l.weights();
        for (int i = 0; w != null && i < w.length; i++) {
            a.rows(i, 1).scale(w[i]);
        }
        return new Factors(a, dense(l.b(), arena), l.scale());
    }

    private static Dense dense(Parameter p, Arena arena) {
        Dense d = Dense.allocate(arena, (int) p.shape().size(0), (int) p.shape().size(1));
        for (long i = 0; i < p.elements(); i++) {
            d.data().setAtIndex(JAVA_DOUBLE, i, p.data().getAtIndex(JAVA_FLOAT, i));
        }
        return d;
    }

    /// Six digits are more than a picture shows.
    private static void put(ObjectNode to, String key, double[] values) {
        ArrayNode list = to.putArray(key);
        for (double v : values) {
            list.add((float) v);
        }
    }
}
