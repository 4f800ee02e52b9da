package vitrine.core.train.method;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import vitrine.core.backward.LowRank;
import vitrine.core.backward.Parameters;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.train.AdamW;
import vitrine.core.train.Randomness;

/// Adapters whose factors are made of something smaller or other, which is what is trained: after each step the factors are made anew, and before it their gradients
/// are passed on to what they are made of. For linear layers.
abstract class ComposedLora extends Lora {

    /// One module's factors and what they are made of.
    interface Composed {
        LowRank low();

        /// Makes the factors from what is trained.
        void apply();

        /// From the gradients of the factors to those of what is trained.
        void gradient();
    }

    private final List<Composed> composed = new ArrayList<>();

    ComposedLora(Settings settings) {
        super(settings);
    }

    /// Makes a module's factors; trained tensors are told to `parameters` ([Parameters#train]).
    abstract Composed compose(Parameters parameters, Target target, int number, Randomness randomness);

    /// What this is called where something cannot be adapted so.
    abstract String called();

    @Override
    public void prepare(Parameters parameters, Randomness randomness) {
        if (settings().start() != null) {
            throw Refusal.of(Category.TASK_INVALID, null, "%s does not go on from an adapter: its factors do not tell what they were made of", called());
        }
        int number = 0;
        for (Target t : Target.of(settings(), parameters.spec())) {
            if (t.kind() != Target.Kind.LINEAR) {
                throw Refusal.of(Category.TASK_INVALID, null, "%s cannot be adapted so: %s is there for linear layers only", t.path(), called());
            }
            Composed c = compose(parameters, t, number++, randomness);
            c.apply();
            composed.add(c);
            noteModule(t);
            parameters.adaptResting(t.place(), c.low());
        }
    }

    @Override
    public List<vitrine.core.backward.Parameter> choose(long step, List<vitrine.core.backward.Parameter> trained, AdamW optimiser) {
        composed.forEach(c -> {
            c.low().a().clear();
            c.low().b().clear();
        });
        return trained;
    }

    @Override
    public void gradients() {
        composed.forEach(Composed::gradient);
    }

    @Override
    public void after(long step, long steps, AdamW optimiser) {
        composed.forEach(Composed::apply);
    }

    @Override
    public void remember(Map<String, float[]> memory) {
        composed.forEach(Composed::apply);
    }

    /// Everything, in the order of the modules.
    final List<Composed> composed() {
        return composed;
    }
}
