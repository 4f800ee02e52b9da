#!/usr/bin/env python3
"""Makes small reference checkpoints with experts, with reference results computed by transformers.

    python make_moe_cases.py --out DIR --reference DIR [--only CASE ...]

As make_cases.py, whose parts it uses: a case is made from its seed alone. Beside the usual tensors it holds the routing: `router_logits`, `expert_ids`,
`expert_weights`. Where a case stores weights in another form (float8 with scales, MXFP4, one pool for several layers), the reference run takes the float32
values that the stored ones mean.
"""
import argparse
import itertools
import json
import logging
import math
import tempfile
import warnings
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file

import make_cases as base
from make_cases import Case, REMOVE, changed

base.TENSORS.update({
    "router_logits": (["moe_layer", "position", "expert"], "raw router logits (before softmax/sigmoid and any bias)", base.SCALED, None),
    "expert_ids": (["moe_layer", "position", "rank"], "chosen experts, sorted by falling routing weight", base.EXACT, None),
    "expert_weights": (["moe_layer", "position", "rank"],
                       "weight with which each chosen expert enters (after normalisation and scaling as the model has it)",
                       {"kind": "absolute", "tol": 1e-4}, None),
})
base.ORDER[:] = list(base.TENSORS)
# Kept of the two prompts; the rest follows from these, and the cases stay small.
KEPT = ({"input_ids", "logits", "attentions", "layer_out", "mlp_out", "cache_k", "cache_v", "token_nll", "loss", "greedy_ids", "router_logits", "expert_ids",
         "expert_weights"}, {"input_ids", "logits", "loss", "greedy_ids", "expert_ids"})
PERTURBATION = 3e-5         # of all weights: no choice of an expert may change under it


def decoder(model_type, architecture, **changes):
    """config.json of a tiny decoder with Llama's keys."""
    config = {
        "architectures": [architecture], "attention_bias": False, "attention_dropout": 0.0, "bos_token_id": 0, "eos_token_id": 0, "hidden_act": "silu",
        "hidden_size": 32, "initializer_range": 0.02, "intermediate_size": 24, "max_position_embeddings": 128, "model_type": model_type,
        "num_attention_heads": 4, "num_hidden_layers": 2, "num_key_value_heads": 2, "rms_norm_eps": 1e-05, "rope_scaling": None, "rope_theta": 10000.0,
        "tie_word_embeddings": True, "torch_dtype": "float32", "transformers_version": "4.46.0", "use_cache": True, "vocab_size": 272}
    return changed(config, changes)


def mixtral(**changes):
    return decoder("mixtral", "MixtralForCausalLM", **{"attention_bias": REMOVE, "num_experts_per_tok": 2, "num_local_experts": 6, "output_router_logits": False,
                   "router_aux_loss_coef": 0.001, "router_jitter_noise": 0.0, "sliding_window": None, "tie_word_embeddings": False, **changes})


def qwen(model_type, architecture, **changes):
    return decoder(model_type, architecture, **{"decoder_sparse_step": 1, "mlp_only_layers": [], "moe_intermediate_size": 20, "intermediate_size": 28,
                   "norm_topk_prob": False, "num_experts": 6, "num_experts_per_tok": 2, "output_router_logits": False, "router_aux_loss_coef": 0.001,
                   "max_window_layers": 28, "sliding_window": None, "use_sliding_window": False, **changes})


def deepseek(model_type, architecture, **changes):
    return decoder(model_type, architecture, **{"aux_loss_alpha": 0.001, "ep_size": 1, "first_k_dense_replace": 1, "intermediate_size": 28, "kv_lora_rank": 16,
                   "moe_intermediate_size": 12, "moe_layer_freq": 1, "n_group": 4, "n_routed_experts": 8, "n_shared_experts": 2, "norm_topk_prob": False,
                   "num_experts_per_tok": 3, "num_hidden_layers": 3, "num_key_value_heads": 4, "pretraining_tp": 1, "q_lora_rank": None,
                   "qk_nope_head_dim": 6, "qk_rope_head_dim": 4, "rms_norm_eps": 1e-06, "routed_scaling_factor": 1.5, "scoring_func": "softmax",
                   "seq_aux": True, "topk_group": 2, "topk_method": "group_limited_greedy", "v_head_dim": 7, **changes})


