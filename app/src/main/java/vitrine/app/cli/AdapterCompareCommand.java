package vitrine.app.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;
import vitrine.core.artifact.AdapterArtifact;
import vitrine.core.artifact.Artifact;
import vitrine.core.refusal.Visible;
import vitrine.core.task.Task;

@Command(name = "compare", description = "Two adapters of one base: cosines, principal angles, sign conflicts and norms, module by module.", mixinStandardHelpOptions = true)
final class AdapterCompareCommand extends TwoFilesCommand {

    @Parameters(index = "0", paramLabel = "A", description = "an adapter")
    Path adapter;

    @Parameters(index = "1", paramLabel = "B", description = "another adapter of the same base")
    Path other;

    @Override
    Task task() {
        return new Task.AdapterCompare(absolute(adapter), absolute(other));
    }

    @Override
    void finish(Artifact artifact, ObjectNode result, Output output) throws IOException {
        result.set("rows", AdapterArtifact.modules(artifact));
        write(artifact, result, output);
        output.text(String.format(Locale.ROOT, "%s and %s: cosine %s, norms %s and %s, %,d of %,d modules in both", Visible.name(result.get("adapter").asText()),
                Visible.name(result.get("other").asText()), Words.figure(result.path("cosine"), "%.4f"), Words.figure(result.path("frobenius_norm"), "%.4g"),
                Words.figure(result.path("other_frobenius_norm"), "%.4g"), result.get("common_modules").asInt(), result.get("modules").asInt()));
        output.text("");
        output.text("  cosine  overlap left, right (random)  sign conflict  trimmed      ‖A‖      ‖B‖  module");
        for (JsonNode r : result.get("rows")) {
            output.text(String.format(Locale.ROOT, "%8s  %12s %6s %9s  %13s %8s %8s %8s  %s", Words.figure(r.path("cosine"), "%.4f"), Words.figure(r.path("overlap_left"), "%.3f"),
                    Words.figure(r.path("overlap_right"), "%.3f"), Words.figure(r.path("random_overlap_left"), "(%.3f)"), Words.figure(r.path("sign_conflict"), "%.3f"),
                    Words.figure(r.path("trimmed_sign_conflict"), "%.3f"), Words.figure(r.path("frobenius_norm"), "%.4g"), Words.figure(r.path("other_frobenius_norm"), "%.4g"),
                    Visible.name(r.get("module").asText())));
        }
    }
}
