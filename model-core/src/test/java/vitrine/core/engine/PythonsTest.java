package vitrine.core.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.refusal.Refusal;

/// Where Pythons are looked for, and that whatever a Python does there is an answer. The Pythons are shell scripts.
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "the Pythons of this test are shell scripts")
@Timeout(60)
class PythonsTest {

    private static final String GOOD = "echo '{\"python\": \"3.12.4\", \"executable\": \"x\", \"packages\": {\"torch\": \"2.9.1\", \"peft\": \"0.18.0\"}, \"problem\": null, "
            + "\"devices\": [{\"name\": \"cpu\", \"description\": \"2 threads\"}, {\"name\": \"cuda:0\", \"description\": \"GPU\", \"memory_bytes\": 8000, \"free_bytes\": 7000}]}'";
    private static final String LACKING = "echo '{\"python\": \"3.12.4\", \"executable\": \"x\", \"packages\": {}, \"problem\": \"missing: torch, peft\", \"devices\": []}'";

    @TempDir
    Path folder;

    private Path python(String place, String script) throws IOException {
        Path file = folder.resolve(place);
        Files.createDirectories(file.getParent());
        Files.writeString(file, "#!/bin/sh\n" + script + "\n");
        assertTrue(file.toFile().setExecutable(true));
        return file;
    }

    private Pythons pythons(Map<String, String> environment) {
        return new Pythons(folder.resolve("library"), environment, folder.resolve("user"), folder.resolve("own"), Duration.ofSeconds(2));
    }

    @Test
    void looksInOrderAndTakesTheFirstThatHasEverything() throws IOException {
        python("own/bin/python", LACKING);
        python("active/bin/python", LACKING);
        python("conda/bin/python", GOOD);
        python("user/.pyenv/versions/3.11.1/bin/python", GOOD);
        python("user/.pyenv/versions/3.12.1/bin/python", GOOD);
        python("user/.local/share/uv/python/cpython-3.13/bin/python3", GOOD);
        python("path/python3", GOOD);
        python("path/python", GOOD);
        Pythons pythons = pythons(Map.of("VIRTUAL_ENV", folder.resolve("active").toString(), "CONDA_PREFIX", folder.resolve("conda").toString(),
                "PATH", "relative" + java.io.File.pathSeparator + folder.resolve("path") + java.io.File.pathSeparator + folder.resolve("conda/bin")));
        assertEquals(List.of("Vitrine's own environment", "active virtual environment", "active conda environment", "pyenv 3.12.1", "pyenv 3.11.1", "uv cpython-3.13", "PATH"),
                pythons.candidates().stream().map(Pythons.Candidate::origin).toList());
        PythonInstallation best = pythons.best().orElseThrow();
        assertEquals("active conda environment", best.origin());
        assertTrue(best.usable());
        assertEquals("torch 2.9.1, peft 0.18.0", best.versions());
        assertEquals(List.of(new PythonInstallation.Device("cpu", "2 threads", 0, 0), new PythonInstallation.Device("cuda:0", "GPU", 8000, 7000)), best.devices());
    }

    @Test
    void theNamedOneIsTakenAndNoOther() throws IOException {
        Path named = python("named/python", LACKING);
        python("path/python3", GOOD);
        String path = folder.resolve("path").toString();
        PythonInstallation best = pythons(Map.of("VITRINE_PYTHON", named.toString(), "PATH", path)).best().orElseThrow();
        assertEquals("missing: torch, peft", best.problem());
        PythonInstallation absent = pythons(Map.of("VITRINE_PYTHON", folder.resolve("nowhere").toString(), "PATH", path)).best().orElseThrow();
        assertTrue(absent.problem().startsWith("cannot be started ("), absent.problem());
    }

    @Test
    void tellsWhatIsWrongWithEach() throws IOException {
        python("a/python3", "echo nonsense");
        python("b/python3", "echo 'No module named x' >&2; exit 3");
        python("c/python3", "exit 4");
        python("d/python3", "exec sleep 60");
        String path = String.join(java.io.File.pathSeparator, List.of("a", "b", "c", "d").stream().map(n -> folder.resolve(n).toString()).toList());
        List<PythonInstallation> all = pythons(Map.of("PATH", path)).all(true);
        assertEquals(List.of("ended with exit code 0", "No module named x", "ended with exit code 4", "did not answer within 2 s"), all.stream().map(PythonInstallation::problem).toList());
        assertTrue(pythons(Map.of("PATH", path)).best().filter(p -> !p.usable()).isPresent());
        assertFalse(pythons(Map.of()).best().isPresent());
    }

    /// A Python that makes environments whose own Python says what it was asked, and fails where a file `fail` is there.
    private Path maker() throws IOException {
        return python("base/python3", """
                mkdir -p "$3/bin" && touch "$3/pyvenv.cfg"
                printf '#!/bin/sh\\necho "Collecting $*"\\nif [ -e "%s" ]; then echo "no matching distribution" >&2; exit 1; fi\\n' "$(dirname "$0")/fail" > "$3/bin/python"
                chmod +x "$3/bin/python"
                """);
    }

    @Test
    void makesAnEnvironmentOfItsOwn() throws IOException {
        Path own = folder.resolve("own");
        List<String> said = new java.util.ArrayList<>();
        PythonEnvironment.make(maker(), own, said::add);
        assertEquals(List.of("Collecting -m pip install --disable-pip-version-check --no-input --progress-bar off torch transformers peft safetensors tokenizers numpy"), said);
        assertTrue(Files.isExecutable(own.resolve("bin/python")));
    }

    @Test
    void leavesNothingOfAnEnvironmentThatCannotBeMade() throws IOException {
        Path base = maker();
        Files.createFile(base.resolveSibling("fail"));
        Path own = folder.resolve("own");
        Refusal refusal = assertThrows(Refusal.class, () -> PythonEnvironment.make(base, own, l -> {}));
        assertTrue(refusal.getMessage().startsWith("own: the environment could not be made (no matching distribution)."), refusal.getMessage());
        assertFalse(Files.exists(own));
        Path other = Files.createDirectories(folder.resolve("other"));
        Files.writeString(other.resolve("thesis.txt"), "mine");
        assertThrows(Refusal.class, () -> PythonEnvironment.make(base, other, l -> {}));
        assertTrue(Files.exists(other.resolve("thesis.txt")));
    }

    /// Nothing is imported from the folder that the user happens to be in.
    @Test
    void asksInAFolderOfItsOwn() throws IOException {
        python("path/python3", "echo \"{\\\"python\\\": \\\"$(pwd)|$PYTHONPATH|$PYTHONSAFEPATH|$*\\\", \\\"packages\\\": {}}\"");
        PythonInstallation p = pythons(Map.of("PATH", folder.resolve("path").toString())).all(false).getFirst();
        String users = System.getenv("PYTHONPATH") == null ? "" : java.io.File.pathSeparator + System.getenv("PYTHONPATH");
        assertEquals(folder.resolve("path").toRealPath() + "|" + folder.resolve("library") + users + "|1|-m vitrine_engine.probe --quick", p.version());
        assertNull(p.problem());
    }
}
