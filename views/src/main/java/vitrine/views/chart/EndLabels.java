package vitrine.views.chart;

import java.util.Arrays;
import java.util.Comparator;

/// Moves labels at the ends of curves apart so that none covers another.
final class EndLabels {

    /// From the middle of one label to the next.
    static final double APART = 14;

    private EndLabels() {}

    /// New places for labels that want to stand at these heights: in the same order, [#APART] from each other, within
    /// two limits as far as there is room, and moved as little as that allows.
    static double[] spread(double[] wanted, double low, double high) {
        Integer[] order = new Integer[wanted.length];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, Comparator.comparingDouble(i -> wanted[i]));
        double[] placed = new double[wanted.length];
        // Blocks of touching labels, each centred on what its labels want; merged until none overlap.
        double[] centre = new double[wanted.length];
        int[] size = new int[wanted.length];
        int blocks = 0;
        for (Integer i : order) {
            centre[blocks] = clampCentre(wanted[i], 1, low, high);
            size[blocks] = 1;
            blocks++;
            while (blocks > 1 && bottom(centre, size, blocks - 2) > top(centre, size, blocks - 1)) {
                int both = size[blocks - 2] + size[blocks - 1];
                double mean = (centre[blocks - 2] * size[blocks - 2] + centre[blocks - 1] * size[blocks - 1]) / both;
                blocks--;
                size[blocks - 1] = both;
                centre[blocks - 1] = clampCentre(mean, both, low, high);
            }
        }
        int next = 0;
        for (int b = 0; b < blocks; b++) {
            for (int k = 0; k < size[b]; k++) {
                placed[order[next++]] = centre[b] + (k - (size[b] - 1) / 2.0) * APART;
            }
        }
        return placed;
    }

    private static double clampCentre(double centre, int size, double low, double high) {
        double half = (size - 1) / 2.0 * APART;
        return high - low < 2 * half ? (low + high) / 2 : Math.clamp(centre, low + half, high - half);
    }

    private static double top(double[] centre, int[] size, int block) {
        return centre[block] - size[block] / 2.0 * APART;
    }

    private static double bottom(double[] centre, int[] size, int block) {
        return centre[block] + size[block] / 2.0 * APART - 1e-9;
    }
}
