package vitrine.core.artifact;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// Two models against each other, as a `compare` task left them.
///
/// What could not be compared is absent, and [#absent] says why, one sentence each. Tensors of `result.safetensors`, `n` tokens of the prompt:
///
/// | tensor | shape | there |
/// |---|---|---|
/// | `input_ids` | `[n]` | with a prompt that both take |
/// | `token_nll_a`, `token_nll_b` | `[n - 1]` | likewise, where both have a head; nats of every token but the first |
/// | `kl_ab`, `kl_ba`, `js` | `[n]` | likewise; divergence of the next-token distributions after each token, nats |
/// | `top_a`, `top_b` | `[n]` | likewise; ids of the most likely next tokens, `top_probability_a` and `top_probability_b` beside them |
/// | `attention_total_variation` | `[layers, heads]` | where heads stand for each other; NaN beyond a layer's heads |
/// | `first_token_mass_a`, `first_token_mass_b` | `[layers, heads]` | likewise |
/// | `attentions_a`, `attentions_b` | `[layers, heads, n, n]` | likewise, for prompts that are not long; 0 beyond a layer's heads |
/// | `lens_top_a`, `lens_rank_a` and those of b | `[layers + 1, n]` | with a head; ids, and ranks of the true next token from 1, 0 where there is none |
/// | `lens_probability_a`, `lens_target_a`, `lens_kl_a` and those of b | `[layers + 1, n]` | likewise |
///
/// @param a and `b` what is compared
/// @param sameTokenizer whether tokens of the two are the same; `tokenizer` says how that is known, or what differs
/// @param sameArchitecture whether family, layers, heads and sizes agree; `architecture` in words
/// @param absent what is not there and why, by part: `texts`, `prompt`, `tokens`, `heads`, `maps`, `lens`, `routing`, `spectra`
/// @param kinds the columns of [#relativeChange] and [#rankChange]: kinds of matrix that lie in layers
/// @param relativeChange `[layers][kinds]`, the norm of the change by that of A, over all matrices of the kind in the layer; NaN where there is none
/// @param rankChange `[layers][kinds]`, the mean change of the normalised effective rank; NaN where there is none
public record CompareArtifact(Artifact artifact, Subject a, Subject b, boolean sameTokenizer, String tokenizer, boolean sameArchitecture, String architecture,
                              Map<String, String> absent, List<Text> texts, Prompt prompt, Tensors tensors, List<Matrix> matrices, List<String> kinds, double[][] relativeChange,
                              double[][] rankChange, String routingOver, List<Routing> routing, List<Setting> settings, Map<Integer, String> names) {

    /// The kind of task whose artifacts these are.
    public static final String KIND = "compare";
    /// The file of figures.
    public static final String FIGURES = "comparison.json";
    /// What that file says it is.
    public static final String FORMAT = "vitrine-comparison";
    public static final int VERSION = 1;

    private static final long MAX_BYTES = 256 << 20;

    /// One of the two.
    ///
    /// @param name the checkpoint's, with those of adapters behind it
    /// @param adapters paths; none where empty
    /// @param family as its config says, or null where it cannot be run here
    /// @param layers -1 where unknown
    public record Subject(String name, String path, List<String> adapters, String family, int layers, long parameters) {}

    /// One side of a text.
    ///
    /// @param bitsPerByte nats of all predicted tokens / ln 2 / bytes of the text; NaN where the text is ids
    public record Loss(double loss, double perplexity, double bitsPerByte, long predictedTokens) {}

    /// A text of which both have a loss.
    ///
    /// @param ratio perplexity of B by that of A; NaN where tokens differ, for then `bitsRatio`, of the bits per byte, is to be read
    public record Text(String name, Loss a, Loss b, double ratio, double bitsRatio) {}

    /// A token of the prompt.
    public record Token(int id, String text, boolean special) {}

    /// The prompt as a whole.
    ///
    /// @param lossA mean nats of every token but the first; NaN without a head
    /// @param agreement share of positions after which both have the same most likely next token
    /// @param klAb mean over positions, nats; `klBa` and `js` likewise
    public record Prompt(List<Token> tokens, double lossA, double lossB, double agreement, double klAb, double klBa, double js) {}

    /// How many tensors are what.
    ///
    /// @param onlyA names that B lacks, and `onlyB` that A lacks
    /// @param shapes of tensors that have another one: `name: [2, 3] and [2, 4]`
    public record Tensors(int equal, int changed, List<String> onlyA, List<String> onlyB, List<String> shapes) {}

    /// A weight matrix of both.
    ///
    /// @param kind as in [SpectrumArtifact.Row]
    /// @param layer or -1, and `expert` likewise
    /// @param relative norm of the change by that of A; NaN where `absent` says why
    /// @param rankA normalised effective rank of A, NaN where it was not found; of equal matrices it is not
    /// @param rankError half the 95 % interval of estimates; NaN for figures that were computed
    /// @param absent null where nothing is
    public record Matrix(String name, String kind, int layer, int expert, int rows, int columns, double normA, double normB, double delta, double relative, double rankA,
                         double rankB, double rankError, String absent) {

        /// B minus A, 0 of equal matrices; NaN where it was not found.
        public double rankChange() {
            return relative == 0 ? 0 : rankB - rankA;
        }
    }

    /// The experts of a layer.
    ///
    /// @param moved half the sum over experts of the differences of load shares
    /// @param loadA shares of all choices, summing to 1
    public record Routing(int layer, double moved, double[] loadA, double[] loadB) {}

    /// A key that differs.
    ///
    /// @param of `config`, `adapter` or `run`
    /// @param a as JSON writes it; null where a side has no such key
    public record Setting(String of, String key, String a, String b) {}

    /// Reads the figures of an artifact of a `compare` task.
    ///
    /// @throws Refusal `artifact-invalid` or `version-unsupported`
    public static CompareArtifact of(Artifact artifact) {
        Path file = artifact.folder();
        ObjectNode n = artifact.beside(FIGURES, MAX_BYTES)
                .orElseThrow(() -> Refusal.of(Category.ARTIFACT_INVALID, file, "there is no %s: this artifact holds no comparison", FIGURES));
        if (!n.path("format").asText().equals(FORMAT)) {
            throw Refusal.of(Category.ARTIFACT_INVALID, file, "its format is %s; comparisons say %s", n.path("format").asText("missing"), FORMAT);
        }
        if (n.path("version").asInt(-1) != VERSION) {
            throw Refusal.of(Category.VERSION_UNSUPPORTED, file, "its version is %s; this program reads %d", n.path("version").asText("missing"), VERSION).help("Compute it again.");
        }
        Map<String, String> absent = new LinkedHashMap<>();
        n.path("absent").properties().forEach(e -> absent.put(e.getKey(), e.getValue().asText()));
        List<Text> texts = new ArrayList<>();
        n.path("texts").forEach(t -> texts.add(new Text(t.path("name").asText(), loss(t.path("a")), loss(t.path("b")), number(t, "perplexity_ratio"), number(t, "bits_per_byte_ratio"))));
        JsonNode counts = n.path("tensors");
        List<Matrix> matrices = new ArrayList<>();
        n.path("matrices").forEach(m -> matrices.add(new Matrix(m.path("name").asText(), m.path("kind").asText(), m.path("layer").asInt(-1), m.path("expert").asInt(-1),
                m.path("shape").path(0).asInt(), m.path("shape").path(1).asInt(), number(m, "norm_a"), number(m, "norm_b"), number(m, "delta"), number(m, "relative_change"),
                number(m, "normalised_effective_rank_a"), number(m, "normalised_effective_rank_b"), number(m, "error"), m.path("absent").asText(null))));
        List<Routing> routing = new ArrayList<>();
        n.path("routing").forEach(r -> routing.add(new Routing(r.path("layer").asInt(), number(r, "moved"), numbers(r.path("load_a")), numbers(r.path("load_b")))));
        List<Setting> settings = new ArrayList<>();
        n.path("settings").forEach(s -> settings.add(new Setting(s.path("of").asText(), s.path("key").asText(), word(s.get("a")), word(s.get("b")))));
        Map<Integer, String> names = new LinkedHashMap<>();
        n.path("names").properties().forEach(e -> names.put(Integer.parseInt(e.getKey()), e.getValue().asText()));
        JsonNode same = n.path("same");
        return new CompareArtifact(artifact, subject(n.path("a")), subject(n.path("b")), same.path("tokenizer").asBoolean(), same.path("tokenizer_note").asText(),
                same.path("architecture").asBoolean(), same.path("architecture_note").asText(), absent, texts, prompt(n.get("prompt")),
                new Tensors(counts.path("equal").asInt(), counts.path("changed").asInt(), texts(counts.path("only_a")), texts(counts.path("only_b")), texts(counts.path("shapes"))),
                matrices, texts(n.path("kinds")), table(n.path("relative_change")), table(n.path("rank_change")), n.path("routing_over").asText(null), routing, settings, names);
    }

    private static Subject subject(JsonNode n) {
        return new Subject(n.path("name").asText(), n.path("path").asText(), texts(n.path("adapters")), n.path("family").asText(null), n.path("layers").asInt(-1), n.path("parameters").asLong());
    }

    private static Loss loss(JsonNode n) {
        return new Loss(number(n, "loss"), number(n, "perplexity"), number(n, "bits_per_byte"), n.path("predicted_tokens").asLong());
    }

    private static Prompt prompt(JsonNode n) {
        if (n == null || n.isNull()) {
            return null;
        }
        List<Token> tokens = new ArrayList<>();
        n.path("tokens").forEach(t -> tokens.add(new Token(t.path("id").asInt(), t.path("text").asText(), t.path("special").asBoolean())));
        return new Prompt(tokens, number(n, "loss_a"), number(n, "loss_b"), number(n, "agreement"), number(n, "kl_ab"), number(n, "kl_ba"), number(n, "js"));
    }

    private static double number(JsonNode n, String key) {
        return n.path(key).isNumber() ? n.path(key).doubleValue() : Double.NaN;
    }

    private static double[] numbers(JsonNode list) {
        double[] out = new double[list.size()];
        for (int i = 0; i < out.length; i++) {
            out[i] = list.get(i).isNumber() ? list.get(i).doubleValue() : Double.NaN;
        }
        return out;
    }

    private static double[][] table(JsonNode rows) {
        double[][] out = new double[rows.size()][];
        for (int i = 0; i < out.length; i++) {
            out[i] = numbers(rows.get(i));
        }
        return out;
    }

    private static List<String> texts(JsonNode list) {
        List<String> out = new ArrayList<>();
        list.forEach(t -> out.add(t.asText()));
        return out;
    }

    private static String word(JsonNode n) {
        return n == null || n.isNull() ? null : n.isTextual() ? n.asText() : n.toString();
    }

    /// A tensor's values, row by row, read from the file now; none where it is not there.
    public double[] values(String tensor) {
        try (SafetensorsFile file = artifact.tensors()) {
            return file.has(tensor) ? file.doubles(tensor) : new double[0];
        }
    }

    /// A tensor of whole numbers, such as ids, row by row; none where it is not there.
    public int[] ids(String tensor) {
        try (SafetensorsFile file = artifact.tensors()) {
            return file.has(tensor) ? file.ints(tensor) : new int[0];
        }
    }

    /// A tensor `[rows, columns]`; no rows where it is not there.
    public double[][] rows(String tensor) {
        try (SafetensorsFile file = artifact.tensors()) {
            if (!file.has(tensor)) {
                return new double[0][];
            }
            double[] flat = file.doubles(tensor);
            int rows = (int) (file.elements(tensor) / Math.max(1, file.elementsOfSlice(tensor)));
            double[][] out = new double[rows][];
            for (int r = 0; r < rows; r++) {
                out[r] = java.util.Arrays.copyOfRange(flat, r * (flat.length / rows), (r + 1) * (flat.length / rows));
            }
            return out;
        }
    }

    /// The attention weights of one head, `[n * n]`; none where maps were not kept.
    public float[] map(boolean second, int layer, int head) {
        int n = prompt == null ? 0 : prompt.tokens.size();
        try (SafetensorsFile file = artifact.tensors()) {
            String name = second ? "attentions_b" : "attentions_a";
            if (!file.has(name)) {
                return new float[0];
            }
            long heads = file.elementsOfSlice(name) / ((long) n * n);
            return file.floats(name, (layer * heads + head) * n * n, n * n);
        }
    }

    /// What a token is called.
    public String tokenName(int id) {
        return names.getOrDefault(id, "#" + id);
    }

    /// The largest change of the normalised effective rank of any matrix, by size.
    public OptionalDouble largestRankChange() {
        return matrices.stream().mapToDouble(Matrix::rankChange).filter(v -> !Double.isNaN(v)).map(Math::abs).max();
    }
}
