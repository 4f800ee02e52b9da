#!/usr/bin/env python3
"""Makes the reference cases an-compare-*: two models against each other, by transformers and numpy.

    python make_compare_cases.py --cases DIR_OF_CASES

A is a case's checkpoint; B is the same with some weights changed by a rule that the test applies as well (`changed` below), so that only figures are kept.
Forward passes are in float32 with eager attention, what is made of them in float64.
"""
import argparse
import json
import math
from pathlib import Path

import numpy
import safetensors.torch
import torch
import transformers

TOKENS = 24


def changed(name, values):
    """The rule: layer 1, all output projections and routers; value i times 1 + 0.3 ((7919 i mod 101) - 50) / 50, in float64, rounded to float32."""
    if ".layers.1." not in name and "o_proj" not in name and "block_sparse_moe.gate" not in name:
        return values
    flat = values.astype(numpy.float64).ravel()
    i = numpy.arange(flat.size, dtype=numpy.int64)
    return (flat * (1 + 0.3 * ((7919 * i % 101) - 50) / 50)).astype(numpy.float32).reshape(values.shape)


def passed(folder, other, ids):
    config = transformers.AutoConfig.from_pretrained(folder)
    config._attn_implementation = "eager"
    tensors = {n: t.numpy() for n, t in safetensors.torch.load_file(folder / "model.safetensors").items()}
    if other:
        tensors = {n: changed(n, v) for n, v in tensors.items()}
    work = folder.parent / "work-compare"
    work.mkdir(exist_ok=True)
    (work / "config.json").write_text((folder / "config.json").read_text())
    safetensors.torch.save_file({n: torch.from_numpy(v.copy()) for n, v in tensors.items()}, work / "model.safetensors", metadata={"format": "pt"})
    model = transformers.AutoModelForCausalLM.from_pretrained(work, attn_implementation="eager", dtype=torch.float32).eval()
    routed = {}
    with torch.no_grad():
        keys = {"output_router_logits": True} if hasattr(config, "num_local_experts") else {}
        out = model(torch.tensor([ids]), output_attentions=True, output_hidden_states=True, **keys)
        states = [model.lm_head(model.model.norm(h))[0].double().numpy() for h in out.hidden_states[:-1]] + [out.logits[0].double().numpy()]
        if keys:
            for layer, logits in enumerate(out.router_logits):
                chosen = logits.reshape(len(ids), -1).topk(config.num_experts_per_tok, dim=-1).indices.numpy().ravel()
                routed[layer] = numpy.bincount(chosen, minlength=config.num_local_experts) / chosen.size
    for f in work.iterdir():
        f.unlink()
    work.rmdir()
    return tensors, states, numpy.stack([a[0].double().numpy() for a in out.attentions]), routed


def log_softmax(x):
    top = x.max(-1, keepdims=True)
    return x - top - numpy.log(numpy.exp(x - top).sum(-1, keepdims=True))


def kl(p, q):
    return (numpy.exp(p) * (p - q)).sum(-1)


def effective_rank(w):
    s = numpy.linalg.svd(w.astype(numpy.float64), compute_uv=False)
    p = s / s.sum()
    p = p[p > 0]
    return math.exp(-(p * numpy.log(p)).sum()) / len(s)


def case(folder, out):
    ids = [int(v) for v in numpy.random.default_rng(7).integers(3, 200, TOKENS)]
    one, two = passed(folder, False, ids), passed(folder, True, ids)
    figures = {}
    finals = []
    for side, (_, states, maps, _) in (("a", one), ("b", two)):
        final = log_softmax(states[-1])
        finals.append(final)
        figures["token_nll_" + side] = -final[numpy.arange(TOKENS - 1), ids[1:]]
        figures["top_" + side] = final.argmax(-1)
        figures["first_token_mass_" + side] = maps[:, :, 1:, 0].mean(-1)
        lens = [log_softmax(s) for s in states]
        figures["lens_top_" + side] = numpy.stack([l.argmax(-1) for l in lens])
        figures["lens_probability_" + side] = numpy.stack([numpy.exp(l.max(-1)) for l in lens])
        figures["lens_target_" + side] = numpy.stack([numpy.exp(l[numpy.arange(TOKENS - 1), ids[1:]]) for l in lens])
        figures["lens_rank_" + side] = numpy.stack([(l[:-1] > l[numpy.arange(TOKENS - 1), ids[1:]][:, None]).sum(-1) + 1 for l in lens])
        figures["lens_kl_" + side] = numpy.stack([kl(final, l) for l in lens])
    p, q = finals
    m = numpy.log((numpy.exp(p) + numpy.exp(q)) / 2)
    figures["kl_ab"], figures["kl_ba"], figures["js"] = kl(p, q), kl(q, p), (kl(p, m) + kl(q, m)) / 2
    figures["attention_total_variation"] = numpy.abs(two[2] - one[2]).sum(-1).mean(-1) / 2
    golden = {"ids": ids, "agreement": float((p.argmax(-1) == q.argmax(-1)).mean()), "perplexity_a": math.exp(figures["token_nll_a"].mean()),
              "perplexity_b": math.exp(figures["token_nll_b"].mean()), "matrices": {}, "changed": [], "equal": [], "routing": []}
    for name in sorted(one[0]):
        v, w = one[0][name], two[0][name]
        golden["equal" if (v == w).all() else "changed"].append(name)
        if v.ndim == 2:
            golden["matrices"][name] = {"relative_change": float(numpy.linalg.norm(w.astype(numpy.float64) - v) / numpy.linalg.norm(v.astype(numpy.float64))),
                                        "rank_a": effective_rank(v), "rank_b": effective_rank(w)}
    for layer in one[3]:
        golden["routing"].append({"layer": layer, "load_a": one[3][layer].tolist(), "load_b": two[3][layer].tolist(), "moved": float(numpy.abs(one[3][layer] - two[3][layer]).sum() / 2)})
    golden["versions"] = {"torch": torch.__version__, "transformers": transformers.__version__, "numpy": numpy.__version__}
    out.mkdir(exist_ok=True)
    (out / "golden.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    whole = {"top", "lens_top", "lens_rank"}
    safetensors.torch.save_file({n: torch.from_numpy(numpy.ascontiguousarray(v if n[:-2] in whole else v.astype(numpy.float32)).astype(numpy.int32 if n[:-2] in whole else numpy.float32))
                                 for n, v in figures.items()}, out / "golden.safetensors")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path, required=True)
    cases = parser.parse_args().cases
    torch.set_num_threads(1)
    case(cases / "llama-gqa", cases / "an-compare-llama")
    case(cases / "mixtral", cases / "an-compare-mixtral")


if __name__ == "__main__":
    main()
