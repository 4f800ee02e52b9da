package vitrine.core.architecture;

import java.util.Locale;

/// How a config says that weights are stored in fewer bits, for the forms whose values can be told exactly: they are widened to float32.
///
/// @param blockRows how many rows and `blockColumns` columns of a float8 matrix share one scale, 0 where none is scaled
/// @param mxfp4 whether stacked experts are stored as MXFP4 blocks
public record Quantisation(int blockRows, int blockColumns, boolean mxfp4) {

    /// Weights as they are.
    public static final Quantisation NONE = new Quantisation(0, 0, false);

    /// Reads `quantization_config`.
    ///
    /// @throws vitrine.core.refusal.Refusal `family-unsupported` for a form that is not understood
    public static Quantisation read(Config config) {
        Config q = config.objectOrNull("quantization_config");
        if (q == null) {
            return NONE;
        }
        // Which modules are stored plainly shows in the tensors; how activations would be rounded on a device does not matter to float32.
        q.ignore("modules_to_not_convert", "activation_scheme", "fmt", "dequantize");
        String method = q.text("quant_method").toLowerCase(Locale.ROOT);
        return switch (method) {
            case "fp8" -> {
                if (!q.has("weight_block_size")) {
                    throw q.unsupported("weight_block_size", "float8 weights without blocks");
                }
                double[] block = q.numbers("weight_block_size", 2);
                for (double size : block) {
                    if (size < 1 || size > Integer.MAX_VALUE || size != Math.rint(size)) {
                        throw q.invalid("weight_block_size", "holds %s; whole numbers from 1 belong here", size);
                    }
                }
                String scales = q.textOr("scale_fmt", "float");
                if (!scales.equals("float")) {
                    throw q.unsupported("scale_fmt", "scales of format " + scales);
                }
                yield new Quantisation((int) block[0], (int) block[1], false);
            }
            case "mxfp4" -> new Quantisation(0, 0, true);
            default -> throw q.unsupported("quant_method", "quantisation method " + method);
        };
    }

    /// The layer, with the scales that its weight is stored with, where it is.
    Linear scaled(Linear linear, TensorNames names) {
        String scales = linear.weight() + "_scale_inv";
        return blockRows > 0 && names.has(scales) ? linear.scaledBy(new Linear.Scales(scales, blockRows, blockColumns)) : linear;
    }
}