def v3(**changes):
    return deepseek("deepseek_v3", "DeepseekV3ForCausalLM", **{"n_shared_experts": 1, "norm_topk_prob": True, "num_nextn_predict_layers": 0,
                    "routed_scaling_factor": 2.5, "scoring_func": "sigmoid", "topk_method": "noaux_tc", **changes})


def all_cases():
    yield Case("deepseek-v2", "DeepSeek-V2: latent attention without compressed queries, softmax routing limited to the groups with the best expert, weights "
               "not renormalised and scaled, two shared experts, dense first layer, tied output",
               deepseek("deepseek_v2", "DeepseekV2ForCausalLM"), "gpt2", 601)
    yield Case("deepseek-v2-greedy", "DeepSeek-V2: compressed queries, YaRN rope with mscale_all_dim, a choice among all experts (greedy)",
               deepseek("deepseek_v2", "DeepseekV2ForCausalLM", topk_method="greedy", n_group=1, topk_group=1, q_lora_rank=18, routed_scaling_factor=1.0,
                        rope_scaling={"beta_fast": 32, "beta_slow": 1, "factor": 4, "mscale": 0.707, "mscale_all_dim": 0.707,
                                      "original_max_position_embeddings": 32, "type": "yarn"}), "gpt2", 621)
    yield Case("deepseek-v3-plain-queries", "DeepSeek-V3 without compressed queries, rope_interleave false, weights not renormalised",
               v3(rope_interleave=False, norm_topk_prob=False, routed_scaling_factor=0.7), "gpt2", 641)
    yield Case("deepseek-v3-fp8", "DeepSeek-V3 with float8 weights (E4M3) and a float32 scale for every block of 16 by 16 (weight_scale_inv); matrices whose "
               "sides do not divide by 16", v3(q_lora_rank=18, quantization_config={"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8",
                                               "weight_block_size": [16, 16]}), "gpt2", 661)
    yield Case("granitemoe", "Granite MoE: the softmax is over the chosen logits, stacked experts input_linear [experts, 2 width, hidden] and output_linear, "
               "multipliers on embeddings, attention scores, residual and logits",
               decoder("granitemoe", "GraniteMoeForCausalLM", num_local_experts=6, num_experts_per_tok=3, output_router_logits=False,
                       router_aux_loss_coef=0.001, attention_multiplier=0.25, embedding_multiplier=1.8, logits_scaling=1.4, residual_multiplier=0.8), "gpt2", 681)
    yield Case("phimoe", "Phi-3.5-MoE: two experts one after the other, each weighted by a softmax over the logits close to the best (SparseMixer); LayerNorms "
               "with bias, biases of attention and output", decoder("phimoe", "PhimoeForCausalLM", num_local_experts=6, num_experts_per_tok=2,
               attention_bias=True, lm_head_bias=True, router_jitter_noise=0.2, input_jitter_noise=0.0, output_router_logits=False,
               router_aux_loss_coef=0.0, sliding_window=6, tie_word_embeddings=False), "gpt2", 701)
    yield Case("dbrx", "DBRX: fused and clipped queries, keys and values, LayerNorms without bias, experts stacked as rows (w1, v1, w2), weights divided by their "
               "1-norm", {"architectures": ["DbrxForCausalLM"], "attn_config": {"clip_qkv": 3.0, "kv_n_heads": 2, "model_type": "", "rope_theta": 10000.0},
               "d_model": 32, "emb_pdrop": 0.0, "ffn_config": {"ffn_hidden_size": 24, "model_type": "", "moe_jitter_eps": 0.0, "moe_loss_weight": 0.05,
               "moe_num_experts": 6, "moe_top_k": 3, "hidden_size": 32}, "initializer_range": 0.02, "max_seq_len": 128, "model_type": "dbrx", "n_heads": 4, "n_layers": 2,
               "output_router_logits": False, "resid_pdrop": 0.0, "router_aux_loss_coef": 0.05, "tie_word_embeddings": False, "torch_dtype": "float32",
               "transformers_version": "4.40.0", "use_cache": True, "vocab_size": 272}, "gpt2", 721)
    yield Case("qwen2-moe-sparse", "Qwen2-MoE with renormalised weights, experts in every second layer, and of those not in layer 3",
               qwen("qwen2_moe", "Qwen2MoeForCausalLM", attention_bias=REMOVE, norm_topk_prob=True, decoder_sparse_step=2, mlp_only_layers=[3],
                    num_hidden_layers=4, shared_expert_intermediate_size=16), "gpt2", 741)
    yield Case("qwen3-moe-stacked", "Qwen3-MoE stored as transformers 5 holds it in memory: gate_up_proj [experts, 2 width, hidden] and down_proj; weights not "
               "renormalised, experts in every second layer", qwen("qwen3_moe", "Qwen3MoeForCausalLM", decoder_sparse_step=2, head_dim=12), "gpt2", 761, centers={"q_norm|k_norm": 1.7})
    yield Case("llama4-text", "Llama 4, text only: experts in layers 0 and 2, weighted by a sigmoid of their input, with a shared expert; layers 0 and 1 turn queries and keys, "
               "normalise them and attend within chunks of 6, layer 2 does neither and its queries grow with the position",
               decoder("llama4_text", "Llama4ForCausalLM", attention_bias=False, attention_chunk_size=6, attn_scale=0.3, attn_temperature_tuning=True, floor_scale=4,
                       for_llm_compressor=False, head_dim=8, hidden_size=16, intermediate_size=8, intermediate_size_mlp=12, moe_layers=[0, 2], no_rope_layers=[1, 1, 0],
                       num_attention_heads=2, num_experts_per_tok=2, num_hidden_layers=3, num_key_value_heads=1, num_local_experts=4, output_router_logits=False,
                       rope_theta=500000.0, router_aux_loss_coef=0.001, router_jitter_noise=0.0, use_qk_norm=True), "gpt2", 841)
    yield Case("mixtral-bf16-sharded", "Mixtral in bfloat16 in two shards with an index; the run widens to float32 first", mixtral(torch_dtype="bfloat16"),
               "gpt2", 781, storage="bfloat16")
    yield Case("mixtral-pool", "one pool of experts for several layers: layers 0 and 2 visit the experts of layer 0, layer 1 its own (expert_pools); made from a "
               "Mixtral whose layer 2 has copies of layer 0's experts", mixtral(num_hidden_layers=3, expert_pools=[0, 1, 0]), "gpt2", 801)
    yield Case("gpt-oss-mxfp4", "gpt-oss with its experts stored as MXFP4: blocks of 32 four-bit floats with a shared exponent; old keys of the published config",
               decoder("gpt_oss", "GptOssForCausalLM", attention_bias=True, experts_per_token=2, head_dim=8, initial_context_length=32, intermediate_size=32,
                       layer_types=["sliding_attention", "full_attention"], num_experts_per_tok=2, num_local_experts=4, output_router_logits=False,
                       router_aux_loss_coef=0.9, sliding_window=6, swiglu_limit=7.0, tie_word_embeddings=False, rope_theta=150000,
                       rope_scaling={"beta_fast": 32.0, "beta_slow": 1.0, "factor": 8.0, "original_max_position_embeddings": 32, "rope_type": "yarn",
                                     "truncate": False},
                       quantization_config={"modules_to_not_convert": ["model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"],
                                            "quant_method": "mxfp4"}), "gpt2", 821)


