package vitrine.core.work.compare;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import vitrine.core.analysis.routing.ExpertCounts;
import vitrine.core.artifact.CompareArtifact;
import vitrine.core.artifact.Provenance;
import vitrine.core.json.Json;
import vitrine.core.task.Task;

/// Two models that are compared, and what is known of them so far: each part of the comparison adds to it, or says why it cannot.
final class Compared {

    final Task.Compare task;
    final CompareSide a;
    final CompareSide b;
    final Consumer<String> warn;
    final ObjectNode figures = Json.object().put("format", CompareArtifact.FORMAT).put("version", CompareArtifact.VERSION);
    /// Why something is not there, by its name.
    final ObjectNode absent = Json.object();
    final Map<String, Provenance> provenance = new LinkedHashMap<>();
    /// Whether a token of one is the same token of the other.
    boolean sameTokens;
    /// Choices of experts over the texts, or over the prompt where there are none; null before.
    ExpertCounts expertsA;
    ExpertCounts expertsB;

    Compared(Task.Compare task, CompareSide a, CompareSide b, Consumer<String> warn) {
        this.task = task;
        this.a = a;
        this.b = b;
        this.warn = warn;
    }

    /// Why one of the two cannot be run, or null.
    String cannotRun() {
        return a.model() == null ? a.cannotRun() : b.model() == null ? b.cannotRun() : null;
    }

    void countExperts() {
        expertsA = new ExpertCounts(a.specOrNull());
        expertsB = new ExpertCounts(b.specOrNull());
    }
}
