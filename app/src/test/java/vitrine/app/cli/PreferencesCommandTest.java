package vitrine.app.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;
import vitrine.app.engines.Engines;
import vitrine.app.program.Folders;

/// The preferences from the command line, and what commands make of them.
@Isolated("it names Vitrine's folder for this process")
class PreferencesCommandTest {

    private static final String HOME = "vitrine.home";

    @TempDir
    Path folder;
    private String before;

    @BeforeEach
    void ownFolder() {
        before = System.getProperty(HOME);
        System.setProperty(HOME, folder.toString());
    }

    @AfterEach
    void folderAsItWas() {
        if (before == null) {
            System.clearProperty(HOME);
        } else {
            System.setProperty(HOME, before);
        }
    }

    private record Said(int code, String out, String err) {}

    private static Said vitrine(String... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int code = CommandLineTool.run(args, new PrintWriter(out), new PrintWriter(err));
        return new Said(code, out.toString(), err.toString());
    }

    @Test
    void setsShowsAndUnsets() throws Exception {
        assertEquals(0, vitrine("preferences", "set", "threads", "1").code());
        Said shown = vitrine("preferences", "--json");
        assertEquals(0, shown.code());
        assertTrue(shown.out().contains("\"threads\":\"1\"") && shown.out().contains("\"theme\":\"system\""), shown.out());
        assertEquals(1, Engines.preferences().threads());
        assertTrue(vitrine("engines", "--quick").out().contains("cpu, 1 threads"));
        assertEquals(0, vitrine("preferences", "unset", "threads").code());
        assertEquals("{ }\n", Files.readString(folder.resolve("preferences.json")));
    }

    @Test
    void refusesInOneLine() {
        for (String[] wrong : new String[][] {{"preferences", "set", "threads", "0"}, {"preferences", "set", "colour", "red"}, {"preferences", "set", "threads"}, {"preferences", "show"}}) {
            Said said = vitrine(wrong);
            assertEquals(2, said.code(), said::err);
            assertEquals(1, said.err().lines().count(), said::err);
        }
        assertFalse(Files.exists(folder.resolve("preferences.json")));
    }

    @Test
    void whatIsWrongInTheFileIsToldAndNothingFails() throws Exception {
        Files.writeString(folder.resolve("preferences.json"), "{\"threads\": -1, \"memory_limit_mib\": 2048}");
        Said said = vitrine("engines", "--quick");
        assertEquals(0, said.code());
        assertTrue(said.err().contains("preferences.json") && said.err().contains("threads") && said.err().lines().count() == 1, said::err);
        assertTrue(said.out().contains("2 GiB") || said.out().contains("2.00 GiB") || said.out().contains("2.0 GiB"), said::out);
    }

    @Test
    void theEnvironmentGoesBeforeADataFolder() throws Exception {
        vitrine("preferences", "set", "data_folder", folder.resolve("elsewhere").toString());
        assertEquals(folder, Folders.locate().home());
        assertEquals(folder.resolve("preferences.json"), Folders.locate().preferences());
    }
}
