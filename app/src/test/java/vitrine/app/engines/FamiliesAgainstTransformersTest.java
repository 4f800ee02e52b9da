package vitrine.app.engines;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.architecture.family.Families;

/// Random checkpoints of every family on the embedded worker and in transformers.
class FamiliesAgainstTransformersTest {

    @Test
    @Timeout(600)
    void randomModelsOfEveryFamilyAgree(@TempDir Path folder) throws IOException, InterruptedException {
        FuzzScript.Said said = FuzzScript.run("fuzz_families.py", "EVERY FAMILY AGAINST TRANSFORMERS", folder, "--cases", "2", "--seed", "11");
        assertEquals(Families.modelTypes().stream().sorted().toList(), said.same().stream().sorted().toList(), said.all());
    }
}
