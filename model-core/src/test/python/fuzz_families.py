#!/usr/bin/env python3
"""Holds Vitrine against transformers on random checkpoints of every family, to find options that either reads otherwise.

    python fuzz_families.py --program app/target/vitrine                          random configs of every family
    python fuzz_families.py --program app/target/vitrine --sweep                  every field of every family's config, one at a time
    python fuzz_families.py ... --only llama gemma3_text --cases 50 --seed 7 --keep FOLDER

A random case takes a family's options from `FAMILIES`, writes a raw config.json (in the style of published ones or in that of transformers 5), random weights (biases and norms too) and three prompts,
and compares what `capture` tells with what the model tells that transformers loads from the same folder, float32 and eager: logits, attention, hidden states, losses, cache, router logits, chosen
experts and their weights; and the number of parameters with `open --json`. A sweep changes one key of a plain config at a time: all fields of the configuration class, and all that the modelling file
asks the config for. Allowed is a hundred times the distance of float32 to float64 in transformers itself, at least 1e-4 of the largest value.

Each line is: verdict, family, what was unusual, the largest difference. Verdicts: `same`; `refused` with Vitrine's sentence; `WRONG`; `lone` (Vitrine runs what transformers refuses); `none` (neither
runs it); `fault` (Vitrine fails through no fault of the input). The exit code is 1 where there is a WRONG or a fault. Made with transformers 5.18; it needs no network.
"""
import argparse
import ast
import copy
import dataclasses
import importlib
import json
import logging
import math
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM

from make_cases import biased_once

ABSENT = object()
SMALLEST_TOLERANCE = 1e-4
NOISE = 100

# --- options


