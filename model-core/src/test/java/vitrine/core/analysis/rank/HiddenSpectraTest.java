package vitrine.core.analysis.rank;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.Test;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.family.Families;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.probe.Place;
import vitrine.core.probe.Site;
import vitrine.core.testing.Reference;

class HiddenSpectraTest {

    private static final int WIDTH = 64;
    private static final int MASSIVE = 5;

    private static ModelSpec spec() {
        Checkpoint checkpoint = Checkpoints.open(Reference.of("llama-gqa").checkpoint());
        return Families.read(checkpoint.config(), checkpoint.configFile(), checkpoint.tensors().keySet());
    }

    /// Feeds sequences of 40 tokens, in batches of two.
    private static void feed(HiddenSpectra spectra, double[][]... sequences) {
        for (int from = 0; from < sequences.length; from += 2) {
            int count = Math.min(2, sequences.length - from);
            spectra.begin(count);
            for (int s = 0; s < count; s++) {
                try (Arena arena = Arena.ofShared()) {
                    spectra.at(new Place(0, Site.RESID_POST, s, -1, 0), Rows.matrix(arena, sequences[from + s]));
                }
            }
        }
    }

    private static double[][] sequence(int seed, double massive) {
        Random random = new Random(seed);
        return Rows.of(40, WIDTH, (t, i) -> i == MASSIVE && t == 0 ? massive : random.nextGaussian());
    }

    private static double participation(double[] s) {
        double squares = 0;
        double fourths = 0;
        for (double v : s) {
            squares += v * v;
            fourths += v * v * v * v;
        }
        return squares * squares / fourths;
    }

    @Test
    void aMassiveDimensionDrivesTheParticipationRatioToOneAndCanBeLeftOut() {
        try (HiddenSpectra spectra = new HiddenSpectra(spec(), 0, 0)) {
            feed(spectra, sequence(1, 5000), sequence(2, 5000), sequence(3, 5000));
            HiddenSpectra.Result with = spectra.result(HiddenSpectra.Part.RESID, 0, false, false);
            HiddenSpectra.Result without = spectra.result(HiddenSpectra.Part.RESID, 0, false, true);
            assertArrayEquals(new int[] {MASSIVE}, with.massive());
            assertEquals(1, participation(with.values().orElseThrow()), 1e-3);
            assertEquals(WIDTH - 1, without.values().orElseThrow().length);
            assertTrue(participation(without.values().orElseThrow()) > 35);
            assertEquals(WIDTH, with.values().orElseThrow().length);
            assertEquals(1, with.splitParticipationRatio(), 1e-3);
            assertTrue(without.splitParticipationRatio() > 50, "the halves see what 120 tokens of 63 dimensions hide");
        }
    }

    @Test
    void halvesAreWholeSequencesInTurnWhateverTheBatches() {
        double[][][] sequences = {sequence(1, 0), sequence(2, 0), sequence(3, 0), sequence(4, 0), sequence(5, 0)};
        try (HiddenSpectra pairs = new HiddenSpectra(spec(), 0, 0); HiddenSpectra single = new HiddenSpectra(spec(), 0, 0)) {
            feed(pairs, sequences);
            for (double[][] s : sequences) {
                feed(single, s);
            }
            assertEquals(pairs.result(HiddenSpectra.Part.RESID, 0, true, false).splitParticipationRatio(),
                    single.result(HiddenSpectra.Part.RESID, 0, true, false).splitParticipationRatio(), 1e-10);
            assertArrayEquals(pairs.result(HiddenSpectra.Part.RESID, 0, true, false).values().orElseThrow(),
                    single.result(HiddenSpectra.Part.RESID, 0, true, false).values().orElseThrow(), 1e-10);
        }
    }

    @Test
    void oneSequenceHasNoHalves() {
        try (HiddenSpectra spectra = new HiddenSpectra(spec(), 0, 0)) {
            feed(spectra, sequence(1, 0));
            assertTrue(Double.isNaN(spectra.result(HiddenSpectra.Part.RESID, 0, false, false).splitParticipationRatio()));
        }
    }
}
