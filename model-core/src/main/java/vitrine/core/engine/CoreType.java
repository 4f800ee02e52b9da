package vitrine.core.engine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Which processor OpenBLAS is to take this one for, where it does not know it.
///
/// OpenBLAS 0.3.31 has kernels for AVX-512 and uses them on AMD's family 25 (Zen 4); family 26 (Zen 5) it does not know and takes for a Haswell, whose
/// kernels use half the width. It reads the name from the environment while it is loaded, so that only a process about to be started can be told.
final class CoreType {

    /// The variable that OpenBLAS reads; what the user has set stands.
    static final String VARIABLE = "OPENBLAS_CORETYPE";

    private static final Path DESCRIPTION = Path.of("/proc/cpuinfo");
    private static final int FIRST_UNKNOWN_FAMILY = 26;
    private static final Set<String> NEEDED = Set.of("avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512cd");

    private CoreType() {}

    /// The name to tell, or empty where OpenBLAS knows best or the system does not describe its processor.
    static Optional<String> ofThisMachine() {
        try {
            return System.getenv(VARIABLE) != null || !Files.isReadable(DESCRIPTION) ? Optional.empty() : of(Files.readAllLines(DESCRIPTION));
        } catch (IOException e) {
            // Without the description OpenBLAS chooses, which is slower at worst.
            return Optional.empty();
        }
    }

    /// @param description lines of `/proc/cpuinfo`
    static Optional<String> of(List<String> description) {
        boolean unknown = value(description, "vendor_id").equals("AuthenticAMD") && value(description, "cpu family").matches("\\d{1,4}")
                && Integer.parseInt(value(description, "cpu family")) >= FIRST_UNKNOWN_FAMILY;
        boolean wide = new HashSet<>(Arrays.asList(value(description, "flags").split(" "))).containsAll(NEEDED);
        return unknown && wide ? Optional.of("SkylakeX") : Optional.empty();
    }

    private static String value(List<String> description, String name) {
        return description.stream().filter(l -> l.startsWith(name)).map(l -> l.substring(l.indexOf(':') + 1).strip()).findFirst().orElse("");
    }
}
