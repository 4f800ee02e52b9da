package vitrine.core.architecture;

import java.util.List;

/// One model family: how its `config.json` and tensor names become a [ModelSpec].
public interface Family {

    /// The values of `model_type` that it reads.
    List<String> modelTypes();

    /// What to call it on screen.
    String name();

    /// The name of the output head's own matrix, where it does not share the embedding's.
    default String headWeight(String modelType) {
        return "lm_head.weight";
    }

    /// The model that this config describes.
    ///
    /// @throws vitrine.core.refusal.Refusal `config-invalid`, `config-mismatch` or `family-unsupported`
    ModelSpec read(Config config, TensorNames names);
}