class Draw:
    """A random number generator that keeps what was drawn."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def one(self, *of):
        return self.random.choice(of)

    def maybe(self, chance=0.5):
        return self.random.random() < chance

    def between(self, low, high, digits=3):
        return round(self.random.uniform(low, high), digits)

    def whole(self, low, high):
        return self.random.randint(low, high)


def ropes(d, rotated, kinds=("default", "linear", "dynamic", "llama3", "yarn", "longrope"), positions=48, outer=True):
    """`rope_theta`, `rope_scaling` and what stands beside them, or `rope_parameters`."""
    theta = d.one(100.0, 10000.0, 500000.0, 1000.0, 10000)
    kind = d.one(*kinds)
    name = d.one("rope_type", "type") if outer else "rope_type"
    # Short enough that texts go beyond what was declared, where the scaling allows for that.
    out = {"max_position_embeddings": d.one(positions, 16, 20) if kind in ("linear", "dynamic", "yarn") else positions}
    scaling = None
    if kind != "default":
        scaling = {name: kind, "factor": d.one(1.0, 2.0, 4, 7.5)}
        if kind == "llama3":
            scaling |= {"low_freq_factor": d.one(1.0, 0.5), "high_freq_factor": d.one(4.0, 3.0), "original_max_position_embeddings": d.one(16, 24)}
        if kind in ("yarn", "longrope") and d.maybe(0.8):
            scaling["original_max_position_embeddings"] = d.one(12, 16, 24)
        if kind == "yarn":
            for key, values in {"attention_factor": (1.3, 0.7), "beta_fast": (8, 16.0), "beta_slow": (2, 0.5), "mscale": (0.7, 1.0), "mscale_all_dim": (0.7, 1.0, 0.4), "truncate": (True, False)}.items():
                if d.maybe(0.35):
                    scaling[key] = d.one(*values)
        if kind == "longrope":
            scaling |= {"short_factor": [d.between(1, 1.5) for _ in range(rotated // 2)], "long_factor": [d.between(1, 6) for _ in range(rotated // 2)]}
            if d.maybe(0.4):
                scaling["attention_factor"] = d.one(1.19, 0.8)
            if d.maybe(0.4):
                del scaling["factor"]
        if kind in ("yarn", "longrope", "llama3") and outer and d.maybe(0.25):
            out["original_max_position_embeddings"] = d.one(12, 20)
    if outer and d.maybe(0.5):
        out |= {"rope_theta": theta, "rope_scaling": scaling}
        if d.maybe(0.15):
            del out["rope_theta"]
    elif d.maybe(0.9) or scaling is not None:
        out["rope_parameters"] = {"rope_type": "default", **({} if d.maybe(0.1) else {"rope_theta": theta}), **(scaling or {})}
        if scaling and "type" in scaling:
            del out["rope_parameters"]["rope_type"]
    return out


def sometimes(d, chance=0.5, **options):
    """Each key with the chance, with one of its values."""
    return {key: d.one(*values) for key, values in options.items() if d.maybe(chance)}


ACTIVATIONS = ("silu", "gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "relu2", "quick_gelu", "swish", "tanh", "gelu_fast", "gelu_python")


def sizes(d, kv=True, wide=True, widths=(4, 6, 8, 16, 20), **more):
    """Sizes of a Llama-like decoder: odd ratios of heads, heads that are not hidden size / heads wide."""
    heads = d.one(1, 2, 3, 4, 6)
    width = d.one(*widths)
    own = wide and d.maybe(0.5)
    hidden = heads * (d.one(8, 12) if own else width)
    while hidden < 24:
        hidden *= 2
        own = True if wide else own
        if not wide:
            heads *= 2
    out = {"hidden_size": hidden, "num_attention_heads": heads, "intermediate_size": d.one(24, 40, 56), "num_hidden_layers": d.whole(2, 4), "vocab_size": d.one(64, 131, 300)}
    if kv:
        out["num_key_value_heads"] = d.one(*[k for k in range(1, heads + 1) if heads % k == 0])
    if own:
        out["head_dim"] = width
    elif wide and d.maybe(0.2):
        out["head_dim"] = hidden // heads
    return out | more


def width_of(c):
    return c.get("head_dim") or c["hidden_size"] // c["num_attention_heads"]


def common(d, eps="rms_norm_eps", tie=True):
    return sometimes(d, 0.6, **{eps: (1e-6, 1e-5, 1e-2, 0.3)}) | (sometimes(d, 0.7, tie_word_embeddings=(True, False)) if tie else {})


def types(d, layers, first="sliding_attention"):
    return [d.one(first, "full_attention") for _ in range(layers)]


def llama(d):
    c = sizes(d)
    return c | ropes(d, width_of(c)) | common(d) | sometimes(d, attention_bias=(True, False), mlp_bias=(True, False), hidden_act=ACTIVATIONS)


def mistral(d):
    c = sizes(d)
    return c | ropes(d, width_of(c)) | common(d) | sometimes(d, 0.7, sliding_window=(3, 5, 16, None)) | sometimes(d, 0.3, hidden_act=ACTIVATIONS)


def qwen_windows(d, layers):
    c = sometimes(d, 0.7, use_sliding_window=(True, True, False)) | sometimes(d, 0.8, sliding_window=(3, 6)) | sometimes(d, 0.7, max_window_layers=(0, 1, 2))
    if d.maybe(0.3):
        c["layer_types"] = types(d, layers) if c.get("use_sliding_window") else ["full_attention"] * layers
    return c


def qwen2(d):
    c = sizes(d)
    return c | ropes(d, width_of(c)) | common(d) | qwen_windows(d, c["num_hidden_layers"])


def qwen3(d):
    c = sizes(d)
    c["head_dim"] = width_of(c)
    return c | ropes(d, width_of(c)) | common(d) | qwen_windows(d, c["num_hidden_layers"]) | sometimes(d, attention_bias=(True, False))


def gemma(d):
    c = sizes(d)
    c["head_dim"] = width_of(c)
    return c | ropes(d, c["head_dim"]) | common(d) | sometimes(d, 0.5, hidden_act=("gelu", "gelu_pytorch_tanh", "relu", "silu"), attention_bias=(True, False))


def gemma2(d):
    c = sizes(d)
    c["head_dim"] = width_of(c)
    return (c | ropes(d, c["head_dim"]) | common(d) | sometimes(d, 0.6, attention_bias=(True, False), query_pre_attn_scalar=(7, 24, 256), sliding_window=(3, 5), attn_logit_softcapping=(3.0, 50.0, None),
            final_logit_softcapping=(5.0, None), hidden_activation=("gelu_pytorch_tanh", "gelu", "silu")) | ({"layer_types": types(d, c["num_hidden_layers"])} if d.maybe(0.4) else {}))


def gemma3_text(d):
    c = sizes(d)
    c["head_dim"] = width_of(c)
    layers = c["num_hidden_layers"]
    c |= common(d) | {"max_position_embeddings": 48}
    c |= sometimes(d, 0.6, attention_bias=(True, False), query_pre_attn_scalar=(7, 24, 256), sliding_window=(3, 5), final_logit_softcapping=(5.0, None), hidden_activation=("gelu_pytorch_tanh", "gelu"))
    if d.maybe(0.5):
        c["layer_types"] = types(d, layers)
    elif d.maybe(0.6):
        c["sliding_window_pattern"] = d.one(2, 3)
    if d.maybe(0.5):
        c |= sometimes(d, 0.7, rope_theta=(1000.0, 1000000.0), rope_local_base_freq=(100.0, 10000.0))
        scaling = ropes(d, c["head_dim"], outer=False).get("rope_parameters", {})
        if scaling.get("rope_type", "default") != "default":
            c["rope_scaling"] = {k: v for k, v in scaling.items() if k != "rope_theta" or d.maybe(0.3)}
    else:
        c["rope_parameters"] = {kind: ropes(d, c["head_dim"], outer=False).get("rope_parameters", {"rope_type": "default"}) for kind in ("sliding_attention", "full_attention")}
    return c


def partial(d, c, key="partial_rotary_factor", shares=(0.25, 0.5, 0.75, 1.0, 0.4)):
    """A share that turns an even number of values of a head."""
    fit = [s for s in shares if int(width_of(c) * s) % 2 == 0 and int(width_of(c) * s) >= 2]
    return {key: d.one(*fit)}


def phi3(d):
    c = sizes(d, wide=False, pad_token_id=0)
    share = partial(d, c) if d.maybe(0.5) else {}
    rotated = int(width_of(c) * share.get("partial_rotary_factor", 1.0))
    return c | share | ropes(d, rotated, ("default", "longrope", "longrope")) | common(d) | sometimes(d, 0.5, sliding_window=(3, 7, None), hidden_act=("silu", "gelu"))


def phimoe(d):
    c = sizes(d)
    r = ropes(d, width_of(c), ("default", "default", "longrope"))
    for key in ("rope_scaling", "rope_parameters"):
        if (r.get(key) or {}).get("short_factor"):
            r[key] |= {"short_mscale": d.between(0.8, 1.4), "long_mscale": d.between(0.8, 1.4)}
    return (c | r | common(d) | sometimes(d, 0.6, attention_bias=(True, False), lm_head_bias=(True, False), sliding_window=(3, 7, None), router_jitter_noise=(0.01, 0.2, 0.6), hidden_act=("silu", "gelu"))
            | {"num_local_experts": d.one(2, 3, 5, 8), "num_experts_per_tok": 2})


def stablelm(d):
    c = sizes(d, wide=False, widths=(8, 16, 20, 24))
    share = partial(d, c) if d.maybe(0.7) or width_of(c) in (20,) else {}
    rotated = int(width_of(c) * share.get("partial_rotary_factor", 0.25))
    kinds = ("default", "linear", "dynamic") if rotated > 2 else ("default", "linear")
    return c | share | ropes(d, rotated, kinds) | common(d, "layer_norm_eps") | sometimes(d, 0.6, use_qkv_bias=(True, False), qk_layernorm=(True, False), use_parallel_residual=(True, False), hidden_act=("silu", "gelu"))


def starcoder2(d):
    c = sizes(d)
    return (c | ropes(d, width_of(c)) | common(d, "norm_epsilon") | sometimes(d, 0.6, use_bias=(True, False), sliding_window=(3, 7, None), hidden_act=("gelu", "gelu_pytorch_tanh", "relu")))


def granite(d):
    c = sizes(d)
    return c | ropes(d, width_of(c)) | common(d) | sometimes(d, 0.6, attention_bias=(True, False), mlp_bias=(True, False), embedding_multiplier=(1.7, 6.0), attention_multiplier=(0.3, 0.11),
                                                             residual_multiplier=(0.6, 1.3), logits_scaling=(3.0, 0.7), hidden_act=("silu", "gelu"))


def granitemoe(d):
    c = granite(d)
    c.pop("mlp_bias", None)
    n = d.one(2, 3, 6)
    return c | {"num_local_experts": n, "num_experts_per_tok": d.whole(1, n)}


def ernie4_5(d):
    c = sizes(d)
    c["head_dim"] = d.one(width_of(c), width_of(c), None) if c["hidden_size"] // c["num_attention_heads"] % 2 == 0 else width_of(c)
    return c | ropes(d, width_of(c)) | common(d) | sometimes(d, 0.5, use_bias=(True, False), hidden_act=("silu", "gelu"))


def ernie4_5_moe(d):
    c = sizes(d, wide=False)
    n = d.one(2, 4, 7)
    return (c | ropes(d, width_of(c)) | common(d) | sometimes(d, 0.2, use_bias=(True, False)) | {"moe_num_experts": n, "moe_k": d.whole(1, n), "moe_intermediate_size": d.one(12, 20), "moe_num_shared_experts": d.one(1, 2, 3)}
            | sometimes(d, 0.6, moe_layer_start_index=(0, 1, 2), moe_layer_end_index=(-1, 1, 2), moe_layer_interval=(1, 2), moe_norm_min=(1e-12, 0.9)))


def gpt2(d):
    heads = d.one(1, 2, 3, 4)
    return ({"n_embd": heads * d.one(8, 12, 5) * 3, "n_head": heads, "n_layer": d.whole(2, 4), "n_positions": 48, "vocab_size": d.one(64, 131)} | common(d, "layer_norm_epsilon")
            | sometimes(d, 0.5, n_inner=(50, None), activation_function=ACTIVATIONS, scale_attn_weights=(True, False), scale_attn_by_inverse_layer_idx=(True, False), reorder_and_upcast_attn=(True, False)))


def gpt_neox(d):
    c = sizes(d, kv=False, wide=False, widths=(8, 16, 24))
    share = partial(d, c, "rotary_pct") if d.maybe(0.7) else {}
    rotated = int(width_of(c) * share.get("rotary_pct", 0.25))
    r = ropes(d, rotated, ("default", "linear", "dynamic") if rotated > 2 else ("default", "linear"))
    if "rope_theta" in r and d.maybe(0.7):
        r["rotary_emb_base"] = r.pop("rope_theta")
    return c | share | r | common(d, "layer_norm_eps") | sometimes(d, 0.5, attention_bias=(True, False), use_parallel_residual=(True, False), hidden_act=ACTIVATIONS)


def opt(d):
    heads = d.one(1, 2, 3, 4)
    hidden = heads * d.one(8, 12, 5) * 3
    return ({"hidden_size": hidden, "num_attention_heads": heads, "num_hidden_layers": d.whole(2, 4), "ffn_dim": d.one(30, 50), "max_position_embeddings": 48, "vocab_size": d.one(64, 131)}
            | sometimes(d, 0.5, word_embed_proj_dim=(20, hidden), do_layer_norm_before=(True, False), enable_bias=(True, False), layer_norm_elementwise_affine=(True, False), tie_word_embeddings=(True, False),
                        activation_function=ACTIVATIONS, _remove_final_layer_norm=(True, False), pad_token_id=(0, 1, None)))


def olmo2(d):
    c = sizes(d)
    return c | ropes(d, width_of(c)) | common(d) | sometimes(d, 0.5, attention_bias=(True, False), hidden_act=("silu", "gelu"))


def olmoe(d):
    c = sizes(d, wide=False)
    n = d.one(2, 3, 6)
    return (c | ropes(d, width_of(c)) | common(d) | sometimes(d, 0.5, attention_bias=(True, False), clip_qkv=(0.5, 2.0, None), norm_topk_prob=(True, False)) | {"num_experts": n, "num_experts_per_tok": d.whole(1, n)})


def encoder(d):
    heads = d.one(1, 2, 3, 4)
    return ({"hidden_size": heads * d.one(8, 12, 5) * 3, "num_attention_heads": heads, "num_hidden_layers": d.whole(2, 4), "intermediate_size": d.one(30, 50), "max_position_embeddings": 52, "vocab_size": d.one(64, 131)}
            | common(d, "layer_norm_eps") | sometimes(d, 0.5, type_vocab_size=(1, 2, 3), hidden_act=ACTIVATIONS, pad_token_id=(0, 1, 3)))


def mixtral(d):
    c = sizes(d)
    n = d.one(2, 3, 6)
    return c | ropes(d, width_of(c)) | common(d) | sometimes(d, 0.5, sliding_window=(3, 7, None), router_jitter_noise=(0.0, 0.3), hidden_act=("silu", "gelu")) | {"num_local_experts": n, "num_experts_per_tok": d.whole(1, n)}


def qwen_experts(d, layers):
    n = d.one(2, 3, 6)
    return ({"num_experts": n, "num_experts_per_tok": d.whole(1, n), "moe_intermediate_size": d.one(12, 20)} | sometimes(d, 0.5, norm_topk_prob=(True, False), decoder_sparse_step=(1, 2, 3), mlp_only_layers=([], [0], [1, 0])))


def qwen2_moe(d):
    c = sizes(d)
    return (c | ropes(d, width_of(c)) | common(d) | qwen_windows(d, c["num_hidden_layers"]) | qwen_experts(d, c["num_hidden_layers"]) | sometimes(d, 0.5, qkv_bias=(True, False))
            | {"shared_expert_intermediate_size": d.one(10, 28)})


def qwen3_moe(d):
    c = sizes(d)
    return c | ropes(d, width_of(c)) | common(d) | qwen_windows(d, c["num_hidden_layers"]) | qwen_experts(d, c["num_hidden_layers"]) | sometimes(d, 0.5, attention_bias=(True, False))


def gpt_oss(d):
    c = sizes(d)
    c["head_dim"] = width_of(c)
    n = d.one(2, 3, 6)
    return (c | ropes(d, width_of(c)) | common(d) | sometimes(d, 0.5, attention_bias=(True, False), sliding_window=(3, 7), swiglu_limit=(7.0,)) | {"num_local_experts": n, "num_experts_per_tok": d.whole(1, n)}
            | ({"layer_types": types(d, c["num_hidden_layers"])} if d.maybe(0.4) else {}))


def latent(d, c):
    turned = d.one(4, 8, 12)
    c = {k: v for k, v in c.items() if k != "head_dim"} | {"num_key_value_heads": c["num_attention_heads"]}
    return c | ropes(d, turned, ("default", "yarn", "yarn", "linear", "dynamic", "llama3", "longrope")) | {"qk_rope_head_dim": turned, "qk_nope_head_dim": d.one(6, 8, 10), "v_head_dim": d.one(6, 8, 16), "kv_lora_rank": d.one(6, 12),
                                                                                           "q_lora_rank": d.one(None, 10, 14)}


def deepseek_v2(d):
    c = latent(d, sizes(d))
    n = d.one(4, 6, 8)
    c |= {"n_routed_experts": n, "n_shared_experts": d.one(1, 2), "moe_intermediate_size": d.one(10, 14), "topk_method": d.one("greedy", "group_limited_greedy")}
    c |= {"n_group": 2, "topk_group": d.one(1, 2)}
    c["num_experts_per_tok"] = d.whole(1, n // 2 * c["topk_group"])
    return c | common(d) | sometimes(d, 0.6, first_k_dense_replace=(0, 1, 2), routed_scaling_factor=(0.7, 2.5), attention_bias=(True, False), norm_topk_prob=(False,), hidden_act=("silu", "gelu"))


def deepseek_v3(d):
    c = latent(d, sizes(d))
    n = d.one(4, 6, 8)
    c |= {"n_routed_experts": n, "n_shared_experts": d.one(1, 2), "moe_intermediate_size": d.one(10, 14), "n_group": d.one(1, 2), "first_k_dense_replace": d.one(0, 1, 2)}
    c["topk_group"] = d.whole(1, c["n_group"])
    c["num_experts_per_tok"] = d.whole(1, n // c["n_group"] * c["topk_group"])
    return c | common(d) | sometimes(d, 0.6, routed_scaling_factor=(0.7, 2.5), attention_bias=(True, False), norm_topk_prob=(False, True), rope_interleave=(True, False), hidden_act=("silu", "gelu"))


def dbrx(d):
    heads = d.one(2, 3, 4)
    n = d.one(2, 3, 6)
    attention = {"kv_n_heads": d.one(*[k for k in range(1, heads + 1) if heads % k == 0]), "rope_theta": d.one(10000, 1000.0, 500000)} | {"clip_qkv": d.one(0.5, 8, 1.5)}
    experts = {"ffn_hidden_size": d.one(20, 28), "moe_num_experts": n, "moe_top_k": d.whole(1, n)} | sometimes(d, 0.5, moe_normalize_expert_weights=(1.0, 2.0, None, 3.0), ffn_act_fn=({"name": "silu"}, {"name": "gelu"}), moe_jitter_eps=(0.1,))
    outer = {"rope_theta": attention["rope_theta"]} if d.maybe(0.8) else {}
    return outer | {"d_model": heads * d.one(8, 12, 16), "n_heads": heads, "n_layers": d.whole(2, 3), "max_seq_len": 48, "vocab_size": d.one(64, 131), "attn_config": attention, "ffn_config": experts}


def llama4_text(d):
    c = sizes(d)
    c["head_dim"] = width_of(c)
    layers, n = c["num_hidden_layers"], d.one(2, 3, 5)
    c |= ropes(d, width_of(c), ("default", "linear", "dynamic", "llama3")) | common(d) | {"num_local_experts": n, "num_experts_per_tok": d.whole(1, n), "intermediate_size": d.one(20, 30), "intermediate_size_mlp": d.one(24, 40)}
    c |= sometimes(d, 0.5, use_qk_norm=(True, False), attention_bias=(True, False), attention_chunk_size=(4, 7, 16), no_rope_layer_interval=(2, 3), attn_temperature_tuning=(True, False), floor_scale=(4, 9), attn_scale=(0.1, 0.7),
                   interleave_moe_layer_step=(1, 2), hidden_act=("silu", "gelu"))
    if d.maybe(0.3):
        c["no_rope_layers"] = [d.one(0, 1) for _ in range(layers)]
    if d.maybe(0.3):
        c["layer_types"] = types(d, layers, "chunked_attention")
    if d.maybe(0.3):
        c["moe_layers"] = sorted({d.whole(0, layers - 1), d.whole(0, layers - 1)})
    return c


def turned_part(d, c, default, chance=0.7, **more):
    """A share of each head that turns, and ropes for it."""
    fits = int(width_of(c) * default) % 2 == 0
    share = partial(d, c) if d.maybe(chance) or not fits else {}
    rotated = int(width_of(c) * share.get("partial_rotary_factor", default))
    return share | ropes(d, rotated, ("default", "linear", "dynamic", "llama3", "yarn", "longrope") if rotated > 2 else ("default", "linear"), **more)


def smollm3(d):
    c = sizes(d, pad_token_id=0)
    layers = c["num_hidden_layers"]
    c |= ropes(d, width_of(c)) | common(d) | sometimes(d, 0.5, attention_bias=(True, False), mlp_bias=(True, False), no_rope_layer_interval=(1, 2, 3), hidden_act=("silu", "gelu"))
    if d.maybe(0.4):
        c["no_rope_layers"] = [d.one(0, 1) for _ in range(layers + d.one(0, 0, 1))]
    if d.maybe(0.6):
        c |= {"sliding_window": d.one(3, 6, None)} | sometimes(d, 0.8, use_sliding_window=(True, True, False), max_window_layers=(0, 1, 28))
        if d.maybe(0.4):
            c["layer_types"] = types(d, layers) if c.get("use_sliding_window") and c["sliding_window"] else ["full_attention"] * layers
    return c


def glm(d):
    c = sizes(d, pad_token_id=0)
    c["head_dim"] = width_of(c)
    return c | turned_part(d, c, 0.5) | common(d) | sometimes(d, 0.5, attention_bias=(True, False), hidden_act=("silu", "gelu", "gelu_new", "relu"))


def glm4_moe(d):
    c = sizes(d)
    n = d.one(4, 6, 8)
    c |= {"n_routed_experts": n, "n_shared_experts": d.one(1, 2), "moe_intermediate_size": d.one(10, 14), "n_group": d.one(1, 2), "first_k_dense_replace": d.one(0, 1, 2)}
    c["topk_group"] = d.whole(1, c["n_group"])
    c["num_experts_per_tok"] = d.whole(1, n // c["n_group"] * c["topk_group"])
    if d.maybe(0.2):
        c["num_local_experts"] = c.pop("n_routed_experts")
    return (c | turned_part(d, c, 0.5) | common(d) | sometimes(d, 0.6, routed_scaling_factor=(0.7, 2.5), attention_bias=(True, False), norm_topk_prob=(False, True), use_qk_norm=(True, False), hidden_act=("silu", "gelu"))
            | sometimes(d, 0.3, num_nextn_predict_layers=(0, 1), num_mtp_layers=(0, 2)))


def cohere(d):
    c = sizes(d, wide=d.maybe(0.3))
    return c | ropes(d, width_of(c)) | common(d, "layer_norm_eps") | sometimes(d, 0.6, attention_bias=(True, False), use_qk_norm=(True, False), logit_scale=(0.0625, 0.3, 1.7), hidden_act=("silu", "gelu"))


def cohere2(d):
    c = sizes(d, wide=False)
    c |= ropes(d, width_of(c)) | common(d, "layer_norm_eps") | sometimes(d, 0.6, attention_bias=(True, False), logit_scale=(0.0625, 0.3, 1.7), sliding_window=(3, 5), hidden_act=("silu", "gelu"))
    c |= sometimes(d, 0.2, use_qk_norm=(False,), use_gated_activation=(True,), use_parallel_block=(True,), use_embedding_sharing=(True,), rotary_pct=(1.0, 0.5), layer_switch=(2, 4), order_of_interleaved_layers=("local_attn_first",),
                   position_embedding_type=("rope_gptj",), head_dim=(width_of(c),))
    if d.maybe(0.4):
        c["layer_types"] = types(d, c["num_hidden_layers"])
    if d.maybe(0.4):
        c["sliding_window_pattern"] = d.one(1, 2, 3)
    return c


def phi(d):
    c = sizes(d)
    return c | turned_part(d, c, 0.5) | common(d, "layer_norm_eps") | sometimes(d, 0.5, qk_layernorm=(True, False), hidden_act=ACTIVATIONS)


def olmo(d):
    c = sizes(d)
    return c | ropes(d, width_of(c)) | common(d) | sometimes(d, 0.6, attention_bias=(True, False), clip_qkv=(0.5, 2.0, None), hidden_act=("silu", "gelu"))


def olmo3(d):
    c = sizes(d)
    c |= common(d) | {"max_position_embeddings": 48} | sometimes(d, 0.5, attention_bias=(True, False), hidden_act=("silu", "gelu")) | sometimes(d, 0.8, sliding_window=(3, 6))
    if d.maybe(0.5):
        c["layer_types"] = types(d, c["num_hidden_layers"])
    scaling = ropes(d, width_of(c), outer=False).get("rope_parameters", {"rope_type": "default"})
    if d.maybe(0.5):
        c |= sometimes(d, 0.7, rope_theta=(500000, 500000.0, 500000.0, 1000.0))
        if scaling.get("rope_type", "default") != "default":
            c["rope_scaling"] = {"type" if k == "rope_type" and d.maybe(0.1) else k: v for k, v in scaling.items() if k != "rope_theta" or d.maybe(0.3)}
            c |= sometimes(d, 0.1, original_max_position_embeddings=(12, 20))
    elif d.maybe(0.8):
        c["rope_parameters"] = {kind: ropes(d, width_of(c), outer=False).get("rope_parameters", {"rope_type": "default"}) for kind in ("sliding_attention", "full_attention") if d.maybe(0.9)}
    return c


def exaone4(d):
    c = sizes(d)
    layers = c["num_hidden_layers"]
    c |= ropes(d, width_of(c)) | common(d) | sometimes(d, 0.7, sliding_window=(3, 6, None)) | sometimes(d, 0.3, hidden_act=("silu", "gelu"))
    if d.maybe(0.4) or c.get("sliding_window", 1) is None:
        c["layer_types"] = ["full_attention"] * layers if c.get("sliding_window", 1) is None else types(d, layers)
        c |= sometimes(d, 0.4, sliding_window_pattern=("LLLG", 2, "LG"))
    else:
        c |= sometimes(d, 0.7, sliding_window_pattern=(1, 2, 3))
    return c


def seed_oss(d):
    c = sizes(d)
    c["head_dim"] = width_of(c) if d.maybe(0.8) or c["hidden_size"] // c["num_attention_heads"] % 2 else None
    return c | ropes(d, width_of(c)) | common(d) | sometimes(d, 0.6, attention_bias=(True, False), attention_out_bias=(True, False), mlp_bias=(True, False), hidden_act=("silu", "gelu"))


def nemotron(d):
    c = sizes(d)
    return c | turned_part(d, c, 0.5) | common(d, "norm_eps") | sometimes(d, 0.5, attention_bias=(True, False), mlp_bias=(True, False), hidden_act=ACTIVATIONS)


def hunyuan_v1_dense(d):
    c = sizes(d)
    if d.maybe(0.8):
        c["head_dim"] = width_of(c)
    c |= ropes(d, width_of(c)) | common(d) | sometimes(d, 0.5, attention_bias=(True, False), hidden_act=("silu", "gelu"))
    if d.maybe(0.4):
        # transformers needs a head width in the config for it.
        c["head_dim"] = width_of(c)
        stretch = {d.one("type", "rope_type"): "dynamic", "alpha": d.one(1000.0, 4, 1.0)} | {"factor": d.one(1.0, 2.0)} | sometimes(d, 0.3, beta_fast=(32,), beta_slow=(1,), mscale=(1.0,), mscale_all_dim=(1.0, 0.0))
        c = {k: v for k, v in c.items() if k not in ("rope_parameters", "original_max_position_embeddings")} | {"rope_scaling": stretch, "max_position_embeddings": 48}
    return c | sometimes(d, 0.2, use_qk_norm=(True,), use_cla=(False,), cla_share_factor=(2,), org_vocab_size=(c["vocab_size"],), attention_head_dim=(width_of(c),), num_experts=(1,), norm_type=("rms",), mlp_bias=(False,))


def gptj(d):
    heads = d.one(1, 2, 3, 4)
    width = d.one(8, 12, 16, 24)
    while heads * width < 24:
        heads *= 2
    return ({"n_embd": heads * width, "n_head": heads, "n_layer": d.whole(2, 4), "n_positions": 48, "vocab_size": d.one(64, 131), "rotary_dim": d.one(2, 4, width // 2, width)} | common(d, "layer_norm_epsilon")
            | sometimes(d, 0.5, n_inner=(50, None), activation_function=ACTIVATIONS, rotary=(True,), scale_attn_weights=(True,), n_ctx=(48,)))


def falcon(d):
    c = sizes(d, wide=False)
    heads = c["num_attention_heads"]
    c.pop("intermediate_size")
    kv = c.pop("num_key_value_heads")
    c |= ropes(d, width_of(c)) | common(d, "layer_norm_epsilon") | sometimes(d, 0.5, bias=(True, False), activation=ACTIVATIONS, ffn_hidden_size=(40, 56, None), alibi=(False,))
    if d.maybe(0.35):
        c["alibi"] = True
        if d.maybe(0.4):
            # slopes that bfloat16 rounds
            heads = c["num_attention_heads"] = d.one(5, 7, 9, 12, 16)
            c["hidden_size"] = heads * d.one(3, 4, 6)
            kv = d.one(*[k for k in range(1, heads + 1) if heads % k == 0])
    if d.maybe(0.5):
        c |= {"new_decoder_architecture": True, "num_kv_heads": kv} | sometimes(d, 0.5, num_ln_in_parallel_attn=(1, 2), multi_query=(True, False), parallel_attn=(True,))
    else:
        c |= sometimes(d, 0.7, new_decoder_architecture=(False,), multi_query=(True, False, None), parallel_attn=(True, False, None), num_kv_heads=(heads,), num_ln_in_parallel_attn=(1, None), apply_residual_connection_post_layernorm=(False, True))
    return c


def bloom(d):
    heads = d.one(1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 16)
    hidden = heads * d.one(3, 5, 8)
    while hidden < 24:
        hidden *= 2
    c = {"hidden_size": hidden, "vocab_size": d.one(64, 131)}
    if d.maybe(0.3):
        c["n_embed"] = c.pop("hidden_size") if d.maybe() else hidden
    c |= {d.one("n_head", "num_attention_heads"): heads, d.one("n_layer", "num_hidden_layers"): d.whole(2, 4)}
    return (c | common(d, "layer_norm_epsilon") | sometimes(d, 0.3, seq_length=(48,), pretraining_tp=(1, 4), n_inner=(None, 4 * hidden), offset_alibi=(100,), attention_softmax_in_fp32=(True,), masked_softmax_fusion=(True,),
            skip_bias_add=(True,), skip_bias_add_qkv=(False,), bias_dropout_fusion=(True,), attention_dropout=(0.1,), hidden_dropout=(0.1,))
            | sometimes(d, 0.15, apply_residual_connection_post_layernorm=(False, True), slow_but_exact=(False, True)))


def mpt(d):
    heads = d.one(1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 16)
    hidden = heads * d.one(3, 5, 8)
    while hidden < 24:
        hidden *= 2
    c = {"d_model": hidden, "n_heads": heads, "n_layers": d.whole(2, 4), "vocab_size": d.one(64, 131), "max_seq_len": d.one(44, 64)} | common(d, "layer_norm_epsilon")
    c |= sometimes(d, 0.3, expansion_ratio=(4,), learned_pos_emb=(True, False), no_bias=(True,), norm_type=("low_precision_layernorm", "layernorm"), embedding_fraction=(1.0, 0.5), logit_scale=(None,), init_device=("cpu", "meta"),
                   resid_pdrop=(0.1, 0), emb_pdrop=(0, 0.1), verbose=(0,), init_config=({"name": "kaiming_normal_"},), tokenizer_name=("x",))
    c |= sometimes(d, 0.02, logit_scale=(0.5, "inv_sqrt_d_model"), no_bias=(False,), expansion_ratio=(2,), norm_type=("rmsnorm",))
    if d.maybe(0.8):
        c["attn_config"] = (sometimes(d, 0.5, clip_qkv=(0.4, 1.5, 6.0, None, 0.0), softmax_scale=(0.2, 1.3, None), alibi=(True,), attn_impl=("torch", "triton", "flash"), attn_pdrop=(0,), attn_type=("multihead_attention",),
                            alibi_bias_max=(8,), prefix_lm=(False,), qk_ln=(False,), attn_uses_sequence_id=(False,))
                            | sometimes(d, 0.02, alibi=(False,), alibi_bias_max=(16,), prefix_lm=(True,), qk_ln=(True,), attn_uses_sequence_id=(True,), attn_type=("multiquery_attention",)))
    return c


FAMILIES = {
    "llama": llama, "mistral": mistral, "qwen2": qwen2, "qwen3": qwen3, "gemma": gemma, "gemma2": gemma2, "gemma3_text": gemma3_text, "phi3": phi3, "phimoe": phimoe, "stablelm": stablelm, "starcoder2": starcoder2,
    "granite": granite, "granitemoe": granitemoe, "ernie4_5": ernie4_5, "ernie4_5_moe": ernie4_5_moe, "gpt2": gpt2, "gpt_neox": gpt_neox, "opt": opt, "olmo2": olmo2, "olmoe": olmoe, "bert": encoder, "roberta": encoder,
    "mixtral": mixtral, "qwen2_moe": qwen2_moe, "qwen3_moe": qwen3_moe, "gpt_oss": gpt_oss, "deepseek_v2": deepseek_v2, "deepseek_v3": deepseek_v3, "dbrx": dbrx, "llama4_text": llama4_text,
    "smollm3": smollm3, "glm": glm, "glm4": glm, "glm4_moe": glm4_moe, "cohere": cohere, "cohere2": cohere2, "phi": phi, "olmo": olmo, "olmo3": olmo3, "exaone4": exaone4, "seed_oss": seed_oss, "nemotron": nemotron,
    "hunyuan_v1_dense": hunyuan_v1_dense, "gptj": gptj, "falcon": falcon, "bloom": bloom, "mpt": mpt}
ENCODERS = ("bert", "roberta")

# --- models


def load(folder, dtype=torch.float32):
    kind = AutoModelForMaskedLM if json.loads((folder / "config.json").read_text())["model_type"] in ENCODERS else AutoModelForCausalLM
    model = kind.from_pretrained(folder, dtype=dtype, attn_implementation="eager").eval()
    model.config._experts_implementation = "eager"
    return biased_once(model)


@torch.no_grad()
def fill(model, seed):
    """Random values for everything that can be stored: norms and biases too."""
    generator = torch.Generator().manual_seed(seed)
    spread = lambda: 0.1 + 0.15 * torch.rand((), generator=generator)
    stored = set(model.state_dict())
    named = list(model.named_parameters()) + [(n, b) for n, b in model.named_buffers() if n in stored]
    for name, value in sorted(named):
        if not value.is_floating_point():
            continue
        noise = torch.randn(value.shape, generator=generator)
        if "norm" in name.lower() or ".ln_" in name or name.endswith("ln_f.weight"):
            shifted = any(name in type(model).__name__ for name in ("Gemma", "Nemotron"))
            value.copy_(0.3 * noise + (0 if name.endswith("bias") or shifted else 1))
        elif value.dim() < 2:
            value.copy_(0.4 * noise)
        elif "embed" in name or "wte" in name or "wpe" in name:
            value.copy_(0.5 * noise)
        else:
            value.copy_(spread() * noise)


def write(config, folder, seed, storage="float32", sharded=False, restyled=False):
    """A checkpoint with the raw config.json, or with the one that transformers saves."""
    folder.mkdir(parents=True, exist_ok=True)
    raw = json.dumps(config, indent=1)
    (folder / "config.json").write_text(raw)
    read = AutoConfig.from_pretrained(folder)
    kind = AutoModelForMaskedLM if config["model_type"] in ENCODERS else AutoModelForCausalLM
    model = kind.from_config(read, attn_implementation="eager")
    fill(model, seed)
    model.to(getattr(torch, storage))
    model.save_pretrained(folder, max_shard_size="20KB" if sharded else "5GB")
    saved = (folder / "config.json").read_text()
    if not restyled:
        (folder / "config.json").write_text(raw)
    return saved


@torch.no_grad()
def told(model, ids, segments=None):
    """What transformers tells of a prompt, by the names of a capture."""
    routers, experts, latents = [], [], {"cache_k": [], "cache_v": []}
    hooks = []

    def on_router(module, args, output):
        parts = output if isinstance(output, tuple) else (output,)
        if type(module).__name__ == "Llama4Router":
            scores, logits = output
            weights, picked = scores.topk(module.top_k, dim=-1)
            experts.append((picked.reshape(len(ids), -1), weights.reshape(len(ids), -1)))
        else:
            # (logits, weights, choice), or the other way round.
            floats = [p for p in parts if p.is_floating_point()]
            logits = floats[0] if parts[0].is_floating_point() else floats[-1]
        routers.append(logits.reshape(len(ids), -1))

    def on_experts(module, args, keywords):
        picked, weights = (list(args) + list(keywords.values()))[1:3]
        if picked.is_floating_point():
            picked, weights = weights, picked
        order = torch.argsort(weights, dim=-1, descending=True, stable=True)
        experts.append((picked.gather(-1, order).reshape(len(ids), -1), weights.gather(-1, order).reshape(len(ids), -1)))

    for module in model.modules():
        kind = type(module).__name__
        if kind.endswith("Router"):
            hooks.append(module.register_forward_hook(on_router))
        elif kind.endswith("Experts") and kind != "Llama4TextExperts":
            hooks.append(module.register_forward_pre_hook(on_experts, with_kwargs=True))
        if hasattr(module, "expand_kv"):
            def expanding(*args, usual=module.expand_kv):
                keys, values = usual(*args)
                latents["cache_k"].append(keys[0])
                latents["cache_v"].append(values[0])
                return keys, values
            module.expand_kv = expanding
    inputs = {"input_ids": torch.tensor([ids])}
    if segments:
        inputs["token_type_ids"] = torch.tensor([segments])
    encoder = model.config.model_type in ENCODERS
    try:
        out = model(**inputs, output_attentions=True, output_hidden_states=True, **({} if encoder else {"use_cache": True}))
    finally:
        for hook in hooks:
            hook.remove()
        for module in model.modules():
            module.__dict__.pop("expand_kv", None)
    result = {"logits": out.logits[0]}
    result["attentions"] = torch.stack([a[0] for a in out.attentions])
    if len({h.shape for h in out.hidden_states}) == 1:
        # OPT's last one is that of the head where this reads a narrower one.
        result["hidden_states"] = torch.stack([h[0] for h in out.hidden_states])
    if not encoder:
        result["token_nll"] = torch.nn.functional.cross_entropy(out.logits[0, :-1].double(), torch.tensor(ids[1:]), reduction="none")
        if latents["cache_k"]:
            result |= {name: torch.stack(values) for name, values in latents.items()}
        else:
            # Falcon's newer architecture keeps a copy of each key/value head for each of its queries.
            step = model.config.num_attention_heads // model.config.num_kv_heads if getattr(model.config, "new_decoder_architecture", False) else 1
            result |= {"cache_k": [layer.keys[0][::step] for layer in out.past_key_values.layers], "cache_v": [layer.values[0][::step] for layer in out.past_key_values.layers]}
    if routers:
        result["router_logits"] = torch.stack(routers)
        result["expert_ids"] = torch.stack([e[0] for e in experts])
        result["expert_weights"] = torch.stack([e[1] for e in experts])
    return result


def distance(a, b):
    """The largest difference, relative to the largest value where that is over 1."""
    if a.shape != b.shape:
        return math.inf
    a, b = a.double(), b.double()
    if a.numel() == 0:
        return 0.0
    if not torch.equal(torch.isfinite(a), torch.isfinite(b)):
        return math.inf
    a, b = torch.nan_to_num(a), torch.nan_to_num(b)
    return ((a - b).abs().max() / max(1.0, b.abs().max().item())).item()


def distances(got, want):
    """By name, the largest difference. Caches of windowed layers hold the last keys only."""
    out = {}
    for name, value in want.items():
        if name in ("expert_ids", "expert_weights"):
            continue
        if name not in got:
            out[name] = math.inf
        elif isinstance(value, list):
            out[name] = max(distance(got[name][l][:, -v.shape[1]:], v) for l, v in enumerate(value))
        else:
            out[name] = distance(got[name], value)
    if "expert_ids" in want:
        if "expert_ids" not in got or got["expert_ids"].shape != want["expert_ids"].shape:
            out["expert_ids"] = math.inf
        else:
            # Weights by expert: of equal ones the order is free.
            a, b = (torch.zeros(*t["router_logits"].shape, dtype=torch.float64).scatter_(-1, t["expert_ids"], t["expert_weights"].double()) for t in (got, want))
            out["expert_weights"] = distance(a, b)
    return out


# --- Vitrine


class Vitrine:
    """A warm worker, and the command for what opens a checkpoint."""

    def __init__(self, worker, opener):
        self.worker, self.opener, self.number, self.process = worker, opener, 0, None

    def start(self):
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(self.worker, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def run(self, task, artifact):
        """The event that ends the task."""
        self.start()
        self.number += 1
        self.process.stdin.write(json.dumps({"request": "run", "id": self.number, "task": task, "artifact": str(artifact)}) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            event = json.loads(line)
            if event.get("id") == self.number and event["event"] in ("result", "error", "cancelled", "fault"):
                return event
        return {"event": "fault", "message": "the worker ended"}

    def capture(self, folder, ids, segments, experts, scratch):
        artifact = scratch / f"capture-{self.number}"
        what = ["attentions", "hidden_states", "logits"] + (["router"] if experts else [])
        if json.loads((folder / "config.json").read_text())["model_type"] not in ENCODERS:
            what += ["kv", "loss"]
        prompt = {"ids": ids} | ({"segments": segments} if segments else {})
        event = self.run({"kind": "capture", "model": str(folder), "prompt": prompt, "what": what}, artifact)
        if event["event"] != "result":
            return event, None
        tensors = load_file(artifact / "result.safetensors")
        shutil.rmtree(artifact)
        return event, tensors

    def opened(self, folder):
        run = subprocess.run([*self.opener, "open", str(folder), "--json"], capture_output=True, text=True)
        for line in run.stdout.splitlines():
            event = json.loads(line)
            if event["event"] == "result":
                return event
        return {"event": "error", "message": run.stderr.strip()[-300:]}

    def close(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()


# --- verdicts


def per_layer(tensors, names):
    """Tensors that differ in shape between layers come as NAME.L."""
    out = dict(tensors)
    for name in names:
        parts = sorted((k for k in tensors if k.startswith(name + ".")), key=lambda k: int(k.rsplit(".", 1)[1]))
        if parts:
            out[name] = [tensors[k] for k in parts]
    return out


def judge(vitrine, folder, prompts, scratch):
    """Verdict, words, largest difference and its tensor."""
    try:
        model = load(folder)
        exact = load(folder).double()
        for module in exact.modules():
            # GPT-2 would compute scores in float32 all the same.
            module.__dict__.update({"reorder_and_upcast_attn": False} if hasattr(module, "reorder_and_upcast_attn") else {})
        # A copy for each: a dynamic rope remembers the longest text that it has seen.
        want = [told(copy.deepcopy(model), *p) for p in prompts]
        refusal = None
    except Exception as e:
        refusal = f"{type(e).__name__}: {e}".splitlines()[0][:160]
    if refusal is None and any(not torch.isfinite(w["logits"]).all() for w in want):
        refusal = "logits that are not finite"
    worst = (0.0, "")
    for index, (ids, segments) in enumerate(prompts):
        event, got = vitrine.capture(folder, ids, segments, refusal is None and "router_logits" in want[index], scratch)
        if event["event"] == "error":
            return ("refused" if refusal is None else "none"), event["message"], 0.0, ""
        if event["event"] != "result":
            return "fault", event.get("message", ""), 0.0, ""
        if refusal is not None:
            return "lone", refusal, 0.0, ""
        got = per_layer(got, ("attentions", "cache_k", "cache_v"))
        try:
            noise = distances(want[index], told(copy.deepcopy(exact), ids, segments))
        except Exception:
            noise = {}
        for name, d in distances(got, want[index]).items():
            allowed = max(SMALLEST_TOLERANCE, NOISE * (noise.get(name, 0.0) if math.isfinite(noise.get(name, 0.0)) else 0.0))
            if noise.get("logits", 0.0) > 1e-3:
                # A choice of experts that float32 makes otherwise than float64: nothing can be said.
                continue
            if d > worst[0]:
                worst = (d, f"p{index}.{name}")
            if d > allowed:
                return "WRONG", f"p{index}.{name} differs by {d:.2e}, allowed is {allowed:.0e}", d, name
    return "same", "", worst[0], worst[1]


def parameters(vitrine, folder):
    """Whether anatomy counts what transformers counts; a sentence where not."""
    event = vitrine.opened(folder)
    if "parameters" not in event:
        return event.get("message", "no answer")
    model = load(folder)
    # Buffers that are stored (corrections of routers) are values of the checkpoint too.
    buffers = sum(b.numel() for n, b in model.named_buffers() if n in model.state_dict() and b.is_floating_point())
    want = model.num_parameters() + buffers
    return None if event["parameters"] == want else f"anatomy counts {event['parameters']:,} parameters, transformers {want:,}"


def prompts_of(config, d):
    vocabulary = config["vocab_size"]
    declared = config.get("max_position_embeddings", config.get("n_positions", config.get("max_seq_len", 48)))
    scaling = {} if config.get("alibi") else config.get("rope_scaling") or config.get("rope_parameters") or {}
    if scaling.get("rope_type", scaling.get("type")) in ("linear", "dynamic"):
        declared *= scaling["factor"]
    elif scaling.get("rope_type", scaling.get("type")) == "yarn":
        original = config.get("original_max_position_embeddings", scaling.get("original_max_position_embeddings", declared))
        declared = max(declared, original * scaling["factor"])
    longest = int(min(44, declared - (4 if declared > 48 else 0)))
    out = []
    for length in (7, d.whole(longest - min(12, longest // 3), longest), min(longest, 1 + d.whole(10, 20))):
        ids = [d.whole(0, vocabulary - 1) for _ in range(length)]
        segments = [d.whole(0, config.get("type_vocab_size", 2) - 1) for _ in ids] if config["model_type"] == "bert" and d.maybe() else None
        out.append((ids, segments))
    return out


def random_case(vitrine, family, seed, scratch, keep, count):
    d = Draw(seed)
    config = {"model_type": family, **FAMILIES[family](d)}
    storage = d.one("float32", "float32", "bfloat16", "float16")
    sharded, restyled = d.maybe(0.3), d.maybe(0.3)
    folder = scratch / f"{family}-{seed}"
    try:
        write(config, folder, seed, storage, sharded, restyled)
    except Exception as e:
        verdict = ("none", f"{type(e).__name__}: {e}".splitlines()[0][:160], 0.0, "")
    else:
        verdict = judge(vitrine, folder, prompts_of(config, d), scratch)
        if count and verdict[0] == "same":
            problem = parameters(vitrine, folder)
            if problem:
                verdict = ("WRONG", problem, math.inf, "parameters")
    words = f"seed {seed} {storage}{' sharded' if sharded else ''}{' restyled' if restyled else ''}"
    finish(folder, verdict, keep)
    return verdict, words, config


def finish(folder, verdict, keep):
    if keep and verdict[0] in ("WRONG", "fault", "lone") and folder.exists():
        target = Path(keep) / folder.name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target)
    shutil.rmtree(folder, ignore_errors=True)


# --- the sweep

ROPE_CHANGES = {
    "linear": {"rope_type": "linear", "factor": 3.0}, "dynamic": {"rope_type": "dynamic", "factor": 3.0}, "llama3": {"rope_type": "llama3", "factor": 3.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 16},
    "yarn": {"rope_type": "yarn", "factor": 3.0, "original_max_position_embeddings": 16}, "proportional": {"rope_type": "proportional"}, "unknown": {"rope_type": "spiral", "factor": 2.0}, "mrope": {"rope_type": "mrope", "mrope_section": [2, 1, 1]},
    "type mrope": {"type": "mrope", "mrope_section": [2, 1, 1]}, "axial": {"rope_type": "axial"}, "default with factor": {"rope_type": "default", "factor": 4.0}, "no type": {"factor": 4.0}, "ntk": {"type": "ntk", "factor": 4.0},
    "partial": {"rope_type": "default", "partial_rotary_factor": 0.5}, "linear partial": {"rope_type": "linear", "factor": 2.0, "partial_rotary_factor": 0.5}, "theta within": {"rope_type": "default", "rope_theta": 77.0}}


def asked(module):
    """All names that a modelling file asks a config for."""
    names = set()
    for node in ast.walk(ast.parse(Path(module.__file__).read_text())):
        if isinstance(node, ast.Attribute) and (isinstance(node.value, ast.Name) and node.value.id.endswith("config") or isinstance(node.value, ast.Attribute) and node.value.attr.endswith("config")):
            names.add(node.attr)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("getattr", "hasattr") and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
            names.add(str(node.args[1].value))
    return names


UNTOUCHED = {"model_type", "vocab_size", "num_hidden_layers", "n_layer", "n_layers", "transformers_version", "architectures", "dtype", "torch_dtype", "quantization_config", "attribute_map", "sub_configs", "auto_map",
             "_attn_implementation", "_experts_implementation", "to_dict", "get_text_config", "per_layer_config", "id2label", "label2id", "num_labels", "problem_type", "output_attentions", "output_hidden_states", "return_dict",
             "pad_token_id", "use_return_dict", "is_encoder_decoder", "keys_to_ignore_at_inference", "base_model_tp_plan", "base_model_pp_plan", "base_model_ep_plan", "default_theta"}


def alternatives(name, value, layers):
    """Other values of a field, by the value that it has."""
    known = {"hidden_act": ["gelu", "gelu_new", "relu", "gelu_10", "mish", "sigmoid", "leaky_relu", "linear", "relu6", "laplace", "gelu_fast", "xielu"], "activation_function": ["relu", "gelu", "mish"],
             "hidden_activation": ["gelu", "relu", "silu", "mish"], "sliding_window": [1, 3, None], "layer_types": [["sliding_attention", "full_attention", "sliding_attention"][:layers], ["full_attention"] * layers,
             ["chunked_attention"] * layers, ["linear_attention"] * layers], "attention_chunk_size": [5], "use_sliding_window": [True, False], "max_window_layers": [0, 1], "is_causal": [False], "original_max_position_embeddings": [16],
             "partial_rotary_factor": [0.5, 0.25], "head_dim": [4, 8, 16], "position_embedding_type": ["relative_key", "relative_key_query"], "is_decoder": [True, False], "mlp_only_layers": [[0]], "moe_layers": [[0], []],
             "no_rope_layers": [[1] * layers, [0] * layers], "rope_theta": [55.0, 1e6], "topk_method": ["group_limited_greedy", "noaux_tc"], "scoring_func": ["sigmoid", "softmax"], "tie_word_embeddings": [True, False],
             "swiglu_limit": [0.5], "mlp_type": ["gated"], "attention_type": ["bidirectional"], "attn_logit_softcapping": [1.0, None], "final_logit_softcapping": [1.0, None], "query_pre_attn_scalar": [3],
             "q_lora_rank": [None, 6], "clip_qkv": [0.1], "rope_local_base_freq": [33.0], "activation": ["relu", "gelu_new", "mish"], "sliding_window_pattern": [2, 1, "LG", None], "rotary_dim": [2, 3, None],
             "num_ln_in_parallel_attn": [1, 2, 3], "num_kv_heads": [1, 2], "logit_scale": [0.5, "inv_sqrt_d_model"], "norm_type": ["rmsnorm", "layernorm", "rms_norm"]}
    if name in known:
        return known[name]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, 2 * value, 1, 0] if value else [1, 2]
    if isinstance(value, float):
        return [value * 3 + 0.3, 0.0]
    if value is None:
        return [True, 2, 0.5]
    return []


def variants(family, base, folder):
    """(words, config) of every single change."""
    read = AutoConfig.from_pretrained(folder)
    model = AutoModelForMaskedLM if family in ENCODERS else AutoModelForCausalLM
    module = importlib.import_module(type(model.from_config(read)).__module__)
    layers = base.get("num_hidden_layers", base.get("n_layer", base.get("n_layers")))
    fields = {f.name for f in dataclasses.fields(read)} if dataclasses.is_dataclass(read) else set()
    names = fields | set(read.to_dict()) | asked(module) | {"is_causal", "layer_types", "sliding_window", "attention_chunk_size", "original_max_position_embeddings", "partial_rotary_factor", "head_dim", "rope_theta", "attention_bias",
                                                    "mlp_bias", "use_bidirectional_attention", "attn_logit_softcapping", "qk_layernorm", "use_qk_norm", "position_embedding_type", "scoring_func", "swiglu_limit", "attention_type"}
    for name in sorted(names - UNTOUCHED):
        if name.startswith("__"):
            continue
        value = getattr(read, name, None)
        for other in alternatives(name, value, layers):
            if name in base and base[name] == other:
                continue
            yield f"{name}={json.dumps(other)}", {**base, name: other}
        if name in base:
            yield f"no {name}", {k: v for k, v in base.items() if k != name}
        if name in base or value is not None and name in fields:
            yield f"{name}=null", {**base, name: None}
        if isinstance(value, transformers.PreTrainedConfig):
            inner = base.get(name) or {}
            for key, usual in sorted(value.to_dict().items()):
                for other in alternatives(key, usual, layers) if key not in UNTOUCHED else []:
                    yield f"{name}.{key}={json.dumps(other)}", {**base, name: {**inner, key: other}}
    for words, change in ROPE_CHANGES.items():
        bare = {k: v for k, v in base.items() if k not in ("rope_parameters", "rope_scaling")}
        yield f"rope_scaling {words}", {**bare, "rope_scaling": change}
        yield f"rope_parameters {words}", {**bare, "rope_parameters": {"rope_theta": 10000.0, **change}}
        if words in ("yarn", "llama3"):
            less = {k: v for k, v in change.items() if k != "original_max_position_embeddings"}
            yield f"rope_scaling {words}, original beside", {**bare, "rope_scaling": less, "original_max_position_embeddings": 16}
            yield f"rope_scaling {words}, original twice", {**bare, "rope_scaling": change, "original_max_position_embeddings": 9}
            yield f"rope_scaling {words}, no original", {**bare, "rope_scaling": less}
    yield "both ropes", {**base, "rope_scaling": {"rope_type": "linear", "factor": 3.0}, "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}}


def kind_of(rope):
    return rope.get("rope_type", rope.get("type", "default"))


def sweep(vitrine, family, seed, scratch, keep, report):
    bases = []
    for s in range(seed, seed + 200):
        config = {"model_type": family, **FAMILIES[family](Draw(s))}
        if len(bases) < 1 and not config.get("rope_scaling") and kind_of(config.get("rope_parameters") or {}) == "default" and config.get("num_hidden_layers", config.get("n_layer", config.get("n_layers"))) == 3 \
                and config.get("num_attention_heads", 4) > 1:
            bases.append(config)
    for number, base in enumerate(bases):
        home = scratch / f"{family}-base"
        write(base, home, seed)
        for index, (words, config) in enumerate(variants(family, base, home)):
            folder = scratch / f"{family}-sweep-{index}"
            try:
                write(config, folder, seed)
            except Exception as e:
                report(family, words, ("none", f"{type(e).__name__}: {e}".splitlines()[0][:100], 0.0, ""))
                shutil.rmtree(folder, ignore_errors=True)
                continue
            draw = Draw(seed)
            verdict = judge(vitrine, folder, prompts_of({**base, "max_position_embeddings": 48, "n_positions": 48}, draw)[:2], scratch)
            report(family, words, verdict)
            finish(folder, verdict, keep)
        shutil.rmtree(home)


def worker_of(program):
    """The command that starts the embedded worker of a build or of an installation."""
    return [str(program / "runtime/bin/java"), "--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow", f"-Dvitrine.natives={program.resolve() / 'natives'}",
            f"-DDJL_CACHE_DIR={program.resolve() / 'natives/djl'}", "-Dai.djl.offline=true", "-cp", str(program / "lib/vitrine.jar"), "vitrine.app.worker.WorkerMain"]


def calm():
    """One thread, and nothing said that is not this script's."""
    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)


