package vitrine.resources;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.jar.JarFile;
import java.util.stream.Stream;

/// The Python package of the `pytorch` engine, `vitrine_engine`. Python imports it from where it lies, be that a folder or a jar: nothing is unpacked.
public final class PythonPackage {

    private static final String NAME = "vitrine_engine";
    private static final String JAR = "jar:";
    private static final String ROOT = "vitrine/python";
    private static final String MARKER = ROOT + "/" + NAME + "/__init__.py";

    private PythonPackage() {}

    /// What belongs on Python's path: the folder that holds the package, or a path into a jar, which Python reads as well.
    public static Path location() {
        Path jar = jarOrNull();
        return jar != null ? jar.resolve(ROOT) : Path.of(URI.create(marker())).getParent().getParent();
    }

    private static String marker() {
        return PythonPackage.class.getResource("/" + MARKER).toString();
    }

    /// The jar that holds the package, or null where it lies in a folder.
    private static Path jarOrNull() {
        String url = marker();
        return url.startsWith(JAR) ? Path.of(URI.create(url.substring(JAR.length(), url.indexOf("!/")))) : null;
    }

    /// Copies the package into a folder, for a machine that has no Vitrine; the copy is `folder/vitrine_engine`.
    public static Path copyInto(Path folder) throws IOException {
        Path out = Files.createDirectories(folder.resolve(NAME));
        for (String file : files()) {
            try (InputStream in = PythonPackage.class.getResourceAsStream("/" + ROOT + "/" + NAME + "/" + file)) {
                Files.write(out.resolve(file), in.readAllBytes());
            }
        }
        return out;
    }

    /// The names of its files.
    private static List<String> files() throws IOException {
        Path jar = jarOrNull();
        if (jar != null) {
            String folder = ROOT + "/" + NAME + "/";
            try (JarFile file = new JarFile(jar.toFile())) {
                return file.stream().map(e -> e.getName()).filter(n -> n.startsWith(folder) && n.endsWith(".py")).map(n -> n.substring(folder.length())).sorted().toList();
            }
        }
        try (Stream<Path> all = Files.list(location().resolve(NAME))) {
            return all.map(p -> p.getFileName().toString()).filter(n -> n.endsWith(".py")).sorted(Comparator.naturalOrder()).toList();
        }
    }
}
