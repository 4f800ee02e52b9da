package vitrine.views.attention;

import java.util.List;
import vitrine.views.chart.Cells;

/// Rows of a map as lists draw them.
final class Weights {

    private Weights() {}

    /// The mean of some queries' weights; [Cells#NONE] for keys that none of them sees.
    static double[] meanRow(Cells map, List<Integer> queries) {
        double[] out = new double[map.columns()];
        for (int k = 0; k < out.length; k++) {
            boolean seen = false;
            for (int q : queries) {
                float w = map.at(q, k);
                if (w != Cells.NONE) {
                    out[k] += w / queries.size();
                    seen = true;
                }
            }
            out[k] = seen ? out[k] : Cells.NONE;
        }
        return out;
    }

    /// Where a key stands among those that a query sees: 1 for the largest weight.
    static int rankAmongKeys(Cells map, int query, int key) {
        int rank = 1;
        for (int k = 0; k < map.columns(); k++) {
            rank += map.at(query, k) > map.at(query, key) ? 1 : 0;
        }
        return rank;
    }

    /// The keys that a query sees.
    static int visible(Cells map, int query) {
        int n = 0;
        for (int k = 0; k < map.columns(); k++) {
            n += map.at(query, k) != Cells.NONE ? 1 : 0;
        }
        return n;
    }

    /// `1st`, `2nd`, `3rd`, `4th`.
    static String ordinal(int n) {
        int lastTwo = n % 100;
        String end = lastTwo >= 11 && lastTwo <= 13 ? "th" : switch (n % 10) {
            case 1 -> "st";
            case 2 -> "nd";
            case 3 -> "rd";
            default -> "th";
        };
        return n + end;
    }
}
