package vitrine.core.backward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import vitrine.core.architecture.Norm;
import vitrine.core.forward.RotaryTable;
import vitrine.core.tensor.Activation;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Operand;
import vitrine.core.tensor.Products;
import vitrine.core.tensor.Scratch;
import vitrine.core.tensor.kernel.Activate;
import vitrine.core.tensor.kernel.Derivatives;
import vitrine.core.tensor.kernel.Elementwise;
import vitrine.core.tensor.kernel.Normalise;
import vitrine.core.tensor.kernel.Rotary;

/// Computes values step by step and remembers how each step passes gradients back.
///
/// Convention: row vectors, `y = x W^T`. Steps that change a value in place say so; nothing before them may still need the old value.
final class Tape {

    final Scratch pool;
    final Parameters parameters;
    private final Products products;
    private final Noise noise;
    private final boolean recording;
    /// Where the first row of its values is among the rows of the whole pass, for dropout's places.
    private final int firstRow;
    /// Told of heads and channels of the layer; or null.
    private Watch watch;
    private int layer;
    /// Which layers run their attention again; or null.
    private Looping looping;
    private boolean tellsEntropies;
    private final List<Runnable> steps = new ArrayList<>();

    /// @param recording false where no gradients are wanted
    /// @param noise the random numbers of dropout, or null for none
    Tape(Scratch pool, Parameters parameters, boolean recording, Noise noise) {
        this(pool, parameters, recording, noise, 0);
    }

    private Tape(Scratch pool, Parameters parameters, boolean recording, Noise noise, int firstRow) {
        this.firstRow = firstRow;
        this.pool = pool;
        this.parameters = parameters;
        products = parameters.products();
        this.recording = recording;
        this.noise = noise;
    }

    /// A tape for some rows of a larger value, from row `first` on.
    Tape part(boolean records, int first) {
        return new Tape(pool, parameters, records, noise, first);
    }

    /// Lets someone see what the units of a layer do.
    void watched(Watch by, int of) {
        watch = by;
        layer = of;
    }

    /// Lets layers run their attention again.
    ///
    /// @param tells whether entropies are told
    void looped(Looping by, boolean tells) {
        looping = by;
        tellsEntropies = tells;
    }

    Looping looping() {
        return looping;
    }

    boolean tellsEntropies() {
        return tellsEntropies;
    }

    void tellHeads(Variable outputs) {
        if (watch != null) {
            watch.heads(layer, outputs.value);
        }
    }

    void tellChannels(Activation f, Variable gate) {
        if (watch != null) {
            try (Scratch.Frame ignored = pool.frame()) {
                Matrix active = pool.matrix(gate.rows(), gate.columns());
                active.copyFrom(gate.value);
                Activate.apply(f, active);
                watch.channels(layer, active);
            }
        }
    }

    Products products() {
        return products;
    }

    /// A value whose gradient somebody else uses, or none needs.
    Variable leaf(Matrix value, boolean tracked) {
        return new Variable(value, tracked && recording);
    }

    /// A result.
    Variable result(Matrix value, boolean tracked) {
        return new Variable(value, tracked && recording);
    }

    boolean recording() {
        return recording;
    }

    void step(Variable result, Runnable back) {
        if (result.tracked) {
            steps.add(() -> {
                // What nothing has added to has no part in the loss (an expert whose output is not used).
                if (result.gradient != null) {
                    back.run();
                }
            });
        }
    }

    /// Passes gradients from the last step to the first.
    void backward() {
        for (int i = steps.size() - 1; i >= 0; i--) {
            steps.get(i).run();
        }
    }

    /// Adds to a gradient what `write` writes to all of a matrix of its size.
    void add(Variable v, Consumer<Matrix> write) {
        if (!v.tracked) {
            return;
        }
        if (v.gradient == null) {
            v.gradient = pool.matrix(v.rows(), v.columns());
            write.accept(v.gradient);
            return;
        }
        try (Scratch.Frame ignored = pool.frame()) {
            Matrix part = pool.matrix(v.rows(), v.columns());
            write.accept(part);
            Elementwise.add(v.gradient, part, 1f);
        }
    }

