/// Weights that quantisation libraries pack into several tensors, told as the matrices that they stand for.
///
/// | library | tensors of a layer `X` | a value of the weight `[out, in]` |
/// | --- | --- | --- |
/// | GPTQ | `X.qweight` i32 `[in b/32, out]`, `X.qzeros` i32 `[groups, out b/32]`, `X.scales` `[groups, out]`, `X.g_idx` i32 `[in]` or none | `scales[g, o] (q - zero)`, `g` = `g_idx[i]`, or `i` divided by the group's size; `b` of 2, 4 or 8 bits, the lowest first; a zero is stored less one, modulo `2^b`, unless the config's `checkpoint_format` is `gptq_v2` |
/// | AWQ (gemm) | `X.qweight` i32 `[in, out/8]`, `X.qzeros` i32 `[groups, out/8]`, `X.scales` `[groups, out]` | as above, of 4 bits; of eight outputs, the lowest bits hold 0, then 2, 4, 6, 1, 3, 5, 7; zeros are stored as they are |
/// | bitsandbytes, 4 bits | `X.weight` u8, two values a byte, the upper half first; `X.weight.absmax`, `X.weight.quant_map` f32 `[16]`, and `X.weight.quant_state.bitsandbytes__nf4` (or `__fp4`), JSON with shape and block size; for scales that are quantised again `X.weight.nested_absmax`, `X.weight.nested_quant_map` | `quant_map[q] absmax[block]`; a nested `absmax[k]` is `nested_quant_map[absmax[k]] nested_absmax[k / nested block] + nested_offset` |
/// | bitsandbytes, 8 bits | `X.weight` i8 `[out, in]`, `X.SCB` f32 `[out]` | `q SCB[o] / 127` |
///
/// Values are float32: the libraries round them to the type that they compute in, which is not done here.
///
/// Sources: Frantar et al., *GPTQ* (arXiv 2210.17323) and AutoGPTQ's `qlinear` modules; Lin et al., *AWQ* (arXiv 2306.00978) and AutoAWQ's `packing_utils`;
/// Dettmers et al., *QLoRA* (arXiv 2305.14314), *LLM.int8()* (arXiv 2208.07339) and bitsandbytes' `functional.py`.
package vitrine.core.checkpoint.packed;
