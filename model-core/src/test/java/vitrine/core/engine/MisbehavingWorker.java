package vitrine.core.engine;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import vitrine.core.artifact.ArtifactStore;
import vitrine.core.json.Json;

/// A worker that does what its first argument says: dies, hangs, floods, lies. A fixture for tests of everything that reads workers.
public final class MisbehavingWorker {

    static final WorkerProcess.Patience SHORT = new WorkerProcess.Patience(Duration.ofSeconds(2), Duration.ofMillis(500), Duration.ofSeconds(1));
    /// Long enough for a worker to start and to answer on a busy machine.
    private static final WorkerProcess.Patience USUAL = new WorkerProcess.Patience(Duration.ofSeconds(30), Duration.ofSeconds(3), Duration.ofSeconds(1));

    private MisbehavingWorker() {}

    /// Ways to misbehave; `OBEDIENT` behaves.
    public enum Manner {
        OBEDIENT, EXITS, KILLED, SEGFAULTS, OUT_OF_HEAP, SILENT, DEAF_TO_CANCEL, GARBAGE, ENDLESS_LINE, LIES_ABOUT_RESULT, WRONG_ID, UNKNOWN_CATEGORY, SLOW,
        ABORTS_IN_TOKENIZER, STUCK_IN_TOKENIZER, ABORTS_AFTER_TOKENIZER
    }

    /// An engine whose workers behave so. Its patience is short where silence is what is tried.
    public static EmbeddedEngine engine(Path folder, Manner manner) throws IOException {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        WorkerCommand command = new WorkerCommand(List.of(java, "-Xmx64m", "-XX:+ExitOnOutOfMemoryError", "-cp", System.getProperty("java.class.path"),
                MisbehavingWorker.class.getName(), manner.name()), Map.of());
        return new EmbeddedEngine(new ArtifactStore(folder.resolve("artifacts"), 1 << 30), command, manner == Manner.SILENT ? SHORT : USUAL);
    }

    public static void main(String[] args) throws Exception {
        Manner manner = Manner.valueOf(args[0]);
        PrintStream out = System.out;
        out.println("{\"event\":\"hello\",\"protocol\":1}");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            JsonNode request = Json.mapper().readTree(line);
            if (request.path("request").asText().equals("run")) {
                misbehave(manner, request.path("id").asLong(), Path.of(request.path("artifact").asText()), out);
            } else if (request.path("request").asText().equals("cancel") && manner == Manner.SLOW) {
                out.println("{\"event\":\"cancelled\",\"id\":" + request.path("id").asLong() + "}");
            }
        }
    }

    private static void misbehave(Manner manner, long id, Path artifact, PrintStream out) throws Exception {
        out.println("{\"event\":\"progress\",\"id\":" + id + ",\"done\":1,\"total\":10,\"unit\":\"layers\"}");
        switch (manner) {
            case OBEDIENT -> {
                writeArtifact(artifact);
                out.println("{\"event\":\"result\",\"id\":" + id + ",\"artifact\":\"x\"}");
            }
            case EXITS -> System.exit(17);
            case KILLED -> signal("-9");
            case SEGFAULTS -> signal("-11");
            case OUT_OF_HEAP -> {
                byte[][] hoard = new byte[1 << 20][];
                for (int i = 0; i < hoard.length; i++) {
                    hoard[i] = new byte[1 << 20];
                }
            }
            case SILENT, SLOW -> {
                return;
            }
            case DEAF_TO_CANCEL -> {
                while (true) {
                    Thread.sleep(50);
                    out.println("{\"event\":\"heartbeat\"}");
                }
            }
            case GARBAGE -> {
                for (int i = 0; i < 100_000; i++) {
                    out.println("\u0001\u0002 not json " + i);
                }
            }
            case ENDLESS_LINE -> {
                byte[] block = new byte[1 << 20];
                java.util.Arrays.fill(block, (byte) 'x');
                for (int i = 0; i < 300; i++) {
                    out.write(block);
                }
                out.println();
                out.println("{\"event\":\"fault\",\"id\":" + id + ",\"message\":\"after the flood\"}");
            }
            case LIES_ABOUT_RESULT -> out.println("{\"event\":\"result\",\"id\":" + id + ",\"artifact\":\"/nowhere\"}");
            case WRONG_ID -> {
                out.println("{\"event\":\"result\",\"id\":" + (id + 1000) + ",\"artifact\":\"/nowhere\"}");
                out.println("{\"event\":\"error\",\"id\":" + id + ",\"category\":\"prompt-invalid\",\"message\":\"the right one\"}");
            }
            case ABORTS_IN_TOKENIZER -> {
                out.println("{\"event\":\"stage\",\"id\":" + id + ",\"file\":\"/models/m/tokenizer.json\",\"seconds\":60}");
                signal("-6");
            }
            case STUCK_IN_TOKENIZER -> {
                out.println("{\"event\":\"stage\",\"id\":" + id + ",\"file\":\"/models/m/tokenizer.json\",\"seconds\":1}");
                while (true) {
                    Thread.sleep(50);
                    out.println("{\"event\":\"heartbeat\"}");
                }
            }
            case ABORTS_AFTER_TOKENIZER -> {
                out.println("{\"event\":\"stage\",\"id\":" + id + ",\"file\":\"/models/m/tokenizer.json\",\"seconds\":60}");
                out.println("{\"event\":\"stage\",\"id\":" + id + "}");
                signal("-6");
            }
            case UNKNOWN_CATEGORY -> out.println("{\"event\":\"error\",\"id\":" + id + ",\"category\":\"made-up\",\"message\":\"?\"}");
        }
    }

    private static void signal(String signal) throws IOException, InterruptedException {
        new ProcessBuilder("kill", signal, String.valueOf(ProcessHandle.current().pid())).start().waitFor();
        Thread.sleep(5000);
    }

    private static void writeArtifact(Path folder) throws IOException {
        Files.createDirectories(folder);
        Files.writeString(folder.resolve("manifest.json"), """
                {"format":"vitrine-artifact","version":1,"kind":"eval","task":{},"inputs":{},"engine":{},"created":"","seconds":0,
                 "summary":{},"provenance":{},"warnings":[]}""");
    }
}
