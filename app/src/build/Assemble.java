import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiFunction;
import java.util.jar.Attributes;
import java.util.jar.Manifest;
import java.util.spi.ToolProvider;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/// Makes the runnable folder `target/vitrine`, run by Maven in the phase `package`:
///
/// | folder | holds |
/// |---|---|
/// | `bin` | the commands `vitrine` and `vitrine.bat`, from `src/main/scripts` |
/// | `runtime` | a Java runtime with JavaFX linked in, made once |
/// | `lib` | jars of the program and its libraries; `vitrine.jar` names them all, in one order everywhere; AOT caches |
/// | `natives` | native libraries, read where they lie: nothing is unpacked into the user's home |
/// | `samples` | the bundled checkpoints, as ordinary folders |
///
/// What is there already and has not changed is left as it is, since the AOT caches ([AotCaches]) hold only for the very jars
/// that they were made with.
///
/// Arguments: the build directory, the program's own jar, the platform (as in `linux-x86_64`), the version, whether to make AOT
/// caches, the checkpoint to make them with.
public final class Assemble {

    private static final String MODULES = "java.base,java.desktop,java.sql,java.management,java.logging,java.naming,java.net.http,java.xml,"
            + "java.scripting,jdk.unsupported,jdk.management,jdk.incubator.vector,jdk.zipfs,jdk.charsets,jdk.crypto.ec,javafx.controls,javafx.swing";

    /// Jars whose only content is native libraries of this platform.
    private static final List<String> NATIVE_JARS = List.of("nd4j-native-1", "nd4j-native-preset-1", "openblas-", "javacpp-", "dnnl-");
    /// Bindings that nothing here calls, of 30 MB.
    private static final Set<String> UNUSED = Set.of("libjniopenblas_full.so", "libjnidnnl.so", "jniopenblas_full.dll", "jnidnnl.dll",
            "libjniopenblas_full.dylib", "libjnidnnl.dylib");
    /// Jars that only a part of ND4J which nothing here calls would need: its hardware profiler and its network clock.
    private static final List<String> UNUSED_JARS = List.of("jna-", "oshi-core-", "threetenbp-", "commons-net-", "error_prone_annotations-");
    /// Jars that carry the native libraries of every platform, and where in them; this platform's goes to `natives`.
    private static final List<String> FAT_JARS = List.of("tokenizers-", "sqlite-jdbc-");
    /// Jars of classes for a Java so old that no AOT cache takes them.
    private static final List<String> OLD_JARS = List.of("picocli-");
    /// The options that Java is started with, one a line; `{home}` is the folder. The scripts and the installed launchers have them from here.
    private static final String OPTIONS = "java.options";
    private static final String RESOURCES_JAR = "vitrine-resources-";
    private static final String SAMPLES = "vitrine/samples/";
    private static final List<String> FAT_ENTRIES = List.of("native/lib/", "org/sqlite/native/");

    private final Path build;
    private final Path image;
    private final String platform;
    /// Whether anything that an AOT cache depends on is other than before.
    private boolean changed;

    private Assemble(Path build, String platform) {
        this.build = build;
        this.platform = platform;
        image = build.resolve("vitrine");
    }

    public static void main(String[] args) throws Exception {
        Assemble a = new Assemble(Path.of(args[0]), args[2]);
        a.runtime();
        a.natives();
        a.libraries(args[1]);
        a.samples();
        a.commands();
        Files.writeString(a.image.resolve("version"), args[3] + "\n");
        AotCaches caches = new AotCaches(a.image);
        if (a.changed || !Boolean.parseBoolean(args[4])) {
            caches.remove();
        }
        if (Boolean.parseBoolean(args[4])) {
            caches.makeMissing(Path.of(args[5]));
        }
    }

