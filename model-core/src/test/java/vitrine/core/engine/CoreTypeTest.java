package vitrine.core.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
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
        assertThat(CoreType.of(description("AuthenticAMD", "26", WIDE))).contains("SkylakeX");
    }

    @ParameterizedTest
    @CsvSource({"GenuineIntel,6", "AuthenticAMD,25", "AuthenticAMD,23", "AuthenticAMD,''", "AuthenticAMD,x"})
    void whatOpenBlasKnowsItChoosesItself(String vendor, String family) {
        assertThat(CoreType.of(description(vendor, family, WIDE))).isEmpty();
    }

    @Test
    void withoutTheInstructionsNothingIsSaid() {
        assertThat(CoreType.of(description("AuthenticAMD", "26", "fpu sse2 avx avx2 avx512f"))).isEmpty();
        assertThat(CoreType.of(List.of())).isEmpty();
    }
}
