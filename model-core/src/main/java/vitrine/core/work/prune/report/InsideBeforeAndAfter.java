package vitrine.core.work.prune.report;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import vitrine.core.analysis.attention.HeadMetric;
import vitrine.core.analysis.attention.HeadMetrics;
import vitrine.core.analysis.compare.HeadChange;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.forward.Batch;
import vitrine.core.json.Json;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.progress.Progress;
import vitrine.core.progress.Quiet;
import vitrine.core.tensor.Matrix;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.output.Figures;

/// What the first tokens of a text do inside a model and inside what was pruned from it: where heads attend, and how far the residual stream has moved behind each layer.
final class InsideBeforeAndAfter {

    private static final int MOST_TOKENS = 256;
    /// What is kept of the first pass.
    private static final long MAP_BYTES = 64L << 20;
    private static final long STATE_BYTES = 128L << 20;

    private InsideBeforeAndAfter() {}

    /// How many tokens of a sequence are looked at.
    static int tokens(ModelSpec spec, int length) {
        long heads = spec.layers().stream().mapToLong(l -> l.attention().heads()).sum();
        int byMaps = (int) Math.sqrt(MAP_BYTES / (4.0 * heads));
        int byStates = (int) Math.min(MOST_TOKENS, STATE_BYTES / (4L * spec.hiddenSize() * spec.layers().size()));
        return Math.clamp(Math.min(byMaps, byStates), Math.min(2, length), Math.min(MOST_TOKENS, length));
    }

    /// What is kept of a pass.
    private static final class Kept implements Probe {
        private final int tokens;
        private final Map<Integer, float[][]> maps = new TreeMap<>();
        private final Map<Integer, float[]> states = new TreeMap<>();

        Kept(int tokens) {
            this.tokens = tokens;
        }

        @Override
        public boolean wants(int layer, Site site) {
            return site == Site.PATTERN || site == Site.RESID_POST;
        }

        @Override
        public void at(Place place, Matrix value) {
            float[] rows = value.toArray();
            if (place.site() == Site.RESID_POST) {
                float[] all = states.computeIfAbsent(place.layer(), l -> new float[tokens * value.columns()]);
                System.arraycopy(rows, 0, all, place.firstPosition() * value.columns(), rows.length);
                return;
            }
            float[][] heads = maps.get(place.layer());
            if (heads == null || heads.length <= place.head()) {
                heads = heads == null ? new float[place.head() + 1][] : Arrays.copyOf(heads, place.head() + 1);
                maps.put(place.layer(), heads);
            }
            if (heads[place.head()] == null) {
                heads[place.head()] = new float[tokens * tokens];
            }
            System.arraycopy(rows, 0, heads[place.head()], place.firstPosition() * tokens, rows.length);
        }
    }

    /// @param ids of a text's first sequence, all of them
    /// @param name of the text
    /// @param rows of the report by layer: `hidden_state_error` is put there
    static ObjectNode of(LoadedModel before, LoadedModel after, Counterparts parts, String name, int[] ids, ArrayNode rows, Progress progress) {
        int n = tokens(before.spec(), ids.length);
        int[] first = Arrays.copyOf(ids, n);
        Kept p = new Kept(n);
        Kept q = new Kept(n);
        Map<HeadMetric, double[][]> was = pass(before, first, p, progress);
        Map<HeadMetric, double[][]> is = pass(after, first, q, progress);
        ObjectNode out = Json.object().put("text", name).put("tokens", n);
        double[] sums = new double[3];
        int compared = 0;
        int gone = 0;
        ArrayNode layers = Json.mapper().createArrayNode();
        for (LayerSpec l : before.spec().layers()) {
            int now = parts.after(l.index());
            int[] heads = now < 0 ? new int[0] : parts.heads().get(l.index());
            ObjectNode row = layers.addObject().put("layer", l.index());
            Map<String, ArrayNode> lists = new LinkedHashMap<>();
            for (String key : List.of("entropy_before", "entropy_after", "first_token_before", "first_token_after", "total_variation")) {
                lists.put(key, row.putArray(key));
            }
            for (int h = 0; h < l.attention().heads(); h++) {
                int place = place(heads, h);
                double entropy = was.get(HeadMetric.ENTROPY)[l.index()][h];
                double left = place < 0 ? Double.NaN : is.get(HeadMetric.ENTROPY)[now][place];
                double moved = place < 0 ? Double.NaN : HeadChange.of(p.maps.get(l.index())[h], q.maps.get(now)[place], n).totalVariation();
                Figures.add(lists.get("entropy_before"), entropy);
                Figures.add(lists.get("entropy_after"), left);
                Figures.add(lists.get("first_token_before"), was.get(HeadMetric.FIRST_TOKEN_MASS)[l.index()][h]);
                Figures.add(lists.get("first_token_after"), place < 0 ? Double.NaN : is.get(HeadMetric.FIRST_TOKEN_MASS)[now][place]);
                Figures.add(lists.get("total_variation"), moved);
                if (place < 0) {
                    gone++;
                } else {
                    sums[0] += entropy;
                    sums[1] += left;
                    sums[2] += moved;
                    compared++;
                }
            }
            if (now >= 0) {
                Figures.put((ObjectNode) rows.get(l.index()), "hidden_state_error", relative(p.states.get(l.index()), q.states.get(now)));
            }
        }
        Figures.put(out, "entropy_before", sums[0] / compared);
        Figures.put(out, "entropy_after", sums[1] / compared);
        Figures.put(out, "total_variation", sums[2] / compared);
        out.put("heads_compared", compared).put("heads_gone", gone);
        out.set("layers", layers);
        return out;
    }

    private static int place(int[] heads, int before) {
        for (int i = 0; i < heads.length; i++) {
            if (heads[i] == before) {
                return i;
            }
        }
        return -1;
    }

    private static Map<HeadMetric, double[][]> pass(LoadedModel model, int[] ids, Kept kept, Progress progress) {
        HeadMetrics metrics = new HeadMetrics(model.spec());
        Batch batch = Batch.of(ids);
        metrics.begin(batch);
        model.forward().run(batch, Probe.all(List.of(kept, metrics)), new Quiet(progress));
        Map<HeadMetric, double[][]> out = new LinkedHashMap<>();
        List.of(HeadMetric.ENTROPY, HeadMetric.FIRST_TOKEN_MASS).forEach(m -> out.put(m, metrics.mean(m)));
        return out;
    }

    /// ‖q − p‖ ÷ ‖p‖.
    private static double relative(float[] p, float[] q) {
        double moved = 0;
        double norm = 0;
        for (int i = 0; i < p.length; i++) {
            double d = (double) q[i] - p[i];
            moved += d * d;
            norm += (double) p[i] * p[i];
        }
        return Math.sqrt(moved / norm);
    }
}
