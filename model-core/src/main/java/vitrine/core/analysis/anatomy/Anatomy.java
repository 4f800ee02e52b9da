package vitrine.core.analysis.anatomy;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import vitrine.core.architecture.AttentionLoops;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.NamedTensor;
import vitrine.core.architecture.Part;
import vitrine.core.architecture.PartGuess;
import vitrine.core.architecture.SpecCheck;
import vitrine.core.architecture.TensorNames;
import vitrine.core.architecture.family.Families;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.checkpoint.Warning;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.tensor.DType;
import vitrine.core.tokenizer.Vocabulary;

/// What a checkpoint is made of, from its headers and small files. Whatever of it can be told is told; the rest are warnings.
///
/// @param spec how the model is wired, where its family is known and its config can be read
/// @param obstacle why no forward pass is possible, or null
/// @param tensors every tensor with what it is for, in file order
/// @param parameters values of all tensors that are weights; a tied output matrix counts once
/// @param byPart values per part, largest parts included
/// @param byDType tensors per element type
/// @param float32Bytes memory of all weights widened to float32
public record Anatomy(Checkpoint checkpoint, Optional<ModelSpec> spec, Refusal obstacle, List<Item> tensors, long parameters,
                      Map<Part, Long> byPart, Map<DType, Integer> byDType, long float32Bytes, List<Warning> warnings) {

    /// Contexts longer than this are not what one first asks a cache size for.
    private static final int CACHE_POSITIONS = 4096;

    /// A tensor and what it is for.
    ///
    /// @param layer the layer that it belongs to, or -1
    /// @param idle whether the forward pass has no use for it
    public record Item(TensorEntry entry, Part part, int layer, boolean idle) {}

    public static Anatomy of(Checkpoint checkpoint) {
        List<Warning> warnings = new ArrayList<>(checkpoint.warnings());
        Optional<ModelSpec> spec = Optional.empty();
        Refusal obstacle = null;
        Map<String, NamedTensor> named = new HashMap<>();
        if (checkpoint.kind() == Checkpoint.Kind.MODEL) {
            try {
                spec = Optional.of(Families.read(checkpoint.config(), checkpoint.configFile(), checkpoint.tensors().keySet()));
                NamedTensor.of(spec.get()).forEach(t -> named.put(t.name(), t));
                SpecCheck check = SpecCheck.of(spec.get(), checkpoint);
                obstacle = check.refusals().isEmpty() ? null : check.refusals().getFirst();
                warnAboutTensors(check, warnings);
                spec = Optional.of(AttentionLoops.on(spec.get(), checkpoint));
                warnAboutLoops(spec.get(), warnings);
                warnAboutTokenizer(checkpoint, spec.get(), warnings);
            } catch (Refusal r) {
                obstacle = r;
                if (!(r.category() == Category.CONFIG_MISSING && checkpoint.tensors().isEmpty())) {
                    warnings.add(new Warning(r.category(), r.getMessage()));
                }
            }
        } else {
            AdapterCheck.warn(checkpoint, warnings);
        }
        return gather(checkpoint, spec, obstacle, named, warnings);
    }

    private static void warnAboutTensors(SpecCheck check, List<Warning> warnings) {
        int shown = 0;
        for (Refusal r : check.refusals()) {
            if (shown++ < 8) {
                warnings.add(new Warning(r.category(), r.getMessage()));
            }
        }
        if (shown > 8) {
            warnings.add(new Warning(check.refusals().getFirst().category(), String.format("%,d more tensors are missing or do not fit.", shown - 8)));
        }
        List<TensorEntry> outside = check.unexpected().stream().filter(t -> TensorNames.layerOf(t.name()) < 0).toList();
        if (!outside.isEmpty()) {
            warnings.add(new Warning(Category.CONFIG_MISMATCH, String.format("%s not used by the forward pass: %s%s.",
                    outside.size() == 1 ? "1 tensor is" : String.format("%,d tensors are", outside.size()),
                    vitrine.core.refusal.Visible.name(outside.getFirst().name()), outside.size() > 1 ? " and others" : "")));
        }
    }

    private static void warnAboutLoops(ModelSpec spec, List<Warning> warnings) {
        List<Integer> layers = spec.loopingLayers();
        if (!layers.isEmpty()) {
            warnings.add(new Warning(Category.CONFIG_MISMATCH, String.format("%s %s attention (%s), which config.json does not tell: the embedded engine does so too, transformers runs the weights without.",
                    layers.size() == 1 ? "Layer " + layers.getFirst() : "Layers " + layers.stream().map(String::valueOf).collect(Collectors.joining(", ")),
                    layers.size() == 1 ? "repeats its" : "repeat their", AttentionLoops.FILE)));
        }
    }

    private static void warnAboutTokenizer(Checkpoint checkpoint, ModelSpec spec, List<Warning> warnings) {
        if (!checkpoint.hasTokenizer()) {
            warnings.add(new Warning(Category.TOKENIZER_MISSING, checkpoint.embedded() == null
                    ? "There is no tokenizer.json beside the weights: token ids work, text prompts do not."
                    : "There is no tokenizer in the file: token ids work, text prompts do not."));
            return;
        }
        try {
            int size = checkpoint.embedded() != null ? checkpoint.embedded().tokenCount() : Vocabulary.of(checkpoint).size();
            if (size > spec.vocabSize()) {
                warnings.add(new Warning(Category.TOKENIZER_MISMATCH, String.format(
                        "The tokenizer has %d ids, the embedding has %d rows: prompts with an id past them are refused.", size, spec.vocabSize())));
            }
        } catch (Refusal r) {
            warnings.add(new Warning(r.category(), r.getMessage()));
        }
    }

    private static Anatomy gather(Checkpoint checkpoint, Optional<ModelSpec> spec, Refusal obstacle, Map<String, NamedTensor> named, List<Warning> warnings) {
        List<Item> items = new ArrayList<>(checkpoint.tensors().size());
        Map<Part, Long> byPart = new EnumMap<>(Part.class);
        Map<DType, Integer> byDType = new TreeMap<>();
        long parameters = 0;
        for (TensorEntry t : checkpoint.tensors().values()) {
            NamedTensor known = named.get(t.name());
            boolean idle = spec.isPresent() && spec.get().ignoredSuffixes().stream().anyMatch(t.name()::endsWith) && known == null;
            Part part = known != null ? known.mainPart() : idle ? Part.OTHER : PartGuess.of(t.name(), t.shape().rank());
            items.add(new Item(t, part, known != null ? known.layer() : TensorNames.layerOf(t.name()), idle));
            byDType.merge(t.dtype(), 1, Integer::sum);
            if (idle) {
                continue;
            }
            if (known != null && known.shape().equals(t.shape())) {
                known.parameters().forEach((p, n) -> byPart.merge(p, n, Long::sum));
                parameters += known.parameters().values().stream().mapToLong(Long::longValue).sum();
            } else {
                parameters += t.elements();
                byPart.merge(part, t.elements(), Long::sum);
            }
        }
        byPart.values().removeIf(n -> n == 0);
        return new Anatomy(checkpoint, spec, obstacle, items, parameters, byPart, byDType, 4 * parameters, warnings);
    }

    /// Layers that the spec has, or else that the tensors' names speak of.
    public int layers() {
        return spec.map(s -> s.layers().size())
                .orElseGet(() -> tensors.stream().mapToInt(Item::layer).max().orElse(-1) + 1);
    }

    /// Whether the output matrix is the embedding.
    public boolean tied() {
        return spec.map(s -> s.head() != null && s.head().tied()).orElse(false);
    }

    /// The number of positions that [#cacheBytes] is told for.
    public int cachePositions() {
        return spec.map(s -> Math.min(s.maxPositions(), CACHE_POSITIONS)).orElse(0);
    }

    /// Bytes of keys and values of all layers for [#cachePositions] positions, in float32.
    public long cacheBytes() {
        long perPosition = 0;
        for (LayerSpec layer : spec.map(ModelSpec::layers).orElse(List.of())) {
            AttentionSpec a = layer.attention();
            perPosition += 4L * a.keyValueHeads() * (a.headDim() + a.valueDim());
        }
        return perPosition * cachePositions();
    }

    /// What to call the family: its name, its `model_type`, or a plain word for a file without a config.
    public String familyName() {
        if (spec.isPresent()) {
            return spec.get().family();
        }
        if (checkpoint.kind() == Checkpoint.Kind.ADAPTER) {
            return "Adapter";
        }
        try {
            var type = checkpoint.config().get("model_type");
            return type != null && type.isTextual() ? vitrine.core.refusal.Visible.name(type.textValue()) : "Unknown family";
        } catch (Refusal r) {
            return "Unknown family";
        }
    }
}
