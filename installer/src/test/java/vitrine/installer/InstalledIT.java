package vitrine.installer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What a user does with the Linux packages: install, start, look, remove. Needs what it says where it is skipped.
class InstalledIT {

    private static final Path TARGET = Path.of(System.getProperty("vitrine.target"));
    private static final Path PACKAGES = TARGET.resolve("packages");
    private static final Path PICTURES = TARGET.resolve("pictures");
    /// Megabytes of 10⁶ bytes.
    private static final double DEB_LIMIT = 170;
    private static final String DISPLAY = ":87";

    @TempDir
    Path home;

    @Test
    void theDebIsInstalledStartedDrivenPhotographedAndRemoved() throws Exception {
        needs("the .deb is tried", "dpkg", "Xvfb", "xdotool");
        Assumptions.assumeTrue(said("root".equals(System.getProperty("user.name")), "the .deb is tried by root only, who may install it"));
        Assumptions.assumeTrue(said(!Files.exists(Path.of("/opt/vitrine")), "a Vitrine is installed already in /opt/vitrine: it is left alone, and the .deb is not tried"));
        Path deb = only(".deb");
        assertTrue(Files.size(deb) / 1e6 <= DEB_LIMIT, () -> deb + " is larger than " + DEB_LIMIT + " MB");
        ok(Map.of("DEBIAN_FRONTEND", "noninteractive"), "dpkg", "--force-depends", "-i", deb.toString());
        try {
            Path samples = Path.of("/opt/vitrine/lib/app/samples");
            Path sample;
            try (Stream<Path> all = Files.list(samples)) {
                sample = all.filter(Files::isDirectory).sorted().findFirst().orElseThrow();
            }
            assertTrue(ok(environment(), "vitrine", "open", sample.toString(), "--json").contains("\"tensors\""), "the command on the PATH opens the sample");
            assertTrue(ok(environment(), "vitrine", "capture", sample.toString(), "--prompt", "Once", "--what", "logits", "--out", home.resolve("c.safetensors").toString()) != null);
            window(sample);
        } finally {
            ok(Map.of(), "dpkg", "-r", "vitrine");
        }
        assertFalse(Files.exists(Path.of("/opt/vitrine")), "nothing is left of the program");
        assertFalse(Files.exists(Path.of("/usr/bin/vitrine"), java.nio.file.LinkOption.NOFOLLOW_LINKS), "nothing is left on the PATH");
    }

    /// Starts the installed program on a virtual display, goes to the second view by its key, takes pictures, ends it by its key.
    private void window(Path sample) throws Exception {
        Files.createDirectories(PICTURES);
        Process screen = new ProcessBuilder("Xvfb", DISPLAY, "-screen", "0", "1440x900x24", "-nolisten", "tcp").redirectErrorStream(true)
                .redirectOutput(TARGET.resolve("xvfb.log").toFile()).start();
        try {
            Thread.sleep(1000);
            ProcessBuilder start = new ProcessBuilder("/opt/vitrine/lib/app/bin/vitrine", sample.toString()).redirectErrorStream(true).redirectOutput(TARGET.resolve("window.log").toFile());
            start.environment().putAll(environment());
            long began = System.nanoTime();
            Process program = start.start();
            try {
                String window = appears(program);
                System.out.printf("%nInstalled, on a virtual display: the window is there after %.2f s.%n", (System.nanoTime() - began) / 1e9);
                ok(environment(), "xdotool", "windowsize", window, "1440", "900");
                ok(environment(), "xdotool", "windowfocus", window);
                Thread.sleep(4000);
                Path anatomy = picture("installed-anatomy.png");
                ok(environment(), "xdotool", "key", "--window", window, "alt+2");
                Thread.sleep(4000);
                Path attention = picture("installed-attention.png");
                assertTrue(colours(anatomy) > 50 && colours(attention) > 50, "the pictures show more than an empty screen");
                assertTrue(Files.mismatch(anatomy, attention) >= 0, "the key brings another view");
                // The window is gone before the key is up again, which xdotool calls an error.
                ProcessBuilder quit = new ProcessBuilder("xdotool", "key", "--window", window, "ctrl+q").redirectErrorStream(true).redirectOutput(TARGET.resolve("xdotool.log").toFile());
                quit.environment().putAll(environment());
                quit.start().waitFor();
                assertTrue(program.waitFor(20, TimeUnit.SECONDS), "the program ends by its key");
            } finally {
                program.descendants().forEach(ProcessHandle::destroyForcibly);
                program.destroyForcibly().waitFor();
            }
        } finally {
            screen.destroy();
            screen.waitFor();
        }
        try (Stream<Path> all = Files.walk(home)) {
            List<Path> libraries = all.filter(p -> p.toString().matches(".*\\.(so|jar|dll)(\\..*)?")).toList();
            assertEquals(List.of(), libraries, "nothing is unpacked into the user's home");
        }
    }

