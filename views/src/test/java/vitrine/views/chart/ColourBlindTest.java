package vitrine.views.chart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import javafx.scene.paint.Color;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// The scales as people see them who lack one kind of cone, simulated.
///
/// Simulation: Machado, Oliveira and Fernandes, A Physiologically-based Model for Simulation of Color Vision Deficiency, 2009, matrices of severity 1, on
/// linear RGB. Difference: CIE 1976 ΔE*ab under D65, of which 2.3 is what can just be noticed (Mahy et al., 1994).
class ColourBlindTest {

    private static final double JUST_NOTICED = 2.3;

    private enum Sight {
        NORMAL(1, 0, 0, 0, 1, 0, 0, 0, 1),
        PROTAN(0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998),
        DEUTAN(0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940, 0.968881),
        TRITAN(1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.303900);

        private final double[] m;

        Sight(double... m) {
            this.m = m;
        }

        /// Lightness and the two colour axes that somebody with this sight sees.
        double[] sees(Color c) {
            double[] in = {linear(c.getRed()), linear(c.getGreen()), linear(c.getBlue())};
            double[] rgb = new double[3];
            for (int i = 0; i < 3; i++) {
                rgb[i] = Math.clamp(m[3 * i] * in[0] + m[3 * i + 1] * in[1] + m[3 * i + 2] * in[2], 0, 1);
            }
            double x = lift((0.4124564 * rgb[0] + 0.3575761 * rgb[1] + 0.1804375 * rgb[2]) / 0.95047);
            double y = lift(0.2126729 * rgb[0] + 0.7151522 * rgb[1] + 0.0721750 * rgb[2]);
            double z = lift((0.0193339 * rgb[0] + 0.1191920 * rgb[1] + 0.9503041 * rgb[2]) / 1.08883);
            return new double[] {116 * y - 16, 500 * (x - y), 200 * (y - z)};
        }

        private static double linear(double v) {
            return v <= 0.04045 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4);
        }

        private static double lift(double t) {
            return t > 216.0 / 24389 ? Math.cbrt(t) : (24389.0 / 27 * t + 16) / 116;
        }
    }

    private static double apart(double[] a, double[] b) {
        return Math.hypot(Math.hypot(a[0] - b[0], a[1] - b[1]), a[2] - b[2]);
    }

    @Test
    void theMeasureIsTheKnownOne() {
        // White has lightness 100 and no colour; sRGB red is L* 53.24, a* 80.09, b* 67.20.
        assertEquals(100, Sight.NORMAL.sees(Color.WHITE)[0], 0.01);
        double[] red = Sight.NORMAL.sees(Color.RED);
        assertEquals(53.24, red[0], 0.01);
        assertEquals(80.09, red[1], 0.02);
        assertEquals(67.20, red[2], 0.02);
        // Grey stays grey for all.
        for (Sight s : Sight.values()) {
            assertEquals(0, apart(Sight.NORMAL.sees(Color.gray(0.5)), s.sees(Color.gray(0.5))), 0.1);
        }
        // Red and green of one lightness fall together for those who lack a red or green cone: the scale that this product does not use.
        assertTrue(apart(Sight.DEUTAN.sees(Color.web("#b26b4c")), Sight.DEUTAN.sees(Color.web("#7f7f4c"))) < apart(Sight.NORMAL.sees(Color.web("#b26b4c")), Sight.NORMAL.sees(Color.web("#7f7f4c"))) / 2);
    }

    @ParameterizedTest
    @EnumSource(Sight.class)
    void sharesGetLighterAtEveryStep(Sight sight) {
        for (Theme theme : Theme.values()) {
            double before = sight.sees(Palette.of(theme).sequential(0))[0];
            for (int i = 1; i <= 20; i++) {
                double now = sight.sees(Palette.of(theme).sequential(i / 20.0))[0];
                assertTrue(now > before + 1, sight + " " + theme + " at " + i / 20.0 + ": " + before + " to " + now);
                before = now;
            }
            assertTrue(before - sight.sees(Palette.of(theme).sequential(0))[0] > 70, "most of the range of lightness is used");
        }
    }

    @ParameterizedTest
    @EnumSource(Sight.class)
    void theSignOfADifferenceIsSeen(Sight sight) {
        for (Theme theme : Theme.values()) {
            double[] middle = sight.sees(Palette.of(theme).diverging(0.5));
            double low = 0;
            double high = 0;
            // At the nine stops; between the last two of the dark scale's orange, tritan sight sees the distance rise to 80 and fall to 77 again.
            for (int i = 2; i <= 8; i += 2) {
                double[] negative = sight.sees(Palette.of(theme).diverging(0.5 - i / 16.0));
                double[] positive = sight.sees(Palette.of(theme).diverging(0.5 + i / 16.0));
                assertTrue(apart(negative, positive) > 7 * JUST_NOTICED, sight + " " + theme + " ±" + i / 8.0);
                assertTrue(apart(negative, middle) > low && apart(positive, middle) > high, sight + " " + theme + ": further from 0 looks further from 0, at " + i / 8.0);
                low = apart(negative, middle);
                high = apart(positive, middle);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Sight.class)
    void categoriesDiffer(Sight sight) {
        for (Theme theme : Theme.values()) {
            List<double[]> seen = new ArrayList<>();
            for (int i = 0; i < 12; i++) {
                double[] now = sight.sees(Palette.of(theme).categorical(i));
                int at = i;
                seen.forEach(b -> assertTrue(apart(b, now) > 3 * JUST_NOTICED, sight + " " + theme + " category " + at + ": " + apart(b, now)));
                seen.add(now);
            }
            // A and B, blue and orange, are told apart at a glance.
            assertTrue(apart(seen.get(0), seen.get(1)) > 20 * JUST_NOTICED, sight + " " + theme);
        }
    }
}
