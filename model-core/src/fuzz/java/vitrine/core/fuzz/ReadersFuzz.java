package vitrine.core.fuzz;

import com.code_intelligence.jazzer.Jazzer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/// Coverage-guided fuzzing of a reader by Jazzer: `mvn -Pfuzz -pl model-core -am -Dfuzz.reader=gguf -Dfuzz.seconds=300`. Seeds are the corpus' files.
///
/// What goes on to new code is kept in `target/fuzz/READER` for the next time; an input that a reader does not bear is written there too, ends this with exit code 77, and becomes an input of the corpus or a test of its reader.
public final class ReadersFuzz {

    private static Reader reader;
    private static Path folder;

    private ReadersFuzz() {}

    /// @param args the reader and for how many seconds
    public static void main(String[] args) throws Exception {
        Path kept = Path.of("target/fuzz", args[0]).toAbsolutePath();
        Path seeds = Files.createDirectories(kept.resolve("seeds"));
        Files.createDirectories(kept.resolve("inputs"));
        List<byte[]> files = named(args[0]).seeds();
        for (int i = 0; i < files.size(); i++) {
            Files.write(seeds.resolve("seed-" + i), files.get(i));
        }
        Jazzer.main(new String[] {"--target_class=" + ReadersFuzz.class.getName(), "--target_args=" + args[0], "--instrumentation_includes=vitrine.core.**", "--custom_hook_includes=vitrine.core.**",
            "--reproducer_path=" + kept, "-artifact_prefix=" + kept + "/", "-max_total_time=" + args[1], "-max_len=65536", "-timeout=60", "-rss_limit_mb=4096", "-print_final_stats=1",
            kept.resolve("inputs").toString(), seeds.toString()});
    }

    /// Called by Jazzer once.
    public static void fuzzerInitialize(String[] args) throws IOException {
        reader = named(args[0]);
        folder = Files.createTempDirectory("vitrine-fuzz-");
    }

    /// Called by Jazzer with one input after the other. Classes are instrumented when they are first needed, in the reader's time and memory: what is wrong has to be wrong again.
    public static void fuzzerTestOneInput(byte[] bytes) {
        try {
            reader.take(bytes, folder);
        } catch (AssertionError once) {
            reader.take(bytes, folder);
        }
    }

    private static Reader named(String name) {
        return Arrays.stream(Reader.values()).filter(r -> r.label().equals(name)).findFirst().orElseThrow(() -> new IllegalArgumentException(
                "no reader is called " + name + "; there are " + Arrays.stream(Reader.values()).map(Reader::label).collect(Collectors.joining(", "))));
    }
}
