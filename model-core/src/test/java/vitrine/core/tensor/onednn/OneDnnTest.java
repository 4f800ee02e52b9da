package vitrine.core.tensor.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Operand;

/// The life of oneDNN's products; what they come to is tested where they are used.
class OneDnnTest {

    /// A worker opens models for as long as it lives, each with shapes of its own: 4,000 of them took 1.2 GB when nothing was let go.
    ///
    /// In a process of its own: what other tests do at the same time is in the resident memory of this one.
    @Test
    void closedProductsHoldNoMemory() throws Exception {
        Assumptions.assumeTrue(Files.exists(Path.of("/proc/self/status")), "memory is read as Linux tells it");
        try (OneDnn products = OneDnn.openOrNull()) {
            Assumptions.assumeTrue(products != null, "no oneDNN on this platform");
        }
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xms64m", "-Xmx64m", "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"), ManyShapes.class.getName()).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
        String last = output.strip().lines().reduce("", (first, second) -> second);
        assertTrue(Long.parseLong(last) < 200, "resident memory grew by " + last + " MiB");
    }

    /// Opens products twenty times, each for 200 shapes, and prints by how many MiB the process has grown since the first.
    static final class ManyShapes {

        public static void main(String[] arguments) throws IOException {
            round(0);
            long before = residentMib();
            for (int i = 1; i <= 20; i++) {
                round(200 * i);
            }
            System.out.println(residentMib() - before);
        }

        private static void round(int from) {
            try (Arena arena = Arena.ofConfined(); OneDnn products = OneDnn.openOrNull()) {
                for (int n = from + 1; n <= from + 200; n++) {
                    Matrix a = Matrix.allocate(arena, 2, n);
                    Matrix b = Matrix.allocate(arena, n, 3);
                    Matrix c = Matrix.allocate(arena, 2, 3);
                    a.set(1, n - 1, 2);
                    b.set(n - 1, 2, 3);
                    products.multiply(Operand.of(a), Operand.of(b), Operand.of(c));
                    if (c.get(1, 2) != 6) {
                        throw new AssertionError("2 x 3 came to " + c.get(1, 2));
                    }
                }
            }
        }

        private static long residentMib() throws IOException {
            return Files.readAllLines(Path.of("/proc/self/status")).stream().filter(l -> l.startsWith("VmRSS:")).mapToLong(l -> Long.parseLong(l.replaceAll("\\D", "")) / 1024).findFirst().orElseThrow();
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
}