    private String appears(Process program) throws Exception {
        for (int i = 0; i < 600; i++) {
            assertTrue(program.isAlive(), "the program goes on running; its words are in window.log");
            ProcessBuilder builder = new ProcessBuilder("xdotool", "search", "--onlyvisible", "--name", "Vitrine").redirectErrorStream(true);
            builder.environment().putAll(environment());
            Process search = builder.start();
            String found = new String(search.getInputStream().readAllBytes()).strip();
            if (search.waitFor() == 0 && !found.isEmpty()) {
                return found.lines().findFirst().orElseThrow();
            }
            Thread.sleep(50);
        }
        throw new AssertionError("no window within 30 s");
    }

    private Path picture(String name) throws Exception {
        Path file = PICTURES.resolve(name);
        ok(environment(), Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp", TARGET.resolve("test-classes").toString(), "vitrine.installer.Screenshot", file.toString());
        return file;
    }

    private static int colours(Path picture) throws IOException {
        BufferedImage image = ImageIO.read(picture.toFile());
        Set<Integer> seen = new HashSet<>();
        for (int y = 0; y < image.getHeight(); y += 2) {
            for (int x = 0; x < image.getWidth(); x += 2) {
                seen.add(image.getRGB(x, y));
            }
        }
        return seen.size();
    }

    @Test
    void thePortableArchiveRunsWhereItIsUnpackedAndMakesItselfKnownToOneUser() throws Exception {
        needs("the portable archive is tried", "tar", "sh");
        ok(Map.of(), "tar", "-xzf", only(".tar.gz").toString(), "-C", home.toString());
        Path folder;
        try (Stream<Path> all = Files.list(home)) {
            folder = all.filter(p -> p.getFileName().toString().startsWith("vitrine-")).findFirst().orElseThrow();
        }
        ok(environment(), folder.resolve("install.sh").toString());
        Path command = home.resolve(".local/bin/vitrine");
        assertTrue(ok(environment(), command.toString(), "engines", "--json").contains("embedded"), "the user's command runs");
        String entry = Files.readString(home.resolve(".local/share/applications/vitrine.desktop"));
        assertTrue(entry.contains(folder + "/lib/app/bin/vitrine"), entry);
        ok(environment(), folder.resolve("install.sh").toString(), "--remove");
        assertFalse(Files.exists(command, java.nio.file.LinkOption.NOFOLLOW_LINKS));
    }

    @Test
    void theRpmHoldsTheProgramAndTheCommand() throws Exception {
        needs("the .rpm is looked into", "rpm", "rpmbuild");
        List<String> files = ok(Map.of(), "rpm", "-qlp", only(".rpm").toString()).lines().toList();
        assertTrue(files.contains("/usr/bin/vitrine") && files.contains("/opt/vitrine/bin/vitrine") && files.contains("/opt/vitrine/lib/app/lib/vitrine.jar"), () -> String.join("\n", files));
    }

    // --- processes

    private Map<String, String> environment() {
        return Map.of("HOME", home.toString(), "DISPLAY", DISPLAY, "VITRINE_HOME", home.resolve("vitrine-data").toString());
    }

    private static Path only(String ending) throws IOException {
        try (Stream<Path> all = Files.list(PACKAGES)) {
            List<Path> found = all.filter(p -> p.toString().endsWith(ending)).toList();
            assertEquals(1, found.size(), () -> "packages ending in " + ending + " in " + PACKAGES + ": " + found);
            return found.getFirst();
        }
    }

    private static void needs(String what, String... programs) {
        for (String p : programs) {
            boolean there = Stream.of(System.getenv().getOrDefault("PATH", "").split(":")).anyMatch(d -> Files.isExecutable(Path.of(d, p)));
            Assumptions.assumeTrue(said(there, what + " only where " + p + " is on the PATH"));
        }
    }

    /// A test that is left out says so loudly.
    private static boolean said(boolean holds, String otherwise) {
        if (!holds) {
            System.err.printf("%n*** SKIPPED: %s.%n%n", otherwise);
        }
        return holds;
    }

    /// Runs a command to its good end and gives what it said.
    private static String ok(Map<String, String> environment, String... command) throws IOException, InterruptedException {
        List<String> all = new ArrayList<>(List.of(command));
        ProcessBuilder builder = new ProcessBuilder(all).redirectErrorStream(true);
        builder.environment().putAll(environment);
        Process process = builder.start();
        String words = new String(process.getInputStream().readAllBytes());
        assertTrue(process.waitFor(5, TimeUnit.MINUTES), () -> String.join(" ", all) + " ends");
        assertEquals(0, process.exitValue(), () -> String.join(" ", all) + "\n" + words);
        return words;
    }
}
