package vitrine.core.work.output;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import vitrine.core.artifact.Provenance;

/// What a task came to, beside the tensors that it wrote.
///
/// @param summary the figures of the result event and of the manifest
/// @param provenance how each tensor came about
public record Outcome(ObjectNode summary, Map<String, Provenance> provenance) {}
