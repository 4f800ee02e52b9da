package vitrine.views.routing;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import vitrine.core.artifact.RoutingArtifact;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.views.chart.Lanes;
import vitrine.views.control.TokenStrip;

/// The kept tokens with their experts in every layer, in memory: 64 layers, 10,000 tokens and 8 experts each take 35 MB, the scores that are kept 32 MB at most.
final class Tokens {

    /// Tokens one after the other that belong to one sequence.
    ///
    /// @param row of its domain, from 0
    record Row(int domain, int row, int from, int to) {
        int length() {
            return to - from;
        }
    }

    private final RoutingArtifact.Tokens kept;
    private final List<String> texts;
    private final List<Row> rows = new ArrayList<>();
    private final short[][] experts;
    private final float[][] weights;
    private final int[] perToken;
    private final float[][] margin;
    private final float[][] entropy;
    private final float[][] scores;
    private final int window;

    private Tokens(RoutingData data) {
        kept = data.artifact().keptTokens();
        window = data.artifact().window();
        texts = IntStream.range(0, kept.count()).mapToObj(t -> TokenStrip.shown(kept.text(t))).toList();
        experts = new short[data.layers()][];
        weights = new float[data.layers()][];
        perToken = new int[data.layers()];
        margin = new float[data.layers()][];
        entropy = new float[data.layers()][];
        scores = new float[data.layers()][];
        try (SafetensorsFile file = data.artifact().artifact().tensors()) {
            for (int i = 0; i < data.layers(); i++) {
                double[] ids = data.layer(file, "expert_ids", i);
                perToken[i] = data.perToken(i);
                experts[i] = new short[ids.length];
                for (int v = 0; v < ids.length; v++) {
                    experts[i][v] = (short) ids[v];
                }
                weights[i] = floats(data.layer(file, "expert_weights", i));
                margin[i] = floats(data.layer(file, "selection_margin", i));
                entropy[i] = floats(data.layer(file, "router_entropy", i));
                scores[i] = window == 0 ? new float[0] : floats(data.layer(file, "router_score", i));
            }
        }
        int[] rowsOf = new int[data.domains().size()];
        for (int from = 0; from < kept.count(); ) {
            int to = from;
            while (to < kept.count() && kept.sequence()[to] == kept.sequence()[from]) {
                to++;
            }
            int d = kept.domain()[from];
            rows.add(new Row(d, rowsOf[d]++, from, to));
            from = to;
        }
    }

    /// Reads all of them: away from the JavaFX thread.
    static Tokens read(RoutingData data) {
        return new Tokens(data);
    }

    int count() {
        return kept.count();
    }

    List<Row> rows() {
        return rows;
    }

    /// Which of [#rows] a token belongs to.
    int rowOf(int token) {
        for (int r = 0; r < rows.size(); r++) {
            if (token >= rows.get(r).from() && token < rows.get(r).to()) {
                return r;
            }
        }
        return -1;
    }

    int id(int token) {
        return kept.ids()[token];
    }

    int domain(int token) {
        return kept.domain()[token];
    }

    /// As a chip shows it.
    String text(int token) {
        return texts.get(token);
    }

    /// As a chip shows it, of an id.
    String textOfId(int id) {
        return TokenStrip.shown(kept.texts().getOrDefault(id, "#" + id));
    }

    List<String> texts(int from, int to) {
        return texts.subList(from, to);
    }

    int perToken(int layer) {
        return perToken[layer];
    }

    int expert(int layer, int token, int choice) {
        return experts[layer][token * perToken[layer] + choice];
    }

    float weight(int layer, int token, int choice) {
        return weights[layer][token * perToken[layer] + choice];
    }

    /// Score of the last chosen expert less that of the best not chosen; NaN where all are chosen.
    double margin(int layer, int token) {
        return margin[layer][token];
    }

    /// Of the router's probabilities, nats.
    double entropy(int layer, int token) {
        return entropy[layer][token];
    }

    /// Whether the scores of all experts are kept for this token.
    boolean hasScores(int token) {
        return token < window;
    }

    /// The score of every expert of a layer.
    double[] scores(int layer, int token) {
        int n = scores[layer].length / window;
        double[] out = new double[n];
        for (int e = 0; e < n; e++) {
            out[e] = scores[layer][token * n + e];
        }
        return out;
    }

    private static float[] floats(double[] values) {
        float[] out = new float[values.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) values[i];
        }
        return out;
    }

    boolean visits(int layer, int token, int expert) {
        for (int c = 0; c < perToken[layer]; c++) {
            if (expert(layer, token, c) == expert) {
                return true;
            }
        }
        return false;
    }

    /// The lanes of the tokens from one on up to another.
    Lanes.Source lanes(int from, int to) {
        int parts = IntStream.of(perToken).max().orElse(1);
        return new Lanes.Source() {
            @Override
            public int rows() {
                return experts.length;
            }

            @Override
            public int columns() {
                return to - from;
            }

            @Override
            public int parts() {
                return parts;
            }

            @Override
            public int category(int row, int column, int part) {
                return expert(row, from + column, Math.min(part, perToken[row] - 1));
            }

            @Override
            public float weight(int row, int column, int part) {
                return part < perToken[row] ? Tokens.this.weight(row, from + column, part) : 0;
            }
        };
    }
}
