package vitrine.app.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import vitrine.core.json.Json;
import vitrine.resources.Language;
import vitrine.resources.Sentences;

/// Every bad or odd input has the outcome that the corpus' manifest says. `badinputs/README.md` tells how it is read.
class BadInputsTest {

    private static final Path CORPUS = Path.of("../model-core/src/test/resources/badinputs").toAbsolutePath().normalize();

    /// Commands and classes that this version has.
    private static final Set<String> COMMANDS = Set.of("open", "capture", "eval", "adapter");
    private static final Set<String> CLASSES = Set.of("safetensors.header", "safetensors.tensors", "safetensors.valid", "sharded", "config", "tokenizer",
            "prompt", "impostor", "hf_cache", "dataset", "adapter", "gguf", "pickle.unsafe", "pickle.other", "pickle.archive", "pickle.valid");

    private static final Sentences CHINESE = Sentences.of(Language.CHINESE);
    private static final Pattern ENGLISH = Pattern.compile("\\b[a-z]+(,? [a-z]+){2,}\\b");

    @TempDir
    static Path shared;

    static Stream<Arguments> runs() throws IOException {
        JsonNode manifest = Json.mapper().readTree(CORPUS.resolve("manifest.json").toFile());
        List<Arguments> out = new ArrayList<>();
        for (JsonNode input : manifest.get("inputs")) {
            if (!CLASSES.contains(input.get("class").asText())) {
                continue;
            }
            for (JsonNode run : input.get("runs")) {
                if (COMMANDS.contains(run.get("args").get(0).asText())) {
                    out.add(Arguments.of(input.get("id").asText(), run.get("args").get(0).asText(), input, run));
                }
            }
        }
        assertTrue(out.size() >= 90, "the corpus has shrunk: " + out.size());
        return out.stream();
    }

    @ParameterizedTest(name = "{0} {1}")
    @MethodSource("runs")
    void hasItsOutcome(String id, String command, JsonNode input, JsonNode run, @TempDir Path folder) throws IOException {
        Path path = unpacked(input, folder);
        List<String> args = new ArrayList<>();
        for (JsonNode a : run.get("args")) {
            args.add(a.asText().replace("{path}", path.toString()).replace("{root}", CORPUS.toString()).replace("{out}", folder.resolve("result").toString()));
        }
        List<String> withJson = new ArrayList<>(args);
        withJson.add("--json");
        Invocation json = Invocation.of(shared, withJson);
        // What is wrong stands on standard error either way; only what is opened is printed otherwise for people.
        Invocation text = json.exit() == 2 && !command.equals("open") ? json : Invocation.of(shared, args);
        check(run.get("expect"), text, json);
        assertFalse(Files.exists(Path.of("PWNED")) || Files.exists(folder.resolve("PWNED")), "a pickle was executed");
    }

    private static void check(JsonNode expect, Invocation text, Invocation json) {
        switch (expect.get("outcome").asText()) {
            case "either" -> check(expect.get(text.exit() == 2 ? "error" : "opens"), text, json);
            case "error" -> checkRefusal(expect, text, json);
            case "opens" -> checkOpened(expect, text, json);
            default -> fail("an outcome this test does not know: " + expect);
        }
    }

    private static void checkRefusal(JsonNode expect, Invocation text, Invocation json) {
        assertEquals(2, text.exit(), text.toString());
        assertEquals(2, json.exit(), json.toString());
        assertEquals(1, text.errorLines().size(), text.toString());
        String line = text.errorLines().getFirst();
        assertTrue(line.length() <= 500, line);
        for (JsonNode name : expect.get("names")) {
            assertTrue(says(line, name), () -> "the line does not name " + name + ": " + line);
        }
        for (JsonNode not : expect.path("must_not_say")) {
            assertFalse(line.contains(not.asText()), line);
        }
        if (expect.has("helps_by_saying_any_of")) {
            assertTrue(says(line, expect.get("helps_by_saying_any_of")), () -> "the line does not help: " + line);
        }
        JsonNode error = json.events("error").getFirst();
        JsonNode category = expect.get("category");
        boolean right = category.isArray() ? contains(category, error.get("category").asText()) : category.asText().equals(error.get("category").asText());
        assertTrue(right, () -> "category " + error.get("category") + " instead of " + category);
        assertEquals(line, error.get("message").asText());
        // What the window says of it in Chinese: names, numbers and a library's own words in brackets stay.
        String there = CHINESE.of(line).replaceAll("[(（](Unexpected|data did not).*[)）]", "").replace("git lfs pull", "");
        assertFalse(ENGLISH.matcher(there).find(), there);
    }

    private static void checkOpened(JsonNode expect, Invocation text, Invocation json) {
        assertEquals(0, text.exit(), text.toString());
        assertEquals(0, json.exit(), json.toString());
        for (JsonNode shown : expect.get("shows")) {
            assertTrue(says(text.out() + text.err(), shown), () -> "not shown: " + shown + " in " + text.out());
        }
        List<JsonNode> warnings = json.events("warning");
        for (JsonNode warned : expect.get("warns")) {
            assertTrue(warnings.stream().anyMatch(w -> says(w.get("message").asText(), warned)), () -> "no warning says " + warned + ": " + warnings);
        }
        assertEquals(1, json.events("result").size());
    }

    private static boolean contains(JsonNode list, String text) {
        for (JsonNode e : list) {
            if (e.asText().equals(text)) {
                return true;
            }
        }
        return false;
    }

    /// Whether a text contains an element: any one of a list, a number as a whole token, a shape without spaces, else letters without case.
    private static boolean says(String text, JsonNode element) {
        if (element.isArray()) {
            for (JsonNode e : element) {
                if (says(text, e)) {
                    return true;
                }
            }
            return false;
        }
        String plain = text.replaceAll("(?<=\\d)[,_](?=\\d{3})", "").toLowerCase(Locale.ROOT);
        String wanted = element.asText().replaceAll("(?<=\\d)[,_](?=\\d{3})", "").toLowerCase(Locale.ROOT);
        if (wanted.startsWith("[")) {
            return plain.replace(" ", "").contains(wanted.replace(" ", ""));
        }
        if (wanted.matches("-?\\d+(\\.\\d+)?")) {
            return Pattern.compile("(?<![\\d.-])" + Pattern.quote(wanted) + "(?!\\d)").matcher(plain).find();
        }
        return plain.contains(wanted);
    }

    private static Path unpacked(JsonNode input, Path folder) throws IOException {
        Path path = CORPUS.resolve(input.get("path").asText());
        if (!input.hasNonNull("unpack")) {
            return path;
        }
        Path target = folder.resolve(input.get("unpack").get("as").asText());
        try (InputStream in = new GZIPInputStream(new BufferedInputStream(Files.newInputStream(path)))) {
            if (input.get("unpack").get("method").asText().equals("gzip")) {
                Files.copy(in, target);
                return target;
            }
            TarArchiveInputStream tar = new TarArchiveInputStream(in);
            for (TarArchiveEntry e = tar.getNextEntry(); e != null; e = tar.getNextEntry()) {
                Path at = folder.resolve(e.getName()).normalize();
                assertTrue(at.startsWith(folder));
                if (e.isDirectory()) {
                    Files.createDirectories(at);
                } else if (e.isSymbolicLink()) {
                    Files.createDirectories(at.getParent());
                    Files.createSymbolicLink(at, Path.of(e.getLinkName()));
                } else {
                    Files.createDirectories(at.getParent());
                    Files.copy(tar, at);
                }
            }
        }
        return target;
    }
}
