#!/usr/bin/env python3
"""Makes the reference cases lora-own-*: adapters that PEFT makes in ways that the given cases do not have, with PEFT's own results.

    python make_adapter_cases.py --out DIR_OF_CASES [--only CASE ...]

The bases are made as well (lora-base-*: hidden 32, 1 or 2 layers, random weights); a base and a case are under 60 KB each. Deltas are merged minus base in
float64, taken from PEFT's merge; logits come from the model with the adapter active and not merged, float32.
"""
import argparse
import copy
import json
import platform
import shutil
from pathlib import Path

import numpy
import peft
import safetensors.torch
import torch
import transformers
from peft import AdaLoraConfig, LoraConfig, get_peft_model

VOCABULARY, HIDDEN = 24, 32


def llama(tied=False, bias=False):
    c = transformers.LlamaConfig(vocab_size=VOCABULARY, hidden_size=HIDDEN, intermediate_size=28, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                                 max_position_embeddings=64, tie_word_embeddings=tied, attention_bias=bias, mlp_bias=bias)
    return transformers.LlamaForCausalLM(c)


def gpt2():
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(vocab_size=VOCABULARY, n_embd=HIDDEN, n_layer=1, n_head=4, n_positions=32, n_inner=48, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0))


def deepseek():
    c = transformers.DeepseekV3Config(vocab_size=VOCABULARY, hidden_size=HIDDEN, intermediate_size=28, moe_intermediate_size=8, num_hidden_layers=2, num_attention_heads=2,
                                      num_key_value_heads=2, q_lora_rank=16, kv_lora_rank=12, qk_rope_head_dim=4, qk_nope_head_dim=8, v_head_dim=8, n_routed_experts=4,
                                      num_experts_per_tok=2, n_group=1, topk_group=1, n_shared_experts=1, first_k_dense_replace=1, max_position_embeddings=64)
    return transformers.DeepseekV3ForCausalLM(c)


def qwen_moe():
    c = transformers.Qwen3MoeConfig(vocab_size=VOCABULARY, hidden_size=HIDDEN, intermediate_size=16, moe_intermediate_size=8, num_hidden_layers=2, num_attention_heads=4, head_dim=8,
                                    num_key_value_heads=2, num_experts=3, num_experts_per_tok=2, norm_topk_prob=True, max_position_embeddings=64)
    return transformers.Qwen3MoeForCausalLM(c)


BASES = {"llama": (801, llama), "llama-tied": (802, lambda: llama(True)), "llama-biases": (803, lambda: llama(bias=True)), "gpt2": (804, gpt2), "deepseek-v3": (805, deepseek),
         "qwen3-moe": (806, qwen_moe)}