    /// Links the runtime, unless one is there already.
    private void runtime() throws IOException {
        Path runtime = image.resolve("runtime");
        if (Files.exists(runtime.resolve("release"))) {
            return;
        }
        changed = true;
        if (Files.exists(runtime)) {
            // A build that was killed left half of one, and jlink makes its folder itself.
            Files.delete(fresh(runtime));
        }
        Path modules = build.resolve("fx-modules");
        Files.createDirectories(modules);
        for (Path jar : jars()) {
            if (isJavaFx(jar) && !isEmptyJar(jar)) {
                Files.copy(jar, modules.resolve(jar.getFileName()), StandardCopyOption.REPLACE_EXISTING);
            }
        }
        Files.createDirectories(image);
        ToolProvider jlink = ToolProvider.findFirst("jlink").orElseThrow(() -> new IllegalStateException("this JDK has no jlink"));
        int status = jlink.run(System.out, System.err, "--module-path", modules.toString(), "--add-modules", MODULES, "--strip-debug",
                "--no-man-pages", "--no-header-files", "--compress", "zip-0",
                "--exclude-resources", "glob:/javafx.*/*.so,glob:/javafx.*/*.dll,glob:/javafx.*/*.dylib", "--output", runtime.toString());
        if (status != 0) {
            throw new IllegalStateException("jlink ended with " + status);
        }
        windowing(runtime, modules);
    }

    /// JavaFX's own native libraries, beside the runtime's: from within a module JavaFX would unpack them into the user's home, and compare them with what
    /// is there at each start.
    private void windowing(Path runtime, Path modules) throws IOException {
        Path target = runtime.resolve(platform.startsWith("windows") ? "bin" : "lib");
        try (Stream<Path> all = Files.list(modules)) {
            for (Path jar : all.filter(Assemble::isJavaFx).toList()) {
                try (ZipFile zip = new ZipFile(jar.toFile())) {
                    for (ZipEntry e : zip.stream().filter(e -> isLibrary(lastName(e)) && !Files.exists(target.resolve(lastName(e)))).toList()) {
                        unpack(zip, e, target);
                    }
                }
            }
        }
    }

    private static boolean isLibrary(String name) {
        return name.contains(".so") || name.endsWith(".dll") || name.endsWith(".dylib");
    }

    private List<Path> jars() throws IOException {
        try (Stream<Path> all = Files.list(build.resolve("jars"))) {
            return all.sorted().toList();
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
            throw new UncheckedIOException(e);
        }
    }

    private boolean isNatives(Path jar) {
        String name = jar.getFileName().toString();
        return name.contains(platform) && startsWithAny(name, NATIVE_JARS);
    }

    private static boolean startsWithAny(String name, List<String> beginnings) {
        return beginnings.stream().anyMatch(name::startsWith);
    }

    // --- native libraries

    private void natives() throws IOException {
        Path natives = fresh(image.resolve("natives"));
        for (Path jar : jars()) {
            if (isNatives(jar)) {
                unpackNatives(jar, natives);
            }
        }
        Path blas = natives.resolve("libopenblas.so.0");
        if (Files.exists(blas)) {
            Files.createSymbolicLink(natives.resolve("libopenblas_nolapack.so.0"), blas.getFileName());
        }
        tokenizer(natives);
        sqlite(natives);
    }

    private void unpackNatives(Path jar, Path natives) throws IOException {
        try (ZipFile zip = new ZipFile(jar.toFile())) {
            for (ZipEntry e : zip.stream().toList()) {
                String name = lastName(e);
                if (isLibrary(name) && !UNUSED.contains(name) && !Files.exists(natives.resolve(name))) {
                    unpack(zip, e, natives);
                }
            }
        }
    }

    /// The tokenizers library looks for its native part in a folder of its own naming.
    private void tokenizer(Path natives) throws IOException {
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
        try (ZipFile zip = new ZipFile(jar("tokenizers-").toFile())) {
            Properties properties = new Properties();
            try (InputStream in = zip.getInputStream(zip.getEntry("native/lib/tokenizers.properties"))) {
                properties.load(in);
            }
            Path target = natives.resolve("djl/tokenizers/" + properties.getProperty("version") + "-cpu-" + folder);
            Files.createDirectories(target);
            unpackFolder(zip, "native/lib/" + folder + "/cpu/", target);
        }
    }

