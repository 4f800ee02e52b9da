#!/usr/bin/env python3
"""Makes the smallest reference checkpoints, with reference results computed by transformers: families that differ from others by a few choices.

    python make_small_cases.py --out DIR [--only CASE ...]              write the cases
    python make_small_cases.py --out DIR --verify [--only CASE ...]     load them again and compare every tensor

As make_cases.py, whose parts it uses, with less around: weights in bfloat16 (the run widens them to float32), 8 to 12 values per token, 32 words and no
tokenizer (prompts are ids). Of prompt 0 logits, attention, hidden states, outputs of the feed-forward blocks, cached keys and the routing are kept, of prompt 1 the ids and the greedy
continuation. A case is made from its seed; the first seed is taken that tests enough: attention neither uniform nor one-hot, no near ties, every bias, norm weight and unusual key moves the results.
"""
import argparse
import json
import logging
import math
import sys
import tempfile
import warnings
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file

import make_cases as base
import make_moe_cases as moe
from make_cases import REMOVE, Case, changed

KEPT = ({"input_ids", "logits", "attentions", "hidden_states", "mlp_out", "cache_k", "router_logits", "expert_ids", "expert_weights"},
        {"input_ids", "greedy_ids"})
VOCABULARY = 32
LENGTHS = (8, 11)
SEEDS = 40


def decoder(model_type, architecture, **changes):
    """config.json of a tiny decoder with Llama's keys: 3 query heads to a key and value, 18 values of heads for 8 of the hidden state."""
    return changed({
        "architectures": [architecture], "attention_bias": False, "attention_dropout": 0.0, "bos_token_id": 0, "eos_token_id": 1, "head_dim": 6, "hidden_act": "silu",
        "hidden_size": 8, "initializer_range": 0.02, "intermediate_size": 10, "max_position_embeddings": 64, "model_type": model_type, "num_attention_heads": 3,
        "num_hidden_layers": 2, "num_key_value_heads": 1, "pad_token_id": 0, "rms_norm_eps": 1e-05, "rope_scaling": None, "rope_theta": 10000.0,
        "tie_word_embeddings": False, "torch_dtype": "bfloat16", "transformers_version": "4.55.0", "use_cache": True, "vocab_size": VOCABULARY}, changes)


def small(name, description, config, seed, **more):
    return Case(name, description, config, None, seed, storage="bfloat16", **{"qk_gain": 0.8, "embedding_size": 0.25, **more})


