package vitrine.views.compare;

/// What a logit lens tells of a layer and a token.
enum LensMeasure {
    TARGET("true token", "lens_target", "probability of the true next token"), DIVERGENCE("to the end", "lens_kl", "KL(final ‖ layer), nats");

    private final String label;
    private final String tensor;
    private final String words;

    LensMeasure(String label, String tensor, String words) {
        this.label = label;
        this.tensor = tensor;
        this.words = words;
    }

    String label() {
        return label;
    }

    String tensor() {
        return tensor;
    }

    String words() {
        return words;
    }
}