    private void sqlite(Path natives) throws IOException {
        String folder = switch (platform) {
            case "linux-x86_64" -> "Linux/x86_64";
            case "linux-arm64" -> "Linux/aarch64";
            case "macosx-arm64" -> "Mac/aarch64";
            case "macosx-x86_64" -> "Mac/x86_64";
            case "windows-x86_64" -> "Windows/x86_64";
            default -> throw new IllegalStateException("no SQLite for " + platform);
        };
        try (ZipFile zip = new ZipFile(jar("sqlite-jdbc-").toFile())) {
            unpackFolder(zip, "org/sqlite/native/" + folder + "/", natives);
        }
    }

    private Path jar(String beginning) throws IOException {
        return jars().stream().filter(j -> j.getFileName().toString().startsWith(beginning)).findFirst()
                .orElseThrow(() -> new IllegalStateException("there is no jar " + beginning));
    }

    private static void unpackFolder(ZipFile zip, String folder, Path target) throws IOException {
        List<? extends ZipEntry> entries = zip.stream().filter(e -> e.getName().startsWith(folder) && !e.isDirectory()).toList();
        if (entries.isEmpty()) {
            throw new IllegalStateException(zip.getName() + " has nothing in " + folder);
        }
        for (ZipEntry e : entries) {
            unpack(zip, e, target);
        }
    }

    private static void unpack(ZipFile zip, ZipEntry e, Path folder) throws IOException {
        try (InputStream in = zip.getInputStream(e)) {
            Files.copy(in, folder.resolve(lastName(e)));
        }
    }

    private static String lastName(ZipEntry e) {
        return e.getName().substring(e.getName().lastIndexOf('/') + 1);
    }

    // --- jars

    private void libraries(String own) throws IOException {
        Path lib = Files.createDirectories(image.resolve("lib"));
        Set<String> wanted = new TreeSet<>();
        put(lib, own, Files.readAllBytes(build.resolve(own)), wanted);
        for (Path jar : jars()) {
            String name = jar.getFileName().toString();
            if (!isJavaFx(jar) && !isNatives(jar) && !startsWithAny(name, UNUSED_JARS)) {
                put(lib, name, content(jar), wanted);
            }
        }
        put(lib, "vitrine.jar", launcher(wanted), wanted);
        Set<String> stay = new HashSet<>(wanted);
        stay.addAll(AotCaches.NAMES);
        stay.add(OPTIONS);
        try (Stream<Path> all = Files.list(lib)) {
            for (Path stale : all.filter(p -> !stay.contains(p.getFileName().toString())).toList()) {
                Files.delete(stale);
                changed = true;
            }
        }
    }

    /// The samples, unpacked: they are mapped as files, and the jar that holds them is packed without them.
    private void samples() throws IOException {
        Path samples = image.resolve("samples");
        try (ZipFile zip = new ZipFile(jar(RESOURCES_JAR).toFile())) {
            for (ZipEntry e : zip.stream().filter(e -> e.getName().startsWith(SAMPLES) && !e.isDirectory()).toList()) {
                Path target = samples.resolve(e.getName().substring(SAMPLES.length()));
                Files.createDirectories(target.getParent());
                try (InputStream in = zip.getInputStream(e)) {
                    Files.copy(in, target, StandardCopyOption.REPLACE_EXISTING);
                }
            }
        }
    }

    /// Writes a jar where it is not there with these bytes: its time of change is part of what an AOT cache is checked against.
    private void put(Path lib, String name, byte[] content, Set<String> wanted) throws IOException {
        wanted.add(name);
        Path target = lib.resolve(name);
        if (Files.exists(target) && Files.size(target) == content.length && java.util.Arrays.equals(Files.readAllBytes(target), content)) {
            return;
        }
        Files.write(target, content);
        changed = true;
    }

