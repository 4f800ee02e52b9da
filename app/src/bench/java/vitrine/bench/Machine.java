package vitrine.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import vitrine.core.engine.WorkerCommand;

/// What the figures were taken on, in a line.
final class Machine {

    private Machine() {}

    static String describe() {
        List<String> parts = new ArrayList<>();
        parts.add(LocalDate.now().toString());
        parts.add("Java " + Runtime.version());
        parts.add(System.getProperty("os.name") + " " + System.getProperty("os.arch"));
        parts.add(Runtime.getRuntime().availableProcessors() + " cores of " + processor());
        parts.add(String.format(Locale.ROOT, "%.0f GiB of memory", WorkerCommand.defaultMemoryBytes() / 0.8 / (1 << 30)));
        parts.add("load before the start " + load());
        return String.join("; ", parts);
    }

    /// The maker, the family and the vector units of the CPU, where the system tells.
    private static String processor() {
        String info = read("/proc/cpuinfo");
        String flags = " " + field(info, "flags") + " ";
        List<String> units = new ArrayList<>();
        for (String[] unit : new String[][] {{" avx2 ", "AVX2"}, {" avx512f ", "AVX-512"}, {" avx512_bf16 ", "bfloat16"}, {" amx_bf16 ", "AMX"}}) {
            if (flags.contains(unit[0])) {
                units.add(unit[1]);
            }
        }
        String maker = switch (field(info, "vendor_id")) {
            case "AuthenticAMD" -> "AMD";
            case "GenuineIntel" -> "Intel";
            case "" -> "a CPU that the system does not describe";
            default -> "another maker";
        };
        String family = field(info, "cpu family");
        return maker + (family.isEmpty() ? "" : " family " + family + " model " + field(info, "model")) + (units.isEmpty() ? "" : " (" + String.join(", ", units) + ")");
    }

    private static String field(String info, String name) {
        return info.lines().filter(l -> l.startsWith(name) && l.substring(name.length()).strip().startsWith(":")).findFirst()
                .map(l -> l.substring(l.indexOf(':') + 1).strip()).orElse("");
    }

    private static String load() {
        String load = read("/proc/loadavg");
        return load.isEmpty() ? "unknown" : load.split(" ")[0];
    }

    private static String read(String file) {
        try {
            return Files.readString(Path.of(file));
        } catch (IOException e) {
            return "";
        }
    }
}
