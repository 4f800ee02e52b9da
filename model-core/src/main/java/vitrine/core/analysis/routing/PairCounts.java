package vitrine.core.analysis.routing;

import java.util.Arrays;

/// How often pairs of small numbers occur, such as a token id and an expert. Memory follows the pairs that do occur, not those that could.
final class PairCounts {

    private static final int FIRST_ROOM = 64;

    /// Open addressing: a pair lies in the first free place from that of its hash on. A key is one more than the pair, so that 0 is free.
    private long[] keys = new long[FIRST_ROOM];
    private int[] counts = new int[FIRST_ROOM];
    private int used;

    /// What is done with each pair.
    interface Each {
        void pair(int first, int second, int count);
    }

    void add(int first, int second) {
        if (3L * used >= 2L * keys.length) {
            grow();
        }
        int at = place(key(first, second));
        if (keys[at] == 0) {
            keys[at] = key(first, second);
            used++;
        }
        counts[at]++;
    }

    int get(int first, int second) {
        return counts[place(key(first, second))];
    }

    /// How many different pairs there are.
    int size() {
        return used;
    }

    /// All pairs, in no order.
    void forEach(Each each) {
        for (int i = 0; i < keys.length; i++) {
            if (keys[i] != 0) {
                long key = keys[i] - 1;
                each.pair((int) (key >>> 32), (int) key, counts[i]);
            }
        }
    }

    private static long key(int first, int second) {
        return ((long) first << 32 | second) + 1;
    }

    private int place(long key) {
        long mixed = key * 0x9E3779B97F4A7C15L;
        int mask = keys.length - 1;
        int at = (int) (mixed >>> 32) & mask;
        while (keys[at] != 0 && keys[at] != key) {
            at = at + 1 & mask;
        }
        return at;
    }

    private void grow() {
        long[] oldKeys = keys;
        int[] oldCounts = counts;
        keys = new long[Math.multiplyExact(2, oldKeys.length)];
        counts = new int[keys.length];
        for (int i = 0; i < oldKeys.length; i++) {
            if (oldKeys[i] != 0) {
                int at = place(oldKeys[i]);
                keys[at] = oldKeys[i];
                counts[at] = oldCounts[i];
            }
        }
    }

    /// Bytes held, about.
    long bytes() {
        return 12L * keys.length;
    }

    @Override
    public String toString() {
        return used + " pairs, " + Arrays.stream(counts).asLongStream().sum() + " in all";
    }
}
