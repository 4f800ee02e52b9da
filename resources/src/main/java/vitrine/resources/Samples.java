package vitrine.resources;

import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URL;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.stream.Stream;

/// The bundled samples: checkpoints and an adapter of the project's own that open without a download.
///
/// A sample is an ordinary checkpoint or adapter folder, because the worker maps its file into memory. Installed, the folders lie unpacked beside
/// the program, and [#FOLDER_PROPERTY] names the place; in the build tree they are read where they were built; from a jar they are copied
/// to the program's data folder once.
///
/// What is said about them stands in `vitrine/samples/samples.properties`, which the samples' recipe writes.
public final class Samples {

    /// The system property that names the folder of the samples' folders; unset in the build tree.
    public static final String FOLDER_PROPERTY = "vitrine.samples";

    private static final String ROOT = "vitrine/samples/";

    private Samples() {}

    /// A prompt that shows something.
    ///
    /// @param title a few words
    /// @param look one sentence: what to look at
    /// @param layer of the head to look at, from 0
    /// @param head of that layer, from 0
    public record Prompt(String title, String text, String look, int layer, int head) {}

    /// The view in which a sample is at its best.
    public enum Best {
        ATTENTION, ROUTING, LORA
    }

    /// A bundled checkpoint, or an adapter of one.
    ///
    /// @param id the name of its folder
    /// @param description one line
    /// @param best where to look at it first
    /// @param base of an adapter: the sample that it belongs to; null for a checkpoint
    /// @param texts names of sample texts in its folder, JSONL or plain, the best first
    /// @param prompts the best first; none where it is not opened in Attention
    public record Sample(String id, String title, String description, Best best, String base, List<String> texts, List<Prompt> prompts) {

        /// Every sample has one: it is how its folder is found.
        String marker() {
            return base == null ? "config.json" : "adapter_config.json";
        }
    }

    /// All bundled samples, the one to show first in front.
    public static List<Sample> all() {
        Properties p = new Properties();
        try (InputStream in = resource("samples.properties").openStream(); Reader reader = new InputStreamReader(in, StandardCharsets.UTF_8)) {
            p.load(reader);
        } catch (IOException e) {
            throw new UncheckedIOException("the list of samples cannot be read", e);
        }
        return list(p, "samples").stream().map(id -> sample(p, id)).toList();
    }

    /// The folder of a sample, an ordinary one on disk.
    ///
    /// @param data the program's data folder; written to only where the samples are packed in a jar
    /// @throws UncheckedIOException where the folder is missing or cannot be made, with its path
    public static Path folder(Sample sample, Path data) {
        String installed = System.getProperty(FOLDER_PROPERTY);
        try {
            return installed == null || installed.isBlank() ? folder(sample.id(), resource(sample.id() + "/" + sample.marker()), data)
                    : present(Path.of(installed).resolve(sample.id()), sample.marker());
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
    }

    /// The folder that holds `marker`: where it lies, or a copy of it out of its jar.
    static Path folder(String id, URL marker, Path data) throws IOException {
        if (marker.getProtocol().equals("file")) {
            Path file = Path.of(URI.create(marker.toString()));
            return present(file.getParent(), file.getFileName().toString());
        }
        // jar:file:/somewhere/resources.jar!/vitrine/samples/...: opened as the file that it is, so that no connection is ever made.
        String inside = marker.getPath();
        if (marker.getProtocol().equals("jar") && inside.startsWith("file:") && inside.contains("!/")) {
            try (JarFile file = new JarFile(Path.of(URI.create(inside.substring(0, inside.indexOf("!/")))).toFile())) {
                return copied(id, file, data.resolve("samples"), inside.substring(inside.lastIndexOf('/') + 1));
            }
        }
        throw new IOException("the sample " + id + " is packed in a way that cannot be read: " + marker);
    }

    private static Path present(Path folder, String marker) throws IOException {
        if (!Files.isRegularFile(folder.resolve(marker))) {
            throw new IOException("the bundled sample is not in " + folder + ": the program is not whole, install it again");
        }
        return folder;
    }

    /// Copies a sample once. The copy's place tells its content apart, so that another version's sample lies elsewhere; it is whole or absent.
    private static Path copied(String id, JarFile jar, Path store, String marker) throws IOException {
        List<JarEntry> entries = jar.stream().filter(e -> e.getName().startsWith(ROOT + id + "/") && !e.isDirectory()).sorted(Comparator.comparing(JarEntry::getName)).toList();
        Path place = store.resolve(fingerprint(entries));
        Path folder = place.resolve(id);
        if (Files.isRegularFile(folder.resolve(marker))) {
            return folder;
        }
        Files.createDirectories(place);
        Path stage = Files.createTempDirectory(place, ".copying-");
        try {
            for (JarEntry e : entries) {
                Path target = stage.resolve(e.getName().substring((ROOT + id + "/").length())).normalize();
                if (!target.startsWith(stage)) {
                    throw new IOException("the entry " + e.getName() + " of " + jar.getName() + " leaves its folder");
                }
                Files.createDirectories(target.getParent());
                try (InputStream in = jar.getInputStream(e)) {
                    Files.copy(in, target);
                }
                try (FileChannel written = FileChannel.open(target, StandardOpenOption.WRITE)) {
                    written.force(true);
                }
            }
            Files.move(stage, folder, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            delete(stage);
            // Another window may have been faster: then its copy is the same.
            if (!Files.isRegularFile(folder.resolve(marker))) {
                throw e;
            }
        }
        return folder;
    }

    private static String fingerprint(List<JarEntry> entries) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (JarEntry e : entries) {
                digest.update((e.getName() + " " + e.getSize() + " " + e.getCrc() + "\n").getBytes(StandardCharsets.UTF_8));
            }
            return HexFormat.of().formatHex(digest.digest(), 0, 6);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    private static void delete(Path folder) throws IOException {
        if (Files.exists(folder)) {
            try (Stream<Path> all = Files.walk(folder)) {
                for (Path p : new ArrayList<>(all.sorted(Comparator.reverseOrder()).toList())) {
                    Files.delete(p);
                }
            }
        }
    }

    private static URL resource(String name) {
        URL url = Samples.class.getClassLoader().getResource(ROOT + name);
        if (url == null) {
            throw new IllegalStateException("the resource " + ROOT + name + " is missing");
        }
        return url;
    }

    private static Sample sample(Properties p, String id) {
        List<Prompt> prompts = p.getProperty(id + ".prompts", "").isEmpty() ? List.of() : list(p, id + ".prompts").stream().map(name -> prompt(p, id + ".prompt." + name)).toList();
        return new Sample(id, value(p, id + ".title"), value(p, id + ".description"), Best.valueOf(value(p, id + ".best").toUpperCase(Locale.ROOT)), p.getProperty(id + ".base"), list(p, id + ".texts"), prompts);
    }

    private static Prompt prompt(Properties p, String key) {
        return new Prompt(value(p, key + ".title"), value(p, key + ".text"), value(p, key + ".look"), Integer.parseInt(value(p, key + ".layer")), Integer.parseInt(value(p, key + ".head")));
    }

    private static List<String> list(Properties p, String key) {
        return List.of(value(p, key).split(","));
    }

    private static String value(Properties p, String key) {
        String v = p.getProperty(key);
        if (v == null) {
            throw new IllegalStateException("samples.properties has no " + key);
        }
        return v;
    }
}
