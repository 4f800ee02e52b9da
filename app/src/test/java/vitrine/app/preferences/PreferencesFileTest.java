package vitrine.app.preferences;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import vitrine.core.refusal.Refusal;

class PreferencesFileTest {

    @TempDir
    Path folder;
    private PreferencesFile file;

    @BeforeEach
    void noFile() {
        file = new PreferencesFile(folder.resolve("new").resolve(PreferencesFile.NAME));
    }

    private Preferences read(String json) throws IOException {
        Files.createDirectories(file.path().getParent());
        Files.writeString(file.path(), json);
        return file.read();
    }

    @Test
    void aMissingFileSaysNothing() {
        assertEquals(Preferences.USUAL, file.read());
        assertEquals(Runtime.getRuntime().availableProcessors(), file.read().threads());
    }

    @Test
    void whatIsSetStandsInAReadableFile() throws IOException {
        file.set(Preference.THEME, "light");
        file.set(Preference.SCALE, "150");
        Preferences now = file.set(Preference.THREADS, "1");
        assertEquals("light", now.value(Preference.THEME));
        assertEquals(150, now.scalePercent().orElseThrow());
        assertEquals(1, now.threads());
        assertEquals("{\n  \"theme\" : \"light\",\n  \"scale_percent\" : 150,\n  \"threads\" : 1\n}\n", Files.readString(file.path()).replace("\r", ""));
    }

    @Test
    void theUsualValueIsNoChoice() throws IOException {
        file.set(Preference.MEMORY, "1024");
        assertEquals(1L << 30, file.read().memoryBytes());
        assertTrue(file.set(Preference.MEMORY, "auto").chosen().isEmpty());
        assertFalse(Files.readString(file.path()).contains("memory"));
    }

    @ParameterizedTest
    @CsvSource({"THEME,pink,it is unknown", "LANGUAGE,fr,it is unknown", "SCALE,99,out of range", "SCALE,201,out of range", "SCALE,large,no such number", "THREADS,0,out of range",
        "THREADS,1025,out of range", "THREADS,99999999999,no such number", "MEMORY,511,out of range", "DATA_FOLDER,here,no absolute path", "PYTHON,/no/such/python,there is no such file"})
    void aWrongValueIsRefusedInOneLineAndChangesNothing(Preference p, String value, String reason) throws IOException {
        file.set(Preference.THEME, "dark");
        Refusal r = assertThrows(Refusal.class, () -> file.set(p, value));
        assertTrue(r.getMessage().contains(reason) && r.getMessage().contains(p.key()) && r.getMessage().contains(value) && r.getMessage().contains(PreferencesFile.NAME), r.getMessage());
        assertTrue(r.getMessage().length() <= Refusal.MAX_CHARACTERS);
        assertEquals("{\n  \"theme\" : \"dark\"\n}\n", Files.readString(file.path()).replace("\r", ""));
    }

    @Test
    void whatIsWrongInTheFileIsLeftOutAndToldAndTheRestHolds() throws IOException {
        Preferences p = read("{\"theme\": \"light\", \"threads\": 2.5, \"scale_percent\": \"huge\", \"colour\": \"red\", \"language\": [1], \"memory_limit_mib\": \"2048\"}");
        assertEquals("light", p.value(Preference.THEME));
        assertEquals(2L << 30, p.memoryBytes());
        assertTrue(p.scalePercent().isEmpty());
        List<String> problems = p.problems().stream().map(Refusal::getMessage).toList();
        assertEquals(4, problems.size(), problems::toString);
        for (String key : List.of("threads", "scale_percent", "colour", "language")) {
            assertEquals(1, problems.stream().filter(m -> m.contains(key) && m.contains("It is left out.")).count(), problems::toString);
        }
    }

    static Stream<String> noObjects() {
        return Stream.of("", "[1]", "{", "{\"theme\": \"dark\"} x", "{\"theme\": \"dark\", \"theme\": \"light\"}", "not json", "\u0000", "[".repeat(100_000));
    }

    @ParameterizedTest
    @org.junit.jupiter.params.provider.MethodSource("noObjects")
    void aFileThatIsNoObjectMeansTheUsualAndIsSetAsideByTheNextChoice(String content) throws IOException {
        Preferences p = read(content);
        assertTrue(p.chosen().isEmpty());
        assertEquals(1, p.problems().size());
        assertTrue(p.problems().getFirst().getMessage().contains(PreferencesFile.NAME));
        assertTrue(file.set(Preference.THEME, "dark").problems().isEmpty());
        try (Stream<Path> all = Files.list(file.path().getParent())) {
            List<Path> aside = all.filter(f -> f.getFileName().toString().contains(".damaged-")).toList();
            assertEquals(content, Files.readString(aside.getFirst(), StandardCharsets.UTF_8));
        }
    }

    @Test
    void whatThisVersionDoesNotKnowStays() throws IOException {
        read("{\"from_later\": {\"deep\": 1}, \"theme\": \"dark\"}");
        file.set(Preference.THEME, "light");
        assertTrue(Files.readString(file.path()).contains("\"deep\" : 1"));
    }

    @Test
    void aFolderInPlaceOfTheFileIsTold() throws IOException {
        Files.createDirectories(file.path());
        assertEquals(1, file.read().problems().size());
    }
}