# ---------------------------------------------------------------------------------------------------------------------
# What is stored, and what it means


def float8_blocks(weight, rows, columns):
    """A matrix as float8 with a scale per block, and the float32 values that they mean."""
    scales = torch.zeros(math.ceil(weight.shape[0] / rows), math.ceil(weight.shape[1] / columns))
    stored = torch.zeros(weight.shape, dtype=torch.float8_e4m3fn)
    meant = torch.zeros_like(weight)
    for i, j in itertools.product(range(scales.shape[0]), range(scales.shape[1])):
        part = (slice(i * rows, (i + 1) * rows), slice(j * columns, (j + 1) * columns))
        scales[i, j] = weight[part].abs().max() / 448
        stored[part] = (weight[part] / scales[i, j]).to(torch.float8_e4m3fn)
        meant[part] = stored[part].float() * scales[i, j]
    return stored, scales, meant


E2M1 = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6])


def mxfp4(weight):
    """`[experts, in, out]` as blocks `[experts, out, in / 32, 16]` and scales `[experts, out, in / 32]`, and what they mean, `[experts, in, out]`."""
    rows = weight.transpose(1, 2).contiguous()
    blocks = rows.reshape(*rows.shape[:2], -1, 32)
    exponent = torch.floor(torch.log2(blocks.abs().amax(-1))) - 2
    codes = (blocks / torch.exp2(exponent)[..., None])[..., None].sub(E2M1).abs().argmin(-1)
    meant = (E2M1[codes] * torch.exp2(exponent)[..., None]).reshape(rows.shape).transpose(1, 2).contiguous()
    packed = (codes[..., 0::2] + 16 * codes[..., 1::2]).to(torch.uint8)
    return packed, (exponent + 127).to(torch.uint8), meant


