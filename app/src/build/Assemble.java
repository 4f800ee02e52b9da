import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/// Makes the runnable folder `target/vitrine`, run by Maven in the phase `package`:
///
/// | folder | holds |
/// |---|---|
/// | `bin` | the commands `vitrine` and `vitrine.bat` |
/// | `runtime` | a Java runtime with JavaFX linked in, made once |
/// | `lib` | jars of the program and its libraries |
/// | `natives` | native libraries, read where they lie: nothing is unpacked into the user's home |
/// | `samples` | the bundled checkpoints, as ordinary folders |
///
/// Arguments: the build directory, the program's own jar, the platform (as in `linux-x86_64`), the version.
public final class Assemble {

    private static final String MODULES = "java.base,java.desktop,java.sql,java.management,java.logging,java.naming,java.net.http,java.xml,"
            + "java.scripting,jdk.unsupported,jdk.management,jdk.incubator.vector,jdk.zipfs,jdk.charsets,jdk.crypto.ec,javafx.controls,javafx.swing";

    /// Jars whose only content is native libraries of this platform.
    private static final List<String> NATIVE_JARS = List.of("nd4j-native-1", "nd4j-native-preset-1", "openblas-", "javacpp-", "dnnl-");
    /// Bindings that nothing here calls, of 30 MB.
    private static final Set<String> UNUSED = Set.of("libjniopenblas_full.so", "libjnidnnl.so", "jniopenblas_full.dll", "jnidnnl.dll",
            "libjniopenblas_full.dylib", "libjnidnnl.dylib");

    private final Path build;
    private final Path image;
    private final String platform;

    private Assemble(Path build, String platform) {
        this.build = build;
        this.platform = platform;
        image = build.resolve("vitrine");
    }

    public static void main(String[] args) throws Exception {
        Assemble a = new Assemble(Path.of(args[0]), args[2]);
        a.runtime();
        a.libraries(args[1]);
        a.samples();
        a.commands();
        Files.writeString(a.image.resolve("version"), args[3] + "\n");
    }

    /// Links the runtime, unless one is there already.
    private void runtime() throws IOException {
        Path runtime = image.resolve("runtime");
        if (Files.exists(runtime.resolve("release"))) {
            return;
        }
        Path modules = build.resolve("fx-modules");
        Files.createDirectories(modules);
        try (Stream<Path> jars = Files.list(build.resolve("jars"))) {
            for (Path jar : jars.filter(Assemble::isJavaFx).filter(j -> !isEmptyJar(j)).toList()) {
                Files.copy(jar, modules.resolve(jar.getFileName()), StandardCopyOption.REPLACE_EXISTING);
            }
        }
        Files.createDirectories(image);
        ToolProvider jlink = ToolProvider.findFirst("jlink").orElseThrow(() -> new IllegalStateException("this JDK has no jlink"));
        int status = jlink.run(System.out, System.err, "--module-path", modules.toString(), "--add-modules", MODULES, "--strip-debug",
                "--no-man-pages", "--no-header-files", "--compress", "zip-0", "--output", runtime.toString());
        if (status != 0) {
            throw new IllegalStateException("jlink ended with " + status);
        }
    }

    private static boolean isJavaFx(Path jar) {
        return jar.getFileName().toString().startsWith("javafx-");
    }

