package vitrine.core.analysis.anatomy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.checkpoint.Warning;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// What is odd about an adapter, as far as its own files tell.
final class AdapterCheck {

    private AdapterCheck() {}

    static void warn(Checkpoint adapter, List<Warning> warnings) {
        ObjectNode config;
        try {
            config = adapter.config();
        } catch (Refusal r) {
            warnings.add(new Warning(r.category(), r.getMessage()));
            return;
        }
        Set<String> names = adapter.tensors().keySet();
        for (TensorEntry t : adapter.tensors().values()) {
            String other = t.name().contains(".lora_A.") ? t.name().replace(".lora_A.", ".lora_B.")
                    : t.name().contains(".lora_B.") ? t.name().replace(".lora_B.", ".lora_A.") : null;
            if (other != null && !names.contains(other)) {
                warnings.add(new Warning(Category.TENSOR_MISSING, "Tensor " + t.name() + " has no partner " + other + "."));
            }
            int r = config.path("r").asInt(-1);
            boolean patterned = config.path("rank_pattern").size() > 0;
            if (t.name().contains(".lora_A.") && !patterned && r >= 0 && t.shape().size(0) != r) {
                warnings.add(new Warning(Category.ADAPTER_MISMATCH, String.format("The config says r = %d; %s has rank %d.", r, t.name(), t.shape().size(0))));
            }
        }
        JsonNode alpha = config.path("lora_alpha");
        if (!alpha.isNumber() || !Double.isFinite(alpha.doubleValue())) {
            warnings.add(new Warning(Category.ADAPTER_INVALID, "lora_alpha is " + alpha + "; a finite number belongs here."));
        }
        String base = config.path("base_model_name_or_path").asText("");
        if (looksLikePath(base) && !Files.exists(resolve(adapter, base))) {
            warnings.add(new Warning(Category.NOT_FOUND, "Its base " + vitrine.core.refusal.Visible.name(base) + " is not there: what needs no base still works."));
        }
    }

    private static boolean looksLikePath(String base) {
        return base.startsWith(".") || base.startsWith("/");
    }

    private static Path resolve(Checkpoint adapter, String base) {
        try {
            return adapter.folder().folder().resolve(base);
        } catch (java.nio.file.InvalidPathException e) {
            return Path.of("");
        }
    }
}