    /// A gradient that parts are added to; zeros at first.
    Matrix gradient(Variable v) {
        if (v.gradient == null) {
            v.gradient = pool.zeros(v.rows(), v.columns());
        }
        return v.gradient;
    }

    void multiply(Operand a, Operand b, Operand c) {
        products.multiply(a, b, c);
    }

    // --- linear layers

    /// `y = x W^T + b`, and what an adapter adds.
    Variable linear(Variable x, Projection p) {
        boolean tracked = x.tracked || p.trained();
        Variable y = result(pool.matrix(x.rows(), p.out()), tracked);
        multiply(Operand.of(x.value), p.forward(), Operand.of(y.value));
        Low low = p.adapter() == null ? null : new Low(p, x);
        if (low != null) {
            low.addTo(y);
        }
        if (p.bias() != null) {
            Elementwise.addBias(y.value, p.biasValues());
        }
        step(y, () -> {
            Matrix dy = y.gradient;
            if (p.bias() != null && p.bias().trained()) {
                Derivatives.addColumnSums(dy, p.bias().gradient().asSlice(4 * p.biasFirst(), 4L * p.out()));
            }
            if (low != null) {
                low.back(dy);
            }
            if (p.weight().trained()) {
                int rows = p.inputMajor() ? p.in() : p.out();
                int columns = p.inputMajor() ? p.out() : p.in();
                p.weight().add(p.first(), rows, columns, pool, m -> multiply(Operand.of(p.inputMajor() ? x.value : dy).transposed(),
                        Operand.of(p.inputMajor() ? dy : x.value), Operand.of(m)));
            }
            add(x, m -> multiply(Operand.of(dy), p.backward(), Operand.of(m)));
            if (low != null) {
                low.backToInput();
            }
        });
        return y;
    }

    /// The low-rank part of one layer at work: u = A dropout(x), v = w .* u, y += scale v B^T.
    private final class Low {
        private final Projection p;
        private final LowRank l;
        private final Variable x;
        private final float[] w;
        private final Matrix u;
        private final Matrix v;
        /// For DoRA: m / c per output, and the sum before it was scaled.
        private float[] ratio;
        private Matrix unscaled;
        private double[] norms;
        private Matrix dv;

        Low(Projection p, Variable x) {
            this.p = p;
            this.x = x;
            l = p.adapter();
            w = l.weights();
            u = pool.matrix(x.rows(), l.rank());
            try (Scratch.Frame ignored = pool.frame()) {
                multiply(Operand.of(dropped()), factor(l.a(), l.rank(), p.in()).transposed(), Operand.of(u));
            }
            v = w == null ? u : pool.matrix(x.rows(), l.rank());
            if (w != null) {
                v.copyFrom(u);
                Derivatives.scaleColumns(v, w);
            }
        }

        private boolean drops() {
            return l.dropout() > 0f && noise != null;
        }

        /// x with a share of its values left out and the others made larger; x itself where nothing is dropped.
        private Matrix dropped() {
            if (!drops()) {
                return x.value;
            }
            Matrix d = pool.matrix(x.rows(), x.columns());
            d.copyFrom(x.value);
            noise.drop(l.number(), l.dropout(), d, firstRow);
            return d;
        }

        private Operand factor(Parameter f, int rows, int columns) {
            return Operand.matrix(f.data(), Operand.Element.F32, rows, columns, columns);
        }

        void addTo(Variable y) {
            try (Scratch.Frame ignored = pool.frame()) {
                Matrix part = pool.matrix(y.rows(), y.columns());
                multiply(Operand.of(v), factor(l.b(), p.out(), l.rank()).transposed(), Operand.of(part));
                Elementwise.add(y.value, part, l.scale());
            }
            if (l.magnitude() != null) {
                norms = rowNorms();
                ratio = new float[p.out()];
                for (int o = 0; o < ratio.length; o++) {
                    ratio[o] = (float) (l.magnitude().data().getAtIndex(JAVA_FLOAT, o) / norms[o]);
                }
                unscaled = pool.matrix(y.rows(), y.columns());
                unscaled.copyFrom(y.value);
                Derivatives.scaleColumns(y.value, ratio);
            }
        }

