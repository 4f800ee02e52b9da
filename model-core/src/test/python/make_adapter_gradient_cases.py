"""Importance of adapters' components by gradients, found by torch and peft in float64: training/adapter-gradients.json.

Gates are real parameters here (a multiplication between A and B, or AdaLoRA's own lambda), and the sensitivity is that of peft's RankAllocator.

Usage: python make_adapter_gradient_cases.py model-core/src/test/resources
"""
import json
import sys
from pathlib import Path

import torch
from peft import PeftModel
from peft.tuners.adalora.layer import RankAllocator
from transformers import AutoModelForCausalLM

CASES = {"lora-dora": "llama-gqa", "lora-mixtral": "mixtral", "lora-own-adalora": "lora-base-llama", "lora-own-conv1d-dora": "lora-base-gpt2",
         "lora-own-mla": "lora-base-deepseek-v3"}
PREFIX = "base_model.model."


def sequences(vocabulary):
    return [[3 + (i * 97 + t * t * 31 + t * 7) % (vocabulary - 3) for t in range(length)] for i, length in enumerate((12, 20, 7))]


def case(reference, name, base):
    model = AutoModelForCausalLM.from_pretrained(reference / base, dtype=torch.float64, attn_implementation="eager", experts_implementation="eager")
    model = PeftModel.from_pretrained(model, reference / name, is_trainable=True).double()
    # Without dropout.
    model.eval()
    gates = {}
    for path, module in model.named_modules():
        if hasattr(module, "lora_A") and "default" in module.lora_A and isinstance(module.lora_A, torch.nn.ModuleDict):
            w = torch.ones(module.lora_A["default"].weight.shape[0], dtype=torch.float64, requires_grad=True)
            gates[path.removeprefix(PREFIX)] = w
            module.lora_A["default"].register_forward_hook(lambda m, x, y, w=w: y * w)
    allocator = object.__new__(RankAllocator)
    allocator.beta1 = allocator.beta2 = 0.85
    allocator.adapter_name = "default"
    allocator.ipt, allocator.exp_avg_ipt, allocator.exp_avg_unc = {}, {}, {}
    data = sequences(model.config.vocab_size)
    lambdas = {n: torch.zeros(p.shape[0], dtype=torch.float64) for n, p in model.named_parameters() if ".lora_E." in n}
    total, count = 0.0, 0
    for w in gates.values():
        w.sum_ = torch.zeros_like(w)
    for ids in data:
        model.zero_grad()
        for w in gates.values():
            w.grad = None
        x = torch.tensor([ids])
        logits = model.base_model.model(input_ids=x, use_cache=False).logits
        loss = torch.nn.functional.cross_entropy(logits[0, :-1], x[0, 1:])
        loss.backward()
        allocator.update_ipt(model)
        n = len(ids) - 1
        total += loss.item() * n
        count += n
        for w in gates.values():
            w.sum_ = w.sum_ + n * w.grad
        for p, sums in lambdas.items():
            e = model.get_parameter(p)
            sums += n * (e * e.grad).detach()[:, 0]
    gate = {path: (-w.sum_ / count).tolist() for path, w in gates.items()}
    gate.update({p.removeprefix(PREFIX).split(".lora_E.")[0]: (-s / count).tolist() for p, s in lambdas.items()})
    sensitivity = {}
    parameters = dict(model.named_parameters())
    for path in gate:
        names = [n for n in parameters if n.startswith(PREFIX + path + ".lora_")]
        a = next(n for n in names if ".lora_A." in n)
        b = next(n for n in names if ".lora_B." in n)
        e = [n for n in names if ".lora_E." in n]
        score = allocator._element_score(a).mean(1) + allocator._element_score(b).mean(0)
        if e:
            score = score + allocator._element_score(e[0])[:, 0]
        sensitivity[path] = score.tolist()
    return {"base_case": base, "sequences": data, "loss": total / count, "gate": gate, "sensitivity": sensitivity}


def main():
    resources = Path(sys.argv[1])
    reference = resources / "reference"
    out = {name: case(reference, name, base) for name, base in CASES.items()}
    rounded = json.loads(json.dumps(out), parse_float=lambda v: float(f"{float(v):.9g}"))
    (resources / "training" / "adapter-gradients.json").write_text(json.dumps(rounded, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
