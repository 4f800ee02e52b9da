package vitrine.core.fuzz;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// A few hundred damaged copies of every corpus file's kind, the same on every run. `mvn -Pfuzz` goes on where this stops, led by coverage.
class SeededMutationsTest {

    private static final int PER_READER = 300;
    private static final long[] EDGES = {0, 1, -1, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffffL, 0x80000000L, 0xffffffffL, Long.MAX_VALUE, Long.MIN_VALUE, 1L << 40, 1L << 60};

    @ParameterizedTest
    @EnumSource
    void answersOrRefuses(Reader reader, @TempDir Path folder) throws IOException {
        List<byte[]> seeds = new ArrayList<>(reader.seeds());
        assertTrue(seeds.size() >= 3, reader + " has " + seeds.size() + " seeds");
        for (byte[] seed : seeds) {
            take(reader, seed, folder);
        }
        Random random = new Random(20_261);
        for (int i = 0; i < PER_READER; i++) {
            byte[] bytes = seeds.get(random.nextInt(seeds.size())).clone();
            for (int changes = 1 + random.nextInt(4); changes > 0; changes--) {
                bytes = mutated(bytes, seeds, random);
            }
            take(reader, bytes, folder);
        }
    }

    private static void take(Reader reader, byte[] bytes, Path folder) throws IOException {
        try {
            reader.take(bytes, folder);
        } catch (RuntimeException | Error fault) {
            Path kept = Files.write(Path.of("target").resolve("fault-" + reader.name().toLowerCase(java.util.Locale.ROOT) + ".bin"), bytes);
            throw new AssertionError(reader + ", " + bytes.length + " bytes, kept as " + kept + ": " + HexFormat.of().formatHex(bytes, 0, Math.min(64, bytes.length)), fault);
        }
    }

    private static byte[] mutated(byte[] b, List<byte[]> seeds, Random random) {
        if (b.length == 0) {
            return new byte[] {(byte) random.nextInt()};
        }
        int at = random.nextInt(b.length);
        switch (random.nextInt(7)) {
            case 0 -> b[at] ^= (byte) (1 << random.nextInt(8));
            case 1 -> b[at] = (byte) random.nextInt();
            case 2 -> {
                long edge = EDGES[random.nextInt(EDGES.length)];
                int width = 1 << random.nextInt(4);
                for (int k = 0; k < width && at + k < b.length; k++) {
                    b[at + k] = (byte) (edge >>> 8 * k);
                }
            }
            case 3 -> b = Arrays.copyOf(b, at);
            case 4 -> {
                // A part twice.
                int n = Math.min(b.length - at, 1 + random.nextInt(64));
                byte[] longer = Arrays.copyOf(b, b.length + n);
                System.arraycopy(b, at, longer, at + n, b.length - at);
                b = longer;
            }
            case 5 -> {
                int n = Math.min(b.length - at, 1 + random.nextInt(32));
                byte[] shorter = Arrays.copyOf(b, b.length - n);
                System.arraycopy(b, at + n, shorter, at, shorter.length - at);
                b = shorter;
            }
            default -> {
                byte[] other = seeds.get(random.nextInt(seeds.size()));
                if (other.length > 0) {
                    int from = random.nextInt(other.length);
                    int n = Math.min(Math.min(other.length - from, b.length - at), 1 + random.nextInt(64));
                    System.arraycopy(other, from, b, at, n);
                }
            }
        }
        return b;
    }
}
