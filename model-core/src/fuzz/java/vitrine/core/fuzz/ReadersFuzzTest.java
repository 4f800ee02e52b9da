package vitrine.core.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// Coverage-guided fuzzing of every reader, one at a time: `mvn -Pfuzz -Dfuzz.reader=gguf` fuzzes one for five minutes. Seeds are the corpus' files.
/// What it finds is kept beside the seeds, and becomes an input of the corpus or a test of its reader.
class ReadersFuzzTest {

    private static final ThreadLocal<Path> FOLDER = ThreadLocal.withInitial(() -> {
        try {
            return Files.createTempDirectory("vitrine-fuzz-");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    });

    private static void take(Reader reader, byte[] bytes) {
        reader.take(bytes, FOLDER.get());
    }

    @FuzzTest(maxDuration = "5m")
    void safetensors(byte[] bytes) {
        take(Reader.SAFETENSORS, bytes);
    }

    @FuzzTest(maxDuration = "5m")
    void sharded(byte[] bytes) {
        take(Reader.INDEX, bytes);
    }

    @FuzzTest(maxDuration = "5m")
    void gguf(byte[] bytes) {
        take(Reader.GGUF, bytes);
    }

    @FuzzTest(maxDuration = "5m")
    void pickle(byte[] bytes) {
        take(Reader.TORCH, bytes);
    }

    @FuzzTest(maxDuration = "5m")
    void config(byte[] bytes) {
        take(Reader.CONFIG, bytes);
    }

    @FuzzTest(maxDuration = "5m")
    void tokenizer(byte[] bytes) {
        take(Reader.TOKENIZER, bytes);
    }

    @FuzzTest(maxDuration = "5m")
    void dataset(byte[] bytes) {
        take(Reader.DATASET, bytes);
    }

    @FuzzTest(maxDuration = "5m")
    void adapter(byte[] bytes) {
        take(Reader.ADAPTER, bytes);
    }

    @FuzzTest(maxDuration = "5m")
    void task(byte[] bytes) {
        take(Reader.TASK, bytes);
    }
}
