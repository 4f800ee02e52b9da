package vitrine.core.architecture;

import java.util.List;
import vitrine.core.tensor.Activation;

/// The routed experts of a layer, all of one shape: `down(act(gate(x)) * up(x))`.
///
/// @param gate gate and up together where `fusion` says so
/// @param up null where it is within `gate`
/// @param limit where positive, gate is at most this and up between minus this and this
/// @param upOffset added to up before the product
public record Experts(Matrices gate, Matrices up, Fusion fusion, Matrices down, Activation activation, float limit, float upOffset) {

    /// Where gate and up lie in one matrix's outputs.
    public enum Fusion {
        /// Two matrices.
        NONE,
        /// First gate, then up.
        HALVES,
        /// Gate and up in turn.
        IN_TURN
    }

    /// One matrix of each expert.
    public sealed interface Matrices {
        int out();

        int in();

        int count();
    }

    /// A tensor of its own for every expert.
    public record Each(List<Linear> linears) implements Matrices {
        @Override
        public int out() {
            return linears.getFirst().out();
        }

        @Override
        public int in() {
            return linears.getFirst().in();
        }

        @Override
        public int count() {
            return linears.size();
        }
    }

    /// One tensor for all experts.
    ///
    /// @param weight `[count, out, in]`, or `[count, in, out]` where `inputMajor`; without the first bracket, rows of all experts one after the
    /// other, where `flat`
    /// @param bias the tensor `[count, out]`, or null
    public record Stack(String weight, String bias, int count, int out, int in, boolean inputMajor, boolean flat) implements Matrices {}

    /// Four-bit floats (E2M1) in blocks of 32 along `in` that share a power of two (MXFP4).
    ///
    /// Source: Open Compute Project, *Microscaling Formats (MX) Specification*, version 1.0.
    ///
    /// @param blocks the tensor `[count, out, in / 32, 16]` of bytes, each with two values, the lower half first
    /// @param scales the tensor `[count, out, in / 32]` of bytes: exponents of two, 127 for 1
    /// @param bias the tensor `[count, out]`, or null
    public record Blocks(String blocks, String scales, String bias, int count, int out, int in) implements Matrices {
        /// Values that share a scale.
        public static final int SIZE = 32;
    }

    /// Plain gated experts.
    public static Experts gated(Matrices gate, Matrices up, Matrices down, Activation activation) {
        return new Experts(gate, up, Fusion.NONE, down, activation, 0f, 0f);
    }

    /// Gated experts with gate and up in one matrix, gate first.
    public static Experts halves(Matrices gateUp, Matrices down, Activation activation) {
        return new Experts(gateUp, null, Fusion.HALVES, down, activation, 0f, 0f);
    }

    public int count() {
        return down.count();
    }

    /// The width between an expert's matrices.
    public int width() {
        return down.in();
    }
}
