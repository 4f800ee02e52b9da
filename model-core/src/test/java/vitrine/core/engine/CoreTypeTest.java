package vitrine.core.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CoreTypeTest {

    private static final String WIDE = "fpu sse2 avx avx2 avx512f avx512dq avx512cd avx512bw avx512vl";

    private static List<String> description(String vendor, String family, String flags) {
        return List.of("processor\t: 0", "vendor_id\t: " + vendor, "cpu family\t: " + family, "model name\t: a processor", "flags\t\t: " + flags, "", "processor\t: 1");
    }

    @Test
    void aZen5IsTakenForAProcessorWithItsWidth() {
        assertEquals(Optional.of("SkylakeX"), CoreType.of(description("AuthenticAMD", "26", WIDE)));
    }

    @ParameterizedTest
    @CsvSource({"GenuineIntel,6", "AuthenticAMD,25", "AuthenticAMD,23", "AuthenticAMD,''", "AuthenticAMD,x"})
    void whatOpenBlasKnowsItChoosesItself(String vendor, String family) {
        assertEquals(Optional.empty(), CoreType.of(description(vendor, family, WIDE)));
    }

    @Test
    void withoutTheInstructionsNothingIsSaid() {
        assertEquals(Optional.empty(), CoreType.of(description("AuthenticAMD", "26", "fpu sse2 avx avx2 avx512f")));
        assertEquals(Optional.empty(), CoreType.of(List.of()));
    }
}
