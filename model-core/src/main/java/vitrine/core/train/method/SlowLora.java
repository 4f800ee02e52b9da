package vitrine.core.train.method;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import vitrine.core.backward.Parameter;
import vitrine.core.backward.Parameters;
import vitrine.core.train.AdamW;
import vitrine.core.train.Randomness;

/// I-LoRA's two learners for one task: a fast adapter that is trained, and a slow one that follows it, slow <- a slow + (1 - a) fast after every step, a = min(1 - 1/(k + 1), 0.25)
/// for step k from 0. The slow one is the result. (The paper's replay of earlier tasks needs those tasks' data and is not part of a run.)
///
/// Source: Ren et al., *Analyzing and Reducing Catastrophic Forgetting in Parameter Efficient Tuning*, 2024 (arXiv 2402.18865), as in its published code, with its small 0.25.
public final class SlowLora extends Lora {

    private static final double MOST = 0.25;

    private final Map<String, float[]> slow = new LinkedHashMap<>();
    /// The values that are trained while the slow ones stand in their place.
    private final Map<Parameter, float[]> fast = new IdentityHashMap<>();
    private Parameters parameters;

    public SlowLora(Settings settings) {
        super(settings);
    }

    @Override
    public void prepare(Parameters of, Randomness randomness) {
        parameters = of;
        super.prepare(of, randomness);
    }

    /// How much of the slow learner stays at step k, counted from 0.
    public static double kept(long k) {
        return Math.min(1 - 1.0 / (k + 1), MOST);
    }

    @Override
    public void after(long step, long steps, AdamW optimiser) {
        double kept = kept(step - 1);
        for (Parameter p : parameters.trained()) {
            float[] fast = p.toArray();
            float[] own = slow.computeIfAbsent(p.name(), n -> fast.clone());
            for (int i = 0; i < fast.length; i++) {
                own[i] = (float) (kept * own[i] + (1 - kept) * fast[i]);
            }
        }
    }

    @Override
    public Map<String, float[]> memory() {
        return slow;
    }

    @Override
    public void remember(Map<String, float[]> memory) {
        slow.clear();
        slow.putAll(memory);
    }

    @Override
    public void present(boolean result) {
        for (Parameter p : parameters.trained()) {
            if (result) {
                fast.put(p, p.toArray());
                p.set(slow.getOrDefault(p.name(), fast.get(p)));
            } else {
                p.set(fast.remove(p));
            }
        }
    }

    @Override
    public void write(Parameters of, Path folder, ObjectNode summary) throws IOException {
        present(true);
        try {
            super.write(of, folder, summary);
        } finally {
            present(false);
        }
    }
}
