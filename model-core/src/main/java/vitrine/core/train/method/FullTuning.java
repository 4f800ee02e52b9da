package vitrine.core.train.method;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import vitrine.core.architecture.NamedTensor;
import vitrine.core.backward.Parameters;
import vitrine.core.train.Method;

/// Full fine-tuning: every tensor is trained. The result is a checkpoint.
public class FullTuning implements Method {

    @Override
    public boolean trains(NamedTensor tensor) {
        return true;
    }

    @Override
    public void write(Parameters parameters, Path folder, ObjectNode summary) throws IOException {
        CheckpointResult.write(parameters, folder);
        summary.put("result", "checkpoint");
    }
}
