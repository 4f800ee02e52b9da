package vitrine.views.routing;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import vitrine.core.artifact.RoutingArtifact;
import vitrine.views.chart.Lanes;
import vitrine.views.control.TokenStrip;

/// The kept tokens with their experts in every layer, in memory: 64 layers, 10,000 tokens and 8 experts each take 30 MB.
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

    private Tokens(RoutingData data) {
        RoutingArtifact a = data.artifact();
        kept = a.keptTokens();
        texts = IntStream.range(0, kept.count()).mapToObj(t -> TokenStrip.shown(kept.text(t))).toList();
        experts = new short[data.layers()][];
        weights = new float[data.layers()][];
        perToken = new int[data.layers()];
        for (int i = 0; i < data.layers(); i++) {
            int[] ids = a.expertIds(i);
            double[] w = a.expertWeights(i);
            perToken[i] = data.perToken(i);
            experts[i] = new short[ids.length];
            weights[i] = new float[w.length];
            for (int v = 0; v < ids.length; v++) {
                experts[i][v] = (short) ids[v];
                weights[i][v] = (float) w[v];
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