class Report:
    """A line for every case, and how many of each family came out how."""

    def __init__(self, quiet):
        self._quiet, self._totals = quiet, {}

    def __call__(self, family, words, verdict):
        kind, message, d, name = verdict
        self._totals[family, kind] = self._totals.get((family, kind), 0) + 1
        if not self._quiet or kind not in ("same", "none"):
            print(f"{kind:8} {family:13} {words:44} {message or f'{d:.1e} {name}'}", flush=True)

    def end(self, names):
        """The exit status."""
        print()
        for family in names:
            print(f"{family:13} " + ", ".join(f"{kind} {n}" for (f, kind), n in self._totals.items() if f == family))
        return 1 if any(kind in ("WRONG", "fault") for _, kind in self._totals) else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, help="the folder of a build or of an installation, with bin, lib and runtime")
    parser.add_argument("--worker", help="another command that starts the embedded worker")
    parser.add_argument("--opener", help="another command that takes `open FOLDER --json`")
    parser.add_argument("--only", nargs="*", default=list(FAMILIES), choices=list(FAMILIES))
    parser.add_argument("--cases", type=int, default=20, help="random cases per family")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sweep", action="store_true")
    parser.add_argument("--count", action="store_true", help="also compare the number of parameters, which starts the program for each case")
    parser.add_argument("--keep", help="a folder for the checkpoints of what is wrong")
    parser.add_argument("--quiet", action="store_true", help="no lines for what is the same, or runs nowhere")
    arguments = parser.parse_args()
    worker, opener = None, None
    if arguments.program:
        worker = worker_of(arguments.program)
        opener = [str(arguments.program / "bin/vitrine")]
    worker = shlex.split(arguments.worker) if arguments.worker else worker
    opener = shlex.split(arguments.opener) if arguments.opener else opener
    if worker is None or arguments.count and opener is None:
        parser.error("--program, or --worker (and --opener for --count), says what is compared")
    calm()
    vitrine = Vitrine(worker, opener)
    report = Report(arguments.quiet)

    with tempfile.TemporaryDirectory() as home:
        scratch = Path(home)
        for family in arguments.only:
            if arguments.sweep:
                sweep(vitrine, family, arguments.seed, scratch, arguments.keep, report)
                continue
            for seed in range(arguments.seed, arguments.seed + arguments.cases):
                verdict, words, config = random_case(vitrine, family, seed, scratch, arguments.keep, arguments.count)
                report(family, words, verdict)
                if verdict[0] in ("WRONG", "fault"):
                    print("         " + json.dumps(config), flush=True)
    vitrine.close()
    return report.end(arguments.only)


if __name__ == "__main__":
    sys.exit(main())
