import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.imageio.ImageIO;

/// Makes the installers of the platform that it runs on, out of the runnable folder `app/target/vitrine`; run by `mvn -Pinstaller`.
///
/// | platform | packages |
/// |---|---|
/// | Linux | `.deb`, `.rpm` where `rpmbuild` is, portable `.tar.gz` with an `install.sh` for one user |
/// | Windows | `.msi` (needs WiX), portable `.zip`; per user, without administrator rights |
/// | macOS | `.dmg` |
///
/// Each is made by `jpackage` from one application image: the runtime, the jars, the native libraries of this platform alone, the
/// samples, and two ways to start them: jpackage's launcher, and the command `vitrine` (`bin/vitrine` in the image's folder of files). On
/// Linux the desktop calls the command as well, since jpackage's launcher starts itself twice there, which takes half a second. The AOT caches of the runnable folder hold in the image as well: same runtime, same jars with the same times.
///
/// Arguments: the runnable folder, where the packages go, the version.
public final class Package {

    private static final String NAME = "vitrine";
    private static final String DESCRIPTION = "Look inside transformer checkpoints, adapt them, compare before and after";
    private static final String LIBRARIES = "libgtk-3-0 | libgtk-3-0t64, libgl1, libfreetype6, libfontconfig1, libxxf86vm1, libxtst6";
    private static final int MINUTES = 15;

    private enum Platform { LINUX, WINDOWS, MACOS }

    private final Path folder;
    private final Path target;
    private final String version;
    private final Path sources;
    private final Platform platform;

    private Package(Path folder, Path target, String version) {
        this.folder = folder;
        this.target = target;
        this.version = version;
        sources = target.resolveSibling("src").resolve("package");
        String os = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        platform = os.contains("win") ? Platform.WINDOWS : os.contains("mac") ? Platform.MACOS : Platform.LINUX;
    }

    public static void main(String[] args) throws Exception {
        Package p = new Package(Path.of(args[0]).toRealPath(), Files.createDirectories(Path.of(args[1])).toRealPath(), args[2]);
        Path image = p.image();
        Path packages = fresh(p.target.resolve("packages"));
        switch (p.platform) {
            case LINUX -> p.linux(image, packages);
            case WINDOWS -> p.windows(image, packages);
            case MACOS -> p.install("dmg", image, packages, List.of());
        }
        try (Stream<Path> made = Files.list(packages)) {
            for (Path file : made.sorted().toList()) {
                System.out.printf(Locale.ROOT, "%s  %.1f MB%n", file.getFileName(), Files.size(file) / 1e6);
            }
        }
    }

    // --- the application image

    /// The image that every package is made of.
    private Path image() throws IOException, InterruptedException {
        Path input = fresh(target.resolve("input"));
        for (String part : List.of("bin", "lib", "natives", "samples", "version")) {
            copy(folder.resolve(part), input.resolve(part));
        }
        Path images = fresh(target.resolve("image"));
        List<String> command = new ArrayList<>(common("app-image", images));
        command.addAll(List.of("--input", input.toString(), "--main-jar", "lib/vitrine.jar", "--main-class", "vitrine.app.Main",
                "--runtime-image", folder.resolve("runtime").toString(), "--icon", icon().toString()));
        for (String option : Files.readAllLines(folder.resolve("lib/java.options"))) {
            command.addAll(List.of("--java-options", option.replace("{home}", "$APPDIR")));
        }
        for (String option : List.of("-XX:AOTCache=$APPDIR/lib/vitrine.aot", "-Xlog:disable", "-Xlog:all=error:stderr")) {
            command.addAll(List.of("--java-options", option));
        }
        run(command, Map.of());
        Path image = images.resolve(platform == Platform.MACOS ? NAME + ".app" : NAME);
        classPath(image);
        // jpackage gives its copies new times, and an AOT cache holds only for jars of the very times that it was made with.
        Path files = files(image);
        try (Stream<Path> jars = Files.list(files.resolve("lib"))) {
            for (Path jar : jars.toList()) {
                Files.setLastModifiedTime(jar, Files.getLastModifiedTime(folder.resolve("lib").resolve(jar.getFileName())));
            }
        }
        return image;
    }