        /// The norms of the rows of `W + scale B A`, `[out]`.
        private double[] rowNorms() {
            try (Scratch.Frame ignored = pool.frame()) {
                Matrix sum = pool.matrix(p.out(), p.in());
                // W as rows: the identity of the small side would cost more than widening by a product; stored matrices are read row by row.
                readRows(sum);
                Matrix delta = pool.matrix(p.out(), p.in());
                multiply(factor(l.b(), p.out(), l.rank()), factor(l.a(), l.rank(), p.in()), Operand.of(delta));
                Elementwise.add(sum, delta, l.scale());
                double[] squares = Derivatives.rowProducts(sum, sum);
                for (int o = 0; o < squares.length; o++) {
                    squares[o] = Math.sqrt(squares[o]);
                }
                return squares;
            }
        }

        private void readRows(Matrix sum) {
            if (!p.inputMajor()) {
                int[] ids = new int[p.out()];
                java.util.Arrays.setAll(ids, i -> i);
                parameters.lookUp(p.weight().name(), ids, sum);
                return;
            }
            try (Scratch.Frame ignored = pool.frame()) {
                Matrix columns = pool.matrix(p.in(), p.out());
                int[] ids = new int[p.in()];
                java.util.Arrays.setAll(ids, i -> i);
                parameters.lookUp(p.weight().name(), ids, columns);
                for (int i = 0; i < p.in(); i++) {
                    for (int o = 0; o < p.out(); o++) {
                        sum.set(o, i, columns.get(i, o));
                    }
                }
            }
        }

        void back(Matrix dy) {
            if (l.magnitude() != null) {
                // dm = sum over tokens of dy z / c; below it the gradient is that of z.
                float[] inverse = new float[p.out()];
                for (int o = 0; o < inverse.length; o++) {
                    inverse[o] = (float) (1 / norms[o]);
                }
                Derivatives.scaleColumns(unscaled, inverse);
                Derivatives.addColumnProducts(dy, unscaled, 1f, l.magnitude().gradient());
                Derivatives.scaleColumns(dy, ratio);
            }
            l.b().add(0, p.out(), l.rank(), pool, m -> {
                multiply(Operand.of(dy).transposed(), Operand.of(v), Operand.of(m));
                Elementwise.scale(m, l.scale());
            });
            dv = pool.matrix(x.rows(), l.rank());
            multiply(Operand.of(dy), factor(l.b(), p.out(), l.rank()), Operand.of(dv));
            Elementwise.scale(dv, l.scale());
            if (w != null) {
                gateGradient();
                Derivatives.scaleColumns(dv, w);
            }
            l.a().add(0, l.rank(), p.in(), pool, m -> {
                try (Scratch.Frame ignored = pool.frame()) {
                    multiply(Operand.of(dv).transposed(), Operand.of(dropped()), Operand.of(m));
                }
            });
        }

        /// dw = column sums of dv .* u; dg = (1 / temperature) w .* (dw - sum(w dw) / r).
        private void gateGradient() {
            MemorySegment sums = pool.zeros(1, l.rank()).data();
            Derivatives.addColumnProducts(dv, u, 1f, sums);
            double along = 0;
            for (int i = 0; i < w.length; i++) {
                along += (double) w[i] * sums.getAtIndex(JAVA_FLOAT, i);
            }
            MemorySegment g = l.gate().gradient();
            for (int i = 0; i < w.length; i++) {
                double d = w[i] / l.temperature() * (sums.getAtIndex(JAVA_FLOAT, i) - along / w.length);
                g.setAtIndex(JAVA_FLOAT, i, (float) (g.getAtIndex(JAVA_FLOAT, i) + d));
            }
        }

        void backToInput() {
            add(x, m -> {
                multiply(Operand.of(dv), factor(l.a(), l.rank(), p.in()), Operand.of(m));
                if (drops()) {
                    noise.drop(l.number(), l.dropout(), m, firstRow);
                }
            });
        }
    }

    // --- small steps

    /// A norm, or `x` itself where there is none.
    Variable norm(Variable x, Norm n) {
        return norm(x, n, 0);
    }

