#!/usr/bin/env python3
"""Makes the reference cases an-rank-*: ranks and sparsity of hidden states and activations, by transformers and numpy.

    python make_rank_cases.py --reference DIR_OF_CASES [--only CASE ...]

The models are the existing cases of the same directory. Values are taken with hooks from a float32 run of transformers, each
sequence alone; everything after that is float64 numpy, written from the definitions and not from Vitrine's code: products are
formed and decomposed, low-rank matrices are made and multiplied, nothing is streamed.
"""
import argparse
import json
import platform
from pathlib import Path

import numpy
import safetensors
import torch
import transformers
from safetensors.numpy import save_file
from transformers import AutoModelForCausalLM

SEQUENCES, LENGTH = 24, 16
TARGET = 0.2        # error of tail truncation
SPARSITY = 0.5      # of the rank-aware split
ALPHAS = [0, 0.5, 0.6, 0.7, 0.8, 0.9, 1]
QUANTILES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99]
CASES = {"llama-gqa": 701, "gpt2": 702, "phi3": 703, "gpt-neox": 704, "opt": 705}


def layers_of(model):
    return next(m for m in model.modules() if isinstance(m, torch.nn.ModuleList))


def rows(module, conv):
    w = module.weight.detach().double().numpy()
    return w.T if conv else w


def linears(base, layer):
    """kind -> (module, rows of its [out, in] weight)"""
    if base == "llama-gqa":
        a, m = layer.self_attn, layer.mlp
        return {k: (x, rows(x, False)) for k, x in
                dict(q=a.q_proj, k=a.k_proj, v=a.v_proj, o=a.o_proj, gate=m.gate_proj, up=m.up_proj, down=m.down_proj).items()}
    if base == "gpt2":
        a, m = layer.attn, layer.mlp
        w = rows(a.c_attn, True)
        n = w.shape[0] // 3
        out = {k: (a.c_attn, w[i * n:(i + 1) * n]) for i, k in enumerate("qkv")}
        return out | {"o": (a.c_proj, rows(a.c_proj, True)), "up": (m.c_fc, rows(m.c_fc, True)), "down": (m.c_proj, rows(m.c_proj, True))}
    if base == "phi3":
        a, m, c = layer.self_attn, layer.mlp, layer.self_attn.config
        w, g = rows(a.qkv_proj, False), rows(m.gate_up_proj, False)
        q, kv, f = c.num_attention_heads * a.head_dim, c.num_key_value_heads * a.head_dim, g.shape[0] // 2
        return {"q": (a.qkv_proj, w[:q]), "k": (a.qkv_proj, w[q:q + kv]), "v": (a.qkv_proj, w[q + kv:]), "o": (a.o_proj, rows(a.o_proj, False)),
                "gate": (m.gate_up_proj, g[:f]), "up": (m.gate_up_proj, g[f:]), "down": (m.down_proj, rows(m.down_proj, False))}
    if base == "gpt-neox":
        a, m = layer.attention, layer.mlp
        w = rows(a.query_key_value, False)
        heads = a.config.num_attention_heads
        per = w.reshape(heads, 3, -1, w.shape[1])
        out = {k: (a.query_key_value, per[:, i].reshape(-1, w.shape[1])) for i, k in enumerate("qkv")}
        return out | {"o": (a.dense, rows(a.dense, False)), "up": (m.dense_h_to_4h, rows(m.dense_h_to_4h, False)), "down": (m.dense_4h_to_h, rows(m.dense_4h_to_h, False))}
    a = layer.self_attn
    return {k: (x, rows(x, False)) for k, x in dict(q=a.q_proj, k=a.k_proj, v=a.v_proj, o=a.out_proj, up=layer.fc1, down=layer.fc2).items()}


def blocks(base, layer):
    """the modules whose outputs are those of attention and MLP"""
    return {"llama-gqa": lambda: (layer.self_attn, layer.mlp), "gpt2": lambda: (layer.attn, layer.mlp), "phi3": lambda: (layer.self_attn, layer.mlp),
            "gpt-neox": lambda: (layer.attention, layer.mlp), "opt": lambda: (layer.self_attn, layer.fc2)}[base]()


def first(x):
    return x[0] if isinstance(x, tuple) else x


def flat(x):
    return x.detach().double().numpy().reshape(-1, x.shape[-1])


def sv(x):
    return numpy.linalg.svd(x, compute_uv=False)


