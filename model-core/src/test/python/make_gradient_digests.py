#!/usr/bin/env python3
"""Makes digests of the gradients that transformers computes for the reference checkpoints.

    python make_gradient_digests.py --out FILE --reference DIR [--only CASE ...]

For every checkpoint with a loss: the loss over its two prompts, each a sequence of its own (mean over all predicted tokens), and of every tensor of the file the
gradient's norm and its sum weighted by cos(0.37 (i + 1)), i counting the tensor's values row by row. Gradients go back to the names of the file by
`save_pretrained`, which undoes whatever fusing of experts the library does. float64, eager attention, no dropout. Encoders with a masked-language head: every
token is predicted where it stands.
"""
import argparse
import json
import math
import tempfile
import warnings
from pathlib import Path

import torch
import transformers
from safetensors import safe_open
from safetensors.torch import load_file

from make_cases import biased_once

# Without a head of its own, quantised, in a form that the library does not read, or alike another case in what a gradient passes.
LEFT_OUT = {"fmt-base", "fmt-f16", "fmt-sharded", "llama-rope-linear", "llama-rope-llama3", "llama-rope-new-style", "llama-rope-yarn-attention", "llama-rope-yarn-factors",
            "llama-f64", "gpt2-hub-names", "mistral-no-window", "qwen2-layer-types", "qwen2-sliding", "qwen3-sliding", "gemma3-text-new", "bert-hub-names", "mixtral-bf16-sharded",
            "bert-base-model", "llama-base-model", "llama-f8-e4m3", "llama-f8-e5m2", "deepseek-v3-fp8", "gpt-oss-mxfp4", "mixtral-pool"}

warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()


def golden(folder):
    with safe_open(str(folder / "golden.safetensors"), "pt") as f:
        return [f.get_tensor(f"p{i}.input_ids").long() for i in (0, 1)], [f.get_tensor(f"p{i}.token_type_ids").long() if f"p{i}.token_type_ids" in f.keys() else None for i in (0, 1)]


def tensors_of(folder):
    out = {}
    for file in sorted(folder.glob("*.safetensors")):
        if file.name != "golden.safetensors":
            out.update(load_file(str(file)))
    return out


def digest(folder):
    config = json.loads((folder / "config.json").read_text())
    encoder = config["model_type"] in ("bert", "roberta") and not config.get("is_decoder")
    loader = transformers.AutoModelForMaskedLM if encoder else transformers.AutoModelForCausalLM
    model = biased_once(loader.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager", experts_implementation="eager").eval())
    prompts, segments = golden(folder)
    total, count = 0, 0
    for ids, kinds in zip(prompts, segments):
        extra = {} if kinds is None else {"token_type_ids": kinds[None]}
        logits = model(input_ids=ids[None], use_cache=False, **extra).logits[0]
        rows, targets = (logits, ids) if encoder else (logits[:-1], ids[1:])
        total = total + torch.nn.functional.cross_entropy(rows, targets, reduction="sum")
        count += len(targets)
    loss = total / count
    loss.backward()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.zeros_like(p) if p.grad is None else p.grad)
        for b in model.buffers():
            if b.is_floating_point():
                b.zero_()
    rows = {}
    with tempfile.TemporaryDirectory() as scratch:
        model.save_pretrained(scratch)
        saved = tensors_of(Path(scratch))
    stored = tensors_of(folder)
    base = model.base_model_prefix + "."
    # The smallest cases are many: fewer digits, still a hundred times finer than what is asked.
    digits = 7 if (folder / "tokenizer.json").exists() else 5
    for name, tensor in stored.items():
        match = next((n for n in (name, base + name, name.removeprefix(base)) if n in saved), None)
        if match is None or saved[match].shape != tensor.shape:
            continue
        g = saved[match].double().flatten()
        w = torch.cos(0.37 * torch.arange(1, len(g) + 1, dtype=torch.float64))
        rows[name] = [float(f"{g.norm().item():.{digits}g}"), float(f"{(g @ w).item():.{digits}g}")]
    return {"loss": float(f"{loss.item():.9g}"), "stored": len(stored), "gradients": rows}


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--out", type=Path, required=True)
    a.add_argument("--reference", type=Path, required=True)
    a.add_argument("--only", nargs="*")
    args = a.parse_args()
    out = json.loads(args.out.read_text()) if args.out.exists() else {}
    for folder in sorted(p for p in args.reference.iterdir() if (p / "config.json").exists() and (p / "golden.safetensors").exists()):
        if args.only and folder.name not in args.only or folder.name in LEFT_OUT:
            continue
        try:
            torch.manual_seed(0)
            out[folder.name] = digest(folder)
            d = out[folder.name]
            print(folder.name, d["loss"], len(d["gradients"]), "of", d["stored"], flush=True)
        except Exception as e:
            print(folder.name, "left out:", type(e).__name__, str(e)[:200].replace("\n", " "), flush=True)
    lines = []
    for name, d in sorted(out.items()):
        body = ",\n".join(f"  {json.dumps(t)}: {json.dumps(v)}" for t, v in d["gradients"].items())
        lines.append(f"{json.dumps(name)}: {{\"loss\": {d['loss']}, \"stored\": {d['stored']}, \"gradients\": {{\n{body}}}}}")
    args.out.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