    /// The same with row `row` of weights `[rows, width]`.
    Variable norm(Variable x, Norm n, int row) {
        if (n == null) {
            return x;
        }
        Parameter weight = parameters.vector(n.weight());
        Parameter bias = parameters.vector(n.bias());
        boolean centred = n.kind() == Norm.Kind.LAYER;
        boolean trained = weight != null && weight.trained() || bias != null && bias.trained();
        Variable y = result(pool.matrix(x.rows(), x.columns()), x.tracked || trained);
        long at = 4L * row * n.width();
        MemorySegment w = weight == null ? null : weight.data().asSlice(at, 4L * n.width());
        if (centred) {
            Normalise.layer(x.value, y.value, w, n.weightOffset(), bias == null ? null : bias.data(), n.eps());
        } else {
            Normalise.rms(x.value, y.value, w, n.weightOffset(), n.eps());
        }
        step(y, () -> {
            if (trained) {
                Derivatives.normWeights(x.value, y.gradient, centred, n.eps(), weight != null && weight.trained() ? weight.gradient().asSlice(at, 4L * n.width()) : null,
                        bias != null && bias.trained() ? bias.gradient() : null);
            }
            add(x, m -> Derivatives.norm(x.value, y.gradient, m, centred, w, n.weightOffset(), n.eps()));
        });
        return y;
    }

    /// A norm of every `width` neighbouring values.
    Variable normParts(Variable x, int width, Norm n) {
        Variable parts = view(x, x.rows() * (x.columns() / width), width);
        return view(norm(parts, n), x.rows(), x.columns());
    }

    /// The same values in rows of another length.
    private Variable view(Variable x, int rows, int columns) {
        Variable y = result(Matrix.over(x.value.data(), rows, columns), x.tracked);
        step(y, () -> add(x, m -> m.copyFrom(Matrix.over(y.gradient.data(), x.rows(), x.columns()))));
        return y;
    }

    /// Columns `[from, from + count)`, copied out.
    Variable columns(Variable x, int from, int count) {
        Variable y = result(pool.matrix(x.rows(), count), x.tracked);
        y.value.copyFrom(x.value.columns(from, count));
        step(y, () -> addTo(gradient(x).columns(from, count), y.gradient, 1f));
        return y;
    }

    /// Several pieces of columns of `x` behind each other: piece i is `[from[i], from[i] + width)`.
    Variable gatherColumns(Variable x, int[] from, int width) {
        Variable y = result(pool.matrix(x.rows(), from.length * width), x.tracked);
        for (int i = 0; i < from.length; i++) {
            y.value.columns(i * width, width).copyFrom(x.value.columns(from[i], width));
        }
        step(y, () -> {
            Matrix dx = gradient(x);
            for (int i = 0; i < from.length; i++) {
                addTo(dx.columns(from[i], width), y.gradient.columns(i * width, width), 1f);
            }
        });
        return y;
    }

    /// Every head's values: those of `plain`, `[tokens, heads a]`, then those of `turned`, `[tokens, heads b]`, or `[tokens, b]` for all heads.
    Variable joinHeads(Variable plain, Variable turned, int heads, int a, int b) {
        boolean shared = turned.columns() == b && heads > 1;
        Variable y = result(pool.matrix(plain.rows(), heads * (a + b)), plain.tracked || turned.tracked);
        for (int h = 0; h < heads; h++) {
            y.value.columns(h * (a + b), a).copyFrom(plain.value.columns(h * a, a));
            y.value.columns(h * (a + b) + a, b).copyFrom(turned.value.columns(shared ? 0 : h * b, b));
        }
        step(y, () -> {
            for (int h = 0; h < heads; h++) {
                if (plain.tracked) {
                    addTo(gradient(plain).columns(h * a, a), y.gradient.columns(h * (a + b), a), 1f);
                }
                if (turned.tracked) {
                    addTo(gradient(turned).columns(shared ? 0 : h * b, b), y.gradient.columns(h * (a + b) + a, b), 1f);
                }
            }
        });
        return y;
    }

