package vitrine.app.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Nothing leaves the machine: the program works where there is no network, and tries none, the window no more than the command line.
///
/// It runs in a network namespace of its own, without an interface that is up and without a route. Whatever would connect there, to a host, to a name
/// server or to this machine itself, from Java or from a native library, is counted by the kernel as a packet without a route, in the worker's process as in
/// the command's.
class NoNetworkTest {

    private static final Path CASES = Path.of("../model-core/src/test/resources/reference").toAbsolutePath().normalize();
    private static final int SECONDS = 120;

    @TempDir
    Path folder;

    private static void requireNamespaces() throws IOException, InterruptedException {
        boolean possible = System.getProperty("os.name").equals("Linux") && Files.isExecutable(Path.of("/usr/bin/unshare"))
                && new ProcessBuilder("/usr/bin/unshare", "-rn", "true").redirectErrorStream(true).start().waitFor() == 0;
        if (!possible) {
            System.err.println("""

                    *******************************************************************************
                    *  NOT TESTED WITHOUT A NETWORK: this machine gives no namespace of its own     *
                    *  (unshare -rn). That no connection is tried is not shown by this run.         *
                    *******************************************************************************
                    """);
            Assumptions.abort("no network namespace");
        }
    }

    /// Runs a shell script in a namespace without routes and gives how many packets had none.
    private long packetsWithoutRoute(String script) throws IOException, InterruptedException {
        Path before = folder.resolve("before");
        Path after = folder.resolve("after");
        Path log = folder.resolve("log");
        Process p = new ProcessBuilder("/usr/bin/unshare", "-rn", "bash", "-c", "cat /proc/net/snmp > '" + before + "'\n" + script + "\ncode=$?\ncat /proc/net/snmp > '" + after + "'\nexit $code")
                .redirectErrorStream(true).redirectOutput(log.toFile()).start();
        assertTrue(p.waitFor(SECONDS, TimeUnit.SECONDS), () -> "it does not end");
        assertEquals(0, p.exitValue(), () -> read(log));
        return count(after) - count(before);
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /// `OutNoRoutes` of the kernel's counters.
    private static long count(Path snmp) {
        List<String[]> ip = read(snmp).lines().filter(l -> l.startsWith("Ip: ")).map(l -> l.split(" ")).toList();
        return Long.parseLong(ip.get(1)[Arrays.asList(ip.get(0)).indexOf("OutNoRoutes")]);
    }

    @Test
    void theCounterCountsWhatWouldConnect() throws IOException, InterruptedException {
        requireNamespaces();
        assertEquals(2, packetsWithoutRoute("(echo > /dev/tcp/192.0.2.1/443) 2> /dev/null; (echo > /dev/tcp/127.0.0.1/80) 2> /dev/null; true"));
    }

    @Test
    void nothingIsTriedAndEverythingWorks() throws IOException, InterruptedException {
        requireNamespaces();
        Path model = CASES.resolve("fmt-gguf-q8_0/model.gguf");
        Path captured = folder.resolve("captured.safetensors");
        Path text = Files.writeString(folder.resolve("text.txt"), "The lantern over the wall went out, and the");
        // A proxy that the environment names is not asked either.
        String script = "export https_proxy=http://192.0.2.1:3128 http_proxy=http://192.0.2.1:3128\nset -e\n"
                + command("open", model.toString(), "--json") + "\n"
                + command("capture", model.toString(), "--prompt-file", text.toString(), "--what", "attentions,logits", "--out", captured.toString()) + "\n"
                + command("spectrum", CASES.resolve("fmt-bin-bf16-sharded").toString(), "--tensors", "*q_proj*", "--json") + "\n"
                + "set +e";
        assertEquals(0, packetsWithoutRoute(script), () -> read(folder.resolve("log")));
        assertTrue(Files.size(captured) > 1000);
        assertTrue(read(folder.resolve("log")).contains("effective_rank"), () -> read(folder.resolve("log")));
    }

    @Test
    void theWindowTriesNoneEither() throws IOException, InterruptedException {
        requireNamespaces();
        String errand = java("vitrine.app.shell.WindowErrand", folder.resolve("window").toString(), CASES.resolve("llama-tied").toString());
        assertEquals(0, packetsWithoutRoute("export https_proxy=http://192.0.2.1:3128 http_proxy=http://192.0.2.1:3128\n" + errand), () -> read(folder.resolve("log")));
        assertTrue(read(folder.resolve("log")).contains("errand done"), () -> read(folder.resolve("log")));
    }

    private String command(String... args) {
        return java("vitrine.app.Main", args);
    }

    private String java(String main, String... args) {
        List<String> words = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Dvitrine.home=" + folder.resolve("home")));
        for (String property : List.of("vitrine.natives", "java.library.path", "DJL_CACHE_DIR")) {
            if (System.getProperty(property) != null) {
                words.add("-D" + property + "=" + System.getProperty(property));
            }
        }
        words.addAll(List.of("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow", "--add-modules", "jdk.incubator.vector", "-Dai.djl.offline=true", "-cp",
                System.getProperty("java.class.path"), main));
        words.addAll(List.of(args));
        return String.join(" ", words.stream().map(w -> "'" + w.replace("'", "'\\''") + "'").toList());
    }
}
