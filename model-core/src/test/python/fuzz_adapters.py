#!/usr/bin/env python3
"""Holds Vitrine against peft on random adapters of random checkpoints, to find what either reads otherwise.

    python fuzz_adapters.py --program app/target/vitrine                      random adapters on bases of several families
    python fuzz_adapters.py --program app/target/vitrine --fields             every field of peft's configs by itself, and every other type of adapter
    python fuzz_adapters.py ... --only llama gpt2 --cases 50 --seed 7 --keep FOLDER

A random case makes a base as `fuzz_families.py` does, an adapter (or two) with peft whose options are drawn, gives it random values, saves it, and loads it again with peft: that is what Vitrine is
compared with. Compared are the pass with the adapter unmerged (`capture`: logits, losses, hidden states), the merged checkpoint (`adapter-merge`: logits as transformers loads it, and its tensors against
`merge_and_unload` where no tied head is in the way), and what `adapter` lists: modules, ranks, alphas, scalings, and norms and ranks of each delta against numpy on peft's `get_delta_weight`.

Allowed for passes is a hundred times the distance of float32 to float64 in peft itself, at least 1e-4 of the largest value; for figures 1e-5.

Each line is: verdict, family, what was unusual, the largest difference. Verdicts: `same`; `refused` with Vitrine's sentence; `WRONG`; `lone` (Vitrine runs what peft refuses); `none` (neither runs it);
`fault` (Vitrine fails through no fault of the input). The exit code is 1 where there is a WRONG or a fault. Made with peft 0.21 and transformers 5.18; it needs no network.
"""
import argparse
import contextlib
import copy
import dataclasses
import io
import json
import math
import re
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

import peft
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora.layer import LoraLayer
from safetensors.torch import load_file, save_file
from transformers.pytorch_utils import Conv1D

import fuzz_families as families
from fuzz_families import NOISE, SMALLEST_TOLERANCE, Draw, distance

FIGURES_TOLERANCE = 1e-5
BASES = ("llama", "qwen2", "gpt2", "mixtral", "gemma2", "gpt_neox", "bert", "gemma3_text", "phi", "phi3", "qwen3_moe", "gpt_oss", "opt", "falcon", "deepseek_v3", "granite", "llama4_text", "roberta", "cohere", "gptj", "olmoe", "dbrx", "stablelm", "starcoder2")
EMBEDDINGS = ("embed_tokens", "wte", "embed_in", "word_embeddings")
HEADS = ("lm_head", "embed_out", "decoder")

# --- adapters


def linears(model):
    return {n: m for n, m in model.named_modules() if isinstance(m, (torch.nn.Linear, Conv1D)) and "Router" not in type(m).__name__}


def is_head(name):
    return name.rsplit(".", 1)[-1] in HEADS


def embedding_name(model):
    table = model.get_input_embeddings()
    return next(n for n, m in model.named_modules() if m is table)


def tied(model):
    head = model.get_output_embeddings()
    return head is not None and head.weight is model.get_input_embeddings().weight


def expert_parameters(model):
    """Parameters of stacked experts."""
    return [n for n, p in model.named_parameters() if p.dim() == 3 and n.rsplit(".", 1)[-1] in ("gate_up_proj", "down_proj")]


def pattern_keys(d, names):
    """A key of a pattern, which may name nothing."""
    name = d.one(*names)
    parts = name.split(".")
    other = d.one(*names).split(".")[-1]
    kinds = [parts[-1], ".".join(parts[-2:]), name, "^" + name, parts[-1] + "|" + other, ".*" + parts[-1], r".*\.\d+\..*" + parts[-1], parts[-1][:3] + ".*", parts[-1][1:], f"({parts[-1]}|{other})",
             re.sub(r"\d+", "[01]", name), "model." + name, "nothing", r"(?:.*\.)?" + parts[-1], parts[0] + r"\." + ".*", "^" + parts[-1], ".".join(parts[-2:]).replace(".", "?.")]
    return d.one(*kinds)