    /// Pieces behind each other, column by column.
    Variable join(List<Variable> parts) {
        int width = parts.stream().mapToInt(Variable::columns).sum();
        Variable y = result(pool.matrix(parts.getFirst().rows(), width), parts.stream().anyMatch(p -> p.tracked));
        int at = 0;
        for (Variable part : parts) {
            int from = at;
            y.value.columns(from, part.columns()).copyFrom(part.value);
            step(y, () -> {
                if (part.tracked) {
                    addTo(gradient(part), y.gradient.columns(from, part.columns()), 1f);
                }
            });
            at += part.columns();
        }
        return y;
    }

    private static void addTo(Matrix sum, Matrix part, float factor) {
        Elementwise.add(sum, part, factor);
    }

    /// `y = x + scale * b`.
    Variable sum(Variable x, Variable b, float scale) {
        Variable y = result(pool.matrix(x.rows(), x.columns()), x.tracked || b.tracked);
        y.value.copyFrom(x.value);
        Elementwise.add(y.value, b.value, scale);
        step(y, () -> {
            add(x, m -> m.copyFrom(y.gradient));
            add(b, m -> {
                m.copyFrom(y.gradient);
                if (scale != 1f) {
                    Elementwise.scale(m, scale);
                }
            });
        });
        return y;
    }

    /// `y = x` cut to between `least` and `most`; what is cut passes no gradient.
    Variable clamp(Variable x, float least, float most) {
        Variable y = result(pool.matrix(x.rows(), x.columns()), x.tracked);
        y.value.copyFrom(x.value);
        Elementwise.clamp(y.value, least, most);
        step(y, () -> add(x, m -> {
            m.copyFrom(y.gradient);
            Derivatives.clamp(x.value, m, least, most);
        }));
        return y;
    }

    /// Every row of `x` with a factor of its own.
    Variable scaleRows(Variable x, float[] factors) {
        Variable y = result(pool.matrix(x.rows(), x.columns()), x.tracked);
        y.value.copyFrom(x.value);
        Elementwise.scaleRows(y.value, factors);
        step(y, () -> add(x, m -> {
            m.copyFrom(y.gradient);
            Elementwise.scaleRows(m, factors);
        }));
        return y;
    }

    /// Every head of `x`, as wide as another, with a factor of its own.
    Variable scaleHeads(Variable x, float[] factors) {
        Variable y = result(pool.matrix(x.rows(), x.columns()), x.tracked);
        y.value.copyFrom(x.value);
        scaleHeads(y.value, factors);
        step(y, () -> add(x, m -> {
            m.copyFrom(y.gradient);
            scaleHeads(m, factors);
        }));
        return y;
    }

    private static void scaleHeads(Matrix x, float[] factors) {
        int width = x.columns() / factors.length;
        for (int t = 0; t < x.rows(); t++) {
            for (int c = 0; c < x.columns(); c++) {
                x.set(t, c, x.get(t, c) * factors[c / width]);
            }
        }
    }

    /// Turns heads in place, sequence by sequence.
    ///
    /// @param starts the first row of each sequence, with the end behind them
    /// @param from where in a head the turning values begin
    void rotate(Variable x, int heads, int headDim, int from, int[] starts, RotaryTable[] tables, boolean interleaved, boolean pairsToHalves) {
        for (int s = 0; s < tables.length; s++) {
            Matrix part = turning(x.value, from, starts, s);
            if (pairsToHalves) {
                permute(part, heads, headDim, 2 * tables[s].pairs(), true);
            }
            Rotary.rotate(part, heads, headDim, tables[s].cos(), tables[s].sin(), tables[s].pairs(), interleaved);
        }
        step(x, () -> {
            for (int s = 0; s < tables.length; s++) {
                Matrix part = turning(x.gradient, from, starts, s);
                try (Scratch.Frame ignored = pool.frame()) {
                    Matrix back = pool.matrix(part.rows(), tables[s].pairs());
                    MemorySegment.copy(tables[s].sin(), 0, back.data(), 0, 4L * back.size());
                    Elementwise.scale(back, -1f);
                    Rotary.rotate(part, heads, headDim, tables[s].cos(), back.data(), tables[s].pairs(), interleaved);
                }
                if (pairsToHalves) {
                    permute(part, heads, headDim, 2 * tables[s].pairs(), false);
                }
            }
        });
    }