def stored_and_meant(model, case):
    """The tensors of the file(s), and those of a plain float32 checkpoint that mean the same."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        plain = load_file(Path(folder) / "model.safetensors")
    stored, meant = dict(plain), dict(plain)
    quantised = case.config.get("quantization_config", {}).get("quant_method")
    if quantised == "fp8":
        for name, weight in plain.items():
            if name.endswith("proj.weight") or name.endswith("_mqa.weight"):
                stored[name], stored[name + "_scale_inv"], meant[name] = float8_blocks(weight, *case.config["quantization_config"]["weight_block_size"])
    if quantised == "mxfp4":
        for name, weight in plain.items():
            if name.endswith("experts.gate_up_proj") or name.endswith("experts.down_proj"):
                stored[name + "_blocks"], stored[name + "_scales"], meant[name] = mxfp4(weight)
                del stored[name]
    if case.storage == "bfloat16":
        stored = {name: weight.bfloat16() for name, weight in plain.items()}
        meant = {name: weight.float() for name, weight in stored.items()}
    if "expert_pools" in case.config:
        for name in plain:
            if "layers.2." in name and ".experts." in name:
                meant[name] = plain[name.replace("layers.2.", "layers.0.")].clone()
                del stored[name]
    if case.name == "qwen3-moe-stacked":
        stored = {name: weight for name, weight in model.state_dict().items() if not (name == "lm_head.weight" and case.config["tie_word_embeddings"])}
    return ({name: stored[name].contiguous() for name in sorted(stored)}, {name: meant[name].contiguous() for name in sorted(meant)})


# ---------------------------------------------------------------------------------------------------------------------
# Reference runs


def blocks(model):
    if model.config.model_type == "dbrx":
        return [(layer, layer.norm_attn_norm.attn, layer.ffn) for layer in model.base_model.blocks]
    if model.config.model_type == "llama4_text":
        return [(layer, layer.self_attn, layer.feed_forward) for layer in model.model.layers]
    if model.config.model_type == "granitemoe":
        return [(layer, layer.self_attn, layer.block_sparse_moe) for layer in model.base_model.layers]
    return usual_blocks(model)


def run(model, ids, head, **inputs):
    """As the usual run, and the routing. Latent attention's cache is expanded to keys and values per head."""
    caught = {"router_logits": [], "expert_ids": [], "expert_weights": []}
    hooks = []

    def on_router(module, args, output):
        parts = output if isinstance(output, tuple) else (output,)
        caught["router_logits"].append(max((p for p in parts if p.is_floating_point()), key=lambda p: p.shape[-1]).reshape(len(ids), -1).float())

    def on_llama4_router(module, args, output):
        # Scores of all experts, 0 for those that are not chosen: every expert runs over every token.
        scores, logits = output
        caught["router_logits"].append(logits.reshape(len(ids), -1).float())
        weights, picked = scores.topk(module.top_k, dim=-1)
        caught["expert_ids"].append(picked.reshape(len(ids), -1))
        caught["expert_weights"].append(weights.reshape(len(ids), -1).float())

    def on_experts(module, args, keywords):
        picked, weights = (list(args) + list(keywords.values()))[1:3]
        if picked.is_floating_point():
            picked, weights = weights, picked
        order = torch.argsort(weights, dim=-1, descending=True, stable=True)
        caught["expert_ids"].append(picked.gather(-1, order).reshape(len(ids), -1))
        caught["expert_weights"].append(weights.gather(-1, order).reshape(len(ids), -1).float())

    latents = {"cache_k": [], "cache_v": []}
    for module in model.modules():
        kind = type(module).__name__
        if kind == "Llama4Router":
            hooks.append(module.register_forward_hook(on_llama4_router))
        elif kind == "Llama4TextExperts":
            continue
        elif kind.endswith("Router"):
            hooks.append(module.register_forward_hook(on_router))
        elif kind.endswith("Experts"):
            hooks.append(module.register_forward_pre_hook(on_experts, with_kwargs=True))
        if hasattr(module, "expand_kv"):
            def expanding(*args, usual=module.expand_kv):
                keys, values = usual(*args)
                latents["cache_k"].append(keys[0])
                latents["cache_v"].append(values[0])
                return keys, values
            module.expand_kv = expanding
    tensors = usual_run(model, ids, head, **inputs)
    for hook in hooks:
        hook.remove()
    for module in model.modules():
        module.__dict__.pop("expand_kv", None)
    if latents["cache_k"]:
        tensors.update({name: torch.stack(values) for name, values in latents.items()})
    tensors.update({name: torch.stack(values) for name, values in caught.items()})
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