def targets(d, model, family):
    """`target_modules` and what goes with it."""
    names = [n for n in linears(model) if not is_head(n)]
    kinds = sorted({n.rsplit(".", 1)[-1] for n in names})
    some = sorted(d.random.sample(kinds, d.whole(1, len(kinds))))
    out = {}
    style = d.one("list", "list", "list", "two", "full", "regex", "all-linear")
    if style == "list":
        out["target_modules"] = some
        if d.maybe(0.25):
            out["layers_to_transform"] = d.one(0, 1, [0, 1], [1])
            if d.maybe():
                out["layers_pattern"] = d.one("layers", ["layers", "layer", "h"], "h", "layer")
    elif style == "two":
        out["target_modules"] = sorted({".".join(n.rsplit(".", 2)[-2:]) for n in d.random.sample(names, min(3, len(names)))})
    elif style == "full":
        out["target_modules"] = d.random.sample(names, d.whole(1, min(5, len(names))))
    elif style == "regex":
        out["target_modules"] = d.one(rf".*\.({'|'.join(some)})", rf".*\.[01]\..*({some[0]})$", rf".*{some[0]}")
    else:
        out["target_modules"] = "all-linear"
    if d.maybe(0.15):
        out["exclude_modules"] = d.one([d.one(*kinds)], rf".*\.0\..*", [d.one(*names)])
    if isinstance(out["target_modules"], list):
        if d.maybe(0.2):
            out["target_modules"] = out["target_modules"] + [embedding_name(model).rsplit(".", 1)[-1]]
        if d.maybe(0.2) and family not in families.ENCODERS:
            heads = [n for n in linears(model) if is_head(n)]
            out["target_modules"] = out["target_modules"] + [h.rsplit(".", 1)[-1] for h in heads[:1]]
    return out


def draw_config(d, model, family):
    """Keywords of a LoraConfig."""
    names = [n for n in linears(model)]
    c = {"r": d.one(1, 2, 3, 4, 8), "lora_alpha": d.one(1, 4, 16, 7, 2.5, 8, 0.5)} | targets(d, model, family)
    experts = expert_parameters(model)
    if experts and d.maybe(0.6):
        own = sorted({".".join(e.rsplit(".", 2)[-2:]) for e in experts})
        c["target_parameters"] = d.one(own, own[:1], own[-1:], [e for e in experts if ".1." in e] or own, [o.rsplit(".", 1)[-1] for o in own], list(reversed(own)))
        if d.maybe(0.3):
            c["target_modules"] = []
        names = names + [e for e in experts] * 2
    if d.maybe(0.3):
        c["use_rslora"] = True
    if d.maybe(0.25) and "target_parameters" not in c:
        c["use_dora"] = True
    if d.maybe(0.4) and "target_parameters" not in c or d.maybe(0.3):
        c["rank_pattern"] = {pattern_keys(d, names): d.one(1, 2, 5, 6) for _ in range(d.whole(1, 3))}
    if d.maybe(0.4):
        c["alpha_pattern"] = {pattern_keys(d, names): d.one(1, 3, 32, 0.25) for _ in range(d.whole(1, 3))}
    if d.maybe(0.2):
        c["bias"] = d.one("all", "lora_only")
    if d.maybe(0.15) and not c.get("use_dora"):
        c["lora_bias"] = True
    elif d.maybe(0.2):
        c["init_lora_weights"] = d.one("gaussian", "orthogonal", False) if not (c["r"] % 2 or c.get("rank_pattern")) else d.one("gaussian", False)
    head = [n.rsplit(".", 1)[-1] for n in linears(model) if is_head(n)]
    if d.maybe(0.2):
        norms = [n for n, m in model.named_modules() if "norm" in n.lower() or ".ln_" in n]
        c["modules_to_save"] = d.one(head or [embedding_name(model).rsplit(".", 1)[-1]], [embedding_name(model).rsplit(".", 1)[-1]], [d.one(*norms).rsplit(".", 1)[-1]], [d.one(*norms)],
                                     [n for n in linears(model) if n.endswith(names[-2].rsplit(".", 1)[-1])][:1])
    elif d.maybe(0.2):
        ids = sorted(d.random.sample(range(model.config.vocab_size), d.whole(1, 5)))
        if d.maybe(0.3):
            d.random.shuffle(ids)
        # peft forgets the bias of a tied head beside such rows; what it merges has it.
        if tied(model) and model.get_output_embeddings().bias is not None:
            return c
        c["trainable_token_indices"] = d.one(ids, {embedding_name(model).rsplit(".", 1)[-1]: ids})
    if (tied(model)) and d.maybe(0.4):
        # peft 0.21 writes factors of a head that is adapted with its embedding, and reads them again only where that is called embed_tokens.
        if embedding_name(model).endswith("embed_tokens") or not {"lm_head", "decoder", "embed_out"} & set(c["target_modules"]):
            c["ensure_weight_tying"] = True
    if d.maybe(0.1):
        c["fan_in_fan_out"] = True
    if d.maybe(0.1):
        c["lora_dropout"] = 0.1 if "target_parameters" not in c else 0.0
    if d.maybe(0.5):
        c["task_type"] = "CAUSAL_LM" if family not in families.ENCODERS else None
    return c


