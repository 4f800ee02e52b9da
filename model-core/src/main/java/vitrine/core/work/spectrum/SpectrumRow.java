package vitrine.core.work.spectrum;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import vitrine.core.analysis.spectrum.Accuracy;
import vitrine.core.analysis.spectrum.NoiseEdge;
import vitrine.core.analysis.spectrum.PowerLaw;
import vitrine.core.analysis.spectrum.RandomBaseline;
import vitrine.core.analysis.spectrum.Solved;
import vitrine.core.analysis.spectrum.SpectralEstimate;
import vitrine.core.analysis.spectrum.SpectralMeasures;
import vitrine.core.architecture.WeightMatrix;
import vitrine.core.artifact.Measure;
import vitrine.core.json.Json;

/// A solved matrix as JSON: what it is, its figures, how they were found. A figure that means nothing there is null (the ten public ones)
/// or missing.
final class SpectrumRow {

    private static final int PUBLIC = Measure.ALPHA.ordinal();
    private static final double DOUBTFUL_FLOOR_SHARE = 0.01;

    private final ObjectNode json = Json.object();
    private final Map<String, double[]> arrays = new LinkedHashMap<>();

    private SpectrumRow() {}

    /// @param checkpoint index in the series
    /// @param change `|delta| / |before|` of a delta, NaN of a weight
    static SpectrumRow of(int checkpoint, WeightMatrix m, Solved solved, double before) {
        SpectrumRow row = new SpectrumRow();
        row.identify(checkpoint, m);
        switch (solved) {
            case Solved.Values v -> row.values(v, m.rows(), m.columns());
            case Solved.Estimated e -> row.estimated(e.estimate());
            case Solved.Absent a -> row.json.put("absent", a.reason());
        }
        if (before > 0 && row.json.path(Measure.FROBENIUS_NORM.key()).isNumber()) {
            row.put(Measure.RELATIVE_CHANGE, row.json.path(Measure.FROBENIUS_NORM.key()).doubleValue() / before);
        }
        return row;
    }

    ObjectNode json() {
        return json;
    }

    /// `sv`, or `top` and `density`.
    Map<String, double[]> arrays() {
        return arrays;
    }

    private void identify(int checkpoint, WeightMatrix m) {
        json.put("tensor", m.name());
        json.putArray("shape").add(m.rows()).add(m.columns());
        for (Measure measure : Measure.values()) {
            if (measure.ordinal() <= PUBLIC) {
                json.putNull(measure.key());
            }
        }
        json.put("checkpoint", checkpoint).put("stored", m.tensor().name()).put("kind", m.part().name().toLowerCase(Locale.ROOT));
        putIndex("layer", m.layer());
        putIndex("head", m.head());
        putIndex("expert", m.expert());
        json.put("dtype", m.tensor().storedAs());
    }

    private void putIndex(String key, int index) {
        if (index >= 0) {
            json.put(key, index);
        } else {
            json.putNull(key);
        }
    }

    private void values(Solved.Values v, int rows, int columns) {
        double[] s = v.values();
        arrays.put("sv", s);
        how(v.accuracy(), v.method(), v.note());
        baseline(rows, columns);
        if (!(s.length > 0 && s[0] > 0)) {
            put(Measure.SPECTRAL_NORM, 0);
            put(Measure.FROBENIUS_NORM, 0);
            put(Measure.NUCLEAR_NORM, 0);
            return;
        }
        SpectralMeasures m = SpectralMeasures.of(s, rows, columns);
        put(Measure.EFFECTIVE_RANK, m.effectiveRank());
        put(Measure.EFFECTIVE_RANK_SQUARED, m.effectiveRankSquared());
        put(Measure.NORMALISED_EFFECTIVE_RANK, m.normalisedEffectiveRank());
        put(Measure.STABLE_RANK, m.stableRank());
        put(Measure.PARTICIPATION_RATIO, m.participationRatio());
        put(Measure.SPECTRAL_NORM, m.spectralNorm());
        put(Measure.FROBENIUS_NORM, m.frobeniusNorm());
        put(Measure.ENTROPY, m.entropy());
        put(Measure.PARTICIPATION_RATIO_SIGMA, m.participationRatioSigma());
        put(Measure.NUCLEAR_RANK, m.nuclearRank());
        put(Measure.NUCLEAR_NORM, m.nuclearNorm());
        json.put(Measure.RANK_90.key(), m.energyRank90()).put(Measure.RANK_95.key(), m.energyRank95()).put(Measure.RANK_99.key(), m.energyRank99());
        if (v.accuracy() == Accuracy.exact || v.smallestIsResolved()) {
            json.put(Measure.NUMERICAL_RANK.key(), m.numericalRank());
        }
        if (v.smallestIsResolved()) {
            put(Measure.CONDITION_NUMBER, m.conditionNumber());
        }
        put(Measure.FLOOR_SHARE, v.floorShare());
        if (v.floorShare() > DOUBTFUL_FLOOR_SHARE && v.note() == null) {
            json.put("note", "more than 1 % of the nuclear norm lies near the noise of the arithmetic");
        }
        powerLaw(s);
        noise(s, rows, columns);
    }

