package vitrine.app.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import vitrine.core.engine.IdleWorkers;
import vitrine.core.json.Json;

/// One run of the command line in this process, with its own data folder.
record Invocation(List<String> args, int exit, String out, String err) {

    static {
        // Starting a worker takes longer than most tasks of the tests.
        IdleWorkers.keep();
    }

    static Invocation of(Path home, List<String> args) {
        System.setProperty("vitrine.home", home.resolve("home").toString());
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        PrintWriter outWriter = new PrintWriter(out);
        PrintWriter errWriter = new PrintWriter(err);
        int exit = CommandLineTool.run(args.toArray(String[]::new), outWriter, errWriter);
        outWriter.flush();
        errWriter.flush();
        return new Invocation(args, exit, out.toString(), err.toString());
    }

    static Invocation of(Path home, String... args) {
        return of(home, List.of(args));
    }

    List<String> errorLines() {
        return err.lines().filter(l -> !l.isBlank()).toList();
    }

    /// The events of a `--json` run with this name.
    List<JsonNode> events(String name) {
        List<JsonNode> found = new ArrayList<>();
        for (String line : out.lines().toList()) {
            try {
                JsonNode event = Json.mapper().readTree(line);
                if (event.path("event").asText().equals(name)) {
                    found.add(event);
                }
            } catch (JsonProcessingException e) {
                throw new AssertionError("not JSON on standard output: " + line, e);
            }
        }
        return found;
    }
}
