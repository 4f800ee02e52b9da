package vitrine.core.architecture.family;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.KnownKeys;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.TensorNames;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// The families that the forward pass can run.
public final class Families {

    private static final List<Family> ALL = List.of(new Gpt2(), new Llama(), new Mistral(), new Qwen2(), new Qwen3(), new Gemma(), new Gemma2(),
            new Gemma3Text(), new GptNeoX(), new Phi3(), new Olmo2(), new Opt(), new StableLm(), new Starcoder2(), new Granite(),
            new Ernie45(), new Bert(), new Mixtral(), new Olmoe(), new Qwen2Moe(), new Qwen3Moe(), new Ernie45Moe(), new GptOss(), new DeepseekV2(),
            new DeepseekV3(), new GraniteMoe(), new Phimoe(), new Dbrx(), new Llama4Text(),
            new SmolLm3(), new Glm(), new Glm4(), new Olmo(), new Olmo3(), new Exaone4(), new SeedOss(), new Nemotron(),
            new Glm4Moe(), new Cohere(), new Cohere2(), new Phi(), new HunYuanDense(),
            new GptJ(), new Falcon(), new Bloom(), new Mpt());

    private static final Map<String, Family> BY_TYPE = byType();

    private Families() {}

    private static Map<String, Family> byType() {
        Map<String, Family> map = new LinkedHashMap<>();
        for (Family family : ALL) {
            for (String type : family.modelTypes()) {
                if (map.put(type, family) != null) {
                    throw new IllegalStateException("two families read " + type);
                }
            }
        }
        return map;
    }

    /// The family that reads this `model_type`.
    public static Optional<Family> of(String modelType) {
        return Optional.ofNullable(BY_TYPE.get(modelType));
    }

    /// The name of a head's own matrix in this family, see [Family#headWeight].
    public static String headWeight(String modelType) {
        return of(modelType).map(f -> f.headWeight(modelType)).orElse("lm_head.weight");
    }

    /// All `model_type` values that can be run.
    public static Collection<String> modelTypes() {
        return BY_TYPE.keySet();
    }

    /// The model that a config and a checkpoint's tensor names describe.
    ///
    /// @throws Refusal `config-invalid`, `config-mismatch`, or `family-unsupported` for a family or a feature that is not understood
    public static ModelSpec read(ObjectNode json, Path file, Collection<String> tensorNames) {
        Config config = new Config(json, file);
        String type = config.text("model_type");
        Family family = of(type).orElseThrow(() -> Refusal.of(Category.FAMILY_UNSUPPORTED, file,
                "model_type %s has no forward pass here", type)
                .help("Anatomy and everything else that needs no forward pass still work."));
        ModelSpec spec = family.read(config, new TensorNames(tensorNames));
        if (!spec.encoder() && !config.flagOr("is_causal", true)) {
            throw config.unsupported("is_causal", "a decoder whose tokens see later ones");
        }
        KnownKeys.requireUnderstood(config);
        return spec;
    }
}