    /// JavaFX comes as an empty jar that points to the platform's own.
    private static boolean isEmptyJar(Path jar) {
        try {
            return Files.size(jar) < 2000;
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private void libraries(String own) throws IOException {
        Path lib = fresh(image.resolve("lib"));
        Path natives = fresh(image.resolve("natives"));
        Files.copy(build.resolve(own), lib.resolve(own));
        try (Stream<Path> all = Files.list(build.resolve("jars"))) {
            for (Path jar : all.sorted().toList()) {
                String name = jar.getFileName().toString();
                if (isJavaFx(jar)) {
                    continue;
                }
                if (name.contains(platform) && NATIVE_JARS.stream().anyMatch(name::startsWith)) {
                    unpackNatives(jar, natives);
                } else {
                    Files.copy(jar, lib.resolve(name));
                }
            }
        }
        Path blas = natives.resolve("libopenblas.so.0");
        if (Files.exists(blas)) {
            Files.createSymbolicLink(natives.resolve("libopenblas_nolapack.so.0"), blas.getFileName());
        }
        tokenizer(lib, natives);
    }

    private void unpackNatives(Path jar, Path natives) throws IOException {
        try (ZipFile zip = new ZipFile(jar.toFile())) {
            for (ZipEntry e : zip.stream().toList()) {
                String name = e.getName().substring(e.getName().lastIndexOf('/') + 1);
                boolean library = name.contains(".so") || name.endsWith(".dll") || name.endsWith(".dylib");
                if (library && !UNUSED.contains(name) && !Files.exists(natives.resolve(name))) {
                    try (InputStream in = zip.getInputStream(e)) {
                        Files.copy(in, natives.resolve(name));
                    }
                }
            }
        }
    }

    /// The tokenizers library looks for its native part in a folder of its own naming.
    private void tokenizer(Path lib, Path natives) throws IOException {
        Path jar;
        try (Stream<Path> jars = Files.list(lib)) {
            jar = jars.filter(p -> p.getFileName().toString().startsWith("tokenizers-")).findFirst().orElseThrow();
        }
        String folder = switch (platform) {
            case "linux-x86_64" -> "linux-x86_64";
            case "linux-arm64" -> "linux-aarch64";
            case "macosx-arm64" -> "osx-aarch64";
            case "windows-x86_64" -> "win-x86_64";
            default -> null;
        };
        if (folder == null) {
            return;
        }
        try (ZipFile zip = new ZipFile(jar.toFile())) {
            String version;
            try (InputStream in = zip.getInputStream(zip.getEntry("native/lib/tokenizers.properties"))) {
                java.util.Properties p = new java.util.Properties();
                p.load(in);
                version = p.getProperty("version");
            }
            Path target = natives.resolve("djl/tokenizers/" + version + "-cpu-" + folder);
            Files.createDirectories(target);
            for (ZipEntry e : zip.stream().filter(e -> e.getName().startsWith("native/lib/" + folder + "/cpu/") && !e.isDirectory()).toList()) {
                try (InputStream in = zip.getInputStream(e)) {
                    Files.copy(in, target.resolve(e.getName().substring(e.getName().lastIndexOf('/') + 1)));
                }
            }
        }
    }

    private void samples() throws IOException {
        Path samples = fresh(image.resolve("samples"));
        Path jar;
        try (Stream<Path> jars = Files.list(image.resolve("lib"))) {
            jar = jars.filter(p -> p.getFileName().toString().startsWith("vitrine-resources-")).findFirst().orElseThrow();
        }
        String root = "vitrine/samples/";
        try (ZipFile zip = new ZipFile(jar.toFile())) {
            for (ZipEntry e : zip.stream().filter(e -> e.getName().startsWith(root) && !e.isDirectory()).toList()) {
                Path target = samples.resolve(e.getName().substring(root.length()));
                Files.createDirectories(target.getParent());
                try (InputStream in = zip.getInputStream(e)) {
                    Files.copy(in, target);
                }
            }
        }
    }

    private void commands() throws IOException {
        Path bin = fresh(image.resolve("bin"));
        Path scripts = build.resolveSibling("src/main/scripts");
        Path unix = bin.resolve("vitrine");
        Files.copy(scripts.resolve("vitrine"), unix);
        Files.copy(scripts.resolve("vitrine.bat"), bin.resolve("vitrine.bat"));
        if (Files.getFileStore(unix).supportsFileAttributeView("posix")) {
            Files.setPosixFilePermissions(unix, PosixFilePermissions.fromString("rwxr-xr-x"));
        }
    }

    private static Path fresh(Path folder) throws IOException {
        if (Files.exists(folder)) {
            try (Stream<Path> all = Files.walk(folder)) {
                for (Path p : new ArrayList<>(all.sorted(Comparator.reverseOrder()).toList())) {
                    Files.delete(p);
                }
            }
        }
        return Files.createDirectories(folder);
    }
}