def all_cases():
    yield small("smollm3", "SmolLM3: layer 1 without positions, which alone slides (over 4 positions); biases of attention and feed-forward; tied output by default",
                decoder("smollm3", "SmolLM3ForCausalLM", attention_bias=True, mlp_bias=True, max_window_layers=28, no_rope_layer_interval=4, no_rope_layers=[1, 0],
                        rope_theta=700.0, sliding_window=4, tie_word_embeddings=REMOVE, use_sliding_window=True), 1001,
                ablations={"no_rope_layers": {"no_rope_layers": [1, 1]}, "sliding window": {"use_sliding_window": False}, "rope_theta": {"rope_theta": REMOVE}})
    yield small("glm", "GLM: neighbouring pairs of half of each head turned, biases of query, key and value by default, gate and up in one matrix",
                decoder("glm", "GlmForCausalLM", attention_bias=REMOVE, head_dim=8), 1051,
                ablations={"half of each head": {"partial_rotary_factor": 1.0}})
    yield small("glm4", "GLM-4 (0414): norms before and after both blocks, neighbouring pairs of three quarters of each head turned, no biases, gate and up in one matrix",
                decoder("glm4", "Glm4ForCausalLM", head_dim=8, partial_rotary_factor=0.75, rope_theta=300.0), 1101,
                ablations={"partial_rotary_factor": {"partial_rotary_factor": 0.5}, "rope_theta": {"rope_theta": 10000.0}})
    yield small("olmo", "OLMo (the first): layer norms without weights, queries, keys and values between minus and plus clip_qkv",
                decoder("olmo", "OlmoForCausalLM", clip_qkv=2.2, head_dim=REMOVE, hidden_size=12, rms_norm_eps=REMOVE), 1151,
                ablations={"clip_qkv": {"clip_qkv": None}})
    yield small("olmo3", "OLMo 3: norms of the blocks' outputs and of whole query and key projections; layer 0 slides over 4 positions, each layer type has a rope of its own (YaRN in the full layer)",
                decoder("olmo3", "Olmo3ForCausalLM", head_dim=REMOVE, hidden_size=12, layer_types=["sliding_attention", "full_attention"], sliding_window=4, rope_scaling=REMOVE, rope_theta=REMOVE,
                        rope_parameters={"sliding_attention": {"rope_theta": 300.0, "rope_type": "default"},
                                         "full_attention": {"attention_factor": 1.2, "beta_fast": 4.0, "beta_slow": 0.5, "factor": 4.0, "original_max_position_embeddings": 16,
                                                            "rope_theta": 900.0, "rope_type": "yarn"}}), 1201, centers={r"[qk]_norm": 1.5},
                ablations={"layer_types": {"layer_types": ["full_attention", "full_attention"]},
                           "ropes": {"rope_parameters": {"sliding_attention": {"rope_theta": 300.0, "rope_type": "default"}, "full_attention": {"rope_theta": 900.0, "rope_type": "default"}}}})
    yield small("exaone4", "EXAONE 4: norms of the blocks' outputs and of query and key heads; layer 0 slides over 4 positions (pattern in letters, types of layers), layer 1 sees all and has no positions",
                decoder("exaone4", "Exaone4ForCausalLM", attention_bias=REMOVE, layer_types=["sliding_attention", "full_attention"], rope_theta=200.0, sliding_window=4,
                        sliding_window_pattern="LG"), 1251, centers={r"[qk]_norm": 1.4},
                ablations={"layer_types": {"layer_types": ["full_attention", "full_attention"]}, "no sliding window": {"sliding_window": None, "layer_types": ["full_attention", "full_attention"]}})
    yield small("seed-oss", "Seed-OSS: biases of query, key, value, output and feed-forward",
                decoder("seed_oss", "SeedOssForCausalLM", attention_bias=REMOVE, attention_out_bias=True, mlp_bias=True, residual_dropout=0.1, rope_theta=900.0), 1301,
                ablations={"rope_theta": {"rope_theta": 10000.0}})
    yield small("nemotron", "Nemotron: layer norms that multiply by (1 + weight), squared ReLU without a gate, three quarters of each head turned, biases of attention and feed-forward",
                decoder("nemotron", "NemotronForCausalLM", attention_bias=True, head_dim=8, hidden_act="relu2", mlp_bias=True, norm_eps=1e-3, partial_rotary_factor=0.75, rms_norm_eps=REMOVE), 1351,
                ablations={"partial_rotary_factor": {"partial_rotary_factor": 0.5}, "hidden_act": {"hidden_act": "relu"}, "norm_eps": {"norm_eps": 0.3}})
    yield small("glm4-moe", "GLM-4.5: grouped-query attention with biases, norms of query and key heads, half of each head turned; layer 0 dense, layer 1 with 6 experts in 3 groups of which 2 are kept, "
                "sigmoid scores with a correction of the choice, renormalised and scaled, two shared experts",
                decoder("glm4_moe", "Glm4MoeForCausalLM", attention_bias=True, first_k_dense_replace=1, head_dim=8, moe_intermediate_size=4, n_group=3, n_routed_experts=6, n_shared_experts=2,
                        norm_topk_prob=True, num_experts_per_tok=2, num_nextn_predict_layers=1, partial_rotary_factor=0.5, routed_scaling_factor=1.6, topk_group=2, use_qk_norm=True), 1401,
                centers={r"[qk]_norm": 1.5},
                ablations={"routed_scaling_factor": {"routed_scaling_factor": 1.0}, "norm_topk_prob": {"norm_topk_prob": False}, "groups": {"n_group": 1, "topk_group": 1}})
    yield small("cohere", "Cohere (Command R+): layer norms without biases, both blocks from one norm, layer norms of query and key heads with weights [heads, width], neighbouring pairs turned, scaled "
                "logits; biases of attention; tied output by default",
                decoder("cohere", "CohereForCausalLM", attention_bias=True, head_dim=REMOVE, hidden_size=12, layer_norm_eps=1e-3, logit_scale=0.7, num_attention_heads=3, rms_norm_eps=REMOVE,
                        rope_theta=REMOVE, tie_word_embeddings=REMOVE, use_qk_norm=True), 1451, centers={r"[qk]_norm": 1.4},
                ablations={"logit_scale": {"logit_scale": 0.0625}, "layer_norm_eps": {"layer_norm_eps": 0.1}, "default of rope_theta": {"rope_theta": 100.0}})
    yield small("cohere2", "Cohere 2 (Command R7B): as Cohere without those norms; layer 0 slides over 4 positions and turns neighbouring pairs, layer 1 sees all and has no positions",
                decoder("cohere2", "Cohere2ForCausalLM", head_dim=4, hidden_size=12, layer_norm_eps=1e-5, logit_scale=0.3, num_attention_heads=3, order_of_interleaved_layers="local_attn_first",
                        position_embedding_type="rope_gptj", rms_norm_eps=REMOVE, rope_theta=300.0, rotary_pct=1.0, sliding_window=4, sliding_window_pattern=2, tie_word_embeddings=True,
                        use_embedding_sharing=True, use_gated_activation=True, use_parallel_block=True, use_parallel_embedding=False, layer_switch=2), 1501,
                ablations={"sliding_window_pattern": {"sliding_window_pattern": 1}, "sliding window": {"sliding_window": 64}, "rope_theta": {"rope_theta": 10000.0}})
    yield small("phi", "Phi-1.5 and Phi-2: both blocks from one norm, biases everywhere, the output's too, layer norms of query and key heads, 4 of 6 values of each head turned; no gate",
                decoder("phi", "PhiForCausalLM", attention_bias=REMOVE, embd_pdrop=0.0, head_dim=REMOVE, hidden_act="gelu_new", hidden_size=12, layer_norm_eps=1e-5, num_attention_heads=2, partial_rotary_factor=0.7,
                        qk_layernorm=True, resid_pdrop=0.1, rms_norm_eps=REMOVE, rope_theta=100.0), 1551, centers={r"[qk]_layernorm": 1.6},
                ablations={"partial_rotary_factor": {"partial_rotary_factor": 1.0}, "hidden_act": {"hidden_act": "silu"}, "rope_theta": {"rope_theta": 10000.0}})
    yield small("hunyuan-dense", "Hunyuan (dense): norms of query and key heads after positions turned them, a base stretched by alpha (called dynamic); biases of attention; tied output",
                decoder("hunyuan_v1_dense", "HunYuanDenseV1ForCausalLM", attention_bias=True, rope_scaling={"alpha": 30.0, "beta_fast": 32, "beta_slow": 1, "factor": 1.0, "mscale": 1.0,
                        "mscale_all_dim": 1.0, "type": "dynamic"}, rope_theta=50.0, tie_word_embeddings=True, eod_token_id=1, use_qk_norm=True, num_experts=1), 1601,
                centers={r"(query|key)_layernorm": 1.4},
                ablations={"alpha": {"rope_scaling": None}})
    yield small("gptj", "GPT-J: both blocks from one norm, neighbouring pairs of 4 of 6 values of each head turned, biases of the feed-forward block and of the output matrix",
                {"activation_function": "gelu_new", "architectures": ["GPTJForCausalLM"], "attn_pdrop": 0.0, "bos_token_id": 0, "embd_pdrop": 0.0, "eos_token_id": 0,
                 "gradient_checkpointing": False, "initializer_range": 0.02, "layer_norm_epsilon": 1e-3, "model_type": "gptj", "n_embd": 12, "n_head": 2, "n_inner": 10, "n_layer": 2,
                 "n_positions": 64, "resid_pdrop": 0.0, "rotary": True, "rotary_dim": 4, "scale_attn_weights": True, "tie_word_embeddings": False, "torch_dtype": "bfloat16",
                 "transformers_version": "4.18.0.dev0", "use_cache": True, "vocab_size": VOCABULARY}, 1651,
                ablations={"rotary_dim": {"rotary_dim": 6}, "activation_function": {"activation_function": "silu"}, "layer_norm_epsilon": {"layer_norm_epsilon": 0.1}})
    yield small("falcon", "Falcon, the new decoder: one matrix of 3 queries, a key and a value, twice, a norm for each block, both from the layer's input; biases; tied output by default",
                {"activation": "gelu", "alibi": False, "apply_residual_connection_post_layernorm": False, "architectures": ["FalconForCausalLM"], "attention_dropout": 0.0, "bias": True,
                 "bos_token_id": 0, "eos_token_id": 1, "ffn_hidden_size": 10, "hidden_dropout": 0.0, "hidden_size": 12, "initializer_range": 0.02, "layer_norm_epsilon": 1e-5,
                 "model_type": "falcon", "multi_query": True, "new_decoder_architecture": True, "num_attention_heads": 6, "num_hidden_layers": 2, "num_kv_heads": 2,
                 "parallel_attn": True, "rope_theta": 500.0, "torch_dtype": "bfloat16", "transformers_version": "4.33.0", "use_cache": True, "vocab_size": VOCABULARY}, 1701,
                ablations={"activation": {"activation": "silu"}})
    yield small("falcon-alibi", "Falcon-RW: linear biases of 9 heads (the last with a slope that bfloat16 rounds) instead of positions, divided with the products; query, key and value of each head in turn, blocks one after the other, biases",
                {"alibi": True, "apply_residual_connection_post_layernorm": False, "architectures": ["FalconForCausalLM"], "attention_dropout": 0.0, "bias": True, "bos_token_id": 1,
                 "eos_token_id": 2, "hidden_dropout": 0.0, "hidden_size": 18, "initializer_range": 0.02, "layer_norm_epsilon": 1e-5, "model_type": "falcon", "multi_query": False, "n_head": 9,
                 "n_layer": 2, "new_decoder_architecture": False, "num_attention_heads": 9, "num_hidden_layers": 2, "parallel_attn": False, "torch_dtype": "bfloat16", "transformers_version": "4.27.4",
                 "use_cache": True, "vocab_size": VOCABULARY}, 1751,
                ablations={"alibi": {"alibi": False}})
    yield small("bloom", "BLOOM: linear biases of 3 heads instead of positions, a norm of the embedding, query, key and value of each head in turn, biases everywhere, tied output",
                {"apply_residual_connection_post_layernorm": False, "architectures": ["BloomForCausalLM"], "attention_dropout": 0.0, "attention_softmax_in_fp32": True, "bias_dropout_fusion": True,
                 "bos_token_id": 1, "eos_token_id": 2, "hidden_dropout": 0.0, "initializer_range": 0.02, "layer_norm_epsilon": 1e-5, "masked_softmax_fusion": True, "model_type": "bloom",
                 "n_embed": 12, "n_inner": None, "n_layer": 2, "num_attention_heads": 3, "offset_alibi": 100, "pad_token_id": 3, "pretraining_tp": 2, "seq_length": 64, "skip_bias_add": True,
                 "skip_bias_add_qkv": False, "torch_dtype": "bfloat16", "transformers_version": "4.20.0", "unk_token_id": 0, "use_cache": True, "vocab_size": VOCABULARY}, 1801,
                ablations={"layer_norm_epsilon": {"layer_norm_epsilon": 0.1}})
    yield small("mpt", "MPT: linear biases of 3 heads (slopes of 4, every other first) instead of positions, layer norms without biases, bounded queries, keys and values, a scale of its own, tied output",
                {"architectures": ["MPTForCausalLM"], "attn_config": {"alibi": True, "alibi_bias_max": 8, "attn_impl": "torch", "attn_pdrop": 0, "attn_type": "multihead_attention",
                 "attn_uses_sequence_id": False, "clip_qkv": 2.2, "prefix_lm": False, "qk_ln": False, "softmax_scale": 0.7}, "d_model": 12, "emb_pdrop": 0, "embedding_fraction": 1.0, "expansion_ratio": 4,
                 "init_config": {"name": "kaiming_normal_"}, "init_device": "cpu", "learned_pos_emb": True, "logit_scale": None, "max_seq_len": 64, "model_type": "mpt", "n_heads": 3, "n_layers": 2,
                 "no_bias": True, "norm_type": "low_precision_layernorm", "resid_pdrop": 0, "tokenizer_name": "EleutherAI/gpt-neox-20b", "torch_dtype": "bfloat16", "transformers_version": "4.28.1",
                 "use_cache": False, "verbose": 0, "vocab_size": VOCABULARY}, 1851,
                ablations={"clip_qkv": {"attn_config": {"softmax_scale": 0.7}}, "softmax_scale": {"attn_config": {"clip_qkv": 2.2}}})