@torch.no_grad()
def randomise(model, seed):
    """Values for everything that is trained."""
    generator = torch.Generator().manual_seed(seed)
    for name, p in model.named_parameters():
        if not p.requires_grad or not p.is_floating_point():
            continue
        noise = torch.randn(p.shape, generator=generator)
        if "magnitude" in name:
            p.mul_(1 + 0.3 * noise)
        elif "lora_" in name:
            p.copy_(0.25 * noise)
        else:
            p.add_(0.3 * noise)


def make(base, folder, config, seed, storage="float32", before=None, pickled=False, inference=False):
    """An adapter on the base, saved by peft."""
    model = families.load(base)
    if before:
        before(model)
    wrapped = get_peft_model(model, config)
    randomise(wrapped, seed)
    wrapped.eval()
    wrapped.save_pretrained(folder, safe_serialization=not pickled)
    if storage != "float32" and not pickled:
        file = folder / "adapter_model.safetensors"
        # Copies of the base's own tensors stay what they are.
        save_file({k: v if ".base_layer." in k or f".{HEADS[0]}.weight" in k and not config.modules_to_save else v.to(getattr(torch, storage)) for k, v in load_file(file).items()}, file, metadata={"format": "pt"})
    return wrapped


# --- peft's side


def reference(base, adapters, d=None):
    """peft's model with the adapters that a list of (folder, weight) names; with more than one they are added up."""
    model = PeftModel.from_pretrained(families.load(base), adapters[0][0])
    for i, (folder, _) in enumerate(adapters[1:]):
        model.load_adapter(folder, f"other{i}")
    names = ["default"] + [f"other{i}" for i in range(len(adapters) - 1)]
    weights = [1.0 if w is None else w for _, w in adapters]
    if any(w != 1 for w in weights):
        for module in model.modules():
            if isinstance(module, LoraLayer):
                for name, w in zip(names, weights):
                    if name in module.scaling:
                        module.scaling[name] *= w
    if len(names) > 1:
        model.base_model.set_adapter(names)
    return model.eval()


@torch.no_grad()
def told(model, ids):
    kind = model.config.model_type
    out = model(input_ids=torch.tensor([ids]), output_hidden_states=True, **({} if kind in families.ENCODERS else {"use_cache": False}))
    result = {"logits": out.logits[0]}
    if len({h.shape for h in out.hidden_states}) == 1:
        result["hidden_states"] = torch.stack([h[0] for h in out.hidden_states])
    if kind not in families.ENCODERS:
        result["token_nll"] = torch.nn.functional.cross_entropy(out.logits[0, :-1].double(), torch.tensor(ids[1:]), reduction="none")
    return result


def figures_of(delta):
    """From the definitions, of a delta in float64."""
    s = torch.linalg.svdvals(delta.double())
    s = s[: min(delta.shape)]
    total = s.sum()
    p = s / total
    p = p[p > 1e-300]
    return {"frobenius_norm": delta.double().norm().item(), "spectral_norm": s[0].item(), "nuclear_norm": total.item(), "effective_rank": math.exp(-(p * p.log()).sum().item()),
            "stable_rank": (s.square().sum() / s[0] ** 2).item()}


