/// Low-rank adapters of a model: which modules they change, with what factors and scaling.
///
/// Start with [vitrine.core.adapter.Adapter], which reads a PEFT folder or a lone adapter file; [vitrine.core.adapter.AdapterFit] finds the layers
/// of a base that it changes, and refuses a base that it was not made for. Nothing is computed here: deltas and their spectra are
/// `vitrine.core.analysis.adapter`, an adapted forward pass is `vitrine.core.forward`.
///
/// ## What is read
///
/// Tensor names are `base_model.model.` + the module's path + one of these endings; a `.default` inside and a missing `base_model.model.` are put
/// right and told.
///
/// | ending | shape | |
/// |---|---|---|
/// | `.lora_A.weight` | `[r, in]` | A |
/// | `.lora_B.weight` | `[out, r]` | B; delta = s B A |
/// | `.lora_B.bias` | `[out]` | added as s bias (`lora_bias`) |
/// | `.lora_A`, `.lora_B`, `.lora_E` | `[r, in]`, `[out, r]`, `[r, 1]` | AdaLoRA; delta = s B diag(E) A, s = alpha / (r + 1e-5) |
/// | `.lora_embedding_A`, `.lora_embedding_B` | `[r, vocabulary]`, `[width, r]` | delta of the table = s (B A)^T |
/// | `.lora_magnitude_vector` | `[out]` | DoRA's m |
/// | `.lora_solar_value`, `.lora_solar_place` | `[t]`, `[t]` | SOLAR: coefficients of Z and their places, delta = P Z Q^T; not PEFT's |
/// | `.token_adapter.trainable_tokens_delta` | `[ids, width]` | rows that stand for the table's own, of the ids in `trainable_token_indices` |
/// | `experts.base_layer.lora_A.weight`, ... | `[experts r, in]` | of `target_parameters`: taken apart into modules of single experts |
/// | `.base_layer.weight` | | a copy of the base's own tensor, no delta |
/// | anything else | | a tensor that replaces the base's (`modules_to_save`, `bias`) |
///
/// Source: the state dictionaries and `adapter_config.json` of PEFT 0.21, read 2026-11; Hu et al., *LoRA*, 2021; Kalajdzievski, *rsLoRA*, 2023; Liu et al.,
/// *DoRA*, 2024; Zhang et al., *AdaLoRA*, 2023.
package vitrine.core.adapter;