    /// `vitrine.jar` names all others in the order of the AOT caches; jpackage would list them once more in its own.
    private void classPath(Path image) throws IOException {
        Path config = files(image).resolve(NAME + ".cfg");
        List<String> lines = new ArrayList<>(Files.readAllLines(config));
        lines.removeIf(l -> l.startsWith("app.classpath=") && !l.endsWith("vitrine.jar"));
        if (lines.stream().filter(l -> l.startsWith("app.classpath=")).count() != 1) {
            throw new IllegalStateException(config + " should name vitrine.jar once");
        }
        Files.write(config, lines);
    }

    /// Where the image has what was given to jpackage as input.
    private Path files(Path image) {
        return image.resolve(switch (platform) {
            case LINUX -> "lib/app";
            case WINDOWS -> "app";
            case MACOS -> "Contents/app";
        });
    }

    private List<String> common(String type, Path destination) {
        return List.of(Path.of(System.getProperty("java.home"), "bin", "jpackage").toString(), "--type", type, "--name", NAME, "--app-version", applicationVersion(),
                "--vendor", "Vitrine", "--description", DESCRIPTION, "--dest", destination.toString());
    }

    /// macOS takes no version that begins with 0.
    private String applicationVersion() {
        return platform == Platform.MACOS && version.startsWith("0.") ? "1" + version.substring(1) : version;
    }

    // --- packages

    private void linux(Path image, Path packages) throws IOException, InterruptedException {
        List<String> desktop = new ArrayList<>(List.of("--linux-shortcut", "--linux-menu-group", "Science;Education;Development", "--resource-dir", sources.resolve("linux").toString()));
        desktop.addAll(associations());
        List<String> deb = new ArrayList<>(desktop);
        deb.addAll(List.of("--linux-package-name", NAME, "--linux-deb-maintainer", "vitrine@vitrine.invalid", "--linux-package-deps", LIBRARIES, "--linux-app-category", "science"));
        // zstd packs in seconds what xz takes minutes for, a few per cent larger.
        install("deb", image, packages, deb);
        if (onPath("rpmbuild")) {
            List<String> rpm = new ArrayList<>(desktop);
            rpm.addAll(List.of("--linux-package-name", NAME, "--linux-app-category", "Applications/Engineering"));
            install("rpm", image, packages, rpm);
        } else {
            System.out.println("*** NO .rpm: there is no rpmbuild here.");
        }
        Path portable = fresh(target.resolve("portable")).resolve(NAME + "-" + version);
        copy(image, portable);
        for (String file : List.of("install.sh", "vitrine.desktop.in", "vitrine-mime.xml")) {
            copy(sources.resolve("portable").resolve(file), portable.resolve(file));
        }
        run(List.of("tar", "-C", portable.getParent().toString(), "--owner=0", "--group=0", "-czf",
                packages.resolve(NAME + "-" + version + "-linux-" + System.getProperty("os.arch") + ".tar.gz").toString(), portable.getFileName().toString()), Map.of());
    }

    private void windows(Path image, Path packages) throws IOException, InterruptedException {
        run(List.of("tar", "-C", image.getParent().toString(), "-a", "-cf", packages.resolve(NAME + "-" + version + "-windows.zip").toString(), image.getFileName().toString()), Map.of());
        List<String> options = new ArrayList<>(List.of("--win-per-user-install", "--win-menu", "--win-menu-group", "Vitrine", "--win-shortcut", "--win-dir-chooser",
                "--win-upgrade-uuid", "6f0f7f0e-51a3-4c1e-9d5c-6a4d9d7b8b11"));
        options.addAll(associations());
        install("msi", image, packages, options);
    }

