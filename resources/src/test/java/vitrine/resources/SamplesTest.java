package vitrine.resources;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.resources.Samples.Prompt;
import vitrine.resources.Samples.Sample;

class SamplesTest {

    @TempDir
    Path folder;

    @AfterEach
    void forgetTheInstalledFolder() {
        System.clearProperty(Samples.FOLDER_PROPERTY);
    }

    @Test
    void everySampleIsDescribedAndIsAWholeFolder() {
        List<Sample> samples = Samples.all();
        assertFalse(samples.isEmpty());
        for (Sample s : samples) {
            assertFalse(s.title().isBlank());
            assertFalse(s.description().isBlank() || s.description().contains("\n"), s.description());
            Path place = Samples.folder(s, folder);
            assertEquals(s.id(), place.getFileName().toString());
            List<String> checkpoint = List.of("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "prompts.json");
            for (String file : s.base() == null ? checkpoint : List.of("adapter_config.json", "adapter_model.safetensors")) {
                assertTrue(Files.isRegularFile(place.resolve(file)), file);
            }
            for (String file : List.of("README.md", "figures.json")) {
                assertTrue(Files.isRegularFile(place.resolve(file)), file);
            }
            assertFalse(s.texts().isEmpty());
            s.texts().forEach(t -> assertTrue(Files.isRegularFile(place.resolve(t)), t));
            assertTrue(s.base() != null || s.prompts().size() >= 3);
            assertTrue(s.base() == null || samples.stream().anyMatch(b -> b.id().equals(s.base()) && b.base() == null), s.base());
            for (Prompt p : s.prompts()) {
                assertFalse(p.title().isBlank() || p.text().isBlank() || p.look().isBlank(), p.toString());
            }
        }
    }

    @Test
    void inTheBuildTreeNothingIsCopied() throws IOException {
        Samples.folder(Samples.all().getFirst(), folder);
        try (Stream<Path> files = Files.list(folder)) {
            assertEquals(List.of(), files.toList());
        }
    }

    @Test
    void installedSamplesLieWhereThePropertySays() throws IOException {
        Sample s = Samples.all().getFirst();
        Path installed = Files.createDirectories(folder.resolve("samples").resolve(s.id()));
        Files.writeString(installed.resolve("config.json"), "{}");
        System.setProperty(Samples.FOLDER_PROPERTY, folder.resolve("samples").toString());
        assertEquals(installed, Samples.folder(s, folder.resolve("data")));
    }

    @Test
    void anInstallationWithoutItsSampleSaysSo() {
        System.setProperty(Samples.FOLDER_PROPERTY, folder.toString());
        Sample s = Samples.all().getFirst();
        UncheckedIOException e = assertThrows(UncheckedIOException.class, () -> Samples.folder(s, folder));
        assertEquals("the bundled sample is not in " + folder.resolve(s.id()) + ": the program is not whole, install it again", e.getMessage());
    }

    private URL jar(String name, String config) throws IOException {
        Path jar = folder.resolve(name);
        Map<String, String> content = new TreeMap<>(Map.of("vitrine/samples/a/config.json", config, "vitrine/samples/a/model.safetensors", "weights", "vitrine/samples/a/deep/text.txt", "text",
                "vitrine/samples/ab/config.json", "another sample", "other/file", "not a sample"));
        try (OutputStream out = Files.newOutputStream(jar); JarOutputStream zip = new JarOutputStream(out)) {
            for (Map.Entry<String, String> e : content.entrySet()) {
                zip.putNextEntry(new JarEntry(e.getKey()));
                zip.write(e.getValue().getBytes());
                zip.closeEntry();
            }
        }
        return URI.create("jar:" + jar.toUri() + "!/vitrine/samples/a/config.json").toURL();
    }

    private static List<String> files(Path root) throws IOException {
        try (Stream<Path> all = Files.walk(root)) {
            return all.filter(Files::isRegularFile).map(p -> root.relativize(p).toString().replace('\\', '/')).sorted().toList();
        }
    }

    @Test
    void aSampleInAJarIsCopiedOnceAndWhole() throws IOException {
        Path data = folder.resolve("data");
        URL marker = jar("one.jar", "{}");
        Path first = Samples.folder("a", marker, data);
        assertEquals("a", first.getFileName().toString());
        assertEquals(List.of("config.json", "deep/text.txt", "model.safetensors"), files(first));
        assertArrayEquals("weights".getBytes(), Files.readAllBytes(first.resolve("model.safetensors")));
        Files.writeString(first.resolve("model.safetensors"), "untouched by the second call");
        assertEquals(first, Samples.folder("a", marker, data));
        assertEquals("untouched by the second call", Files.readString(first.resolve("model.safetensors")));
        assertEquals(3, files(data).size(), "nothing else may be left behind");
    }

    @Test
    void anotherVersionsSampleIsCopiedAnew() throws IOException {
        Path data = folder.resolve("data");
        Path one = Samples.folder("a", jar("one.jar", "{\"version\": 1}"), data);
        Path two = Samples.folder("a", jar("two.jar", "{\"version\": 2}"), data);
        assertNotEquals(one, two);
        assertEquals("{\"version\": 1}", Files.readString(one.resolve("config.json")));
        assertEquals("{\"version\": 2}", Files.readString(two.resolve("config.json")));
    }
}
