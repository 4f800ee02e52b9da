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
            case "gptq" -> {
                // Which bits mean what shows in the tensors, which the checkpoint gives as the matrices that they stand for.
                q.ignore("bits", "group_size", "desc_act", "sym", "damp_percent", "true_sequential", "static_groups", "model_name_or_path", "model_file_base_name", "model_seqlen",
                        "checkpoint_format", "meta", "is_marlin_format", "lm_head", "dataset", "block_name_to_quantize", "module_name_preceding_first_block", "cache_block_outputs",
                        "modules_in_block_to_quantize", "tokenizer", "batch_size", "pad_token_id", "use_cuda_fp16", "exllama_config", "max_input_length", "use_exllama", "disable_exllama",
                        "damp_auto_increment", "backend", "hyb_act", "pack_dtype", "quantizer", "dynamic");
                int bits = q.positiveOr("bits", 4);
                if (bits != 2 && bits != 4 && bits != 8) {
                    throw q.unsupported("bits", "GPTQ of " + bits + " bits");
                }
                if (!q.textOr("checkpoint_format", "gptq").matches("gptq|gptq_v2")) {
                    throw q.unsupported("checkpoint_format", "checkpoint_format " + q.text("checkpoint_format"));
                }
                yield NONE;
            }
            case "awq" -> {
                q.ignore("bits", "group_size", "zero_point", "backend", "do_fuse", "exllama_config", "fuse_max_seq_len", "modules_to_fuse", "q_group_size", "w_bit");
                if (!q.textOr("version", "gemm").equalsIgnoreCase("gemm")) {
                    throw q.unsupported("version", "AWQ in the order of " + q.text("version"));
                }
                yield NONE;
            }
            case "bitsandbytes" -> {
                q.ignore("load_in_4bit", "load_in_8bit", "_load_in_4bit", "_load_in_8bit", "bnb_4bit_compute_dtype", "bnb_4bit_quant_storage", "bnb_4bit_quant_type", "bnb_4bit_use_double_quant",
                        "llm_int8_enable_fp32_cpu_offload", "llm_int8_has_fp16_weight", "llm_int8_skip_modules", "llm_int8_threshold");
                yield NONE;
            }
            default -> throw q.unsupported("quant_method", "quantisation method " + method);
        };
    }

    /// The layer, with the scales that its weight is stored with, where it is.
    Linear scaled(Linear linear, TensorNames names) {
        String scales = linear.weight() + "_scale_inv";
        return blockRows > 0 && names.has(scales) ? linear.scaledBy(new Linear.Scales(scales, blockRows, blockColumns)) : linear;
    }
}
