#!/usr/bin/env python3
"""Makes the reference cases prune-*: what magnitude, Wanda and SparseGPT leave of small models, by transformers and numpy.

    python make_prune_cases.py --reference DIR_OF_CASES [--only CASE ...]
    python make_prune_cases.py --shorten DIR_OF_A_PRUNING_CASE --to DIR

The models are existing cases of the same directory. Inputs of linear layers are taken with hooks from a float32 run of transformers,
each sequence alone; everything after that is float64 numpy, written from the definitions and not from Vitrine's code. Masks are
kept as the SHA-256 of their bytes (uint8, 1 = kept, shaped as the weight is stored): they must be equal, so nothing more is needed.
A seed is taken whose smallest gap between a score that stays and one that goes is above 4e-6 of it, well above float32's noise; magnitudes have no noise.

--shorten does the same to a case that holds masks whole.
"""
import argparse
import hashlib
import json
from pathlib import Path

import numpy
import torch
from safetensors.numpy import load_file, save_file
from transformers import AutoModelForCausalLM

SEQUENCES, LENGTH = 12, 24
CASES = ["gpt2", "phi3", "mixtral"]


def sha(mask):
    return hashlib.sha256(numpy.ascontiguousarray(mask.astype(numpy.uint8)).tobytes()).hexdigest()


class Gap:
    def __init__(self):
        self.least = float("inf")

    def see(self, scores, count):
        s = numpy.sort(scores)
        if 0 < count < len(s):
            self.least = min(self.least, (s[count] - s[count - 1]) / max(s[count], 1e-300))


def drop(scores, count, gap):
    gap.see(scores, count)
    keep = numpy.ones(len(scores), bool)
    keep[numpy.argsort(scores, kind="stable")[:count]] = False
    return keep


def wanda(w, norms, p, gap):
    return numpy.array([drop(abs(row) * norms, int(p * w.shape[1]), gap) for row in w])


def pattern(w, norms, n, m, gap):
    out = numpy.ones(w.shape, bool)
    for i, row in enumerate(abs(w) * norms):
        for g in range(0, len(row), m):
            out[i, g:g + m] = drop(row[g:g + m], m - n, gap)
    return out


def magnitude(w, p, gap):
    return drop(abs(w).ravel(), int(p * w.size), gap).reshape(w.shape)


def inputs_of(model, ids, names):
    """name of a module -> its inputs, one row per token"""
    seen = {n: [] for n in names}
    hooks = [model.get_submodule(n).register_forward_pre_hook(lambda m, a, n=n: seen[n].append(a[0].detach().reshape(-1, a[0].shape[-1]).double().numpy())) for n in names]
    with torch.no_grad():
        for row in ids:
            model(torch.tensor([row]))
    for h in hooks:
        h.remove()
    return {n: numpy.concatenate(x) for n, x in seen.items()}


def dense(case, model, ids, stored):
    """stored name -> (W [out, in], X [tokens, in], whether it is stored [in, out])"""
    out = {}
    if case == "mixtral":
        names = [f"model.layers.{l}.self_attn.{k}_proj" for l in range(model.config.num_hidden_layers) for k in "qkvo"]
        blocks = [f"model.layers.{l}.mlp" for l in range(model.config.num_hidden_layers)]
        x = inputs_of(model, ids, names + blocks)
        for n in names:
            out[n + ".weight"] = (stored[n + ".weight"].astype(float), x[n], False)
        for l, b in enumerate(blocks):
            prefix = f"model.layers.{l}.block_sparse_moe."
            h = x[b]
            logits = h @ stored[prefix + "gate.weight"].astype(float).T
            chosen = numpy.argsort(-logits, axis=1, kind="stable")[:, :model.config.num_experts_per_tok]
            for e in range(model.config.num_local_experts):
                w1, w2, w3 = (stored[f"{prefix}experts.{e}.w{i}.weight"].astype(float) for i in (1, 2, 3))
                own = h[(chosen == e).any(axis=1)]
                gate = own @ w1.T
                mid = gate / (1 + numpy.exp(-gate)) * (own @ w3.T)
                for i, (w, y) in {1: (w1, own), 3: (w3, own), 2: (w2, mid)}.items():
                    out[f"{prefix}experts.{e}.w{i}.weight"] = (w, y, False)
        return out
    conv = case == "gpt2"
    names = [n for n, m in model.named_modules() if (type(m).__name__ == "Conv1D" if conv else isinstance(m, torch.nn.Linear)) and ".h." in "." + n + "." or
             not conv and isinstance(m, torch.nn.Linear) and ".layers." in n]
    x = inputs_of(model, ids, names)
    for n in names:
        w = stored[n + ".weight"].astype(float)
        out[n + ".weight"] = (w.T if conv else w, x[n], conv)
    return out


def make(case, reference, out):
    folder = reference / case
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    stored = load_file(folder / "model.safetensors")
    for seed in range(900, 1200):
        gap = Gap()
        ids = numpy.random.default_rng(seed).integers(0, model.config.vocab_size, (SEQUENCES, LENGTH))
        masks = {"magnitude50": {}, "wanda50.dense": {}, "wanda2of4.dense": {}}
        tokens = {}
        for name, (w, x, turned) in dense(case, model, ids, stored).items():
            norms = numpy.sqrt((x ** 2).sum(0))
            tokens[name] = len(x)
            left = len(x) < 100
            for kind, mask in {"magnitude50": magnitude(w, 0.5, Gap()), "wanda50.dense": wanda(w, norms, 0.5, gap), "wanda2of4.dense": pattern(w, norms, 2, 4, gap)}.items():
                if left and kind != "magnitude50":
                    mask = numpy.ones(w.shape, bool)
                masks[kind][name] = sha(mask.T if turned else mask)
        if gap.least > 4e-6:
            break
    else:
        raise SystemExit("no seed will do")
    print(case, seed, "smallest gap", gap.least)
    target = out / ("prune-" + case)
    target.mkdir(exist_ok=True)
    text = {"case": target.name, "kind": "pruning", "base_case": case, "seed": seed, "calibration_ids": ids.tolist(), "tokens": tokens, "mask_sha256": masks,
            "smallest_relative_gap": gap.least, "rule": "experts that fewer than 100 tokens reach stay as they are, but for magnitude"}
    (target / "golden.json").write_text(json.dumps(text, indent=1) + "\n")


def shorten(folder, to):
    golden = json.loads((folder / "golden.json").read_text())
    tensors = load_file(folder / "golden.safetensors")
    masks = {}
    for name in [n for n in tensors if n.startswith("mask.")]:
        case, _, weight = name.removeprefix("mask.").partition(".model.")
        masks.setdefault(case, {})["model." + weight] = sha(tensors.pop(name))
        golden["tensors"].pop(name)
    for name in list(tensors):
        if ".sigma" in name or ".error_by_rank" in name or name.startswith("input_norm") and ".layers.1." not in name:
            tensors.pop(name)
            golden["tensors"].pop(name)
        elif tensors[name].dtype == numpy.float64 and name.endswith(".weight"):
            tensors[name] = tensors[name].astype(numpy.float32)
    golden["mask_sha256"] = masks
    to.mkdir(exist_ok=True)
    save_file(tensors, to / "golden.safetensors")
    (to / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--reference", type=Path)
    p.add_argument("--only", nargs="*")
    p.add_argument("--shorten", type=Path)
    p.add_argument("--to", type=Path)
    a = p.parse_args()
    if a.shorten:
        shorten(a.shorten, a.to)
        return
    for case in a.only or CASES:
        make(case, a.reference, a.reference)


if __name__ == "__main__":
    main()