CASES = {
    "lora-own-odd-ranks": (901, "llama", lambda: LoraConfig(r=3, lora_alpha=5, target_modules=["q_proj", "v_proj", "down_proj", "lm_head"], rank_pattern={"v_proj": 7, r"layers\.1\..*down_proj": 1},
                                                          alpha_pattern={"lm_head": 2.5}), "ranks 3, 7 and 1, a fractional alpha, the head among the targets"),
    "lora-own-layers": (902, "llama", lambda: LoraConfig(r=4, lora_alpha=8, target_modules=["o_proj", "gate_proj"], layers_to_transform=[1], layers_pattern="layers"),
                        "layers_to_transform: the second layer only"),
    "lora-own-embedding-tied": (903, "llama-tied", lambda: LoraConfig(r=4, lora_alpha=6, target_modules=["embed_tokens", "k_proj"]),
                                "LoRA on the embedding of a tied model: the lookup changes, the head does not"),
    "lora-own-embedding-saved-tied": (904, "llama-tied", lambda: LoraConfig(r=2, lora_alpha=4, target_modules=["q_proj"], modules_to_save=["embed_tokens"]),
                                      "the embedding of a tied model saved whole"),
    "lora-own-adalora": (905, "llama", lambda: AdaLoraConfig(init_r=4, target_r=2, lora_alpha=8, target_modules=["q_proj", "up_proj"], total_step=10), "AdaLoRA: P diag(lambda) Q"),
    "lora-own-conv1d": (906, "gpt2", lambda: LoraConfig(r=3, lora_alpha=6, target_modules=["c_attn", "c_proj"], fan_in_fan_out=True), "GPT-2's Conv1D, stored [in, out]"),
    "lora-own-conv1d-dora": (907, "gpt2", lambda: LoraConfig(r=2, lora_alpha=4, target_modules=["c_fc"], fan_in_fan_out=True, use_dora=True), "DoRA on Conv1D"),
    "lora-own-regex": (908, "llama", lambda: LoraConfig(r=4, lora_alpha=8, target_modules=r".*layers\.[01]\.self_attn\.(q|k)_proj"), "targets by a regular expression"),
    "lora-own-dora-rslora": (909, "llama", lambda: LoraConfig(r=5, lora_alpha=7, target_modules=["v_proj", "o_proj"], use_dora=True, use_rslora=True), "DoRA with rsLoRA"),
    "lora-own-bias": (910, "llama-biases", lambda: LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "up_proj"], lora_bias=True), "lora_bias: B with a bias of its own"),
    "lora-own-mla": (911, "deepseek-v3", lambda: LoraConfig(r=3, lora_alpha=6, target_modules=["q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj", "o_proj"]),
                     "LoRA on every projection of latent attention"),
    "lora-own-moe": (912, "qwen3-moe", lambda: LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "k_proj", "v_proj", "o_proj"]), "LoRA on the attention of a mixture of experts"),
    "lora-own-rows": (913, "llama", lambda: LoraConfig(r=2, lora_alpha=4, target_modules=["q_proj"], trainable_token_indices={"embed_tokens": [3, 7, 20]}), "single rows of the embedding"),
    "lora-own-rows-tied": (914, "llama-tied", lambda: LoraConfig(r=2, lora_alpha=4, target_modules=["v_proj"], trainable_token_indices=[1, 9]),
                           "single rows of a tied embedding: the head has them too"),
    "lora-own-experts": (915, "qwen3-moe", lambda: LoraConfig(r=2, lora_alpha=3, target_modules=["v_proj"], target_parameters=["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]),
                         "target_parameters: the fused parameters of all experts"),
}


def fill(model, seed, scale):
    g = torch.Generator().manual_seed(seed)
    for name, p in model.named_parameters():
        if "norm" in name or "ln_" in name:
            p.data = 1 + 0.2 * torch.randn(p.shape, generator=g) if name.endswith("weight") else 0.1 * torch.randn(p.shape, generator=g)
        else:
            p.data = scale * torch.randn(p.shape, generator=g)


def fill_adapter(model, seed):
    g = torch.Generator().manual_seed(seed)
    for name, p in sorted(model.named_parameters()):
        if "lora_magnitude" in name:
            p.data = p.data * (1 + 0.3 * torch.randn(p.shape, generator=g))
        elif "lora_" in name:
            p.data = 0.3 * torch.randn(p.shape, generator=g)
        elif "trainable_tokens_delta" in name:
            p.data = p.data + 0.4 * torch.randn(p.shape, generator=g)
        elif "modules_to_save" in name:
            p.data = p.data + 0.2 * torch.randn(p.shape, generator=g)


def size(folder):
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 1000


def base_model(name, out):
    seed, make = BASES[name]
    torch.manual_seed(seed)
    model = make().eval()
    fill(model, seed, 0.25)
    folder = out / f"lora-base-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    print(f"{folder.name:32} {size(folder):6.1f} kB")
    return model


def case(name, base, out):
    seed, base_name, config_of, about = CASES[name]
    torch.manual_seed(seed)
    folder = out / name
    shutil.rmtree(folder, ignore_errors=True)
    model = get_peft_model(copy.deepcopy(base), config_of())
    fill_adapter(model, seed + 1)
    model.eval()
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    cfg = json.loads((folder / "adapter_config.json").read_text())
    cfg["base_model_name_or_path"] = f"../lora-base-{base_name}"
    (folder / "adapter_config.json").write_text(json.dumps(cfg, indent=1, sort_keys=True) + "\n")

    # What PEFT makes of the files it has written.
    loaded = peft.PeftModel.from_pretrained(copy.deepcopy(base), folder).eval()
    g = torch.Generator().manual_seed(seed + 2)
    ids = torch.randint(1, VOCABULARY, (1, 14), generator=g)
    with torch.no_grad():
        logits = loaded(input_ids=ids).logits[0]
        before = base(input_ids=ids).logits[0]
    assert (logits - before).abs().max() > 0.05, name
    golden = {"p0.input_ids": ids[0].to(torch.int64), "p0.logits": logits.float().contiguous()}
    meanings = {"p0.input_ids": ("token ids", {"kind": "exact"}), "p0.logits": ("with the adapter active, not merged", {"kind": "scaled", "tol": 2e-4})}

    wide = peft.PeftModel.from_pretrained(copy.deepcopy(base).double(), folder).eval()
    for module_name, module in wide.named_modules():
        if not hasattr(module, "get_delta_weight") or not hasattr(module, "base_layer") or not hasattr(module.base_layer, "weight"):
            continue
        path = module_name.replace("base_model.model.", "", 1)
        w = module.base_layer.weight.detach().clone()
        module.merge()
        delta = (module.base_layer.weight.detach() - w).numpy()
        module.unmerge()
        golden[f"delta.{path}.weight"] = torch.from_numpy(delta.astype(numpy.float32)).contiguous()
        golden[f"sv.{path}.weight"] = torch.from_numpy(numpy.linalg.svd(delta, compute_uv=False))
        meanings[f"delta.{path}.weight"] = ("merged minus base, in the shape of the stored weight", {"kind": "scaled", "tol": 1e-5})
        meanings[f"sv.{path}.weight"] = ("singular values of delta", {"kind": "scaled", "tol": 1e-6})
    safetensors.torch.save_file(golden, folder / "golden.safetensors")
    tensors = {k: {"meaning": meanings[k][0], "shape": list(v.shape), "tolerance": meanings[k][1]} for k, v in golden.items()}
    versions = {"python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__, "numpy": numpy.__version__}
    (folder / "golden.json").write_text(json.dumps({"case": name, "kind": "adapter", "base_case": f"lora-base-{base_name}", "description": about, "seed": seed, "versions": versions, "tensors": tensors}, indent=1) + "\n")
    print(f"{name:32} {size(folder):6.1f} kB  {sum(k.startswith('delta') for k in golden)} deltas")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*")
    args = parser.parse_args()
    chosen = args.only or list(CASES)
    bases = {b: base_model(b, args.out) for b in dict.fromkeys(CASES[c][1] for c in chosen)}
    for case_name in chosen:
        case(case_name, bases[CASES[case_name][1]], args.out)
