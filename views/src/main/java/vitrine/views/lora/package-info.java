/// The LoRA view: what each rank of an adapter is worth, how its deltas lie to the base, what a cut would cost, and how two adapters differ.
///
/// [vitrine.views.lora.LoraView] is the view, [vitrine.views.lora.LoraViewModel] what it decides. [vitrine.views.lora.Study] reads an artifact of
/// `vitrine adapter`, [vitrine.views.lora.Comparison] one of `vitrine adapter compare`; [vitrine.views.lora.Cut] tells what a cut costs from the spectra alone.
package vitrine.views.lora;