    private void powerLaw(double[] s) {
        PowerLaw law = PowerLaw.ofSingularValuesOrNull(s);
        if (law == null) {
            return;
        }
        put(Measure.ALPHA, law.alpha());
        put(Measure.ALPHA_HAT, law.alphaHat());
        put(Measure.ALPHA_DISTANCE, law.distance());
        put(Measure.ALPHA_ERROR, law.sigma());
        json.put(Measure.ALPHA_TAIL.key(), law.tail());
        put(Measure.ALPHA_X_MIN, law.xMin());
        json.put("alpha_reliable", law.reliable());
    }

    private void noise(double[] s, int rows, int columns) {
        NoiseEdge edge = NoiseEdge.ofOrNull(s, rows, columns);
        if (edge == null) {
            return;
        }
        put(Measure.NOISE_SIGMA, edge.sigma());
        put(Measure.NOISE_EDGE, edge.upper());
        put(Measure.NOISE_CUTOFF, edge.cutoff());
        json.put(Measure.SPIKES.key(), edge.spikes());
        put(Measure.SOFT_RANK, edge.softRank());
    }

    private void baseline(int rows, int columns) {
        RandomBaseline b = RandomBaseline.of(rows, columns);
        put(Measure.RANDOM_EFFECTIVE_RANK, b.effectiveRank());
        put(Measure.RANDOM_EFFECTIVE_RANK_SQUARED, b.effectiveRankSquared());
        put(Measure.RANDOM_PARTICIPATION_RATIO, b.participationRatio());
        put(Measure.RANDOM_STABLE_RANK, b.stableRank());
    }

    private void estimated(SpectralEstimate e) {
        arrays.put("top", e.top());
        double[] pairs = new double[2 * e.densityValues().length];
        for (int i = 0; i < e.densityValues().length; i++) {
            pairs[2 * i] = e.densityValues()[i];
            pairs[2 * i + 1] = e.densityWeights()[i];
        }
        arrays.put("density", pairs);
        how(Accuracy.estimate, String.format(Locale.ROOT, "%d random probes of %d steps, seed %d; 95 %% intervals", e.probes(), e.steps(), e.seed()), null);
        ObjectNode intervals = json.putObject("intervals");
        double r = e.rank();
        interval(intervals, Measure.EFFECTIVE_RANK, e.effectiveRank(), 1, 1, r);
        interval(intervals, Measure.EFFECTIVE_RANK_SQUARED, e.effectiveRankSquared(), 1, 1, r);
        interval(intervals, Measure.NORMALISED_EFFECTIVE_RANK, e.effectiveRank(), 1 / r, 1 / r, 1);
        interval(intervals, Measure.STABLE_RANK, e.stableRank(), 1, 1, r);
        interval(intervals, Measure.PARTICIPATION_RATIO, e.participationRatio(), 1, 1, r);
        interval(intervals, Measure.SPECTRAL_NORM, e.spectralNorm(), 1, 0, Double.MAX_VALUE);
        put(Measure.FROBENIUS_NORM, e.frobeniusNorm());
        interval(intervals, Measure.PARTICIPATION_RATIO_SIGMA, e.participationRatioSigma(), 1, 1, r);
        interval(intervals, Measure.NUCLEAR_RANK, e.nuclearRank(), 1, 1, r);
        interval(intervals, Measure.NUCLEAR_NORM, e.nuclearNorm(), 1, 0, Double.MAX_VALUE);
        put(Measure.ENTROPY, Math.log(e.effectiveRank().value()));
        ArrayNode entropy = intervals.withArray(Measure.ENTROPY.key());
        entropy.add(Math.log(intervals.path(Measure.EFFECTIVE_RANK.key()).path(0).doubleValue())).add(Math.log(intervals.path(Measure.EFFECTIVE_RANK.key()).path(1).doubleValue()));
        put(Measure.FLOOR_SHARE, e.floorShare());
        baseline(json.path("shape").path(0).asInt(), json.path("shape").path(1).asInt());
    }

    /// No rank lies outside 1 to r: an interval ends there.
    private void interval(ObjectNode intervals, Measure m, SpectralEstimate.Figure f, double factor, double least, double most) {
        put(m, f.value() * factor);
        intervals.putArray(m.key()).add(Math.clamp((f.value() - f.error()) * factor, least, most)).add(Math.clamp((f.value() + f.error()) * factor, least, most));
    }

    private void how(Accuracy accuracy, String method, String note) {
        json.put("accuracy", accuracy.name()).put("estimated", accuracy == Accuracy.estimate).put("method", method);
        if (note != null) {
            json.put("note", note);
        }
    }

    private void put(Measure m, double value) {
        if (Double.isFinite(value)) {
            json.put(m.key(), value);
        }
    }
}