@torch.no_grad()
def listed(model, name="default"):
    """What peft has of each module: rank, alpha, scaling, delta in float64 by [out, in]; a table's as [vocabulary, width]."""
    out = {}
    exact = copy.deepcopy(model).double()
    for path, m in exact.base_model.model.named_modules():
        if not hasattr(m, "get_delta_weight") or name not in getattr(m, "r", {}):
            continue
        path = path.replace(".base_layer", "")
        delta = m.get_delta_weight(name)
        if type(m).__name__ == "ParamWrapper" and delta.dim() == 3:
            parameter = m.parameter_name
            # [experts, out, in], or [experts, in, out] where the module says so.
            turned = not m._did_swap_in_out_features
            for e in range(delta.shape[0]):
                own = delta[e]
                outputs = own.T if turned else own
                # Vitrine lists A's inputs as inputs.
                parts = {"gate_proj": outputs[: outputs.shape[0] // 2], "up_proj": outputs[outputs.shape[0] // 2:]} if parameter == "gate_up_proj" else {parameter: outputs}
                for part, values in parts.items():
                    out[f"{path}.{e}.{part}"] = (m.r[name], m.lora_alpha[name], m.scaling[name], values)
            continue
        if getattr(m, "fan_in_fan_out", False) and not type(m).__name__ == "Embedding":
            delta = delta.T
        adalora = hasattr(m, "lora_E") and name in m.lora_E
        scaling = m.scaling[name] / (m.ranknum[name].item() + 1e-5) if adalora else m.scaling[name]
        out[path] = (m.lora_A[name].shape[0] if adalora else m.r[name], m.lora_alpha[name], scaling, delta)
    return out


# --- Vitrine's side, and verdicts


def uses(adapters):
    return [{"path": str(f)} | ({} if w is None else {"weight": w}) for f, w in adapters]


def capture(vitrine, base, adapters, ids, scratch, encoder):
    artifact = scratch / f"capture-{vitrine.number}"
    event = vitrine.run({"kind": "capture", "model": str(base), "prompt": {"ids": ids}, "what": ["hidden_states", "logits"] + ([] if encoder else ["loss"]), "adapters": uses(adapters)}, artifact)
    if event["event"] != "result":
        return event, None
    tensors = load_file(artifact / "result.safetensors")
    shutil.rmtree(artifact)
    return event, tensors


def compared(got, want, noise, where):
    """A sentence where tensors differ too much, and the largest difference."""
    worst = (0.0, "")
    for name, value in want.items():
        d = distance(got[name], value) if name in got else math.inf
        allowed = max(SMALLEST_TOLERANCE, NOISE * noise.get(name, 0.0))
        if noise.get("logits", 0.0) > 1e-3:
            # A choice of experts that float32 makes otherwise than float64: nothing can be said.
            continue
        if d > worst[0]:
            worst = (d, f"{where}{name}")
        if d > allowed:
            return f"{where}{name} differs by {d:.2e}, allowed is {allowed:.0e}", (d, f"{where}{name}")
    return None, worst


def judge(vitrine, base, adapters, prompts, scratch, merging=True, listing=True):
    """Verdict, words, largest difference and its tensor."""
    encoder = json.loads((base / "config.json").read_text())["model_type"] in families.ENCODERS
    refusal = None
    try:
        model = reference(base, adapters)
        want = [told(model, p) for p in prompts]
        exact = copy.deepcopy(model).double()
        for module in exact.modules():
            module.__dict__.update({"reorder_and_upcast_attn": False} if hasattr(module, "reorder_and_upcast_attn") else {})
        noise = []
        for p, w in zip(prompts, want):
            try:
                noise.append({k: distance(w[k], v) for k, v in told(exact, p).items()})
            except Exception:
                noise.append({})
        if any(not torch.isfinite(w["logits"]).all() for w in want):
            refusal = "logits that are not finite"
    except Exception as e:
        refusal = f"{type(e).__name__}: {e}".splitlines()[0][:160]
    worst = (0.0, "")
    for index, ids in enumerate(prompts):
        event, got = capture(vitrine, base, adapters, ids, scratch, encoder)
        if event["event"] == "error":
            return ("refused" if refusal is None else "none"), event["message"], 0.0, ""
        if event["event"] != "result":
            return "fault", event.get("message", "capture fails"), 0.0, ""
        if refusal is not None:
            return "lone", refusal, 0.0, ""
        problem, d = compared(got, want[index], noise[index], f"p{index}.")
        worst = max(worst, d)
        if problem:
            return "WRONG", problem, *d
    words = ""
    if listing and len(adapters) == 1:
        problem, d = list_compared(vitrine, adapters[0][0], listed(reference(base, [(adapters[0][0], None)])), scratch)
        worst = max(worst, d)
        if problem:
            return ("fault" if problem.startswith("fault") else "WRONG"), problem, *d
    if merging:
        artifact = scratch / f"merged-{vitrine.number}"
        event = vitrine.run({"kind": "adapter-merge", "model": str(base), "adapters": uses(adapters)}, artifact)
        if event["event"] == "error":
            return "same", f"not merged: {event['message']}", *worst
        if event["event"] != "result":
            return "fault", event.get("message", "merging fails"), 0.0, ""
        try:
            problem, d = merge_compared(artifact, base, model, prompts, want, noise)
        finally:
            shutil.rmtree(artifact)
        worst = max(worst, d)
        if problem:
            return "WRONG", problem, *d
    return "same", words, *worst


def merge_compared(folder, base, model, prompts, want, noise):
    merged = families.load(folder)
    stored = {t.dtype for f in base.glob("*.safetensors") for t in load_file(f).values()}
    exact = stored == {torch.float32}
    worst = (0.0, "")
    if exact:
        for index, p in enumerate(prompts):
            more = {k: v * 3 for k, v in noise[index].items()}
            problem, d = compared(told(merged, p), want[index], more, f"merged p{index}.")
            worst = max(worst, d)
            if problem:
                return problem, worst
    if not tied(families.load(base)):
        theirs = copy.deepcopy(model).merge_and_unload().state_dict()
        ours = merged.state_dict()
        for name, value in theirs.items():
            if name not in ours:
                return f"merged: {name} is absent", (math.inf, name)
            d = distance(ours[name], value)
            # A half number is rounded once.
            allowed = 1e-5 if exact else 2.0**-7
            if d > allowed:
                return f"merged {name} differs by {d:.2e}, allowed is {allowed:.0e}", (d, name)
    return None, worst


def list_compared(vitrine, adapter, want, scratch):
    artifact = scratch / f"list-{vitrine.number}"
    event = vitrine.run({"kind": "adapter", "adapter": str(adapter)}, artifact)
    if event["event"] != "result":
        return f"fault: adapter says {event.get('message', '')}", (math.inf, "adapter")
    rows = {r["module"]: r for r in json.loads((artifact / "modules.json").read_text())["modules"]}
    shutil.rmtree(artifact)
    if set(rows) != set(want):
        return f"modules: {sorted(set(rows) - set(want))[:3]} are here only, {sorted(set(want) - set(rows))[:3]} in peft only", (math.inf, "modules")
    worst = (0.0, "")
    for path, (rank, alpha, scaling, delta) in want.items():
        row = rows[path]
        ours = {"rank": row["rank"], "alpha": row["alpha"], "scaling": row["scaling"]} | {k: row.get(k) for k in figures_of(torch.eye(2))}
        theirs = {"rank": rank, "alpha": alpha, "scaling": scaling}
        if delta.abs().max() > 0:
            theirs |= figures_of(delta)
        for key, value in theirs.items():
            d = math.inf if ours[key] is None else abs(ours[key] - value) / max(abs(value), 1e-3)
            worst = max(worst, (d, f"{path} {key}"))
            if not d <= FIGURES_TOLERANCE:
                return f"{key} of {path} is {ours[key]}, peft has {value}", (d, key)
    return None, worst


def prompts_of(config, d):
    return [p[0] for p in families.prompts_of(config, d)][:2]


def base_config(family, seed):
    d = Draw(seed)
    config = {"model_type": family, **families.FAMILIES[family](d)}
    return config, d


def random_case(vitrine, family, seed, scratch, keep):
    config, d = base_config(family, seed)
    storage = d.one("float32", "float32", "float32", "bfloat16", "float16")
    home, words = scratch / f"{family}-{seed}", f"seed {seed}"
    base = home / "base"
    options = []
    try:
        families.write(config, base, seed, storage, d.maybe(0.2), d.maybe(0.3))
        model = families.load(base)
        adapters = []
        count = 2 if d.maybe(0.15) else 1
        for i in range(count):
            c = draw_config(d, model, family)
            if count == 2:
                for key in ("modules_to_save", "trainable_token_indices", "bias", "use_dora", "ensure_weight_tying"):
                    c.pop(key, None)
            options.append(c)
            folder = home / f"adapter{i}"
            kind = LoraConfig
            if d.maybe(0.12) and count == 1 and not {"target_parameters", "use_dora", "rank_pattern", "trainable_token_indices", "lora_bias", "ensure_weight_tying"} & set(c) and c["target_modules"] \
                    and embedding_name(model).rsplit(".", 1)[-1] not in c["target_modules"]:
                c = {k: v for k, v in c.items() if k not in ("r", "init_lora_weights")} | {"init_r": c["r"], "target_r": 1, "total_step": 10}
                kind = peft.AdaLoraConfig
                options[-1] = c
                words += " adalora"
            made = make(base, folder, kind(**c), seed + i, d.one("float32", "float32", "bfloat16", "float16"))
            adapters.append((folder, None if count == 1 and d.maybe(0.8) or {"use_dora", "modules_to_save", "bias", "trainable_token_indices"} & set(c) or kind is peft.AdaLoraConfig else d.one(0.5, -1.0, 1.5, None)))
            if kind is peft.AdaLoraConfig and d.maybe(0.7):
                # As training ends: some components go.
                r = c["init_r"]
                pattern = {}
                for n, m in made.base_model.model.named_modules():
                    if hasattr(m, "lora_E") and "default" in m.lora_E:
                        mask = [d.maybe(0.7) for _ in range(r)]
                        pattern[n + ".lora_E.default"] = mask if any(mask) else [True] * r
                made.peft_config["default"].rank_pattern = pattern
                made.save_pretrained(folder)
    except Exception as e:
        verdict = ("none", f"{type(e).__name__}: {e}".splitlines()[0][:160], 0.0, "")
    else:
        verdict = judge(vitrine, base, adapters, prompts_of(config, d), scratch)
        words += f" {storage}" + "".join(f" x{w}" for _, w in adapters if w is not None)
    finish(home, verdict, keep)
    return verdict, words, options


def finish(folder, verdict, keep):
    if keep and verdict[0] in ("WRONG", "fault", "lone") and folder.exists():
        target = Path(keep) / folder.name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target)
    shutil.rmtree(folder, ignore_errors=True)


# --- every field

PLAIN = {"llama": ["q_proj", "o_proj", "up_proj"], "gpt2": ["c_attn", "c_fc"], "qwen3_moe": ["q_proj", "o_proj"], "bert": ["query", "value"], "gpt_neox": ["query_key_value", "dense"], "gemma3_text": ["q_proj", "down_proj"]}


def variations(model, family):
    """(words, config, what is done to a model before) of every single change of a plain LoRA."""
    table = embedding_name(model).rsplit(".", 1)[-1]
    plain = {"r": 4, "lora_alpha": 6, "target_modules": PLAIN[family]}
    first = PLAIN[family][0]
    changes = {
        "r": [1, 16], "lora_alpha": [0, -3, 0.3, 64], "target_modules": ["all-linear", rf".*\.1\..*{first}", None, [table], PLAIN[family] + [table], PLAIN[family] + ["lm_head"], PLAIN[family] + ["embed_out"]],
        "exclude_modules": [first, rf".*\.0\..*", [f"0.{first}"]], "lora_dropout": [0.5], "fan_in_fan_out": [True], "bias": ["all", "lora_only"], "use_rslora": [True],
        "modules_to_save": [["lm_head"], [table], [table, "lm_head"], ["norm"], ["embed_out"], ["decoder"], [PLAIN[family][-1]]],
        "init_lora_weights": [False, "gaussian", "orthogonal", "eva", "olora", "pissa", "pissa_niter_4", "mica", "corda", "lora_ga", "loftq"], "layers_to_transform": [0, [1], [0, 2]], "rank_pattern": [{first: 2}, {"^" + first: 2}, {f"{first}|x": 7}],
        "alpha_pattern": [{first: 2}, {f"x|{first}": 5}, {rf".*\.1\..*": 3}], "megatron_config": [{"a": 1}], "megatron_core": ["other"], "trainable_token_indices": [[3, 1], {table: [0, 2]}, {table: [0, 2], "lm_head": [0, 2]}, {"lm_head": [1]}, {table: [0, 2], "lm_head": [4]}],
        "use_dora": [True], "velora_config": [peft.tuners.lora.config.VeloraConfig(num_groups=4)], "alora_invocation_tokens": [[5], [5, 6]], "use_qalora": [True], "qalora_group_size": [4],
        "monteclora_config": [peft.tuners.lora.config.MontecloraConfig()], "layer_replication": [[[0, 2], [1, 3]], [[0, 1], [2, 3]], [[0, 3]], [[0, 1], [0, 1], [0, 1]]], "lora_bias": [True],
        "target_parameters": [[f"{first}.weight"], ["experts.gate_up_proj"], ["experts.down_proj", "experts.gate_up_proj"], ["gate_up_proj"], ["mlp.gate.weight"], ["mlp.gate.weight", "experts.down_proj"]],
        "use_bdlora": [peft.tuners.lora.config.BdLoraConfig(target_modules_bd_a=[first], nblocks=2, match_strict=False), peft.tuners.lora.config.BdLoraConfig(target_modules_bd_b=[first], nblocks=2, match_strict=False)],
        "arrow_config": [peft.tuners.lora.config.ArrowConfig(top_k=1)], "kasa_config": [peft.tuners.lora.config.KasaConfig()], "ensure_weight_tying": [True], "inference_mode": [False], "task_type": ["CAUSAL_LM", "SEQ_CLS", "FEATURE_EXTRACTION"], "revision": ["main"]}
    names = {f.name for f in dataclasses.fields(LoraConfig)}
    known = set(changes) | {"peft_type", "auto_mapping", "peft_version", "base_model_name_or_path", "layers_pattern", "loftq_config", "eva_config", "corda_config", "lora_ga_config", "runtime_config", "_custom_modules"}
    if names - known:
        raise SystemExit(f"fields of LoraConfig that are not tried: {sorted(names - known)}")
    yield "plain", plain
    for name, values in changes.items():
        for value in values:
            yield f"{name}={value}", {**plain, name: value}
            if name in ("modules_to_save", "trainable_token_indices") or name == "target_modules" and value and isinstance(value, list):
                yield f"{name}={value}, ensure_weight_tying", {**plain, name: value, "ensure_weight_tying": True}
    both = {"target_parameters": ["experts.down_proj", "experts.gate_up_proj"], "target_modules": []}
    for words, more in {"rank_pattern": {"rank_pattern": {"experts.down_proj": 2}}, "alpha_pattern": {"alpha_pattern": {"gate_up_proj": 2}}, "use_rslora": {"use_rslora": True}, "lora_bias": {"lora_bias": True}, "as of old": {}}.items():
        yield f"experts, {words}", {**plain, **both, **more}
    yield "experts by old names", {**plain, "target_modules": ["gate_proj", "up_proj", "down_proj", "q_proj"]}
    yield "experts by old names, rslora", {**plain, "target_modules": ["gate_proj", "up_proj", "down_proj", "q_proj"], "use_rslora": True}


def edits(config):
    """(words, config) of every single change of a saved config by hand: keys that are gone, or hold something else."""
    for name, value in config.items():
        if name in ("peft_type", "target_modules", "base_model_name_or_path"):
            continue
        yield f"no {name}", {k: v for k, v in config.items() if k != name}
        for other in [None, {}, []] + ([not value] if isinstance(value, bool) else [value + 1] if isinstance(value, (int, float)) else []):
            if other != value:
                yield f"{name} becomes {json.dumps(other)}", {**config, name: other}
    for name in ("a_new_variant", "enable_lora"):
        yield f"{name} joins", {**config, name: [True, False]}


# What else peft knows, as its configs want to be made.
OTHERS = {"IA3": {"feedforward_modules": ["up_proj"], "target_modules": ["q_proj", "up_proj"]}, "LN_TUNING": {"target_modules": ["norm"]}, "OFT": {"r": 4, "oft_block_size": 0}, "BOFT": {"boft_block_size": 4}, "LOHA": {"r": 4}, "LOKR": {"r": 4}, "VBLORA": {"num_vectors": 8, "vector_length": 4, "r": 2},
          "TRAINABLE_TOKENS": {"target_modules": ["embed_tokens"], "token_indices": [1, 2]}, "PROMPT_TUNING": {"num_virtual_tokens": 3, "task_type": "CAUSAL_LM"}, "PREFIX_TUNING": {"num_virtual_tokens": 3, "task_type": "CAUSAL_LM"},
          "P_TUNING": {"num_virtual_tokens": 3, "task_type": "CAUSAL_LM"}, "ADAPTION_PROMPT": {"adapter_len": 4, "adapter_layers": 2, "task_type": "CAUSAL_LM", "target_modules": "self_attn"}, "ADALORA": {"total_step": 10, "init_r": 3}, "C3A": {"block_size": 4}}


def others(vitrine, base, scratch, seed, prompts, report, family):
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING
    for kind, config in PEFT_TYPE_TO_CONFIG_MAPPING.items():
        kind = getattr(kind, "value", kind)
        folder = scratch / f"other-{kind}"
        options = {"target_modules": ["q_proj", "up_proj"]} | OTHERS.get(kind, {})
        if "num_virtual_tokens" in options:
            options.pop("target_modules")
        try:
            made = config(**options)
            make(base, folder, made, seed)
        except BaseException as e:
            report(family, f"peft_type {kind}", ("none", f"{type(e).__name__}: {e}".splitlines()[0][:100], 0.0, ""))
            if kind == "LORA":
                continue
            # As its config would say it, with a LoRA's tensors.
            try:
                make(base, folder, LoraConfig(target_modules=["q_proj"]), seed)
                saved = json.loads((folder / "adapter_config.json").read_text())
                (folder / "adapter_config.json").write_text(json.dumps(saved | {"peft_type": kind}))
            except BaseException:
                continue
        for task in ({"kind": "adapter", "adapter": str(folder)}, {"kind": "capture", "model": str(base), "prompt": {"ids": prompts[0]}, "what": ["logits"], "adapters": [{"path": str(folder)}]}):
            event = vitrine.run(task, scratch / f"other-{vitrine.number}")
            if event["event"] == "error":
                # By its name, or by that of what is in it.
                named = kind.lower() in event["message"].lower()
                verdict = ("refused" if named else "WRONG", event["message"] + ("" if named else " [it is not named]"), 0.0, "")
            elif event["event"] == "result" and kind in ("LORA", "ADALORA"):
                verdict = ("same", "", 0.0, "")
            else:
                verdict = ("fault" if event["event"] != "result" else "WRONG", f"{task['kind']} says {event['event']} {event.get('message', '')}", 0.0, "")
            report(family, f"peft_type {kind}, {task['kind']}", verdict)
        shutil.rmtree(folder, ignore_errors=True)


def fields(vitrine, family, seed, scratch, keep, report):
    for tying in (False, True):
        config, d = next((c, d) for c, d in (base_config(family, s) for s in range(seed, seed + 200)) if c.get("num_hidden_layers", c.get("n_layer")) == 3)
        config["tie_word_embeddings"] = tying
        home = scratch / f"{family}-{'tied' if tying else 'own'}"
        base = home / "base"
        families.write(config, base, seed)
        prompts = prompts_of(config, d)[:1]
        plain = None
        for number, (words, options) in enumerate(variations(families.load(base), family)):
            folder = home / f"adapter{number}"
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    make(base, folder, LoraConfig(**options), seed)
            except BaseException as e:
                verdict = ("none", f"{type(e).__name__}: {e}".splitlines()[0][:120], 0.0, "")
            else:
                verdict = judge(vitrine, base, [(folder, None)], prompts, scratch)
                if verdict[0] == "WRONG" and keep:
                    shutil.copytree(home, Path(keep) / f"{home.name}-{number}", dirs_exist_ok=True)
                if verdict[0] == "refused":
                    # What cannot be applied must not be shown wrongly either.
                    event = vitrine.run({"kind": "adapter", "adapter": str(folder)}, scratch / f"list-{vitrine.number}")
                    if event["event"] == "result":
                        try:
                            problem, _ = list_compared(vitrine, folder, listed(reference(base, [(folder, None)])), scratch)
                        except Exception as e:
                            problem = f"{type(e).__name__} {e}"
                        if problem:
                            verdict = ("WRONG", f"listed: {problem} [{verdict[1]}]", math.inf, "")
            report(family, ("tied " if tying else "") + words, verdict)
            plain = folder if words == "plain" else plain
            if folder != plain:
                shutil.rmtree(folder, ignore_errors=True)
        if not tying:
            saved = json.loads((plain / "adapter_config.json").read_text())
            for number, (words, edited) in enumerate(edits(saved)):
                folder = home / f"edited{number}"
                shutil.copytree(plain, folder)
                (folder / "adapter_config.json").write_text(json.dumps(edited))
                report(family, words, judge(vitrine, base, [(folder, None)], prompts, scratch, merging=False))
                shutil.rmtree(folder)
            if family == "llama":
                others(vitrine, base, scratch, seed, prompts, report, family)
        shutil.rmtree(home)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, help="the folder of a build or of an installation, with bin, lib and runtime")
    parser.add_argument("--worker", help="another command that starts the embedded worker")
    parser.add_argument("--only", nargs="*", default=list(BASES), choices=list(families.FAMILIES))
    parser.add_argument("--cases", type=int, default=20, help="random cases per family")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fields", action="store_true")
    parser.add_argument("--keep", help="a folder for what is wrong")
    parser.add_argument("--quiet", action="store_true", help="no lines for what is the same, or runs nowhere")
    arguments = parser.parse_args()
    worker = families.worker_of(arguments.program) if arguments.program else None
    worker = shlex.split(arguments.worker) if arguments.worker else worker
    if worker is None:
        parser.error("--program or --worker says what is compared")
    families.calm()
    vitrine = families.Vitrine(worker, None)
    report = families.Report(arguments.quiet)

    with tempfile.TemporaryDirectory() as home:
        scratch = Path(home)
        for family in arguments.only:
            if arguments.fields:
                fields(vitrine, family, arguments.seed, scratch, arguments.keep, report)
                continue
            for seed in range(arguments.seed, arguments.seed + arguments.cases):
                verdict, words, options = random_case(vitrine, family, seed, scratch, arguments.keep)
                report(family, words, verdict)
                if verdict[0] in ("WRONG", "fault", "lone"):
                    print("         " + "; ".join(map(str, options)), flush=True)
    vitrine.close()
    return report.end(arguments.only)


if __name__ == "__main__":
    sys.exit(main())
