package vitrine.core.architecture.family;

import java.util.ArrayList;
import java.util.List;
import vitrine.core.architecture.Activations;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Separate;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.Embedding;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.Head;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.Linear;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Norm;
import vitrine.core.architecture.TensorNames;
import vitrine.core.tensor.Activation;

/// BERT and RoBERTa: encoders with learned positions and segments, norms after each sum, a masked-language head.
public final class Bert implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("bert", "roberta");
    }

    @Override
    public String name() {
        return "BERT";
    }

    @Override
    public String headWeight(String modelType) {
        return modelType.equals("bert") ? "cls.predictions.decoder.weight" : "lm_head.decoder.weight";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        boolean roberta = c.text("model_type").equals("roberta");
        String model = names.prefix(roberta ? "roberta." : "bert.", "embeddings.word_embeddings.weight");
        int hidden = c.positive("hidden_size");
        int heads = c.positive("num_attention_heads");
        int layers = names.requireLayers(c, "num_hidden_layers");
        int inner = c.positive("intermediate_size");
        int vocabulary = c.positive("vocab_size");
        int rows = c.positive("max_position_embeddings");
        int segments = c.positiveOr("type_vocab_size", 2);
        int padding = c.countOr("pad_token_id", roberta ? 1 : 0);
        double eps = c.numberOr("layer_norm_eps", 1e-12);
        Activation activation = Activations.of(c, "hidden_act", "gelu");
        if (!c.textOr("position_embedding_type", "absolute").equals("absolute")) {
            throw c.unsupported("position_embedding_type", "position embedding " + c.text("position_embedding_type"));
        }
        if (c.flagOr("is_decoder", false) || c.flagOr("add_cross_attention", false)) {
            throw c.unsupported("is_decoder", "an encoder used as a decoder");
        }
        if (hidden % heads != 0) {
            throw c.invalid("num_attention_heads", "hidden_size %d does not divide by num_attention_heads %d", hidden, heads);
        }
        int headDim = hidden / heads;
        List<LayerSpec> specs = new ArrayList<>();
        for (int l = 0; l < layers; l++) {
            String p = model + "encoder.layer." + l + ".";
            AttentionSpec attention = new AttentionSpec(heads, heads, headDim, (float) (1 / Math.sqrt(headDim)), 0f, false, 0, null,
                    new Separate(Linear.of(p + "attention.self.query", hidden, hidden, true), Linear.of(p + "attention.self.key", hidden, hidden, true),
                            Linear.of(p + "attention.self.value", hidden, hidden, true)), null,
                    Linear.of(p + "attention.output.dense", hidden, hidden, true));
            FeedForward feedForward = new FeedForward.Plain(Linear.of(p + "intermediate.dense", inner, hidden, true),
                    Linear.of(p + "output.dense", hidden, inner, true), activation);
            specs.add(LayerSpec.postNorm(l, attention, norm(names, p + "attention.output.LayerNorm", hidden, eps), feedForward,
                    norm(names, p + "output.LayerNorm", hidden, eps)).reportingSum());
        }
        String e = model + "embeddings.";
        int offset = roberta ? padding + 1 : 0;
        Embedding embedding = new Embedding(e + "word_embeddings.weight", hidden, 1f,
                new Embedding.Learned(e + "position_embeddings.weight", rows, offset, roberta ? padding : -1),
                new Embedding.Segments(e + "token_type_embeddings.weight", segments), norm(names, e + "LayerNorm", hidden, eps), null);
        c.ignore("tie_word_embeddings");
        Head head = roberta ? robertaHead(c, names, embedding.tokens(), hidden, eps) : bertHead(c, names, embedding.tokens(), hidden, eps, activation);
        return new ModelSpec(c.text("model_type"), roberta ? "RoBERTa" : name(), true, hidden, vocabulary, rows - offset, true, embedding, specs, null, head,
                List.of("embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias", "cls.seq_relationship.weight", "cls.seq_relationship.bias",
                        "cls.predictions.bias", "cls.predictions.decoder.weight", "cls.predictions.decoder.bias", "lm_head.bias", "lm_head.decoder.weight",
                        "lm_head.decoder.bias"));
    }

    private static Head bertHead(Config c, TensorNames names, String tokens, int hidden, double eps, Activation activation) {
        String p = "cls.predictions.";
        if (!names.has(p + "transform.dense.weight")) {
            return null;
        }
        return head(c, names, tokens, hidden, p + "decoder", p + "bias",
                new Head.Transform(Linear.of(p + "transform.dense", hidden, hidden, true), activation, norm(names, p + "transform.LayerNorm", hidden, eps)));
    }

    private static Head robertaHead(Config c, TensorNames names, String tokens, int hidden, double eps) {
        if (!names.has("lm_head.dense.weight")) {
            return null;
        }
        return head(c, names, tokens, hidden, "lm_head.decoder", "lm_head.bias",
                new Head.Transform(Linear.of("lm_head.dense", hidden, hidden, true), Activation.GELU, norm(names, "lm_head.layer_norm", hidden, eps)));
    }

    /// An output matrix that a tied checkpoint stores all the same is meant, as in the other families: readers take the stored one.
    private static Head head(Config c, TensorNames names, String tokens, int hidden, String decoder, String bias, Head.Transform transform) {
        boolean tied = c.flagOr("tie_word_embeddings", true);
        boolean stored = !tied || names.has(decoder + ".weight");
        return new Head(transform, null, stored ? decoder + ".weight" : tokens, !tied || names.has(decoder + ".bias") ? decoder + ".bias" : bias,
                hidden, !stored, 1f, 0f);
    }

    /// The first published checkpoints call a norm's weight and bias gamma and beta.
    private static Norm norm(TensorNames names, String prefix, int width, double eps) {
        if (names.has(prefix + ".gamma")) {
            return Norm.layer(prefix + ".gamma", prefix + ".beta", width, eps);
        }
        return Norm.layer(prefix + ".weight", prefix + ".bias", width, eps);
    }
}