    private void install(String type, Path image, Path packages, List<String> options) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(common(type, packages));
        command.addAll(List.of("--app-image", image.toString()));
        command.addAll(options);
        run(command, Map.of("DPKG_DEB_COMPRESSOR_TYPE", "zstd", "DPKG_DEB_COMPRESSOR_LEVEL", "12"));
    }

    private List<String> associations() {
        return Stream.of("safetensors", "gguf").flatMap(f -> Stream.of("--file-associations", sources.resolve(f + ".properties").toString())).toList();
    }

    // --- icons: one picture, in the form that each platform takes

    private Path icon() throws IOException {
        Path picture = sources.resolve("vitrine.png");
        return switch (platform) {
            case LINUX -> picture;
            case WINDOWS -> Files.write(target.resolve("vitrine.ico"), ico(picture));
            case MACOS -> Files.write(target.resolve("vitrine.icns"), icns(picture));
        };
    }

    /// An ICO of PNG pictures, as Windows Vista and later read them: header of 6 bytes, entries of 16, pictures.
    private static byte[] ico(Path picture) throws IOException {
        int[] sizes = {16, 32, 48, 256};
        List<byte[]> pictures = new ArrayList<>();
        for (int size : sizes) {
            pictures.add(png(picture, size));
        }
        int offset = 6 + 16 * sizes.length;
        ByteBuffer out = ByteBuffer.allocate(offset + pictures.stream().mapToInt(b -> b.length).sum()).order(ByteOrder.LITTLE_ENDIAN);
        out.putShort((short) 0).putShort((short) 1).putShort((short) sizes.length);
        for (int i = 0; i < sizes.length; i++) {
            // 0 stands for 256.
            out.put((byte) sizes[i]).put((byte) sizes[i]).put((byte) 0).put((byte) 0).putShort((short) 1).putShort((short) 32).putInt(pictures.get(i).length).putInt(offset);
            offset += pictures.get(i).length;
        }
        pictures.forEach(out::put);
        return out.array();
    }

    /// An ICNS of PNG pictures: a type of four letters and a length before each.
    private static byte[] icns(Path picture) throws IOException {
        Map<String, Integer> sizes = new java.util.TreeMap<>(Map.of("ic07", 128, "ic08", 256, "ic09", 512));
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(body);
        for (Map.Entry<String, Integer> e : sizes.entrySet()) {
            byte[] png = png(picture, e.getValue());
            out.write(e.getKey().getBytes(StandardCharsets.US_ASCII));
            out.writeInt(png.length + 8);
            out.write(png);
        }
        ByteArrayOutputStream whole = new ByteArrayOutputStream();
        DataOutputStream head = new DataOutputStream(whole);
        head.write("icns".getBytes(StandardCharsets.US_ASCII));
        head.writeInt(body.size() + 8);
        body.writeTo(head);
        return whole.toByteArray();
    }

    private static byte[] png(Path picture, int size) throws IOException {
        BufferedImage from = ImageIO.read(picture.toFile());
        BufferedImage to = new BufferedImage(size, size, BufferedImage.TYPE_INT_ARGB);
        Graphics2D g = to.createGraphics();
        g.setRenderingHint(RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BICUBIC);
        g.drawImage(from.getScaledInstance(size, size, java.awt.Image.SCALE_AREA_AVERAGING), 0, 0, null);
        g.dispose();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ImageIO.write(to, "png", bytes);
        return bytes.toByteArray();
    }

    // --- files and processes

    private static boolean onPath(String program) {
        return Stream.of(System.getenv().getOrDefault("PATH", "").split(java.io.File.pathSeparator)).anyMatch(d -> Files.isExecutable(Path.of(d, program)));
    }

    private void run(List<String> command, Map<String, String> environment) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(command).inheritIO();
        builder.environment().putAll(environment);
        Process process = builder.start();
        if (!process.waitFor(MINUTES, TimeUnit.MINUTES)) {
            process.destroyForcibly();
            throw new IllegalStateException(command.getFirst() + " did not end within " + MINUTES + " minutes");
        }
        if (process.exitValue() != 0) {
            throw new IllegalStateException(String.join(" ", command) + " ended with " + process.exitValue());
        }
    }

    /// Copies a file or folder with its times, permissions and links.
    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> all = Files.walk(from)) {
            for (Path p : all.toList()) {
                Path q = to.resolve(from.relativize(p).toString());
                if (Files.isDirectory(p, LinkOption.NOFOLLOW_LINKS)) {
                    Files.createDirectories(q);
                } else {
                    Files.createDirectories(q.getParent());
                    Files.copy(p, q, StandardCopyOption.COPY_ATTRIBUTES, LinkOption.NOFOLLOW_LINKS, StandardCopyOption.REPLACE_EXISTING);
                }
            }
        }
    }

    private static Path fresh(Path folder) throws IOException {
        if (Files.exists(folder)) {
            try (Stream<Path> all = Files.walk(folder)) {
                for (Path p : all.sorted(Comparator.reverseOrder()).toList()) {
                    // jpackage writes runtimes that their owner may not change.
                    if (Files.isDirectory(p, LinkOption.NOFOLLOW_LINKS) && Files.getFileStore(p).supportsFileAttributeView("posix")) {
                        Files.setPosixFilePermissions(p, PosixFilePermissions.fromString("rwxr-xr-x"));
                    }
                    Files.delete(p);
                }
            }
        }
        return Files.createDirectories(folder);
    }
}
