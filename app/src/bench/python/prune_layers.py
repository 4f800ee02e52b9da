#!/usr/bin/env python3
"""Prunes a checkpoint to half by Wanda or SparseGPT, layer by layer, as the published scripts do: hooks on every linear layer, the layer run on all
sequences, its matrices pruned, the layer run again.

    python prune_layers.py MODEL IDS.jsonl wanda|sparsegpt OUT THREADS [DEVICE]
"""
import json
import sys
import time

import torch
import transformers
from transformers import AutoModelForCausalLM

SPARSITY, BLOCK, DAMPING = 0.5, 128, 0.01


class Stop(Exception):
    pass


def first_inputs(model, batches):
    """what the first layer is called with"""
    seen, kwargs = [], {}

    def catch(module, args, named):
        seen.append(args[0] if args else named["hidden_states"])
        kwargs.update({k: v for k, v in named.items() if k != "hidden_states"})
        raise Stop

    hook = model.model.layers[0].register_forward_pre_hook(catch, with_kwargs=True)
    for ids in batches:
        try:
            model(ids, use_cache=False)
        except Stop:
            pass
    hook.remove()
    return seen, kwargs


def run(layer, x, kwargs):
    y = layer(x, **kwargs)
    return y[0] if isinstance(y, tuple) else y


def wanda(linear, state):
    scores = linear.weight.abs() * torch.sqrt(state["norms"])
    order = torch.sort(scores, dim=-1, stable=True)[1][:, :int(SPARSITY * scores.shape[1])]
    linear.weight.scatter_(1, order, 0)


def sparsegpt(linear, state):
    w, h = linear.weight, state["h"]
    n = w.shape[1]
    dead = torch.diag(h) == 0
    h[dead, dead] = 1
    w[:, dead] = 0
    h.diagonal().add_(DAMPING * torch.mean(torch.diag(h)))
    u = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(h)), upper=True)
    for start in range(0, n, BLOCK):
        end = min(start + BLOCK, n)
        w1, u1 = w[:, start:end].clone(), u[start:end, start:end]
        q1, e1 = torch.zeros_like(w1), torch.zeros_like(w1)
        scores = w1 ** 2 / torch.diag(u1).reshape(1, -1) ** 2
        gone = scores <= torch.sort(scores.flatten())[0][int(scores.numel() * SPARSITY) - 1]
        for i in range(end - start):
            q = w1[:, i].clone()
            q[gone[:, i]] = 0
            q1[:, i] = q
            e = (w1[:, i] - q) / u1[i, i]
            w1[:, i:] -= e.unsqueeze(1) @ u1[i, i:].unsqueeze(0)
            e1[:, i] = e
        w[:, start:end] = q1
        w[:, end:] -= e1 @ u[start:end, end:]


def main():
    path, ids, method, out, threads = sys.argv[1:6]
    device = sys.argv[6] if len(sys.argv) > 6 else "cpu"
    torch.set_num_threads(int(threads))
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval().to(device)
    sequences = [torch.tensor([json.loads(line)["input_ids"]], device=device) for line in open(ids)]
    began = time.perf_counter()
    with torch.no_grad():
        xs, kwargs = first_inputs(model, sequences)
        for layer in model.model.layers:
            linears = {n: m for n, m in layer.named_modules() if isinstance(m, torch.nn.Linear)}
            states = {n: {} for n in linears}

            def collect(name):
                def hook(module, args, result):
                    x = args[0].reshape(-1, args[0].shape[-1])
                    if method == "wanda":
                        states[name]["norms"] = states[name].get("norms", 0) + (x ** 2).sum(0)
                    else:
                        states[name]["h"] = states[name].get("h", 0) + 2 * (x.T @ x)
                return hook

            hooks = [m.register_forward_hook(collect(n)) for n, m in linears.items()]
            for x in xs:
                run(layer, x, kwargs)
            for h in hooks:
                h.remove()
            for name, linear in linears.items():
                (wanda if method == "wanda" else sparsegpt)(linear, states[name])
                states[name].clear()
            xs = [run(layer, x, kwargs) for x in xs]
    if device != "cpu":
        torch.cuda.synchronize()
    seconds = time.perf_counter() - began
    memory = torch.cuda.max_memory_allocated() if device != "cpu" else None
    model.to(torch.bfloat16).save_pretrained(out)
    print(json.dumps({"seconds": seconds, "gpu_memory_bytes": memory, "torch": torch.__version__, "transformers": transformers.__version__}))


if __name__ == "__main__":
    main()
