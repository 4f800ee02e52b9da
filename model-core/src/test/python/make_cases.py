#!/usr/bin/env python3
"""Makes small reference checkpoints ("cases") with reference results computed by transformers.

    python make_cases.py --out DIR --reference DIR [--only CASE ...]   write the cases
    python make_cases.py --out DIR --verify        [--only CASE ...]   load them again and compare every tensor

--reference is a directory of existing cases; only their tokenizer files are taken from it.
Every case is made from its seed alone, so a second run gives the same files.

One case is one directory:
    config.json, model.safetensors, tokenizer.json, tokenizer_config.json   the input
    golden.safetensors, golden.json                                         the expected results and their description
"""
import argparse
import copy
import json
import logging
import math
import platform
import re
import shutil
import sys
import tempfile
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy
import safetensors
import tokenizers
import torch
import transformers
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM

GREEDY_STEPS = 8
PADDING = 4                 # padding tokens of the padded encoder run
SMALLEST_GAP = 5e-3         # a greedy choice must be at least this clear
ENTROPY_RANGE = (0.40, 0.72)
SMALLEST_EFFECT = 2e-3      # scaled; ten times the tolerance of the logits

SCALED = {"kind": "scaled", "tol": 2e-4}
EXACT = {"kind": "exact"}

# ---------------------------------------------------------------------------------------------------------------------
# The cases


@dataclass
class Case:
    name: str
    description: str
    config: dict
    tokenizer: str                      # name of the reference case whose tokenizer is taken
    seed: int
    head: str = "causal"                # causal | masked | base (decoder without output head) | encoder-base
    texts: tuple = None
    style: str = "rope_theta / rope_scaling / torch_dtype (published checkpoints)"
    qk_gain: float = 1.0                # multiplies the size of the query and key weights
    embedding_size: float = 0.4         # standard deviation of the token embeddings
    centers: dict = field(default_factory=dict)     # regular expression -> mean of the matching norm weights
    storage: str = "float32"            # type of the linear weights in the file
    ablations: dict = field(default_factory=dict)   # what is ignored -> keys of config.json that change


NEW_STYLE = "rope_parameters / dtype (transformers 5)"
MIXED_STYLE = "layer_types, rope_theta / rope_scaling, dtype (transformers 4.56)"

# Families whose norms multiply by (1 + weight).
AROUND_ZERO = ("gemma", "nemotron")

VOCABULARY = 272
TEXT_PROSE = "The lantern over the wall"
TEXT_CODE = "for i in range(12): if"
TEXTS = {
    "llama-gqa": (TEXT_PROSE, TEXT_CODE),
    "gpt2": (TEXT_PROSE, TEXT_CODE),
    "bert": ("The lantern over the wall went out,", "for i in range(3): print(x, i"),
    "roberta": (TEXT_PROSE, "for i<pad> in range(12):"),
}
FAMILY = {"llama-gqa": "llama3", "gpt2": "gpt2", "bert": "wordpiece", "roberta": "roberta"}


def llama(**changes):
    """config.json of a tiny Llama, as published ones are written (rope_theta / rope_scaling / torch_dtype)."""
    config = {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "head_dim": 16,
        "hidden_act": "silu",
        "hidden_size": 32,
        "initializer_range": 0.02,
        "intermediate_size": 36,
        "max_position_embeddings": 128,
        "mlp_bias": False,
        "model_type": "llama",
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "num_key_value_heads": 1,
        "pretraining_tp": 1,
        "rms_norm_eps": 1e-05,
        "rope_scaling": None,
        "rope_theta": 10000.0,
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
        "transformers_version": "4.45.0",
        "use_cache": True,
        "vocab_size": 272,
    }
    return changed(config, changes)


def changed(config, changes):
    """A copy of the dict with the changes made; a key changed to `REMOVE` is left out."""
    result = dict(config)
    for key, value in changes.items():
        if value is REMOVE:
            result.pop(key, None)
        else:
            result[key] = value
    return result


REMOVE = object()


def llama_tiny(**changes):
    """The Llama of the cases that are about the file, not about the architecture."""
    return llama(**{"head_dim": 8, "num_attention_heads": 4, "num_key_value_heads": 2, **changes})


def qwen2(**changes):
    config = {
        "architectures": ["Qwen2ForCausalLM"],
        "attention_dropout": 0.0,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "hidden_act": "silu",
        "hidden_size": 32,
        "initializer_range": 0.02,
        "intermediate_size": 36,
        "max_position_embeddings": 128,
        "max_window_layers": 1,
        "model_type": "qwen2",
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "num_key_value_heads": 2,
        "rms_norm_eps": 1e-06,
        "rope_theta": 1000000.0,
        "sliding_window": 6,
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
        "transformers_version": "4.40.1",
        "use_cache": True,
        "use_sliding_window": True,
        "vocab_size": 272,
    }
    return changed(config, changes)