    private static Matrix turning(Matrix x, int from, int[] starts, int s) {
        return x.rows(starts[s], starts[s + 1] - starts[s]).columns(from, x.columns() - from);
    }

    /// The first `width` values of every head from neighbouring pairs to the pairs' first values and then their second ones, or back.
    private static void permute(Matrix x, int heads, int headDim, int width, boolean toHalves) {
        float[] sorted = new float[width];
        for (int t = 0; t < x.rows(); t++) {
            for (int head = 0; head < heads; head++) {
                int at = head * headDim;
                for (int i = 0; i < width; i++) {
                    int half = i % 2 * (width / 2) + i / 2;
                    sorted[toHalves ? half : i] = x.get(t, at + (toHalves ? i : half));
                }
                for (int i = 0; i < width; i++) {
                    x.set(t, at + i, sorted[i]);
                }
            }
        }
    }

    /// `y = f(x)`.
    Variable activate(Activation f, Variable x) {
        Variable y = result(pool.matrix(x.rows(), x.columns()), x.tracked);
        y.value.copyFrom(x.value);
        Activate.apply(f, y.value);
        step(y, () -> add(x, m -> Derivatives.activation(f, x.value, y.gradient, m)));
        return y;
    }

    /// `y = f(gate) * up`.
    Variable gated(Activation f, Variable gate, Variable up) {
        Variable y = result(pool.matrix(gate.rows(), gate.columns()), gate.tracked || up.tracked);
        y.value.copyFrom(gate.value);
        Activate.applyGated(f, y.value, up.value);
        step(y, () -> {
            // Gate and up are read here only, so both are written.
            gate.gradient = pool.matrix(gate.rows(), gate.columns());
            up.gradient = pool.matrix(gate.rows(), gate.columns());
            Derivatives.gated(f, gate.value, up.value, y.gradient, gate.gradient, up.gradient);
        });
        return y;
    }

    /// `y = f(both[:, :n]) * both[:, n:]`, without taking the two apart.
    Variable gatedHalves(Activation f, Variable both, int n) {
        Variable y = result(pool.matrix(both.rows(), n), both.tracked);
        y.value.copyFrom(both.value.columns(0, n));
        Activate.applyGated(f, y.value, both.value.columns(n, n));
        step(y, () -> add(both, m -> Derivatives.gated(f, both.value.columns(0, n), both.value.columns(n, n), y.gradient, m.columns(0, n), m.columns(n, n))));
        return y;
    }

    /// Even columns of `both`, then odd ones.
    Variable[] takeTurns(Variable both) {
        int n = both.columns() / 2;
        Variable even = result(pool.matrix(both.rows(), n), both.tracked);
        Variable odd = result(pool.matrix(both.rows(), n), both.tracked);
        Elementwise.takeTurns(both.value, even.value, odd.value);
        scatterTurns(both, even, 0);
        scatterTurns(both, odd, 1);
        return new Variable[] {even, odd};
    }

    private void scatterTurns(Variable both, Variable part, int offset) {
        step(part, () -> {
            Matrix d = gradient(both);
            for (int r = 0; r < d.rows(); r++) {
                for (int i = 0; i < part.columns(); i++) {
                    d.set(r, 2 * i + offset, d.get(r, 2 * i + offset) + part.gradient.get(r, i));
                }
            }
        });
    }

    /// `y = x + offset`.
    Variable shifted(Variable x, float offset) {
        Variable y = result(pool.matrix(x.rows(), x.columns()), x.tracked);
        y.value.copyFrom(x.value);
        Elementwise.shift(y.value, offset);
        step(y, () -> add(x, m -> m.copyFrom(y.gradient)));
        return y;
    }

    /// Rows of `x`; none twice.
    Variable gatherRows(Variable x, int[] rows) {
        Variable y = result(pool.matrix(rows.length, x.columns()), x.tracked);
        Elementwise.gatherRows(x.value, rows, y.value);
        step(y, () -> {
            float[] ones = new float[rows.length];
            java.util.Arrays.fill(ones, 1f);
            Elementwise.addToRows(gradient(x), rows, y.gradient, ones);
        });
        return y;
    }
}
