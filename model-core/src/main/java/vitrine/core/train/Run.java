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
public record Run(long steps, int batchSize, int accumulate, double rate, long warmupSteps, Schedule schedule, long decaySteps, AdamW.Settings optimiser,
                  double maxGradientNorm, float balance, double gradientNoise, long evalEvery, long saveEvery, long seed) {

    /// The learning rate of a step, counted from 1.
    public double rate(long step) {
        return rate * schedule.multiplier(step - 1, warmupSteps, steps, decaySteps);
    }
}
