package vitrine.core.backward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.util.List;
import vitrine.core.architecture.Embedding;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Operand;
import vitrine.core.tensor.Scratch;
import vitrine.core.tensor.kernel.Derivatives;
import vitrine.core.tensor.kernel.Elementwise;

/// From token ids to the first residual stream, on a tape; the parts in the order of the forward pass.
final class EmbeddingSteps {

    private final Tape tape;
    private final Embedding spec;
    private final List<LossPass.Sequence> sequences;
    private final int tokens;

    EmbeddingSteps(Tape tape, Embedding spec, List<LossPass.Sequence> sequences) {
        this.tape = tape;
        this.spec = spec;
        this.sequences = sequences;
        tokens = sequences.stream().mapToInt(s -> s.ids().length).sum();
    }

    Variable run() {
        Variable x = rows(spec.tokens(), ids(), spec.width(), spec.projection() == null ? spec.multiplier() : 1f);
        if (spec.projection() != null) {
            x = tape.linear(x, tape.parameters.projection(spec.projection()));
        }
        if (spec.positions() != null) {
            x = tape.sum(x, rows(spec.positions().table(), positions(), x.columns(), 1f), 1f);
        }
        if (spec.segments() != null) {
            x = tape.sum(x, rows(spec.segments().table(), segments(), x.columns(), 1f), 1f);
        }
        return spec.projection() == null ? tape.norm(x, spec.norm()) : x;
    }

    private Variable rows(String table, int[] ids, int width, float multiplier) {
        Parameter p = tape.parameters.get(table);
        LowRank l = table.equals(spec.tokens()) ? tape.parameters.adapters().get(Parameters.table(table)) : null;
        Matrix value = tape.pool.matrix(ids.length, width);
        tape.parameters.lookUp(table, ids, value);
        Matrix u = l == null ? null : tape.pool.matrix(ids.length, l.rank());
        if (l != null) {
            addDelta(l, ids, u, value);
        }
        if (multiplier != 1f) {
            Elementwise.scale(value, multiplier);
        }
        Variable x = tape.result(value, p.trained() || l != null);
        tape.step(x, () -> {
            forgetPadding(table, ids, x.gradient);
            if (p.trained()) {
                Derivatives.addToTable(p.gradient(), ids, x.gradient, multiplier);
            }
            if (l != null) {
                back(l, ids, u, x.gradient, l.scale() * multiplier);
            }
        });
        return x;
    }

    /// value += scale u B^T, where row t of u `[tokens, r]` is column ids[t] of A.
    private void addDelta(LowRank l, int[] ids, Matrix u, Matrix value) {
        for (int t = 0; t < ids.length; t++) {
            for (int i = 0; i < l.rank(); i++) {
                u.set(t, i, l.a().data().getAtIndex(JAVA_FLOAT, i * l.a().shape().size(1) + ids[t]));
            }
        }
        try (Scratch.Frame ignored = tape.pool.frame()) {
            Matrix delta = tape.pool.matrix(ids.length, value.columns());
            tape.multiply(Operand.of(u), factor(l.b(), value.columns(), l.rank()).transposed(), Operand.of(delta));
            Elementwise.add(value, delta, l.scale());
        }
    }

    private static Operand factor(Parameter f, int rows, int columns) {
        return Operand.matrix(f.data(), Operand.Element.F32, rows, columns, columns);
    }

    /// dB = scale dx^T u; column ids[t] of dA += row t of scale dx B.
    private void back(LowRank l, int[] ids, Matrix u, Matrix dx, float scale) {
        l.b().add(0, dx.columns(), l.rank(), tape.pool, m -> {
            tape.multiply(Operand.of(dx).transposed(), Operand.of(u), Operand.of(m));
            Elementwise.scale(m, scale);
        });
        try (Scratch.Frame ignored = tape.pool.frame()) {
            Matrix du = tape.pool.matrix(ids.length, l.rank());
            tape.multiply(Operand.of(dx), factor(l.b(), dx.columns(), l.rank()), Operand.of(du));
            MemorySegment g = l.a().gradient();
            long columns = l.a().shape().size(1);
            for (int t = 0; t < ids.length; t++) {
                for (int i = 0; i < l.rank(); i++) {
                    long at = i * columns + ids[t];
                    g.setAtIndex(JAVA_FLOAT, at, g.getAtIndex(JAVA_FLOAT, at) + scale * du.get(t, i));
                }
            }
        }
    }

    /// The rows of padding are not trained, as in the reference implementations that name them (RoBERTa).
    private void forgetPadding(String table, int[] ids, Matrix gradient) {
        Embedding.Learned p = spec.positions();
        if (p == null || p.paddingId() < 0) {
            return;
        }
        int padding = table.equals(p.table()) ? p.offset() - 1 : table.equals(spec.tokens()) ? p.paddingId() : -1;
        for (int r = 0; r < ids.length; r++) {
            if (ids[r] == padding) {
                gradient.data().asSlice(gradient.rowOffset(r), 4L * gradient.columns()).fill((byte) 0);
            }
        }
    }

    private int[] ids() {
        int[] out = new int[tokens];
        int at = 0;
        for (LossPass.Sequence s : sequences) {
            System.arraycopy(s.ids(), 0, out, at, s.ids().length);
            at += s.ids().length;
        }
        return out;
    }

    private int[] positions() {
        Embedding.Learned p = spec.positions();
        int[] out = new int[tokens];
        int at = 0;
        for (LossPass.Sequence s : sequences) {
            int next = p.offset();
            for (int id : s.ids()) {
                boolean padding = p.paddingId() >= 0 && id == p.paddingId();
                out[at++] = padding ? p.offset() - 1 : next++;
            }
        }
        return out;
    }

    private int[] segments() {
        int[] out = new int[tokens];
        int at = 0;
        for (LossPass.Sequence s : sequences) {
            if (s.segments() != null) {
                System.arraycopy(s.segments(), 0, out, at, s.ids().length);
            }
            at += s.ids().length;
        }
        return out;
    }
}
