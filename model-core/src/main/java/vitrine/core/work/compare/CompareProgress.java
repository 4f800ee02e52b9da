package vitrine.core.work.compare;

import java.util.ArrayList;
import java.util.List;
import vitrine.core.progress.Progress;

/// The stages of a comparison as one bar, in operations: of a stage, the share that is done counts.
final class CompareProgress {

    private static final double MANY = 1e11;

    private final Progress behind;
    private final List<Double> costs = new ArrayList<>();
    private double total;
    private double before;
    private int stage = -1;

    CompareProgress(Progress behind) {
        this.behind = behind;
    }

    /// A stage that will come, in order.
    void expect(double operations) {
        costs.add(operations);
        total += operations;
    }

    /// The next stage begins.
    Progress next() {
        before += stage < 0 ? 0 : costs.get(stage);
        stage++;
        double from = before;
        double cost = costs.get(stage);
        return new Progress() {
            @Override
            public void step(long done, long of, String unit) {
                boolean many = total > MANY;
                double size = many ? 1e9 : 1e6;
                long all = Math.max(1, Math.round(total / size));
                behind.step(Math.min(all, Math.round((from + cost * done / Math.max(1, of)) / size)), all, many ? "GFLOP" : "MFLOP");
            }

            @Override
            public void checkCancelled() {
                behind.checkCancelled();
            }

            @Override
            public void risky(java.nio.file.Path file, int seconds) {
                behind.risky(file, seconds);
            }

            @Override
            public void safe() {
                behind.safe();
            }
        };
    }
}