def quantile(values, share):
    s = numpy.sort(values.reshape(-1))
    return s[min(len(s) - 1, int(share * len(s)))]


def keep(h):
    order = numpy.argsort(-h * h, kind="stable")
    energy = numpy.cumsum(h[order] ** 2)
    return set(order[:int(numpy.searchsorted(energy, (0.9 - 1e-12) * energy[-1])) + 1].tolist())


def density(sequences):
    """density, overlap, shared, shared by most; a list of [tokens, width]"""
    width = sequences[0].shape[1]
    kept = [[keep(h) for h in s] for s in sequences]
    everything = [k for s in kept for k in s]
    union = set().union(*everything)
    overlaps = [len(a & b) / len(a | b) for s in kept for a, b in zip(s, s[1:])]
    running = {d for d in union for s in kept if any(all(d in k for k in s[t:t + 5]) for t in range(len(s) - 4))}
    most = {d for d in union if 2 * sum(d in k for k in everything) > len(everything)}
    return sum(map(len, everything)) / len(everything) / width, float(numpy.mean(overlaps)), len(running) / len(union), len(most) / len(union)


def make(base, seed, reference):
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(reference / base, dtype=torch.float32, attn_implementation="eager").eval()
    ids = torch.randint(0, model.config.vocab_size, (SEQUENCES, LENGTH), generator=torch.Generator().manual_seed(seed))
    layers = layers_of(model)
    taken, hooks = {}, []

    def take(key):
        return lambda value: taken.setdefault(key, []).append(flat(value))

    for l, layer in enumerate(layers):
        attention, mlp = blocks(base, layer)
        for module, before, after in [(layer, "pre", "resid"), (attention, None, "attn_out"), (mlp, None, "mlp_out")]:
            hooks.append(module.register_forward_hook(
                lambda m, a, k, y, l=l, before=before, after=after: (before and take((before, l))(first(a) if a else k["hidden_states"]), take((after, l))(first(y)))[-1], with_kwargs=True))
        for module in {id(m): m for m, _ in linears(base, layer).values()}.values():
            hooks.append(module.register_forward_pre_hook(lambda m, a, l=l: take((id(m), l))(a[0])))
    loss = []
    with torch.no_grad():
        for row in ids:
            logits = model(row[None]).logits[0].double()
            loss.append(torch.nn.functional.cross_entropy(logits[:-1], row[1:], reduction="none").numpy())
    for h in hooks:
        h.remove()
    golden, tolerance = {"input_ids": ids.numpy()}, {"input_ids": {"kind": "exact"}}

    def put(name, values, **rule):
        golden[name] = numpy.array(values, dtype=numpy.float64)
        tolerance[name] = rule

    count = range(len(layers))
    for site in ("resid", "attn_out", "mlp_out"):
        x = [numpy.concatenate(taken[site, l]) for l in count]
        put(site + ".sv", [sv(m) for m in x], kind="scaled", tol=1e-4)
        put("centred." + site + ".sv", [sv(m - m.mean(0)) for m in x], kind="scaled", tol=1e-4)
        split = []
        for l in count:
            a, b = (numpy.concatenate(taken[site, l][h::2]) for h in (0, 1))
            a, b = a.T @ a / len(a), b.T @ b / len(b)
            split.append(numpy.trace(a) * numpy.trace(b) / numpy.trace(a @ b))
        put(site + ".split_participation_ratio", split, kind="relative", tol=1e-4)
    cosines = []
    for l in count:
        x, y = numpy.concatenate(taken["pre", l]), numpy.concatenate(taken["resid", l])
        cosines.append(numpy.mean(1 - (x * y).sum(1) / numpy.linalg.norm(x, axis=1) / numpy.linalg.norm(y, axis=1)))
    put("block_influence", cosines, kind="absolute", tol=1e-5)
    measures = [density(taken["resid", l]) for l in count]
    for i, name in enumerate(["hidden_density", "hidden_overlap", "hidden_shared", "hidden_shared_by_most"]):
        put(name, [m[i] for m in measures], kind="absolute", tol=1e-3)

    thresholds, errors, sparsities, curves = [], [], [], []
    for kind in linears(base, layers[0]):
        spectra, splits = [], []
        for l in count:
            module, w = linears(base, layers[l])[kind]
            x = numpy.concatenate(taken[id(module), l])
            y = x @ w.T
            spectra.append(sv(y)[:min(w.shape)])
            g = numpy.linalg.norm(w, axis=0)
            u, s, vt = numpy.linalg.svd(w, full_matrices=False)
            row = []
            for alpha in ALPHAS:
                channels = 0 if alpha == 0 else max(1, int(w.shape[1] * (1 - SPARSITY) * alpha))
                rank = max(1, int((w.size * (1 - SPARSITY) - channels * w.shape[0]) / sum(w.shape)))
                size = numpy.abs(x) * (1 if alpha == 1 else g)
                mask = numpy.zeros_like(x) if alpha == 0 else size > quantile(size, 1 - (1 - SPARSITY) * alpha)
                low = u[:, :rank] * s[:rank] @ vt[:rank]
                row.append(numpy.linalg.norm(y - (x * mask) @ w.T - (x * (1 - mask)) @ low.T) / numpy.linalg.norm(y))
            splits.append(row)
            if kind == "down":
                q = numpy.abs(x) * g

                def error(eps):
                    return float(numpy.mean(numpy.linalg.norm((x * (q <= eps)) @ w.T, axis=1) / numpy.linalg.norm(y, axis=1)))
                low, high, least, most = 0, 65535, q.min(), quantile(q, 0.99)
                while low < high:
                    mid = (low + high + 1) // 2
                    low, high = (mid, high) if error(least + (most - least) * mid / 65535) <= TARGET else (low, mid - 1)
                eps = least + (most - least) * low / 65535
                thresholds.append(eps)
                errors.append(error(eps))
                sparsities.append(numpy.mean(q <= eps))
                curves.append([error(quantile(q, c)) for c in QUANTILES])
        put(kind + "_out.sv", spectra, kind="scaled", tol=1e-4)
        put("rank_aware." + kind, splits, kind="absolute", tol=1e-3)
    put("tail_threshold", thresholds, kind="relative", tol=1e-3)
    put("tail_error", errors, kind="absolute", tol=1e-3)
    put("sparsity", sparsities, kind="absolute", tol=1e-3)
    put("tail.error", curves, kind="absolute", tol=2e-3)

    # The same run with those activations dropped.
    def drop(module, w, eps):
        g = torch.tensor(numpy.linalg.norm(w, axis=0))
        return module.register_forward_pre_hook(lambda m, a: (a[0] * (a[0].abs().double() * g > eps).to(a[0].dtype),))
    for l in count:
        drop(*linears(base, layers[l])["down"], thresholds[l])
    dropped = []
    with torch.no_grad():
        for row in ids:
            dropped.append(torch.nn.functional.cross_entropy(model(row[None]).logits[0].double()[:-1], row[1:], reduction="none").numpy())
    put("loss", [numpy.mean(loss)], kind="absolute", tol=1e-4)
    put("dropped_loss", [numpy.mean(dropped)], kind="absolute", tol=1e-3)

    folder = reference / ("an-rank-" + base)
    folder.mkdir(exist_ok=True)
    save_file({k: numpy.ascontiguousarray(v) for k, v in golden.items()}, folder / "golden.safetensors")
    description = {
        "case": folder.name, "kind": "analysis", "base_case": base, "seed": seed, "sequences": SEQUENCES, "tokens": SEQUENCES * LENGTH,
        "description": f"ranks and sparsity of hidden states and activations of {base} over {SEQUENCES} sequences of {LENGTH} random tokens",
        "how": "float32 run of transformers, each sequence alone, then float64 numpy; made by make_rank_cases.py",
        "target": TARGET, "rank_aware_sparsity": SPARSITY, "alphas": ALPHAS, "quantiles": QUANTILES,
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__,
                     "safetensors": safetensors.__version__, "numpy": numpy.__version__, "device": "cpu"},
        "tensors": {k: {"dtype": str(v.dtype), "shape": list(v.shape), "tolerance": tolerance[k]} for k, v in golden.items()}}
    (folder / "golden.json").write_text(json.dumps(description, indent=1) + "\n")
    print(folder.name, "loss %.4f, dropped %.4f" % (golden["loss"][0], golden["dropped_loss"][0]), "sparsity", numpy.round(golden["sparsity"], 3))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--only", nargs="*")
    arguments = parser.parse_args()
    for name, number in CASES.items():
        if not arguments.only or name in arguments.only:
            make(name, number, arguments.reference)
