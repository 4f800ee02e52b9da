package vitrine.core.task;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.util.List;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.train.method.FirstFactors;

/// The numbers of a training run; what is null has the default that stands beside it.
///
/// @param steps optimiser steps; as many as `epochs` takes
/// @param epochs passes over the data; 1
/// @param batchSize samples of a pass; 8
/// @param accumulate passes of a step; 1
/// @param sequenceLength where texts are cut, in tokens; the model's own limit, at most 1,024
/// @param lr the peak learning rate; 2e-5, or 2e-4 for adapters
/// @param warmupSteps steps of a rising learning rate; 3 % of all
/// @param schedule what follows; cosine
/// @param decaySteps steps of decay at the end of a `wsd` schedule; a fifth of all
/// @param weightDecay 0
/// @param beta1 0.9
/// @param beta2 0.999
/// @param eps 1e-8
/// @param maxGradNorm gradients are scaled down to this norm; 1; 0 for not
/// @param seed 0
/// @param order shuffled
/// @param pack whether short sequences share a sample; false
/// @param evalEvery steps between losses over `evalData`; at the start and the end only
/// @param saveEvery steps between saved states; a twentieth of all
/// @param checkpointing which layers are computed twice to save memory: all (`layer`), none, or as many as memory asks for (`auto`)
/// @param balance the coefficient of the loss that keeps experts evenly busy; 0
/// @param optimiser adamw
/// @param cautious whether weights decay only where the step moves them towards 0; false
/// @param gradientNoise nu of annealed gradient noise; 0
/// @param r rank of adapters; 16
/// @param alpha 2 r
/// @param dropout of an adapter's input; 0
/// @param targetModules names of linear layers, of the embedding or the head, or `all-linear`; all-linear, or none where `targetParameters` are named
/// @param targetParameters names of experts' parameters (`experts.gate_up_proj`, `experts.down_proj`), or `all-experts`; none
/// @param rslora whether the scaling is alpha / sqrt(r); false
/// @param firstLayers first layers that LayRA adapts; a quarter
/// @param lastLayers last layers that LayRA adapts; a quarter
/// @param beamPeriod steps between BeamLoRA's choices, even; a tenth of all
/// @param beamEnd the step from which BeamLoRA gives nothing up; two thirds of all
/// @param beamTemperature 0.05
/// @param rounds how often HFT chooses another half; 1
/// @param init what the factors of `lora` and `layra` begin with; kaiming
/// @param probes directions of a step of mezo or zosam; 1
/// @param probeEps how far a probe goes; 1e-3
/// @param rho how far zosam goes up before its gradient; 0.05
/// @param stages how often APEX chooses its units; 2
/// @param assessed samples that APEX's first choice looks at; 512
/// @param bases NOLA's fixed random factors of either kind; 64
/// @param parallel MultiLoRA's modules side by side; 3
/// @param growEvery steps between SGT's choices; a tenth of all, at most 250
/// @param growLayers layers that SGT lets loop at most; 3
/// @param growLoops how often a layer of SGT repeats its attention at most; 1
/// @param growHeads heads of a layer that go on looping; 2
/// @param earlyStop validations in a row without a lower loss that end the run; the result is that of the lowest. Not where null
@RecordBuilder
@JsonInclude(JsonInclude.Include.NON_NULL)
public record FinetuneSettings(Integer steps, Integer epochs, Integer batchSize, Integer accumulate, Integer sequenceLength, Double lr, Integer warmupSteps, ScheduleName schedule,
                               Integer decaySteps, Double weightDecay, Double beta1, Double beta2, Double eps, Double maxGradNorm, Long seed, OrderName order, Boolean pack,
                               Integer evalEvery, Integer saveEvery, Checkpointing checkpointing, Double balance, OptimiserName optimiser, Boolean cautious, Double gradientNoise,
                               Integer r, Double alpha, Double dropout, List<String> targetModules, Boolean rslora, Integer firstLayers, Integer lastLayers,
                               Integer beamPeriod, Integer beamEnd, Double beamTemperature, Integer rounds, Integer earlyStop, FirstFactors.Kind init, Integer probes, Double probeEps, Double rho, Integer stages, Integer assessed,
                               List<String> targetParameters, Integer bases, Integer parallel, Integer growEvery, Integer growLayers,
                               Integer growLoops, Integer growHeads) {

    /// Learning-rate schedules.
    public enum ScheduleName {
        linear, cosine, constant, wsd
    }

    /// The order of samples.
    public enum OrderName {
        shuffled, sequential
    }

    /// Optimisers.
    public enum OptimiserName {
        /// Adam with decoupled weight decay.
        adamw,
        /// AdamW that cuts spikes and forgets its moments now and then.
        spam,
        /// Steps along random directions, from losses alone.
        mezo,
        /// AdamW with gradients taken a little way up an estimated slope.
        zosam;

        /// Whether slopes are estimated from losses.
        public boolean probes() {
            return this == mezo || this == zosam;
        }
    }

    /// Which layers are computed twice.
    public enum Checkpointing {
        auto, layer, none
    }

    /// Nothing set.
    public static final FinetuneSettings DEFAULTS = FinetuneSettingsBuilder.builder().build();

    public FinetuneSettings {
        atLeast("steps", steps, 1);
        atLeast("epochs", epochs, 1);
        atLeast("batchSize", batchSize, 1);
        atLeast("accumulate", accumulate, 1);
        atLeast("sequenceLength", sequenceLength, 2);
        atLeast("warmupSteps", warmupSteps, 0);
        atLeast("decaySteps", decaySteps, 0);
        atLeast("evalEvery", evalEvery, 1);
        atLeast("saveEvery", saveEvery, 1);
        atLeast("r", r, 1);
        atLeast("firstLayers", firstLayers, 0);
        atLeast("lastLayers", lastLayers, 0);
        atLeast("beamPeriod", beamPeriod, 2);
        atLeast("beamEnd", beamEnd, 1);
        atLeast("rounds", rounds, 1);
        atLeast("earlyStop", earlyStop, 1);
        atLeast("stages", stages, 1);
        atLeast("assessed", assessed, 1);
        atLeast("probes", probes, 1);
        atLeast("bases", bases, 1);
        atLeast("parallel", parallel, 1);
        atLeast("growEvery", growEvery, 1);
        atLeast("growLayers", growLayers, 1);
        atLeast("growLoops", growLoops, 1);
        atLeast("growHeads", growHeads, 1);
        within("probeEps", probeEps, 0, false, Double.MAX_VALUE, true);
        within("rho", rho, 0, true, Double.MAX_VALUE, true);
        requireOptimiser(optimiser != null && optimiser.probes(), "probes", probes);
        requireOptimiser(optimiser != null && optimiser.probes(), "probeEps", probeEps);
        requireOptimiser(optimiser == OptimiserName.zosam, "rho", rho);
        boolean mezo = optimiser == OptimiserName.mezo;
        for (Object[] gradient : new Object[][] {{"weightDecay", weightDecay}, {"maxGradNorm", maxGradNorm}, {"gradientNoise", gradientNoise}, {"balance", balance}, {"cautious", cautious},
                {"dropout", dropout}, {"beta1", beta1}, {"beta2", beta2}, {"eps", eps}}) {
            if (mezo && gradient[1] != null) {
                throw Refusal.of(Category.TASK_INVALID, null, "%s does not go with the optimiser mezo, which has losses only", gradient[0]);
            }
        }
        within("lr", lr, 0, true, Double.MAX_VALUE, true);
        within("weightDecay", weightDecay, 0, true, Double.MAX_VALUE, true);
        within("beta1", beta1, 0, true, 1, false);
        within("beta2", beta2, 0, true, 1, false);
        within("eps", eps, 0, false, Double.MAX_VALUE, true);
        within("maxGradNorm", maxGradNorm, 0, true, Double.MAX_VALUE, true);
        within("balance", balance, 0, true, Double.MAX_VALUE, true);
        within("gradientNoise", gradientNoise, 0, true, Double.MAX_VALUE, true);
        within("alpha", alpha, 0, false, Double.MAX_VALUE, true);
        within("dropout", dropout, 0, true, 1, false);
        within("beamTemperature", beamTemperature, 0, false, Double.MAX_VALUE, true);
        if (beamPeriod != null && beamPeriod % 2 != 0) {
            throw Refusal.of(Category.TASK_INVALID, null, "beamPeriod is %d; an even number belongs here", beamPeriod);
        }
        if (targetModules != null && (targetModules.isEmpty() || targetModules.stream().anyMatch(t -> t == null || t.isBlank()))) {
            throw Refusal.of(Category.TASK_INVALID, null, "targetModules holds an empty name");
        }
        if (targetParameters != null && (targetParameters.isEmpty() || targetParameters.stream().anyMatch(t -> t == null || t.isBlank()))) {
            throw Refusal.of(Category.TASK_INVALID, null, "targetParameters holds an empty name");
        }
        if (steps != null && epochs != null) {
            throw Refusal.of(Category.TASK_INVALID, null, "steps and epochs say the same; one of them belongs here");
        }
    }

    private static void requireOptimiser(boolean applies, String key, Object value) {
        if (!applies && value != null) {
            throw Refusal.of(Category.TASK_INVALID, null, "%s does not go with this optimiser", key);
        }
    }

    private static void atLeast(String key, Integer value, int least) {
        if (value != null && value < least) {
            throw Refusal.of(Category.TASK_INVALID, null, "%s is %,d; a whole number from %d belongs here", key, value, least);
        }
    }

    private static void within(String key, Double value, double least, boolean leastToo, double most, boolean mostToo) {
        if (value != null && !(value > least && value < most || leastToo && value == least || mostToo && value == most)) {
            String range = most == Double.MAX_VALUE ? (leastToo ? "a number from 0" : "a number above 0") : "a number from 0 to below 1";
            throw Refusal.of(Category.TASK_INVALID, null, "%s is %s; %s belongs here", key, value, range);
        }
    }

    /// Refuses settings that a method does not have.
    void requireFor(FinetuneMethod method) {
        requireFor(method.ranked() || method == FinetuneMethod.bone, "r", r, method);
        requireFor(method.ranked(), "alpha", alpha, method);
        requireFor(method.ranked(), "dropout", dropout, method);
        requireFor(method.adapts(), "targetModules", targetModules, method);
        requireFor(method == FinetuneMethod.lora || method == FinetuneMethod.layra || method == FinetuneMethod.ilora, "targetParameters", targetParameters, method);
        requireFor(method.ranked(), "rslora", rslora, method);
        requireFor(method == FinetuneMethod.lora || method == FinetuneMethod.layra, "init", init, method);
        requireFor(method == FinetuneMethod.layra, "firstLayers", firstLayers, method);
        requireFor(method == FinetuneMethod.layra, "lastLayers", lastLayers, method);
        requireFor(method == FinetuneMethod.beamlora, "beamPeriod", beamPeriod, method);
        requireFor(method == FinetuneMethod.beamlora, "beamEnd", beamEnd, method);
        requireFor(method == FinetuneMethod.beamlora, "beamTemperature", beamTemperature, method);
        requireFor(method == FinetuneMethod.hft, "rounds", rounds, method);
        requireFor(method == FinetuneMethod.nola, "bases", bases, method);
        requireFor(method == FinetuneMethod.multilora, "parallel", parallel, method);
        requireFor(method == FinetuneMethod.sgt, "growEvery", growEvery, method);
        requireFor(method == FinetuneMethod.sgt, "growLayers", growLayers, method);
        requireFor(method == FinetuneMethod.sgt, "growLoops", growLoops, method);
        requireFor(method == FinetuneMethod.sgt, "growHeads", growHeads, method);
        requireFor(method == FinetuneMethod.apex, "stages", stages, method);
        requireFor(method == FinetuneMethod.apex, "assessed", assessed, method);
    }

    private static void requireFor(boolean applies, String key, Object value, FinetuneMethod method) {
        if (!applies && value != null) {
            throw Refusal.of(Category.TASK_INVALID, null, "%s does not go with the method %s", key, method.name());
        }
    }
}
