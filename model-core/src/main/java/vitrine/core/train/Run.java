package vitrine.core.train;

/// The numbers of a training run.
///
/// @param steps optimiser steps in all
/// @param accumulate passes per step, each over `batchSize` samples
/// @param decaySteps of a WSD schedule
/// @param maxGradientNorm gradients are scaled down to this global norm; 0 for not
/// @param balance the coefficient of the balance loss; 0 for none
/// @param gradientNoise nu of annealed gradient noise; 0 for none
/// @param evalEvery steps between validations; 0 for none
/// @param saveEvery steps between saved steps; 0 for none but the last
/// @param zeroth how slopes are found from losses alone, or null where they are not
public record Run(long steps, int batchSize, int accumulate, double rate, long warmupSteps, Schedule schedule, long decaySteps, AdamW.Settings optimiser,
                  double maxGradientNorm, float balance, double gradientNoise, long evalEvery, long saveEvery, long seed, ZerothOrder zeroth) {

    /// With gradients.
    public Run(long steps, int batchSize, int accumulate, double rate, long warmupSteps, Schedule schedule, long decaySteps, AdamW.Settings optimiser, double maxGradientNorm, float balance,
               double gradientNoise, long evalEvery, long saveEvery, long seed) {
        this(steps, batchSize, accumulate, rate, warmupSteps, schedule, decaySteps, optimiser, maxGradientNorm, balance, gradientNoise, evalEvery, saveEvery, seed, null);
    }

    /// Whether steps need no gradient, and so no moments.
    public boolean forwardOnly() {
        return zeroth != null && zeroth.kind() == ZerothOrder.Kind.MEZO;
    }

    /// The learning rate of a step, counted from 1.
    public double rate(long step) {
        return rate * schedule.multiplier(step - 1, warmupSteps, steps, decaySteps);
    }
}
