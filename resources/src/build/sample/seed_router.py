"""Gives the first experts of every layer a kind of text each: `python seed_router.py FOLDER`. Only the routers of the upcycled checkpoint change.

A router's row for a kind is the direction that tells the kind's tokens from others where the router reads, in the dense model that the experts are copies of:
least squares of "is of this kind" on the state before the feed-forward block, every kind with the same weight. The other rows stay as they were drawn.
"""

import json
import pathlib
import shutil
import sys

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

import settings

TEXTS_EACH = 60
RIDGE = 1e-3
# How much louder a kind's row speaks than a drawn one: root mean squares of their scores.
LOUDER = 2


@torch.no_grad()
def states(folder, data, kinds):
    """What each layer's feed-forward block reads, `[layers][tokens, hidden]`, and the kind of each token."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    read = [[] for _ in model.model.layers]
    for layer, into in zip(model.model.layers, read):
        layer.mlp.register_forward_pre_hook(lambda module, args, into=into: into.append(args[0][0]))
    left, of = dict.fromkeys(kinds, TEXTS_EACH), []
    for line in map(json.loads, data.read_text().splitlines()):
        if left[line["label"]]:
            left[line["label"]] -= 1
            ids = tokenizer(line["text"])["input_ids"]
            model.model(input_ids=torch.tensor([ids]))
            of += [kinds.index(line["label"])] * len(ids)
    return [torch.cat(parts).double() for parts in read], torch.tensor(of), model.config.initializer_range


def main(folder):
    torch.set_num_threads(1)
    kinds = settings.VITRINE_MADE["kinds"]
    layers, of, deviation = states(folder / "experts-dense", folder / "kinds-train.jsonl", kinds)
    weight = (len(of) / len(kinds) / torch.bincount(of).double())[of]
    wanted = torch.nn.functional.one_hot(of, len(kinds)).double() - 1 / len(kinds)
    tensors = load_file(folder / "experts-start" / "model.safetensors")
    for layer, x in enumerate(layers):
        gram = (x * weight[:, None]).T @ x
        gram += RIDGE * gram.trace() / len(gram) * torch.eye(len(gram))
        rows = torch.linalg.solve(gram, (x * weight[:, None]).T @ wanted).T
        scores = x @ rows.T
        right = [(scores.argmax(-1) == of)[of == kind].double().mean().item() for kind in range(len(kinds))]
        print(f"layer {layer}: tokens told rightly", ", ".join(f"{k} {r:.0%}" for k, r in zip(kinds, right)))
        drawn = deviation * (x.square().sum(-1) * weight).mean().sqrt()
        gate = tensors[f"model.layers.{layer}.block_sparse_moe.gate.weight"]
        gate[:len(kinds)] = (rows * LOUDER * drawn / (scores.square().mean(-1) * weight).mean().sqrt()).float()
    out = folder / "experts-seeded"
    shutil.copytree(folder / "experts-start", out, dirs_exist_ok=True)
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