def run(model, ids, head, **inputs):
    """The run of a family; the new Falcon caches the keys of every query head, here once for each head of keys."""
    tensors = (moe.run if hasattr(model.config, "n_routed_experts") else moe.usual_run)(model, ids, head, **inputs)
    if model.config.model_type == "falcon":
        heads = (model.config.num_kv_heads if model.config.new_decoder_architecture or not model.config.multi_query else 1)
        tensors["cache_k"] = tensors["cache_k"][:, ::tensors["cache_k"].shape[1] // heads].contiguous()
    return tensors


base.run = run
usual_new_model = base.new_model
base.new_model = lambda config, head: moe.eager(usual_new_model(config, head))


def sparse(case):
    return "n_routed_experts" in case.config


def prompts_of(case):
    generator = torch.Generator().manual_seed(case.seed + 500)
    return [{"ids": torch.randint(2, VOCABULARY, (n,), generator=generator).tolist()} for n in LENGTHS]


def attempt(case, directory):
    base.write_json(case.config, directory / "config.json", 0)
    made = base.new_model(case.config, case.head)
    base.fill(made, case)
    generator = torch.Generator().manual_seed(case.seed)
    with torch.no_grad():
        for name, buffer in made.named_buffers():
            if name.endswith("correction_bias"):
                buffer.copy_(0.2 * torch.randn(buffer.shape, generator=generator))
    with tempfile.TemporaryDirectory() as folder:
        made.save_pretrained(folder)
        weights = {name: tensor.bfloat16() for name, tensor in load_file(Path(folder) / "model.safetensors").items()}
    save_file({name: weights[name].contiguous() for name in sorted(weights)}, directory / "model.safetensors", metadata={"format": "pt"})
    model = moe.eager(base.load_model(directory, case.head))
    prompts = prompts_of(case)
    golden, facts = {}, []
    for index, prompt in enumerate(prompts):
        tensors, found = base.reference(model, case, prompt)
        golden.update({f"p{index}.{name}": tensors[name] for name in base.ORDER if name in tensors})
        measured = base.entropy(tensors["attentions"], True)
        if not base.ENTROPY_RANGE[0] <= measured <= base.ENTROPY_RANGE[1]:
            return f"mean attention entropy {measured:.2f}"
        if found["smallest_greedy_gap"] < base.SMALLEST_GAP:
            return f"greedy gap {found['smallest_greedy_gap']:.1e}"
        facts.append(found["smallest_greedy_gap"])
    if len(set(golden["p1.greedy_ids"].tolist())) < 3:
        return "the greedy continuation repeats itself"
    if sparse(case):
        used = torch.cat([golden[f"p{i}.expert_ids"].flatten(1) for i in (0, 1)], 1)
        if any(len(set(layer.tolist())) < golden["p0.router_logits"].shape[-1] - 1 for layer in used):
            return "experts that no token visits"
        if not moe.perturbed_choices(model, case, prompts, golden):
            return "a choice of experts is nearly a tie"
    try:
        sensitivity = base.effects(model, case, prompts, golden)
        effect, name = base.weakest_parameter(model, case, prompts, golden) if any(p.ndim == 1 for p in model.parameters()) else (1.0, "none")
    except RuntimeError as problem:
        return str(problem)
    noise = base.noise(model, case, prompts, golden)
    kept = {name: tensor.contiguous() for name, tensor in golden.items() if name[3:] in KEPT[int(name[1])]}
    save_file(kept, directory / "golden.safetensors")
    description = {"case": case.name, "kind": "model", "seed": case.seed, "qk_gain": case.qk_gain,
                   "prompts": [{"ids": prompt["ids"], "smallest_greedy_gap": round(gap, 4)} for prompt, gap in zip(prompts, facts)], "float32_minus_float64": {key: float(f"{value:.1e}") for key, value in noise.items()},
                   "change_if_ignored": sensitivity, "transformers": transformers.__version__,
                   "tensors": {name: {"tolerance": base.TENSORS[name[3:]][2]} for name in kept}}
    lines = ",\n".join(json.dumps(key) + ": " + json.dumps(value, separators=(",", ":")) for key, value in description.items())
    (directory / "golden.json").write_text("{" + lines + "}\n", encoding="utf-8")
    for file in directory.iterdir():
        file.chmod(0o644)
    print(f"{case.name:20s} seed {case.seed} gain {case.qk_gain} {base.size(directory):5.1f} kB  greedy {golden['p1.greedy_ids'].tolist()}  noise {max(noise.values()):.0e}  "
          f"weakest {name} {effect:.2g}  {sensitivity}", flush=True)
    return None


def make(case, out):
    """The first seed from the case's own on that makes a case which tests enough."""
    directory = out / case.name
    directory.mkdir(parents=True, exist_ok=True)
    reasons = {}
    first, usual = case.seed, case.qk_gain
    for gain in (usual, 1.3 * usual, 0.7 * usual):
        for seed in range(first, first + SEEDS):
            case.seed, case.qk_gain = seed, round(gain, 3)
            why = attempt(case, directory)
            if why is None:
                return
            reasons[why[:40]] = reasons.get(why[:40], 0) + 1
    raise RuntimeError(f"{case.name}: {reasons}")


def verify(case, out):
    """Loads the case from disk, runs it again, and compares every tensor; then the logits once more with another attention."""
    directory = out / case.name
    golden = load_file(directory / "golden.safetensors")
    rules = json.loads((directory / "golden.json").read_text(encoding="utf-8"))["tensors"]
    assert json.loads((directory / "config.json").read_text()) == case.config, f"{case.name}: config.json differs"
    model = moe.eager(base.load_model(directory, case.head))
    worst, good, found = 0.0, True, set()
    for index in (0, 1):
        ids = golden[f"p{index}.input_ids"].tolist()
        tensors, _ = base.reference(model, case, {"ids": ids})
        for name, tensor in tensors.items():
            key = f"p{index}.{name}"
            if key in golden:
                value, passed = base.difference(tensor, golden[key], rules[key]["tolerance"])
                worst, good = max(worst, value), good and passed
                found.add(key)
    apart = math.nan
    if model._supports_sdpa:
        with torch.no_grad():
            other = moe.eager(base.load_model(directory, case.head, "sdpa"))(golden["p0.input_ids"][None]).logits[0]
        apart = base.scaled(other, golden["p0.logits"])
    good = good and found == set(golden) and not apart >= 2e-5
    print(f"{case.name:20s} {'ok' if good else 'FAILED'}  {len(found)} of {len(golden)} tensors, largest difference {worst:.1e}; with sdpa attention {apart:.1e}", flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="directory of the cases")
    parser.add_argument("--only", nargs="+", metavar="CASE", help="only these cases")
    parser.add_argument("--verify", action="store_true", help="compare the existing cases instead of writing them")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    logging.disable(logging.WARNING)
    cases = [case for case in all_cases() if not arguments.only or case.name in arguments.only]
    if arguments.verify:
        sys.exit(0 if all([verify(case, arguments.out) for case in cases]) else 1)
    failed = []
    for case in cases:
        try:
            make(case, arguments.out)
        except (RuntimeError, AssertionError) as problem:
            failed.append(str(problem))
            print("FAILED", problem, flush=True)
    sys.exit(f"{len(failed)} cases failed" if failed else 0)


if __name__ == "__main__":
    main()