def gemma3(**changes):
    config = {
        "architectures": ["Gemma3ForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "attn_logit_softcapping": None,
        "bos_token_id": 0,
        "cache_implementation": "hybrid",
        "eos_token_id": 1,
        "final_logit_softcapping": None,
        "head_dim": 16,
        "hidden_activation": "gelu_pytorch_tanh",
        "hidden_size": 32,
        "initializer_range": 0.02,
        "intermediate_size": 36,
        "max_position_embeddings": 128,
        "model_type": "gemma3_text",
        "num_attention_heads": 2,
        "num_hidden_layers": 3,
        "num_key_value_heads": 1,
        "pad_token_id": 1,
        "query_pre_attn_scalar": 24,
        "rms_norm_eps": 1e-06,
        "rope_local_base_freq": 100.0,
        "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
        "rope_theta": 10000.0,
        "sliding_window": 6,
        "sliding_window_pattern": 2,
        "torch_dtype": "float32",
        "transformers_version": "4.50.0.dev0",
        "use_cache": True,
        "vocab_size": 272,
    }
    return changed(config, changes)


def phi3(**changes):
    config = {
        "architectures": ["Phi3ForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": 0,
        "embd_pdrop": 0.0,
        "eos_token_id": 1,
        "hidden_act": "silu",
        "hidden_size": 32,
        "initializer_range": 0.02,
        "intermediate_size": 36,
        "max_position_embeddings": 128,
        "model_type": "phi3",
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "num_key_value_heads": 1,
        "original_max_position_embeddings": 128,
        "pad_token_id": 1,
        "resid_pdrop": 0.0,
        "rms_norm_eps": 1e-05,
        "rope_scaling": None,
        "rope_theta": 10000.0,
        "sliding_window": None,
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
        "transformers_version": "4.45.0",
        "use_cache": True,
        "vocab_size": 272,
    }
    return changed(config, changes)


def stablelm(**changes):
    config = {
        "architectures": ["StableLmForCausalLM"],
        "attention_dropout": 0.0,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "hidden_act": "silu",
        "hidden_dropout": 0.0,
        "hidden_size": 32,
        "initializer_range": 0.02,
        "intermediate_size": 36,
        "layer_norm_eps": 1e-05,
        "max_position_embeddings": 128,
        "model_type": "stablelm",
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "num_key_value_heads": 2,
        "partial_rotary_factor": 0.25,
        "rope_theta": 10000,
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
        "transformers_version": "4.38.0",
        "use_cache": True,
        "use_qkv_bias": True,
        "vocab_size": 272,
    }
    return changed(config, changes)


def opt(**changes):
    config = {
        "_remove_final_layer_norm": False,
        "activation_dropout": 0.0,
        "activation_function": "relu",
        "architectures": ["OPTForCausalLM"],
        "attention_dropout": 0.0,
        "bos_token_id": 2,
        "do_layer_norm_before": True,
        "dropout": 0.1,
        "eos_token_id": 2,
        "ffn_dim": 64,
        "hidden_size": 32,
        "init_std": 0.02,
        "layerdrop": 0.0,
        "max_position_embeddings": 64,
        "model_type": "opt",
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "pad_token_id": 1,
        "prefix": "</s>",
        "torch_dtype": "float32",
        "transformers_version": "4.21.0.dev0",
        "use_cache": True,
        "vocab_size": 272,
        "word_embed_proj_dim": 32,
    }
    return changed(config, changes)


def bert(**changes):
    config = {
        "architectures": ["BertForMaskedLM"],
        "attention_probs_dropout_prob": 0.1,
        "gradient_checkpointing": False,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "hidden_size": 32,
        "initializer_range": 0.02,
        "intermediate_size": 64,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": 48,
        "model_type": "bert",
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "pad_token_id": 0,
        "position_embedding_type": "absolute",
        "torch_dtype": "float32",
        "transformers_version": "4.20.1",
        "type_vocab_size": 2,
        "use_cache": True,
        "vocab_size": 272,
    }
    return changed(config, changes)


def all_cases():
    yield Case(
        "llama-rope-llama3",
        "Llama 3 rope scaling: one rotary pair above the high-frequency limit (kept), one between the limits "
        "(smoothed), the rest below the low-frequency limit (divided by the factor); tied output",
        llama(rope_scaling={"factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                            "original_max_position_embeddings": 32, "rope_type": "llama3"}),
        "llama-gqa", 101,
        ablations={
            "rope scaling": {"rope_scaling": None},
            "smooth part between the two limits": {"rope_scaling": {
                "factor": 8.0, "high_freq_factor": 1.0001, "low_freq_factor": 1.0,
                "original_max_position_embeddings": 32, "rope_type": "llama3"}},
        })
    yield Case(
        "llama-rope-linear",
        "linear rope scaling under the older key 'type'; a config.json of the first Llama generation without "
        "rope_theta, head_dim, num_key_value_heads, attention_bias and mlp_bias, which take their defaults; "
        "untied output",
        llama(rope_scaling={"factor": 4.0, "type": "linear"}, tie_word_embeddings=False,
              rope_theta=REMOVE, head_dim=REMOVE, num_key_value_heads=REMOVE, attention_bias=REMOVE,
              mlp_bias=REMOVE, attention_dropout=REMOVE, transformers_version="4.31.0"),
        "llama-gqa", 102,
        ablations={"rope scaling": {"rope_scaling": None}, "default of rope_theta": {"rope_theta": 500000.0}})
    yield Case(
        "llama-rope-dynamic",
        "dynamic (NTK) rope scaling: max_position_embeddings is 16; prompt 0 is shorter and unscaled, prompt 1 is "
        "longer, so the base grows with its length. The greedy continuation of prompt 0 crosses the limit",
        llama(rope_scaling={"factor": 4.0, "type": "dynamic"}, max_position_embeddings=16),
        "llama-gqa", 203, qk_gain=0.9, texts=("The lantern over", TEXT_CODE),
        ablations={"rope scaling": {"rope_scaling": None}})
    yield Case(
        "llama-rope-yarn",
        "YaRN rope scaling with its default parameters (older key 'type', an unknown key 'finetuned' to be ignored)",
        llama(rope_scaling={"factor": 4.0, "finetuned": True, "original_max_position_embeddings": 32,
                            "type": "yarn"}),
        "llama-gqa", 104, qk_gain=0.85,
        ablations={
            "rope scaling": {"rope_scaling": None},
            "attention factor": {"rope_scaling": {
                "factor": 4.0, "original_max_position_embeddings": 32, "type": "yarn", "attention_factor": 1.0}},
        })
    yarn_factors = {"beta_fast": 4.0, "beta_slow": 0.5, "factor": 4.0, "mscale": 1.2, "mscale_all_dim": 0.4,
                    "original_max_position_embeddings": 32, "rope_type": "yarn", "truncate": False}
    yield Case(
        "llama-rope-yarn-factors",
        "YaRN rope scaling with beta_fast, beta_slow, mscale, mscale_all_dim and truncate false",
        llama(rope_scaling=yarn_factors),
        "llama-gqa", 105, qk_gain=0.85,
        ablations={
            "rope scaling": {"rope_scaling": None},
            "mscale and mscale_all_dim": {"rope_scaling": changed(yarn_factors, {"mscale": REMOVE, "mscale_all_dim": REMOVE})},
            "beta_fast": {"rope_scaling": changed(yarn_factors, {"beta_fast": REMOVE})},
            "beta_slow": {"rope_scaling": changed(yarn_factors, {"beta_slow": REMOVE})},
            "truncate": {"rope_scaling": changed(yarn_factors, {"truncate": REMOVE})},
        })
    yarn_attention = {"attention_factor": 0.7, "factor": 4.0, "mscale": 1.2, "mscale_all_dim": 0.4,
                      "rope_type": "yarn"}
    yield Case(
        "llama-rope-yarn-attention",
        "YaRN rope scaling with an explicit attention_factor, which wins over mscale; without "
        "original_max_position_embeddings, for which max_position_embeddings is taken",
        llama(rope_scaling=yarn_attention, max_position_embeddings=32),
        "llama-gqa", 106, qk_gain=1.3,
        ablations={
            "attention_factor": {"rope_scaling": changed(yarn_attention, {"attention_factor": REMOVE})},
            "default of original_max_position_embeddings": {"rope_scaling": changed(
                yarn_attention, {"original_max_position_embeddings": 8})},
        })
    longrope = {
        "long_factor": [1.1, 1.3, 1.7, 2.4, 3.5, 5.0, 7.5, 10.0],
        "short_factor": [1.0, 1.05, 1.1, 1.2, 1.35, 1.5, 1.8, 2.0],
        "type": "longrope",
    }
    yield Case(
        "phi3-rope-longrope",
        "LongRoPE: original_max_position_embeddings is 19; prompt 0 is shorter (short_factor), prompt 1 is longer "
        "(long_factor); cosine and sine are multiplied by the attention factor in both. The greedy continuation of "
        "prompt 0 crosses the limit",
        phi3(rope_scaling=longrope, original_max_position_embeddings=19, sliding_window=262144),
        "llama-gqa", 207, qk_gain=0.75,
        ablations={
            "rope scaling": {"rope_scaling": None},
            "attention factor": {"rope_scaling": changed(longrope, {"attention_factor": 1.0})},
            "long_factor": {"rope_scaling": changed(longrope, {"long_factor": longrope["short_factor"]})},
            "short_factor": {"rope_scaling": changed(longrope, {"short_factor": longrope["long_factor"]})},
        })
    yield Case(
        "llama-rope-new-style",
        "the newer config.json keys: rope_parameters instead of rope_theta and rope_scaling, dtype instead of "
        "torch_dtype; Llama 3 rope scaling with base 5000",
        llama(rope_parameters={"factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                               "original_max_position_embeddings": 32, "rope_theta": 5000.0, "rope_type": "llama3"},
              dtype="float32", transformers_version="5.18.0",
              rope_theta=REMOVE, rope_scaling=REMOVE, torch_dtype=REMOVE),
        "llama-gqa", 108, style=NEW_STYLE,
        ablations={"rope_parameters": {"rope_parameters": None}})

    yield Case(
        "qwen2-sliding",
        "Qwen2 with use_sliding_window: layer 0 attends fully, layer 1 (from max_window_layers on) sees 6 "
        "positions; config.json without layer_types",
        qwen2(),
        "gpt2", 111,
        ablations={"sliding window": {"use_sliding_window": False},
                   "max_window_layers": {"max_window_layers": 0},
                   "direction of max_window_layers": {"layer_types": ["sliding_attention", "full_attention"]}})
    yield Case(
        "qwen2-layer-types",
        "Qwen2 with explicit layer_types (sliding, full), which win over max_window_layers",
        qwen2(layer_types=["sliding_attention", "full_attention"], rope_scaling=None,
              dtype="float32", torch_dtype=REMOVE, transformers_version="4.56.0"),
        "gpt2", 112, qk_gain=0.9, style=MIXED_STYLE,
        ablations={"layer_types": {"layer_types": None}, "sliding window": {"use_sliding_window": False,
                                                                            "layer_types": None}})
    yield Case(
        "qwen3-sliding",
        "Qwen3 with use_sliding_window: layer 0 attends fully, layer 1 sees 5 positions; head_dim 12 where "
        "hidden/heads is 8; query and key norms; config.json without layer_types",
        qwen2(architectures=["Qwen3ForCausalLM"], model_type="qwen3", attention_bias=False, head_dim=12,
              sliding_window=5, rope_scaling=None, transformers_version="4.51.0"),
        "gpt2", 113, centers={r"[qk]_norm": 1.5},
        ablations={"sliding window": {"use_sliding_window": False}, "max_window_layers": {"max_window_layers": 0}})
    yield Case(
        "mistral-no-window",
        "Mistral with sliding_window null: full attention in every layer; head_dim from hidden/heads; untied output",
        {
            "architectures": ["MistralForCausalLM"],
            "attention_dropout": 0.0,
            "bos_token_id": 0,
            "eos_token_id": 1,
            "hidden_act": "silu",
            "hidden_size": 32,
            "initializer_range": 0.02,
            "intermediate_size": 36,
            "max_position_embeddings": 128,
            "model_type": "mistral",
            "num_attention_heads": 4,
            "num_hidden_layers": 2,
            "num_key_value_heads": 2,
            "rms_norm_eps": 1e-05,
            "rope_theta": 1000000.0,
            "sliding_window": None,
            "tie_word_embeddings": False,
            "torch_dtype": "float32",
            "transformers_version": "4.42.0.dev0",
            "use_cache": True,
            "vocab_size": 272,
        },
        "llama-gqa", 114,
        ablations={"sliding_window null": {"sliding_window": 7}})

    gemma_centers = {r"[qk]_norm": 0.7, r"norm": 0.0}
    yield Case(
        "gemma3-text",
        "Gemma 3 (text): layers 0 and 2 slide over 6 positions with base rope_local_base_freq, layer 1 attends "
        "fully with base rope_theta and linear scaling by 8; query and key norms, norms multiply by (1 + weight), "
        "query_pre_attn_scalar, embeddings scaled by sqrt(hidden); tied output by default",
        gemma3(),
        "llama-gqa", 215, centers=gemma_centers, embedding_size=0.12,
        ablations={
            "rope scaling": {"rope_scaling": None},
            "rope_local_base_freq": {"rope_local_base_freq": 10000.0},
            "sliding_window_pattern": {"sliding_window_pattern": 6},
            "sliding window": {"sliding_window": 64},
            "query_pre_attn_scalar": {"query_pre_attn_scalar": 16},
        })
    yield Case(
        "gemma3-text-new",
        "Gemma 3 (text) with the newer config.json keys: explicit layer_types (full, sliding) and "
        "rope_parameters per layer type",
        gemma3(layer_types=["full_attention", "sliding_attention"], num_hidden_layers=2,
               rope_parameters={
                   "full_attention": {"factor": 4.0, "rope_theta": 20000.0, "rope_type": "linear"},
                   "sliding_attention": {"rope_theta": 300.0, "rope_type": "default"},
               },
               dtype="float32", transformers_version="5.18.0", tie_word_embeddings=True,
               use_bidirectional_attention=False,
               rope_local_base_freq=REMOVE, rope_scaling=REMOVE, rope_theta=REMOVE, sliding_window_pattern=REMOVE,
               torch_dtype=REMOVE, cache_implementation=REMOVE),
        "llama-gqa", 316, style=NEW_STYLE, centers=gemma_centers, embedding_size=0.12,
        ablations={
            "layer_types": {"layer_types": None},
            "rope_parameters": {"rope_parameters": None},
            "rope of the full layers": {"rope_parameters": {
                "full_attention": {"rope_theta": 20000.0, "rope_type": "default"},
                "sliding_attention": {"rope_theta": 300.0, "rope_type": "default"}}},
            "rope of the sliding layers": {"rope_parameters": {
                "full_attention": {"factor": 4.0, "rope_theta": 20000.0, "rope_type": "linear"},
                "sliding_attention": {"rope_theta": 20000.0, "rope_type": "default"}}},
        })

    yield Case(
        "gemma",
        "Gemma (the first): norms multiply by (1 + weight), embeddings scaled by sqrt(hidden), one key/value head, head_dim 12 "
        "where hidden/heads is 8; hidden_act gelu, which means its tanh form; tied output by default",
        {
            "architectures": ["GemmaForCausalLM"],
            "attention_bias": False,
            "attention_dropout": 0.0,
            "bos_token_id": 0,
            "eos_token_id": 1,
            "head_dim": 12,
            "hidden_act": "gelu",
            "hidden_size": 32,
            "initializer_range": 0.02,
            "intermediate_size": 48,
            "max_position_embeddings": 128,
            "model_type": "gemma",
            "num_attention_heads": 4,
            "num_hidden_layers": 2,
            "num_key_value_heads": 1,
            "pad_token_id": 1,
            "rms_norm_eps": 1e-06,
            "rope_scaling": None,
            "rope_theta": 10000.0,
            "torch_dtype": "float32",
            "transformers_version": "4.38.0.dev0",
            "use_cache": True,
            "vocab_size": 272,
        },
        "llama-gqa", 137, embedding_size=0.1,
        ablations={"hidden_act": {"hidden_act": "relu"}, "rope_theta": {"rope_theta": 500000.0}})
    yield Case(
        "gpt-neox-sequential",
        "GPT-NeoX with use_parallel_residual false (attention first, then the feed-forward on its result), rotary on "
        "half of each head, tied output; attention_bias absent (true)",
        {
            "architectures": ["GPTNeoXForCausalLM"],
            "bos_token_id": 0,
            "eos_token_id": 0,
            "hidden_act": "gelu",
            "hidden_size": 32,
            "initializer_range": 0.02,
            "intermediate_size": 64,
            "layer_norm_eps": 1e-05,
            "max_position_embeddings": 128,
            "model_type": "gpt_neox",
            "num_attention_heads": 4,
            "num_hidden_layers": 2,
            "rotary_emb_base": 10000,
            "rotary_pct": 0.5,
            "tie_word_embeddings": True,
            "torch_dtype": "float32",
            "transformers_version": "4.24.0",
            "use_cache": True,
            "use_parallel_residual": False,
            "vocab_size": 272,
        },
        "gpt2", 117, style="rotary_pct / rotary_emb_base / torch_dtype (published checkpoints)",
        ablations={"use_parallel_residual false": {"use_parallel_residual": True},
                   "rotary_pct": {"rotary_pct": 0.25}})
    yield Case(
        "olmo2",
        "OLMo 2: norms on the output of attention and feed-forward, none on their input; query and key norms over the "
        "whole projection (2 key/value heads, so the key norm is narrower)",
        {
            "architectures": ["Olmo2ForCausalLM"],
            "attention_bias": False,
            "attention_dropout": 0.0,
            "eos_token_id": 0,
            "hidden_act": "silu",
            "hidden_size": 32,
            "initializer_range": 0.02,
            "intermediate_size": 36,
            "max_position_embeddings": 128,
            "model_type": "olmo2",
            "num_attention_heads": 4,
            "num_hidden_layers": 2,
            "num_key_value_heads": 2,
            "pad_token_id": 0,
            "rms_norm_eps": 1e-06,
            "rope_scaling": None,
            "rope_theta": 500000,
            "tie_word_embeddings": False,
            "torch_dtype": "float32",
            "transformers_version": "4.47.0",
            "use_cache": True,
            "vocab_size": 272,
        },
        "gpt2", 118, centers={r"[qk]_norm": 1.5},
        ablations={"rope_theta": {"rope_theta": 10000}})
    yield Case(
        "opt",
        "OPT: learned positions with an offset of 2, norm before each block and a final norm, ReLU, biases, "
        "tied output",
        opt(),
        "gpt2", 219, qk_gain=1.0,
        ablations={"activation_function": {"activation_function": "gelu"}})
    yield Case(
        "opt-post-norm",
        "OPT as in its 350M size: norm after each skip, no final norm, embeddings narrower than the hidden state with "
        "project_in and project_out (no biases), tied output",
        opt(do_layer_norm_before=False, word_embed_proj_dim=20, ffn_dim=48),
        "gpt2", 120, qk_gain=1.2)
    yield Case(
        "stablelm",
        "StableLM: LayerNorm, rotary on a quarter of each head, biases on query, key and value",
        stablelm(),
        "gpt2", 121,
        ablations={"partial_rotary_factor": {"partial_rotary_factor": 0.5}})
    yield Case(
        "stablelm-parallel",
        "StableLM as in its 12B size: parallel residual with one norm for attention and feed-forward, a LayerNorm "
        "without bias for every query and key head, grouped-query attention",
        stablelm(use_parallel_residual=True, qk_layernorm=True, use_qkv_bias=False, num_attention_heads=4,
                 num_key_value_heads=2, partial_rotary_factor=0.5, tie_word_embeddings=True),
        "gpt2", 122, centers={r"[qk]_layernorm": 1.6},
        ablations={"partial_rotary_factor": {"partial_rotary_factor": 0.25}})
    yield Case(
        "starcoder2",
        "StarCoder2: LayerNorm, biases everywhere, feed-forward without gate (gelu_pytorch_tanh), sliding window of 6, "
        "grouped-query attention; tied output by default",
        {
            "activation_function": "gelu",
            "architectures": ["Starcoder2ForCausalLM"],
            "attention_dropout": 0.1,
            "attention_softmax_in_fp32": True,
            "bos_token_id": 0,
            "embedding_dropout": 0.1,
            "eos_token_id": 0,
            "hidden_act": "gelu_pytorch_tanh",
            "hidden_size": 32,
            "initializer_range": 0.018042195912175805,
            "intermediate_size": 64,
            "layer_norm_epsilon": 1e-05,
            "max_position_embeddings": 128,
            "mlp_type": "default",
            "model_type": "starcoder2",
            "norm_epsilon": 1e-05,
            "norm_type": "layer_norm",
            "num_attention_heads": 4,
            "num_hidden_layers": 2,
            "num_key_value_heads": 2,
            "residual_dropout": 0.1,
            "rope_theta": 999999.4420358813,
            "scale_attention_softmax_in_fp32": True,
            "scale_attn_weights": True,
            "sliding_window": 6,
            "torch_dtype": "float32",
            "transformers_version": "4.37.0.dev0",
            "use_bias": True,
            "use_cache": True,
            "vocab_size": 272,
        },
        "gpt2", 123, qk_gain=0.85,
        ablations={"sliding window": {"sliding_window": None}, "rope_theta": {"rope_theta": 10000.0}})
    yield Case(
        "granite",
        "Granite: multipliers on embeddings, attention scores (instead of 1/sqrt(head_dim)), every addition to the "
        "residual stream, and a divisor of the logits; tied output",
        {
            "architectures": ["GraniteForCausalLM"],
            "attention_bias": False,
            "attention_dropout": 0.1,
            "attention_multiplier": 0.5,
            "bos_token_id": 0,
            "embedding_multiplier": 3.0,
            "eos_token_id": 0,
            "hidden_act": "silu",
            "hidden_size": 32,
            "initializer_range": 0.02,
            "intermediate_size": 36,
            "logits_scaling": 2.5,
            "max_position_embeddings": 128,
            "mlp_bias": False,
            "model_type": "granite",
            "num_attention_heads": 4,
            "num_hidden_layers": 2,
            "num_key_value_heads": 2,
            "pad_token_id": 0,
            "residual_multiplier": 0.6,
            "rms_norm_eps": 1e-05,
            "rope_scaling": None,
            "rope_theta": 10000.0,
            "tie_word_embeddings": True,
            "torch_dtype": "float32",
            "transformers_version": "4.46.0.dev0",
            "use_cache": True,
            "vocab_size": 272,
        },
        "gpt2", 224, embedding_size=0.2, qk_gain=0.8,
        ablations={
            "attention_multiplier": {"attention_multiplier": 8 ** -0.5},
            "embedding_multiplier": {"embedding_multiplier": 1.0},
            "residual_multiplier": {"residual_multiplier": 1.0},
            "logits_scaling": {"logits_scaling": 1.0},
        })
    yield Case(
        "ernie4_5",
        "ERNIE 4.5 (dense): interleaved rotary embedding, head_dim larger than hidden/heads, tied output",
        {
            "architectures": ["Ernie4_5ForCausalLM"],
            "bos_token_id": 0,
            "eos_token_id": 1,
            "head_dim": 12,
            "hidden_act": "silu",
            "hidden_size": 32,
            "initializer_range": 0.02,
            "intermediate_size": 36,
            "max_position_embeddings": 128,
            "model_type": "ernie4_5",
            "num_attention_heads": 4,
            "num_hidden_layers": 2,
            "num_key_value_heads": 2,
            "pad_token_id": 1,
            "rms_norm_eps": 1e-05,
            "rope_theta": 500000.0,
            "tie_word_embeddings": True,
            "torch_dtype": "float32",
            "transformers_version": "4.54.0.dev0",
            "use_bias": False,
            "use_cache": False,
            "vocab_size": 272,
        },
        "llama-gqa", 125)
    yield Case(
        "roberta",
        "RoBERTa encoder with masked-language head: positions count the tokens that are not padding, starting at "
        "pad_token_id + 1; one segment; prompt 1 holds a padding token in its middle (fed without attention mask)",
        {
            "architectures": ["RobertaForMaskedLM"],
            "attention_probs_dropout_prob": 0.1,
            "bos_token_id": 0,
            "eos_token_id": 2,
            "hidden_act": "gelu",
            "hidden_dropout_prob": 0.1,
            "hidden_size": 32,
            "initializer_range": 0.02,
            "intermediate_size": 64,
            "layer_norm_eps": 1e-05,
            "max_position_embeddings": 50,
            "model_type": "roberta",
            "num_attention_heads": 4,
            "num_hidden_layers": 2,
            "pad_token_id": 1,
            "torch_dtype": "float32",
            "transformers_version": "4.28.0",
            "type_vocab_size": 1,
            "vocab_size": 272,
        },
        "roberta", 126, head="masked", style="torch_dtype (published checkpoints)",
        ablations={"hidden_act": {"hidden_act": "relu"}})
    yield Case(
        "gpt2-scaled",
        "GPT-2 with attention scores divided by layer number + 1 as well, a feed-forward width n_inner that is not "
        "4 times the hidden size, and relu",
        {
            "activation_function": "relu",
            "architectures": ["GPT2LMHeadModel"],
            "attn_pdrop": 0.1,
            "bos_token_id": 0,
            "embd_pdrop": 0.1,
            "eos_token_id": 0,
            "initializer_range": 0.02,
            "layer_norm_epsilon": 1e-05,
            "model_type": "gpt2",
            "n_ctx": 64,
            "n_embd": 32,
            "n_head": 4,
            "n_inner": 56,
            "n_layer": 2,
            "n_positions": 64,
            "reorder_and_upcast_attn": False,
            "resid_pdrop": 0.1,
            "scale_attn_by_inverse_layer_idx": True,
            "scale_attn_weights": True,
            "torch_dtype": "float32",
            "transformers_version": "4.31.0.dev0",
            "use_cache": True,
            "vocab_size": 272,
        },
        "gpt2", 227, qk_gain=1.35, style="torch_dtype (published checkpoints)",
        ablations={"scale_attn_by_inverse_layer_idx": {"scale_attn_by_inverse_layer_idx": False},
                   "activation_function": {"activation_function": "gelu_new"}})
    yield Case(
        "phi3-partial",
        "Phi-3 with rotary on half of each head and a sliding window of 7; fused qkv_proj and gate_up_proj",
        phi3(partial_rotary_factor=0.5, sliding_window=7),
        "llama-gqa", 228, qk_gain=0.8,
        ablations={"partial_rotary_factor": {"partial_rotary_factor": 1.0}, "sliding window": {"sliding_window": None}})
    yield Case(
        "llama-biases",
        "Llama with attention_bias and mlp_bias, exact gelu, head_dim 12 where hidden/heads is 8",
        llama(attention_bias=True, mlp_bias=True, hidden_act="gelu", head_dim=12, num_attention_heads=4,
              num_key_value_heads=2),
        "llama-gqa", 129,
        ablations={"hidden_act": {"hidden_act": "silu"}})
    yield Case(
        "llama-base-model",
        "weights saved from the plain decoder: no 'model.' prefix, no output head, architectures LlamaModel",
        llama_tiny(architectures=["LlamaModel"], tie_word_embeddings=False),
        "llama-gqa", 130, head="base")
    yield Case(
        "bert-base-model",
        "weights saved from the plain encoder: no 'bert.' prefix, no masked-language head, with the pooler, and with "
        "the buffer embeddings.position_ids of older files, which is not a weight",
        bert(architectures=["BertModel"]),
        "bert", 131, head="encoder-base", style="torch_dtype (published checkpoints)",
        ablations={"hidden_act": {"hidden_act": "relu"}})
    yield Case(
        "bert-hub-names",
        "BERT with the tensor names of the first published checkpoint: LayerNorm.gamma and LayerNorm.beta, and the "
        "pooler and next-sentence head, which the masked-language model does not use",
        bert(architectures=["BertForMaskedLM"], transformers_version="4.6.0.dev0"),
        "bert", 132, head="masked", style="torch_dtype (published checkpoints)",
        ablations={"hidden_act": {"hidden_act": "relu"}})
    yield Case(
        "bert-decoder-untied",
        "BERT with an output matrix of its own (tie_word_embeddings false): cls.predictions.decoder.weight and "
        "cls.predictions.decoder.bias; cls.predictions.bias holds the same values",
        bert(tie_word_embeddings=False),
        "bert", 133, head="masked", style="torch_dtype (published checkpoints)",
        ablations={"hidden_act": {"hidden_act": "relu"}})
    yield Case(
        "llama-f8-e4m3",
        "linear weights stored as raw float8 e4m3 (safetensors F8_E4M3, no scales), embeddings and norms as float32; "
        "the run widens them to float32 first",
        llama_tiny(tie_word_embeddings=False),
        "llama-gqa", 234, storage="float8_e4m3fn")
    yield Case(
        "llama-f8-e5m2",
        "linear weights stored as raw float8 e5m2 (safetensors F8_E5M2, no scales), embeddings and norms as float32; "
        "the run widens them to float32 first",
        llama_tiny(tie_word_embeddings=False),
        "llama-gqa", 135, storage="float8_e5m2")
    yield Case(
        "llama-f64",
        "all weights stored as float64 (safetensors F64), with digits beyond float32; the run narrows them to float32 "
        "first; one layer",
        llama_tiny(torch_dtype="float64", num_hidden_layers=1),
        "llama-gqa", 1361, storage="float64")


# ---------------------------------------------------------------------------------------------------------------------
# Tokenizers


def shortened(reference, name, size):
    """The content of a tokenizer.json with the first `size` words of its vocabulary, and the merges that make them."""
    data = json.loads((reference / name / "tokenizer.json").read_text(encoding="utf-8"))
    model = data["model"]
    model["vocab"] = {word: id for word, id in model["vocab"].items() if id < size}
    if "merges" in model:
        model["merges"] = [pair for pair in model["merges"]
                           if all(word in model["vocab"] for word in (pair[0], pair[1], pair[0] + pair[1]))]
    return data


def write_json(value, file, indent=2):
    file.write_text(json.dumps(value, ensure_ascii=False, indent=indent) + "\n", encoding="utf-8")


def write_tokenizer(case, reference, directory):
    if case.tokenizer != "roberta":
        write_json(shortened(reference, case.tokenizer, VOCABULARY), directory / "tokenizer.json", None)
        shutil.copyfile(reference / case.tokenizer / "tokenizer_config.json", directory / "tokenizer_config.json")
        return
    # A RoBERTa tokenizer from the GPT-2 one: four special tokens first, the mask last, the same merges between them.
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    data = shortened(reference, "gpt2", VOCABULARY - len(special))
    words = sorted((id, word) for word, id in data["model"]["vocab"].items() if word != "<|endoftext|>")
    vocabulary = {word: id for id, word in enumerate(special + [word for _, word in words] + ["<mask>"])}
    data["model"]["vocab"] = vocabulary
    data["added_tokens"] = [
        {"id": vocabulary[word], "content": word, "single_word": False, "lstrip": word == "<mask>", "rstrip": False,
         "normalized": False, "special": True} for word in special + ["<mask>"]]
    data["post_processor"] = {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0],
                              "trim_offsets": True, "add_prefix_space": False}
    write_json(data, directory / "tokenizer.json", None)
    write_json({
        "tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False, "model_max_length": 48,
        "bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "pad_token": "<pad>",
        "unk_token": "<unk>", "mask_token": "<mask>"}, directory / "tokenizer_config.json")


# ---------------------------------------------------------------------------------------------------------------------
# Models


AUTO = {"causal": AutoModelForCausalLM, "masked": AutoModelForMaskedLM, "base": AutoModel, "encoder-base": AutoModel}


def new_model(config_json, head):
    """A model from the content of config.json, read the way a checkpoint's is read."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(config_json))
        config = AutoConfig.from_pretrained(folder)
    config.dtype = torch.float32
    return biased_once(AUTO[head].from_config(config, attn_implementation="eager").float().eval())


def load_model(directory, head, attention="eager"):
    model, info = AUTO[head].from_pretrained(
        directory, dtype=torch.float32, attn_implementation=attention, output_loading_info=True)
    allowed = re.compile(r"(bert\.)?pooler\.|cls\.seq_relationship\.|position_ids$")
    odd = [key for key in list(info["missing_keys"]) + list(info["unexpected_keys"]) if not allowed.search(key)]
    if odd or info["mismatched_keys"]:
        raise RuntimeError(f"{directory}: keys do not fit: {odd} {info['mismatched_keys']}")
    kinds = {parameter.dtype for parameter in model.parameters()}
    if kinds != {torch.float32}:
        raise RuntimeError(f"{directory}: loaded as {kinds}")
    return biased_once(model.eval())


def biased_once(model):
    """Falcon's eager attention in transformers 5.18 adds linear biases twice, by itself and with the mask; its sdpa attention adds those of the mask, as the published code does once."""
    if model.config.model_type == "falcon" and model.config.alibi:
        for layer in model.base_model.h:
            layer.self_attention.register_forward_pre_hook(without_biases, with_kwargs=True)
    return model


def without_biases(module, args, keywords):
    return args, {**keywords, "alibi": torch.zeros_like(keywords["alibi"])}


@torch.no_grad()
def fill(model, case):
    """Random weights: larger than usual, norm weights not 1, biases not 0."""
    generator = torch.Generator().manual_seed(case.seed)
    embeddings = {id(module.weight) for module in model.modules() if isinstance(module, torch.nn.Embedding)}
    transposed = {id(module.weight) for module in model.modules() if type(module).__name__ == "Conv1D"}
    default_center = 0.0 if case.config["model_type"].startswith(AROUND_ZERO) else 1.0
    for name, parameter in model.named_parameters():
        values = torch.randn(parameter.shape, generator=generator)
        if name.endswith("bias"):
            parameter.copy_(0.15 * values)
        elif parameter.ndim == 1 or re.search(r"[qk]_norm\.weight$", name):
            centers = [center for pattern, center in case.centers.items() if re.search(pattern, name)]
            parameter.copy_((centers[0] if centers else default_center) + 0.25 * values)
        elif id(parameter) in embeddings:
            parameter.copy_((0.3 if "position" in name or "wpe" in name or "token_type" in name else case.embedding_size)
                            * values)
        elif re.search(r"lm_head|embed_out|predictions\.decoder", name):
            parameter.copy_(2.4 / math.sqrt(parameter.shape[1]) * values)
        else:
            inputs = parameter.shape[0 if id(parameter) in transposed else 1]
            gain = 1.6
            if re.search(r"q_proj|k_proj|query\b|key\b", name):
                gain *= case.qk_gain
            if "c_attn" in name:
                values[:, : 2 * values.shape[1] // 3] *= case.qk_gain
            if "qkv_proj" in name:
                values[: -values.shape[0] // 4] *= case.qk_gain
            parameter.copy_(gain / math.sqrt(inputs) * values)
    if case.name == "bert-decoder-untied":
        model.cls.predictions.bias.copy_(model.cls.predictions.decoder.bias)


def stored_weights(model, case):
    """The tensors of model.safetensors: the names that a published file has, in the type of the case."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        tensors = load_file(Path(folder) / "model.safetensors")
    generator = torch.Generator().manual_seed(case.seed + 1000)
    if case.storage.startswith("float8"):
        kind = getattr(torch, case.storage)
        # every code below 1 occurs somewhere, the subnormal ones and both zeros too
        codes = torch.arange(256, dtype=torch.uint8).view(kind)
        codes = codes[codes.float().abs() < 1]
        for name in list(tensors):
            if name.endswith("_proj.weight") or name == "lm_head.weight":
                tensors[name] = tensors[name].to(kind)
        planted = tensors[PLANTED].view(torch.uint8).flatten()
        planted[: len(codes)] = codes.view(torch.uint8)
        tensors[PLANTED] = planted.reshape(tensors[PLANTED].shape).view(kind)
    elif case.storage == "float64":
        # digits below the precision of float32
        tensors = {name: tensor.double() * (1 + 4e-8 * torch.randn(tensor.shape, generator=generator).double())
                   for name, tensor in tensors.items()}
    if case.name == "bert-base-model":
        tensors["embeddings.position_ids"] = torch.arange(case.config["max_position_embeddings"])[None]
    if case.name == "bert-hub-names":
        tensors = {name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"):
                   tensor for name, tensor in tensors.items()}
        hidden = case.config["hidden_size"]
        for name, shape in (("bert.pooler.dense.weight", (hidden, hidden)), ("bert.pooler.dense.bias", (hidden,)),
                            ("cls.seq_relationship.weight", (2, hidden)), ("cls.seq_relationship.bias", (2,))):
            tensors[name] = 0.2 * torch.randn(shape, generator=generator)
    return {name: tensors[name].contiguous() for name in sorted(tensors)}


PLANTED = "model.layers.0.mlp.up_proj.weight"      # holds every small float8 code


# ---------------------------------------------------------------------------------------------------------------------
# Reference runs


def blocks(model):
    """The layers of a model, with the modules whose output is the attention block and the feed-forward block."""
    base = model.base_model
    kind = model.config.model_type
    if kind == "opt":
        layers, attention, feed_forward = base.decoder.layers, "self_attn", "fc2"
    elif kind in ("gpt2", "gptj"):
        layers, attention, feed_forward = base.h, "attn", "mlp"
    elif kind == "falcon":
        layers, attention, feed_forward = base.h, "self_attention", "mlp"
    elif kind == "bloom":       # whose blocks give back the sums with what they read
        layers, attention, feed_forward = base.h, "self_attention.dense", "mlp.dense_4h_to_h"
    elif kind == "mpt":
        layers, attention, feed_forward = base.blocks, "attn", "ffn.down_proj"
    elif kind == "gpt_neox":
        layers, attention, feed_forward = base.layers, "attention", "mlp"
    elif kind in ("bert", "roberta"):
        layers, attention, feed_forward = base.encoder.layer, "attention", None
    else:
        layers, attention, feed_forward = base.layers, "self_attn", "mlp"
    return [(layer, layer.get_submodule(attention), feed_forward and layer.get_submodule(feed_forward)) for layer in layers]


def forget_length(model):
    """Dynamic rope keeps the frequencies of the longest run so far; every reference run starts without a past."""
    for module in model.modules():
        if hasattr(module, "original_inv_freq"):
            module.inv_freq = module.original_inv_freq.clone()
            module.max_seq_len_cached = module.original_max_seq_len


def first(output):
    return output[0] if isinstance(output, tuple) else output


@torch.no_grad()
def run(model, ids, head, **inputs):
    """One forward pass over the whole prompt: the run tensors of one prompt."""
    forget_length(model)
    parts = blocks(model)
    caught = {"layer_out": [], "attn_out": [], "mlp_out": []}
    hooks = []
    for layer, attention, feed_forward in parts:
        for key, module in (("layer_out", layer), ("attn_out", attention), ("mlp_out", feed_forward)):
            if module is not None:
                hooks.append(module.register_forward_hook(
                    lambda module, args, output, key=key: caught[key].append(first(output).reshape(len(ids), -1).clone())))
    decoder = head in ("causal", "base")
    if decoder:
        # a cache without configuration keeps all positions, also those outside a sliding window
        inputs = {**inputs, "past_key_values": transformers.DynamicCache(), "use_cache": True}
    output = model(torch.tensor([ids]), output_attentions=True, output_hidden_states=True, **inputs)
    for hook in hooks:
        hook.remove()

    tensors = {}
    if head in ("causal", "masked"):
        tensors["logits"] = output.logits[0]
    tensors["attentions"] = torch.stack([attention[0] for attention in output.attentions])
    tensors["layer_out"] = torch.stack(caught["layer_out"])
    hidden = [state[0] for state in output.hidden_states]
    if hidden[-1].shape != hidden[0].shape:        # OPT with project_out
        tensors["final_hidden"] = hidden[-1]
        hidden[-1] = tensors["layer_out"][-1]
    tensors["hidden_states"] = torch.stack(hidden)
    tensors["attn_out"] = torch.stack(caught["attn_out"])
    if caught["mlp_out"]:
        tensors["mlp_out"] = torch.stack(caught["mlp_out"])
    if decoder:
        layers = output.past_key_values.layers
        tensors["cache_k"] = torch.stack([layer.keys[0] for layer in layers])
        tensors["cache_v"] = torch.stack([layer.values[0] for layer in layers])
    if head == "encoder-base":
        tensors["pooler_output"] = output.pooler_output[0]
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


@torch.no_grad()
def next_logits(model, ids):
    forget_length(model)
    return model(torch.tensor([ids]), use_cache=False).logits[0, -1]


def greedy(model, ids):
    """8 greedy tokens, one full forward pass per step, and the smallest lead of a chosen token."""
    chosen, smallest = [], math.inf
    for _ in range(GREEDY_STEPS):
        best = next_logits(model, ids + chosen).topk(2)
        smallest = min(smallest, float(best.values[0] - best.values[1]))
        chosen.append(int(best.indices[0]))
    return chosen, smallest


def entropy(attentions, causal):
    """Mean entropy of the attention rows over the log of the number of keys; causal rows from the third on."""
    rows = attentions.double()
    values = -(rows * rows.clamp_min(1e-30).log()).sum(-1)
    count = rows.shape[-1]
    if not causal:
        return float((values / math.log(count)).mean())
    return float((values[..., 2:] / torch.arange(3, count + 1).double().log()).mean())


def encode(case, directory):
    """The two prompts: text, ids, tokens, and for encoders what is fed."""
    tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    for index, text in enumerate(case.texts or TEXTS[case.tokenizer]):
        encoding = tokenizer.encode(text)
        prompt = {"text": text, "ids": encoding.ids, "tokens": encoding.tokens}
        if case.head in ("masked", "encoder-base"):
            count = len(encoding.ids)
            segments = [0] * count
            if case.config["type_vocab_size"] > 1:
                segments = [0] * (count // 2) + [1] * (count - count // 2)
            prompt["token_type_ids"] = segments
        if case.head == "masked":
            generator = torch.Generator().manual_seed(case.seed * 10 + index)
            special = {case.config["pad_token_id"]} | {encoding.ids[0], encoding.ids[-1]}
            usable = [i for i, id in enumerate(encoding.ids) if id not in special]
            picked = sorted(usable[i] for i in torch.randperm(len(usable), generator=generator)[:3].tolist())
            mask = tokenizer.token_to_id("[MASK]") or tokenizer.token_to_id("<mask>")
            prompt["ids_fed"] = [mask if i in picked else id for i, id in enumerate(encoding.ids)]
            prompt["masked_positions"] = picked
        yield prompt


def reference(model, case, prompt):
    """All tensors of one prompt."""
    ids = prompt.get("ids_fed", prompt["ids"])
    tensors = {"input_ids": torch.tensor(ids)}
    if case.head in ("masked", "encoder-base"):
        segments = prompt["token_type_ids"]
        tensors.update(run(model, ids, case.head, token_type_ids=torch.tensor([segments])))
        tensors["token_type_ids"] = torch.tensor(segments)
        padding = [case.config["pad_token_id"]] * PADDING
        padded = run(model, ids + padding, case.head, token_type_ids=torch.tensor([segments + [0] * PADDING]),
                     attention_mask=torch.tensor([[1] * len(ids) + [0] * PADDING]))
        if case.head == "masked":
            picked = torch.tensor(prompt["masked_positions"])
            losses = -torch.log_softmax(tensors["logits"], -1)
            tensors["masked_positions"] = picked
            tensors["masked_nll"] = losses[picked, torch.tensor(prompt["ids"])[picked]]
            tensors["padded_logits"] = padded["logits"][: len(ids)]
        else:
            tensors["padded_last_hidden"] = padded["hidden_states"][-1][: len(ids)]
        return tensors, {}
    tensors.update(run(model, ids, case.head))
    facts = {}
    if case.head == "causal":
        losses = -torch.log_softmax(tensors["logits"][:-1], -1)
        tensors["token_nll"] = losses.gather(1, torch.tensor(ids[1:])[:, None])[:, 0]
        tensors["loss"] = tensors["token_nll"].double().mean()[None]
        chosen, gap = greedy(model, ids)
        tensors["greedy_ids"] = torch.tensor(chosen)
        facts = {"loss": float(tensors["loss"]), "smallest_greedy_gap": gap}
    facts["mean_attention_entropy_over_log_n"] = entropy(tensors["attentions"], True)
    return tensors, facts


# ---------------------------------------------------------------------------------------------------------------------
# Descriptions of the tensors

ATTN_OUT = ("output of the attention block as added to the residual stream, before any residual multiplier, norm or "
            "skip (raw output of the attention module)")
ATTN_OUT_ENCODER = ("output of the attention block including its output dense layer, skip and LayerNorm (raw output of "
                    "the attention module)")
HIDDEN = ("hidden_states as returned by the library: index 0 is the input of the first layer, index i the output of "
          "layer i-1; for decoder models with a final norm the last index is after that norm")
RUN = "one forward pass over the whole prompt, float32, attn_implementation='eager', eval mode, batch 1"

# name -> axes, meaning, tolerance, how
TENSORS = {
    "input_ids": (["position"], "token ids fed to the model", EXACT, None),
    "logits": (["position", "vocabulary"], "output logits", SCALED, RUN),
    "attentions": (["layer", "head", "query", "key"], "attention probabilities after softmax",
                   {"kind": "absolute", "tol": 1e-5}, None),
    "hidden_states": (["layer+1", "position", "hidden"], HIDDEN, SCALED, None),
    "layer_out": (["layer", "position", "hidden"],
                  "residual stream after each layer, the last one before the final norm", SCALED, None),
    "attn_out": (["layer", "position", "hidden"], ATTN_OUT, SCALED, None),
    "mlp_out": (["layer", "position", "hidden"],
                "raw output of the feed-forward (or mixture-of-experts) module, before any post-norm and skip",
                SCALED, None),
    "cache_k": (["layer", "kv_head", "position", "head_dim"],
                "keys as cached: after bias, key norm and rotary embedding; all positions, also those outside a "
                "sliding window", SCALED, None),
    "cache_v": (["layer", "kv_head", "position", "head_dim"], "values as cached", SCALED, None),
    "token_nll": (["position"], "next-token loss in nats: entry t is -log p(id[t+1] | id[0..t])", SCALED, None),
    "loss": (["scalar"], "mean of token_nll", {"kind": "absolute", "tol": 1e-4}, None),
    "greedy_ids": (["step"], "greedy continuation, 8 tokens, no stop token", EXACT,
                   "one full forward pass per step, argmax of the last position"),
    "final_hidden": (["position", "word_embed_proj_dim"],
                     "what the output matrix is applied to: the last layer's output after project_out", SCALED, None),
    "token_type_ids": (["position"], "segment ids fed to the model", EXACT, None),
    "masked_positions": (["mask"], "positions replaced by the mask token", EXACT, None),
    "masked_nll": (["mask"], "-log p(original token) at each masked position", SCALED, None),
    "padded_logits": (["position", "vocabulary"],
                      "logits of the first positions when four padding tokens follow and attention_mask is 0 there",
                      SCALED, None),
    "padded_last_hidden": (["position", "hidden"],
                           "last hidden state of the first positions when four padding tokens follow and "
                           "attention_mask is 0 there", SCALED, None),
    "pooler_output": (["hidden"], "tanh of the pooler's dense layer on the last hidden state of the first position",
                      SCALED, None),
}
ORDER = list(TENSORS)
# Not kept of the second prompt, to keep the cases small: what its logits follow from, and where there is a loss the logits too.
INNER = {"attentions", "hidden_states", "layer_out", "attn_out", "mlp_out", "cache_k", "cache_v"}
OUTER = {"logits", "padded_logits"}


def kept(golden):
    """The tensors that the file holds: all of the first prompt, the results of the second."""
    dropped = (INNER if "p1.logits" in golden or "p1.loss" in golden else set()) | (OUTER if "p1.loss" in golden else set())
    return {name: tensor.contiguous() for name, tensor in golden.items() if not (name.startswith("p1.") and name[3:] in dropped)}


def describe(name, tensor, case):
    kind = name.split(".", 1)[1] if re.match(r"p\d\.", name) else name
    if name.startswith("weight."):
        axes, meaning, tolerance, how = (["output", "input"], f"the stored tensor {name[7:]}, widened to float32",
                                         EXACT, None)
    else:
        axes, meaning, tolerance, how = TENSORS[kind]
    if case.head in ("masked", "encoder-base") and kind == "attn_out":
        meaning = ATTN_OUT_ENCODER
    if case.name == "opt-post-norm" and kind == "hidden_states":
        meaning = ("index 0 is the input of the first layer (after project_in and positions), index i the output of "
                   "layer i-1; there is no final norm, and final_hidden is what follows project_out")
    if case.name == "opt-post-norm" and kind == "layer_out":
        meaning = "residual stream after each layer (after the layer's second norm)"
    entry = {"dtype": str(tensor.dtype).removeprefix("torch."), "shape": list(tensor.shape), "axes": axes,
             "meaning": meaning, "tolerance": tolerance}
    if how:
        entry["how"] = how
    return entry


def to_json(value, depth=0):
    """JSON with one space of indent per level and lists of plain values on one line."""
    inner, outer = " " * (depth + 1), " " * depth
    if isinstance(value, dict) and value:
        lines = [f"{inner}{json.dumps(key, ensure_ascii=False)}: {to_json(item, depth + 1)}"
                 for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{outer}}}"
    if isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value):
        return "[\n" + ",\n".join(inner + to_json(item, depth + 1) for item in value) + f"\n{outer}]"
    return json.dumps(value, ensure_ascii=False)


def versions():
    return {"python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__,
            "safetensors": safetensors.__version__, "tokenizers": tokenizers.__version__,
            "numpy": numpy.__version__, "device": "cpu"}


# ---------------------------------------------------------------------------------------------------------------------
# Checks


def scaled(x, golden):
    """Largest difference over max(1, largest absolute value)."""
    return float((x.double() - golden.double()).abs().max() / max(1.0, float(golden.double().abs().max())))


def main_output(tensors):
    return tensors["logits"] if "logits" in tensors else tensors["hidden_states"][-1]


def effects(model, case, prompts, golden):
    """How much the output changes when a key of config.json is ignored (scaled, the larger of the two prompts)."""
    result = {}
    for label, changes in case.ablations.items():
        other = new_model(changed(case.config, changes), case.head)
        other.load_state_dict(model.state_dict(), strict=True)
        worst = 0.0
        for index, prompt in enumerate(prompts):
            tensors, _ = reference(other, case, prompt)
            worst = max(worst, scaled(main_output(tensors), main_output(strip(golden, index))))
        if worst < SMALLEST_EFFECT:
            raise RuntimeError(f"{case.name}: '{label}' changes the output by {worst:.1e} only")
        result[label] = round(worst, 4)
    return result


@torch.no_grad()
def weakest_parameter(model, case, prompts, golden):
    """The bias or norm weight whose neutral value (0 or 1) changes the results least."""
    weakest = (math.inf, None)
    neutral = 0.0 if case.config["model_type"].startswith(AROUND_ZERO) else 1.0
    expected = strip(golden, 0)
    for name, parameter in model.named_parameters():
        if parameter.ndim != 1 or (case.name == "bert-decoder-untied" and name == "cls.predictions.bias"):
            continue
        if name.endswith("attention.self.key.bias"):
            continue    # without rotary embedding softmax cancels it, and encoders have no cached keys to show it
        kept = parameter.clone()
        parameter.fill_(0.0 if name.endswith("bias") else neutral)
        tensors = run(model, prompts[0].get("ids_fed", prompts[0]["ids"]), case.head,
                      **({"token_type_ids": torch.tensor([prompts[0]["token_type_ids"]])}
                         if "token_type_ids" in prompts[0] else {}))
        parameter.copy_(kept)
        effect = max(scaled(tensor, expected[key]) for key, tensor in tensors.items() if key in expected)
        weakest = min(weakest, (effect, name))
    if weakest[0] < SMALLEST_EFFECT:
        raise RuntimeError(f"{case.name}: {weakest[1]} changes the results by {weakest[0]:.1e} only")
    return weakest


def strip(golden, index):
    prefix = f"p{index}."
    return {name[len(prefix):]: tensor for name, tensor in golden.items() if name.startswith(prefix)}


def noise(model, case, prompts, golden):
    """Rounding noise: the same run with weights and activations in float64."""
    double = copy.deepcopy(model).double()
    result = {"logits_scaled": 0.0, "attentions_abs": 0.0, "hidden_states_scaled": 0.0}
    for index, prompt in enumerate(prompts):
        tensors, _ = reference(double, case, prompt)
        expected = strip(golden, index)
        if "logits" in expected:
            result["logits_scaled"] = max(result["logits_scaled"], scaled(expected["logits"], tensors["logits"]))
        result["hidden_states_scaled"] = max(result["hidden_states_scaled"],
                                             scaled(expected["hidden_states"], tensors["hidden_states"]))
        difference = (expected["attentions"].double() - tensors["attentions"].double()).abs().max()
        result["attentions_abs"] = max(result["attentions_abs"], float(difference))
    if "p0.logits" not in golden:
        del result["logits_scaled"]
    return result


# ---------------------------------------------------------------------------------------------------------------------
# Making and verifying a case


def make(case, reference_directory, out):
    directory = out / case.name
    directory.mkdir(parents=True, exist_ok=True)
    assert case.config["vocab_size"] == VOCABULARY, case.name
    write_json(case.config, directory / "config.json")
    write_tokenizer(case, reference_directory, directory)

    made = new_model(case.config, case.head)
    fill(made, case)
    weights = stored_weights(made, case)
    save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})

    # The goldens come from the files, read the way everyone reads them.
    model = load_model(directory, case.head)
    loaded = model.state_dict()
    for name in weights.keys() & loaded.keys():
        assert torch.equal(loaded[name], weights[name].float()), f"{case.name}: {name} changed on the way"
    prompts = list(encode(case, directory))
    golden = {}
    for index, prompt in enumerate(prompts):
        tensors, facts = reference(model, case, prompt)
        prompt.update(facts)
        golden.update({f"p{index}.{name}": tensors[name] for name in ORDER if name in tensors})
        if case.storage == "float32":
            again, _ = reference(made, case, prompt)
            assert all(torch.equal(again[name], tensors[name]) for name in tensors), f"{case.name}: reload differs"
        measured = entropy(tensors["attentions"], case.head in ("causal", "base"))
        if not ENTROPY_RANGE[0] <= measured <= ENTROPY_RANGE[1]:
            raise RuntimeError(f"{case.name}: mean attention entropy {measured:.2f} of prompt {index}")
        if prompt.get("smallest_greedy_gap", 1) < SMALLEST_GAP:
            raise RuntimeError(f"{case.name}: greedy gap {prompt['smallest_greedy_gap']:.1e}")
    if case.storage.startswith("float8"):
        golden["weight." + PLANTED] = weights[PLANTED].float()
    save_file(kept(golden), directory / "golden.safetensors")

    sensitivity = effects(model, case, prompts, golden)
    effect, name = weakest_parameter(model, case, prompts, golden)
    description = {
        "case": case.name, "kind": "model", "description": f"{case.description}",
        "architecture": case.config["model_type"], "seed": case.seed, "config_style": case.style,
        "weights_dtype": case.storage, "tokenizer_family": FAMILY[case.tokenizer], "prompts": prompts,
        "float32_minus_float64": noise(model, case, prompts, golden),
    }
    if sensitivity:
        description["change_if_ignored"] = sensitivity
    description["versions"] = versions()
    description["tensors"] = {name: describe(name, tensor, case) for name, tensor in kept(golden).items()}
    (directory / "golden.json").write_text(to_json(description) + "\n", encoding="utf-8")
    for file in directory.iterdir():
        file.chmod(0o644)

    entropies = [entropy(golden[f"p{i}.attentions"], case.head in ("causal", "base")) for i in (0, 1)]
    gaps = [prompt.get("smallest_greedy_gap", math.nan) for prompt in prompts]
    print(f"{case.name:27s} {size(directory):6.1f} kB  tokens {[len(prompt['ids']) for prompt in prompts]}  "
          f"entropy {entropies[0]:.2f} {entropies[1]:.2f}  gap {min(gaps):.3f}  "
          f"greedy {golden.get('p0.greedy_ids', torch.tensor([])).tolist()}  "
          f"noise {max(description['float32_minus_float64'].values()):.0e}  weakest {name} {effect:.2g}  {sensitivity}",
          flush=True)


def size(directory):
    return sum(file.stat().st_size for file in directory.iterdir()) / 1000


def difference(x, golden, tolerance):
    """Largest difference in the measure of the tolerance, and whether it passes."""
    if tolerance["kind"] == "exact":
        return (0.0 if torch.equal(x, golden) else math.inf), torch.equal(x, golden)
    value = scaled(x, golden) if tolerance["kind"] == "scaled" else float((x.double() - golden.double()).abs().max())
    return value, value <= tolerance["tol"]


def verify(case, out):
    """Loads the case from disk, runs it again, and compares every tensor; then once more with another attention."""
    directory = out / case.name
    description = json.loads((directory / "golden.json").read_text(encoding="utf-8"))
    golden = load_file(directory / "golden.safetensors")
    assert json.loads((directory / "config.json").read_text()) == case.config, f"{case.name}: config.json differs"
    prompts = list(encode(case, directory))
    model = load_model(directory, case.head)
    other = load_model(directory, case.head, "sdpa")
    found, worst, failed, other_worst = set(), 0.0, [], 0.0
    for index, prompt in enumerate(prompts):
        assert prompt["ids"] == description["prompts"][index]["ids"], f"{case.name}: ids differ"
        tensors, _ = reference(model, case, prompt)
        for name, tensor in tensors.items():
            key = f"p{index}.{name}"
            if key not in golden and key not in kept({**golden, key: tensor}):
                continue
            value, passed = difference(tensor, golden[key], description["tensors"][key]["tolerance"])
            found.add(key)
            worst = max(worst, value)
            if not passed:
                failed.append((key, value))
        ids = torch.tensor([prompt.get("ids_fed", prompt["ids"])])
        inputs = {"token_type_ids": torch.tensor([prompt["token_type_ids"]])} if "token_type_ids" in prompt else {}
        with torch.no_grad():
            forget_length(other)
            output = other(ids, **inputs)
        last = output.logits[0] if "logits" in output else output.last_hidden_state[0]
        if index == 0 or "p1.loss" not in golden:
            other_worst = max(other_worst, scaled(last, main_output(strip(golden, index))))
    for name in golden.keys() - found:
        tensor = load_file(directory / "model.safetensors")[name.removeprefix("weight.")].float()
        if torch.equal(tensor, golden[name]):
            found.add(name)
    missing = sorted(golden.keys() - found)
    good = not failed and not missing and other_worst < 2e-5
    print(f"{case.name:27s} {'ok' if good else 'FAILED'}  {len(golden)} tensors, largest difference {worst:.1e}; "
          f"with sdpa attention {other_worst:.1e} {failed or ''} {missing or ''}", flush=True)
    return good


def table(cases, out):
    """The table of cases for the README."""
    lines = ["| case | what it is for | tokens | tensors | kB |", "|---|---|---|---|---|"]
    total = 0.0
    for case in cases:
        description = json.loads((out / case.name / "golden.json").read_text(encoding="utf-8"))
        names = []
        for name in description["tensors"]:
            short = re.sub(r"^p\d\.", "", name)
            if short not in names:
                names.append(short)
        usual = all(name in names for name in ("logits", "cache_k", "greedy_ids"))
        extra = [f"`{name}`" for name in names if not usual or name in ("final_hidden",) or name.startswith("weight.")]
        listed = ("decoder" + "".join(f", {name}" for name in extra)) if usual else ", ".join(extra)
        tokens = " / ".join(str(len(prompt["ids"])) for prompt in description["prompts"])
        kilobytes = size(out / case.name)
        total += kilobytes
        lines.append(f"| `{case.name}` | {case.description} | {tokens} | {listed} | {kilobytes:.0f} |")
    return "\n".join(lines + ["", f"{len(cases)} cases, {total / 1000:.1f} MB."])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="directory of the cases")
    parser.add_argument("--reference", type=Path, help="directory of existing cases, for their tokenizers")
    parser.add_argument("--only", nargs="+", metavar="CASE", help="only these cases")
    parser.add_argument("--verify", action="store_true", help="compare the existing cases instead of writing them")
    parser.add_argument("--table", action="store_true", help="print the table of cases as Markdown")
    parser.add_argument("--verbose", action="store_true", help="show the warnings of the libraries")
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    if not arguments.verbose:
        warnings.simplefilter("ignore")
        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        logging.disable(logging.WARNING)
    cases = [case for case in all_cases() if not arguments.only or case.name in arguments.only]
    unknown = set(arguments.only or ()) - {case.name for case in cases}
    if unknown:
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    if arguments.table:
        print(table(cases, arguments.out))
    elif arguments.verify:
        results = [verify(case, arguments.out) for case in cases]
        print(f"{sum(results)} of {len(results)} cases agree")
        sys.exit(0 if all(results) else 1)
    else:
        if arguments.reference is None:
            parser.error("--reference is needed to write cases")
        failures = []
        for case in cases:
            try:
                make(case, arguments.reference, arguments.out)
            except (RuntimeError, AssertionError) as problem:
                failures.append(str(problem))
                print(f"{case.name:27s} FAILED  {problem}", flush=True)
        sys.exit(f"{len(failures)} cases failed" if failures else 0)


if __name__ == "__main__":
    main()
