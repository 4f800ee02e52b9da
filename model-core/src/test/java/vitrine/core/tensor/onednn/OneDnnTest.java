package vitrine.core.tensor.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Operand;

/// The life of oneDNN's products; what they come to is tested where they are used.
class OneDnnTest {

    /// A worker opens models for as long as it lives, each with shapes of its own: 4,000 of them took 1.2 GB when nothing was let go.
    @Test
    void closedProductsHoldNoMemory() throws IOException {
        Assumptions.assumeTrue(Files.exists(Path.of("/proc/self/status")), "memory is read as Linux tells it");
        round(0);
        long before = residentMib();
        for (int i = 1; i <= 20; i++) {
            round(200 * i);
        }
        long grown = residentMib() - before;
        assertTrue(grown < 200, "resident memory grew by " + grown + " MiB");
    }

    private static void round(int from) {
        try (Arena arena = Arena.ofConfined(); OneDnn products = OneDnn.openOrNull()) {
            Assumptions.assumeTrue(products != null, "no oneDNN on this platform");
            for (int n = from + 1; n <= from + 200; n++) {
                Matrix a = Matrix.allocate(arena, 2, n);
                Matrix b = Matrix.allocate(arena, n, 3);
                Matrix c = Matrix.allocate(arena, 2, 3);
                a.set(1, n - 1, 2);
                b.set(n - 1, 2, 3);
                products.multiply(Operand.of(a), Operand.of(b), Operand.of(c));
                assertEquals(6, c.get(1, 2), 0);
            }
        }
    }

    @Test
    void closedProductsMultiplyNoMore() {
        OneDnn products = OneDnn.openOrNull();
        Assumptions.assumeTrue(products != null, "no oneDNN on this platform");
        products.close();
        products.close();
        try (Arena arena = Arena.ofConfined()) {
            Operand square = Operand.of(Matrix.allocate(arena, 2, 2));
            assertThrows(IllegalStateException.class, () -> products.multiply(square, square, square));
        }
    }

    private static long residentMib() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream().filter(l -> l.startsWith("VmRSS:")).mapToLong(l -> Long.parseLong(l.replaceAll("\\D", "")) / 1024).findFirst().orElseThrow();
    }
}