    private static byte[] content(Path jar) throws IOException {
        String name = jar.getFileName().toString();
        if (startsWithAny(name, FAT_JARS)) {
            return rewrite(jar, (entry, bytes) -> startsWithAny(entry, FAT_ENTRIES) && !entry.endsWith(".properties") ? null : bytes);
        }
        if (startsWithAny(name, OLD_JARS)) {
            try (OldClasses old = new OldClasses(jar)) {
                return rewrite(jar, (entry, bytes) -> entry.endsWith(".class") ? old.renew(bytes) : bytes);
            }
        }
        if (name.startsWith(RESOURCES_JAR)) {
            return rewrite(jar, (entry, bytes) -> entry.startsWith(SAMPLES) && entry.indexOf('/', SAMPLES.length()) > 0 ? null : bytes);
        }
        return Files.readAllBytes(jar);
    }

    /// The jar with each entry as `change` makes it from its name and content; null leaves it out.
    private static byte[] rewrite(Path jar, BiFunction<String, byte[], byte[]> change) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipFile zip = new ZipFile(jar.toFile()); ZipOutputStream out = new ZipOutputStream(bytes)) {
            for (ZipEntry e : zip.stream().toList()) {
                try (InputStream in = zip.getInputStream(e)) {
                    byte[] content = change.apply(e.getName(), in.readAllBytes());
                    if (content != null) {
                        entry(out, e.getName(), content);
                    }
                }
            }
        }
        return bytes.toByteArray();
    }

    /// A jar that only names the others. A class path with a wildcard is in whatever order the file system lists; an AOT cache wants one order.
    private static byte[] launcher(Set<String> jars) throws IOException {
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().put(Attributes.Name.MAIN_CLASS, "vitrine.app.Main");
        manifest.getMainAttributes().put(Attributes.Name.CLASS_PATH, jars.stream().collect(Collectors.joining(" ")));
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        manifest.write(content);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream out = new ZipOutputStream(bytes)) {
            entry(out, "META-INF/MANIFEST.MF", content.toByteArray());
        }
        return bytes.toByteArray();
    }

    private static void entry(ZipOutputStream out, String name, byte[] content) throws IOException {
        ZipEntry e = new ZipEntry(name);
        // The same bytes at every build.
        e.setTimeLocal(java.time.LocalDateTime.of(2026, 1, 1, 0, 0));
        out.putNextEntry(e);
        ((OutputStream) out).write(content);
        out.closeEntry();
    }

    // --- commands

    private void commands() throws IOException {
        Path bin = Files.createDirectories(image.resolve("bin"));
        Path scripts = build.resolveSibling("src/main/scripts");
        List<String> options = Files.readAllLines(scripts.resolve(OPTIONS));
        write(image.resolve("lib").resolve(OPTIONS), Files.readString(scripts.resolve(OPTIONS)));
        write(bin.resolve("vitrine"), script(scripts.resolve("vitrine"), options, "$home", " \\\n  "));
        write(bin.resolve("vitrine.bat"), script(scripts.resolve("vitrine.bat"), options, "%HOME_DIR%", " ^\n  "));
        Path unix = bin.resolve("vitrine");
        if (Files.getFileStore(unix).supportsFileAttributeView("posix")) {
            Files.setPosixFilePermissions(unix, PosixFilePermissions.fromString("rwxr-xr-x"));
        }
    }

    /// A script with the Java options written out, each in quotes where it names the folder.
    private static String script(Path template, List<String> options, String home, String between) throws IOException {
        String all = options.stream().map(o -> o.contains("{home}") ? '"' + o.replace("{home}", home) + '"' : o).collect(Collectors.joining(between));
        return Files.readString(template).replace("{options}", all);
    }

    private void write(Path target, String content) throws IOException {
        if (!Files.exists(target) || !Files.readString(target).equals(content)) {
            Files.writeString(target, content);
            changed = true;
        }
    }

    private static Path fresh(Path folder) throws IOException {
        if (Files.exists(folder)) {
            try (Stream<Path> all = Files.walk(folder)) {
                for (Path p : all.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(p);
                }
            }
        }
        return Files.createDirectories(folder);
    }
}
