package vitrine.core.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import vitrine.core.backward.LossPass.Sequence;

/// Which samples a step sees. A sample is a sequence, or several packed together, each beginning at position 0 and blind to the others.
public final class Batches {

    /// The order of samples.
    public enum Order {
        /// Another random order each time through.
        SHUFFLED,
        /// As in the file, again and again.
        SEQUENTIAL
    }

    private final List<List<Sequence>> samples;
    private final Order order;
    private final int perStep;
    private final Randomness randomness;
    private long shuffledEpoch = -1;
    private int[] shuffled;

    /// @param perStep samples of a step
    public Batches(List<List<Sequence>> samples, Order order, int perStep, Randomness randomness) {
        this.samples = samples;
        this.order = order;
        this.perStep = perStep;
        this.randomness = randomness;
    }

    /// Each sequence as a sample.
    public static List<List<Sequence>> single(List<Sequence> sequences) {
        return sequences.stream().map(List::of).toList();
    }

    /// Sequences packed into samples of at most `length` tokens: longest first, each into the first sample that has room (first-fit decreasing).
    public static List<List<Sequence>> packed(List<Sequence> sequences, int length) {
        Integer[] byLength = new Integer[sequences.size()];
        Arrays.setAll(byLength, i -> i);
        Arrays.sort(byLength, Comparator.comparingInt((Integer i) -> -sequences.get(i).ids().length).thenComparing(i -> i));
        List<List<Sequence>> bins = new ArrayList<>();
        List<Integer> rooms = new ArrayList<>();
        int first = 0;
        for (int i : byLength) {
            Sequence s = sequences.get(i);
            while (first < bins.size() && rooms.get(first) == 0) {
                first++;
            }
            int at = first;
            while (at < bins.size() && rooms.get(at) < s.ids().length) {
                at++;
            }
            if (at == bins.size()) {
                bins.add(new ArrayList<>());
                rooms.add(length);
            }
            bins.get(at).add(s);
            rooms.set(at, rooms.get(at) - s.ids().length);
        }
        return bins;
    }

    public int samples() {
        return samples.size();
    }

    /// Steps that see every sample once.
    public long stepsPerEpoch() {
        return Math.ceilDiv(samples.size(), perStep);
    }

    /// The samples of a step, counted from 1.
    public List<List<Sequence>> step(long step) {
        List<List<Sequence>> out = new ArrayList<>(perStep);
        for (long p = (step - 1) * perStep; p < step * perStep; p++) {
            out.add(samples.get(place(p)));
        }
        return out;
    }

    private int place(long position) {
        int n = samples.size();
        int within = (int) (position % n);
        if (order == Order.SEQUENTIAL) {
            return within;
        }
        long epoch = position / n;
        if (epoch != shuffledEpoch) {
            shuffled = randomness.permutation(n, Randomness.Stream.ORDER, epoch);
            shuffledEpoch = epoch;
        }
        return shuffled[within];
    }
}
