package vitrine.app.engines;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Random adapters on random bases on the embedded worker and in peft.
class AdaptersAgainstPeftTest {

    private static final List<String> BASES = List.of("llama", "gpt2", "qwen3_moe", "gpt_neox", "bert");

    @Test
    @Timeout(600)
    void randomAdaptersAgree(@TempDir Path folder) throws IOException, InterruptedException {
        String[] options = Stream.concat(Stream.of("--cases", "1", "--seed", "101", "--only"), BASES.stream()).toArray(String[]::new);
        FuzzScript.Said said = FuzzScript.run("fuzz_adapters.py", "ADAPTERS AGAINST PEFT", folder, options);
        assertEquals(BASES, said.same(), said.all());
    }
}
