package vitrine.installer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
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
            onADisplay(() -> {
                window(sample);
                measures();
            });
        } finally {
            ok(Map.of(), "dpkg", "-r", "vitrine");
        }
        assertFalse(Files.exists(Path.of("/opt/vitrine")), "nothing is left of the program");
        assertFalse(Files.exists(Path.of("/usr/bin/vitrine"), java.nio.file.LinkOption.NOFOLLOW_LINKS), "nothing is left on the PATH");
    }

    @FunctionalInterface
    private interface Work {
        void run() throws Exception;
    }

    private void onADisplay(Work work) throws Exception {
        Process screen = new ProcessBuilder("Xvfb", DISPLAY, "-screen", "0", "1440x900x24", "-nolisten", "tcp").redirectErrorStream(true)
                .redirectOutput(TARGET.resolve("xvfb.log").toFile()).start();
        try {
            Thread.sleep(1000);
            work.run();
        } finally {
            screen.destroy();
            screen.waitFor();
        }
    }

    private Process start(String options, String... paths) throws IOException {
        List<String> command = new ArrayList<>(List.of("/opt/vitrine/lib/app/bin/vitrine"));
        command.addAll(List.of(paths));
        ProcessBuilder start = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(TARGET.resolve("window.log").toFile());
        start.environment().putAll(environment());
        start.environment().merge("VITRINE_JAVA_OPTIONS", options, (home, more) -> home + " " + more);
        return start.start();
    }

    /// Goes to the second view by its key, takes pictures, ends the program by its key.
    private void window(Path sample) throws Exception {
        Files.createDirectories(PICTURES);
        Process program = start("", sample.toString());
        try {
            String window = appears(program);
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
            end(program);
        }
        try (Stream<Path> all = Files.walk(home)) {
            List<Path> libraries = all.filter(p -> p.toString().matches(".*\\.(so|jar|dll)(\\..*)?")).toList();
            assertEquals(List.of(), libraries, "nothing is unpacked into the user's home");
        }
    }

    private static void end(Process program) throws InterruptedException {
        program.descendants().forEach(ProcessHandle::destroyForcibly);
        program.destroyForcibly().waitFor();
    }

    // --- measures, printed for docs/benchmarks.md; nothing about time is asserted

    private static final int ROUNDS = 5;
    private static final String TELL = "-Dvitrine.bench.firstPaint=true";

    private void measures() throws Exception {
        Path large = gigabyte();
        List<Integer> first = new ArrayList<>();
        List<Integer> whole = new ArrayList<>();
        List<Integer> drawn = new ArrayList<>();
        for (int i = 0; i <= ROUNDS; i++) {
            String said = told(start(TELL));
            String opened = told(start(TELL, large.toString()));
            // The first round fills the system's file cache: it is the start after a boot, as far as a test can have one.
            if (i > 0) {
                first.add(milliseconds("first paint", said));
                whole.add(milliseconds("whole window", said));
                drawn.add(milliseconds("opened and drawn", opened));
            } else {
                System.out.printf("%nInstalled, on a virtual display; the first start: first paint %d ms, whole window %d ms.%n", milliseconds("first paint", said), milliseconds("whole window", said));
            }
        }
        System.out.printf("Medians of %d (milliseconds): first paint %s, whole window %s; 1 GB checkpoint asked for to drawn %s.%n", ROUNDS, spread(first), spread(whole), spread(drawn));
        // What was opened before stands on the start page: nothing is opened by itself.
        System.out.printf("Resident memory, MiB (window, with its worker): start page %s", resident(start("")));
        System.out.printf("; with the 1 GB checkpoint in Anatomy %s.%n", resident(start("", large.toString())));
    }

    private static String told(Process program) throws Exception {
        try {
            assertTrue(program.waitFor(60, TimeUnit.SECONDS), "a window that takes its times ends by itself");
            return Files.readString(TARGET.resolve("window.log"));
        } finally {
            end(program);
        }
    }

    private static int milliseconds(String what, String said) {
        return said.lines().filter(l -> l.startsWith(what + " after ")).map(l -> Integer.parseInt(l.replaceAll("\\D", ""))).findFirst()
                .orElseThrow(() -> new AssertionError(what + " is not told: " + said));
    }

    private static String spread(List<Integer> values) {
        List<Integer> sorted = values.stream().sorted().toList();
        return sorted.get(sorted.size() / 2) + " (" + sorted.getFirst() + " to " + sorted.getLast() + ")";
    }

    private String resident(Process program) throws Exception {
        try {
            appears(program);
            Thread.sleep(10_000);
            long own = memory(program.pid());
            return own + " (" + (own + program.descendants().mapToLong(p -> memory(p.pid())).sum()) + ")";
        } finally {
            end(program);
        }
    }

    private static long memory(long pid) {
        try {
            return Files.readAllLines(Path.of("/proc/" + pid + "/status")).stream().filter(l -> l.startsWith("VmRSS:")).mapToLong(l -> Long.parseLong(l.replaceAll("\\D", "")) >> 10).sum();
        } catch (IOException ended) {
            return 0;
        }
    }

    /// A checkpoint of Qwen2.5-0.5B's shape, 988 MB of zeros that take no room on the disk.
    private Path gigabyte() throws IOException {
        Path folder = Files.createDirectories(home.resolve("qwen2.5-0.5b-shape"));
        int hidden = 896;
        int wide = 4864;
        Files.writeString(folder.resolve("config.json"), """
                {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "dtype": "bfloat16", "hidden_act": "silu", "vocab_size": 151936, "hidden_size": 896, "num_hidden_layers": 24,
                 "num_attention_heads": 14, "num_key_value_heads": 2, "intermediate_size": 4864, "max_position_embeddings": 32768, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0,
                 "tie_word_embeddings": true}
                """);
        Map<String, int[]> shapes = new LinkedHashMap<>();
        shapes.put("model.embed_tokens.weight", new int[] {151_936, hidden});
        for (int l = 0; l < 24; l++) {
            String layer = "model.layers." + l + ".";
            shapes.put(layer + "input_layernorm.weight", new int[] {hidden});
            shapes.put(layer + "post_attention_layernorm.weight", new int[] {hidden});
            for (String p : List.of("q", "k", "v")) {
                int rows = p.equals("q") ? hidden : 128;
                shapes.put(layer + "self_attn." + p + "_proj.weight", new int[] {rows, hidden});
                shapes.put(layer + "self_attn." + p + "_proj.bias", new int[] {rows});
            }
            shapes.put(layer + "self_attn.o_proj.weight", new int[] {hidden, hidden});
            shapes.put(layer + "mlp.gate_proj.weight", new int[] {wide, hidden});
            shapes.put(layer + "mlp.up_proj.weight", new int[] {wide, hidden});
            shapes.put(layer + "mlp.down_proj.weight", new int[] {hidden, wide});
        }
        shapes.put("model.norm.weight", new int[] {hidden});
        StringBuilder header = new StringBuilder("{");
        long at = 0;
        for (Map.Entry<String, int[]> t : shapes.entrySet()) {
            long end = at + 2 * Arrays.stream(t.getValue()).asLongStream().reduce(1, (a, b) -> a * b);
            header.append(at == 0 ? "" : ", ").append("\"").append(t.getKey()).append("\": {\"dtype\": \"BF16\", \"shape\": ").append(Arrays.toString(t.getValue()))
                    .append(", \"data_offsets\": [").append(at).append(", ").append(end).append("]}");
            at = end;
        }
        byte[] bytes = header.append("}").toString().getBytes(StandardCharsets.UTF_8);
        try (RandomAccessFile file = new RandomAccessFile(folder.resolve("model.safetensors").toFile(), "rw")) {
            file.write(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(bytes.length).array());
            file.write(bytes);
            file.setLength(8 + bytes.length + at);
        }
        return folder;
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
        // Java asks the system's list of users for the home, not the variable.
        return Map.of("HOME", home.toString(), "DISPLAY", DISPLAY, "VITRINE_HOME", home.resolve("vitrine-data").toString(), "VITRINE_JAVA_OPTIONS", "-Duser.home=" + home);
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