usual_blocks, usual_run = base.blocks, base.run
base.blocks, base.run = blocks, run


def plain(case):
    """The config without what transformers is not to know."""
    return changed(case.config, {"quantization_config": REMOVE, "expert_pools": REMOVE})


@torch.no_grad()
def perturbed_choices(model, case, prompts, golden):
    """Whether a small change of all weights leaves every choice of experts as it is."""
    kept = {name: value.clone() for name, value in model.state_dict().items()}
    generator = torch.Generator().manual_seed(1)
    same = True
    for _ in range(3):
        for parameter in model.parameters():
            parameter.mul_(1 + PERTURBATION * torch.randn(parameter.shape, generator=generator))
        for index, prompt in enumerate(prompts):
            same &= torch.equal(run(model, prompt["ids"], case.head)["expert_ids"], golden[f"p{index}.expert_ids"])
        model.load_state_dict(kept)
    return same


def eager(model):
    """Experts one after the other, in the type of the weights: the faster forms know no float64."""
    model.config._experts_implementation = "eager"
    return model


def attempt(case, reference_directory, directory):
    base.write_json(case.config, directory / "config.json")
    base.write_tokenizer(case, reference_directory, directory)
    made = eager(base.new_model(plain(case), case.head))
    base.fill(made, case)
    generator = torch.Generator().manual_seed(case.seed)
    with torch.no_grad():
        for name, buffer in made.named_buffers():
            if name.endswith("correction_bias"):
                buffer.copy_(0.2 * torch.randn(buffer.shape, generator=generator))
    stored, meant = stored_and_meant(made, case)
    if case.storage == "bfloat16":
        names = sorted(stored)
        halves = [names[: len(names) // 2], names[len(names) // 2:]]
        index = {"metadata": {"total_size": sum(w.numel() * 2 for w in stored.values())}, "weight_map": {}}
        for i, part in enumerate(halves):
            file = f"model-{i + 1:05d}-of-00002.safetensors"
            save_file({name: stored[name] for name in part}, directory / file, metadata={"format": "pt"})
            index["weight_map"].update({name: file for name in part})
        base.write_json(index, directory / "model.safetensors.index.json")
    else:
        save_file(stored, directory / "model.safetensors", metadata={"format": "pt"})
    with tempfile.TemporaryDirectory() as folder:
        base.write_json(plain(case), Path(folder) / "config.json")
        save_file(meant, Path(folder) / "model.safetensors", metadata={"format": "pt"})
        model = eager(base.load_model(Path(folder), case.head))
    prompts = list(base.encode(case, directory))
    golden = {}
    for index, prompt in enumerate(prompts):
        tensors, facts = base.reference(model, case, prompt)
        prompt.update(facts)
        golden.update({f"p{index}.{name}": tensors[name] for name in base.ORDER if name in tensors})
        measured = base.entropy(tensors["attentions"], True)
        if not base.ENTROPY_RANGE[0] <= measured <= base.ENTROPY_RANGE[1]:
            return f"mean attention entropy {measured:.2f}"
        if facts["smallest_greedy_gap"] < base.SMALLEST_GAP:
            return f"greedy gap {facts['smallest_greedy_gap']:.1e}"
        if len(set(tensors["greedy_ids"].tolist())) < 3:
            return "the greedy continuation repeats itself"
    used = torch.cat([golden[f"p{i}.expert_ids"].flatten(1) for i in (0, 1)], 1)
    experts = golden["p0.router_logits"].shape[-1]
    if any(len(set(layer.tolist())) < experts - 1 for layer in used):
        return "experts that no token visits"
    if not perturbed_choices(model, case, prompts, golden):
        return "a choice of experts is nearly a tie"
    kept = {name: tensor.contiguous() for name, tensor in golden.items() if name[3:] in KEPT[int(name[1])]}
    save_file(kept, directory / "golden.safetensors")
    description = {"case": case.name, "kind": "model", "description": case.description, "architecture": case.config["model_type"], "seed": case.seed,
                   "qk_gain": case.qk_gain, "config_style": case.style, "weights_dtype": case.storage, "tokenizer_family": base.FAMILY[case.tokenizer], "prompts": prompts,
                   "float32_minus_float64": base.noise(model, case, prompts, golden), "versions": base.versions(),
                   "tensors": {name: base.describe(name, tensor, case) for name, tensor in kept.items()}}
    for file in directory.iterdir():
        file.chmod(0o644)
    (directory / "golden.json").write_text(base.to_json(description) + "\n", encoding="utf-8")
    print(f"{case.name:27s} seed {case.seed} gain {case.qk_gain} {base.size(directory):6.1f} kB  greedy {golden['p0.greedy_ids'].tolist()}  "
          f"noise {max(description['float32_minus_float64'].values()):.0e}", flush=True)
    return None


def make(case, reference_directory, out):
    """The first seed from the case's own on that makes a case which tests enough."""
    directory = out / case.name
    directory.mkdir(parents=True, exist_ok=True)
    why = None
    first = case.seed
    for gain, seed in itertools.product((0.8, 1.0, 0.6), range(first, first + 20)):
        case.seed, case.qk_gain, case.embedding_size = seed, gain, 0.25
        why = attempt(case, reference_directory, directory)
        if why is None:
            return
    raise RuntimeError(f"{case.name}: {why}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="directory of the cases")
    parser.add_argument("--reference", type=Path, required=True, help="directory of existing cases, for their tokenizers")
    parser.add_argument("--only", nargs="+", metavar="CASE", help="only these cases")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    logging.disable(logging.WARNING)
    for case in all_cases():
        if not arguments.only or case.name in arguments.only:
            make(case, arguments.reference, arguments.out)


if __name__ == "__main__":
    main()
