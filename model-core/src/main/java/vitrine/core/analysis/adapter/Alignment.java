package vitrine.core.analysis.adapter;

import java.lang.foreign.Arena;

/// How a delta lies to its base weight.
///
/// @param relative |dW|_F / |W|_F
/// @param projection |U^T W V|_F, with the delta's singular vectors
/// @param amplification |dW|_F / projection: how much the delta strengthens what it touches; infinite where W has nothing there
/// @param ownAmplification the same with W's own leading vectors: the least that any choice can have
/// @param randomAmplification the same with random directions, in expectation: |dW|_F sqrt(out in) / (|W|_F r)
/// @param left `phi[i][j]` of the delta's left vectors and W's, `[k][k]`
/// @param right the same of right vectors
/// @param response c_k = u_k^T dW v_k in W's own singular basis, `[values]`: the leading ones, or all
/// @param injected E_k = |dW v_k|^2, the delta's energy that enters by W's input direction k, `[values]`
/// @param tail the share of the delta's energy outside W's first m left directions, m = 0 ..; `[values + 1]`
/// @param baseValues W's leading singular values
/// @param whole whether the base's values are all there are
public record Alignment(double relative, double baseFrobenius, double projection, double amplification, double ownAmplification, double randomAmplification, double[][] left,
                        double[][] right, double[] response, double[] injected, double[] tail, double[] baseValues, boolean whole) {

    /// @param delta of the same shape as W
    /// @param leading of W, at least as many as the delta has
    public static Alignment of(DeltaSpectrum delta, BaseWeight w, LeadingVectors leading, Arena arena) {
        int k = delta.numericalRank();
        double norm = delta.measures().frobenius();
        Dense u = delta.left().firstColumns(arena, k);
        Dense v = delta.right().rows(0, k);
        Dense projected = Dense.allocate(arena, k, k);
        w.eachBlock((first, rows) -> {
            try (Arena inner = Arena.ofConfined()) {
                Dense t = rows.times(inner, false, v, true);
                projected.add(u.rows(first, rows.rows()).times(inner, true, t, false), 1);
            }
        });
        double projection = Math.sqrt(projected.squares());
        double own = 0;
        for (int i = 0; i < k && i < leading.values().length; i++) {
            own += leading.values()[i] * leading.values()[i];
        }
        int kept = Math.min(leading.values().length, Math.max(k, delta.values().length));
        Dense x = leading.left().firstColumns(arena, kept);
        Dense y = leading.right().rows(0, kept);
        int all = leading.values().length;
        // dW in W's basis, by the delta's own small parts: (X^T U) diag(sigma) (V^T Y).
        Dense xu = leading.left().times(arena, true, u, false);
        Dense vy = v.times(arena, false, leading.right(), true);
        double[] response = new double[all];
        double[] injected = new double[all];
        double[] tail = new double[all + 1];
        double total = norm * norm;
        double inside = 0;
        tail[0] = total > 0 ? 1 : 0;
        for (int i = 0; i < all; i++) {
            double in = 0;
            double out = 0;
            for (int j = 0; j < k; j++) {
                double s = delta.values()[j];
                response[i] += xu.get(i, j) * s * vy.get(j, i);
                in += s * vy.get(j, i) * (s * vy.get(j, i));
                out += s * xu.get(i, j) * (s * xu.get(i, j));
            }
            injected[i] = in;
            inside += out;
            tail[i + 1] = total > 0 ? Math.max(0, 1 - inside / total) : 0;
        }
        double base = leading.frobenius();
        return new Alignment(norm / base, base, projection, norm / projection, norm / Math.sqrt(own),
                norm * Math.sqrt((double) w.rows() * w.columns()) / (base * k), Subspaces.similarity(u, x, arena),
                Subspaces.similarity(Subspaces.transposed(v, arena), Subspaces.transposed(y, arena), arena), response, injected, tail, leading.values(), leading.whole());
    }
}
