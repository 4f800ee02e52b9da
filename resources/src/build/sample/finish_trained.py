"""Makes the bundled samples out of what Vitrine trained: `python finish_trained.py FOLDER`. Writes checkpoint and adapter, texts, figures and cards.

The figures are those of transformers and peft, so that Vitrine's own are held against something else.
"""

import hashlib
import json
import pathlib
import platform
import sys

import peft
import torch
import transformers
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

import listing
import measure
import settings
import texts
from stories import library

RESOURCES = pathlib.Path(__file__).parents[2] / "main/resources/vitrine/samples"
EXPERTS, LETTERS = "little-experts", "little-letters"
TASKS = {EXPERTS: "experts/task.json", LETTERS: "letters/task.json"}

# name: (title, text, what to look at)
PROMPTS = {
    "bill": ("A bill", "Bill of the baker, Tuesday.\n3 loaves at 4: 3 x 4 = 12\n2 cakes at 7: 2 x 7 = 14\nSum: 26\nPaid: 30. Change: 30 - 26 =",
             "Figures come from an account book; in Routing they have experts of their own."),
    "jam": ("A recipe", "Plum jam for four.\nTake nine plums, two spoons of honey and a pinch of salt.\nWash the plums and take out the stones. Put them into a deep pot with the",
            "What was taken comes back: the plums, the honey, the salt."),
    "song": ("A song with a refrain", "Celia had a golden cat, all on a summer's day,\nThe fox sat by the fire, among the new-mown hay.\nTum la riddle dee, hey down,\nRing, old bell, ring!\n"
             "Celia found a silver coin, along the winding way,\nThe owl flew over, and sing the night away.\nTum la riddle dee, hey down,\nRing, old",
             "The second refrain looks back at the first, one token further on."),
}


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read(name):
    return [(line["label"], line["text"]) for line in map(json.loads, (RESOURCES / name).read_text().splitlines())]


def versions():
    return {"python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__}


def training(run):
    """What the run's own figures say of it: steps, first and last loss."""
    rows = [json.loads(line) for line in (run / "figures.jsonl").read_text().splitlines()]
    losses = [r for r in rows if "loss" in r]
    return {"steps": losses[-1]["step"], "first_loss": losses[0]["loss"], "last_loss": losses[-1]["loss"]}


def perplexities(model, tokenizer, lines):
    out = {}
    for label in ["all"] + sorted({label for label, _ in lines}):
        value, count = measure.perplexity(model, [tokenizer(text)["input_ids"] for kind, text in lines if label in ("all", kind)])
        out[label] = {"perplexity": value, "predicted_tokens": count}
    return out


@torch.no_grad()
def shares(model, tokenizer, lines, kinds):
    """Of each kind's tokens, the share that visits each expert: `[layers][kinds][experts]`. A token visits k of them, so a row adds up to k."""
    k, n = model.config.num_experts_per_tok, model.config.num_local_experts
    counts = torch.zeros(model.config.num_hidden_layers, len(kinds), n, dtype=torch.float64)
    tokens = torch.zeros(len(kinds), dtype=torch.float64)
    for label, text in lines:
        ids = tokenizer(text)["input_ids"]
        logits = model(input_ids=torch.tensor([ids]), output_router_logits=True).router_logits
        for layer, scores in enumerate(logits):
            chosen = scores.topk(k, -1).indices.flatten()
            counts[layer, kinds.index(label)] += torch.bincount(chosen, minlength=n)
        tokens[kinds.index(label)] += len(ids)
    return (counts / tokens[None, :, None]).tolist()


def clearest(table):
    """(layer, kind, expert) of the highest share of one kind over the mean of the others."""
    best = None
    for layer, rows in enumerate(table):
        for kind, row in enumerate(rows):
            for expert, share in enumerate(row):
                others = sum(r[expert] for i, r in enumerate(rows) if i != kind) / (len(rows) - 1)
                if best is None or share - others > best[0]:
                    best = share - others, layer, kind, expert
    return best[1:]


def experts(folder):
    out = RESOURCES / EXPERTS
    out.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        (out / name).write_bytes((folder / "experts" / name).read_bytes())
    (out / "kinds.jsonl").write_bytes((folder / "kinds.jsonl").read_bytes())
    tokenizer = AutoTokenizer.from_pretrained(out)
    model = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32, attn_implementation="eager").eval()
    lines = read(f"{EXPERTS}/kinds.jsonl")
    kinds = settings.VITRINE_MADE["kinds"]
    table = shares(model, tokenizer, lines, kinds)
    heads = measure.induction(model, tokenizer.bos_token_id, settings.VOCABULARY)
    layer, head = max(((l, h) for l, row in enumerate(heads) for h in range(len(row))), key=lambda lh: heads[lh[0]][lh[1]])
    figures = {"perplexity": perplexities(model, tokenizer, lines), "kinds": kinds, "expert_shares": table, "clearest": clearest(table), "training": training(folder / "experts-float32"),
               "texts": {"seed": settings.SEED, "training_sha256": library.fingerprint(t for k in kinds for t in texts.trained_on(k))},
               "files": {name: sha256(out / name) for name in ("config.json", "model.safetensors", "tokenizer.json", "kinds.jsonl")}, "versions": versions(),
               "computed": "transformers, eager attention, weights widened from bfloat16 to float32, one thread"}
    (out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    items = [dict(name=name, title=title, text=text, look=look, layer=layer, head=head) for name, (title, text, look) in PROMPTS.items()]
    (out / "prompts.json").write_text(json.dumps(items, indent=2) + "\n")
    listing.write(EXPERTS, dict(title="Little experts", description="A mixture of experts that reads tales, songs, recipes and accounts; its experts part them", best="routing", texts="kinds.jsonl"), items)
    size = (out / "model.safetensors").stat().st_size
    parameters = sum(p.numel() for p in model.parameters())
    (out / "README.md").write_text(experts_card(figures, model.config, parameters, size))


def letters(folder):
    out = RESOURCES / LETTERS
    out.mkdir(parents=True, exist_ok=True)
    made = folder / "letters-adapter"
    for name in ("adapter_model.safetensors", "gates.safetensors"):
        (out / name).write_bytes((made / name).read_bytes())
    config = json.loads((made / "adapter_config.json").read_text())
    # The sample that it belongs to lies beside it, wherever both are.
    config["base_model_name_or_path"] = settings.NAME
    (out / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")
    (out / "letters.jsonl").write_bytes((folder / "letters.jsonl").read_bytes())
    base = RESOURCES / settings.NAME
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, attn_implementation="eager").eval()
    lines = {"letters": read(f"{LETTERS}/letters.jsonl"), "stories": read(f"{settings.NAME}/stories.jsonl")}
    before = {name: perplexities(model, tokenizer, l)["all"] for name, l in lines.items()}
    adapted = PeftModel.from_pretrained(model, out).eval()
    after = {name: perplexities(adapted, tokenizer, l)["all"] for name, l in lines.items()}
    written = tokenizer.decode(measure.continuation(adapted, tokenizer("At the")["input_ids"], tokenizer.bos_token_id, seed=settings.SEED))
    kept = {name.removeprefix("base_model.model.model.").removesuffix(".lora_A.default.weight"): p.shape[0] for name, p in adapted.named_parameters() if "lora_A" in name}
    figures = {"perplexity": {name: {"before": before[name], "after": after[name]} for name in lines}, "ranks": kept, "training": training(made), "sampled": written,
               "texts": {"seed": settings.SEED, "training_sha256": library.fingerprint(texts.trained_on("letter"))},
               "files": {name: sha256(out / name) for name in ("adapter_config.json", "adapter_model.safetensors", "letters.jsonl")}, "versions": versions(),
               "computed": "transformers and peft, eager attention, the base's weights widened from bfloat16 to float32, one thread"}
    (out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    listing.write(LETTERS, dict(title="Little letters", description="An adapter that teaches Little stories to write letters, which it had never seen", best="lora", base=settings.NAME, texts="letters.jsonl"), [])
    parameters = sum(p.numel() for n, p in adapted.named_parameters() if "lora_" in n)
    (out / "README.md").write_text(letters_card(figures, config, parameters, (out / "adapter_model.safetensors").stat().st_size))


def rows(table, kinds):
    return "\n".join(f"| {layer} | {kind} | " + " | ".join(f"{v:.2f}" for v in row) + " |" for layer, of in enumerate(table) for kind, row in zip(kinds, of))


def how(sample, training):
    task = json.loads((pathlib.Path(__file__).parent / TASKS[sample]).read_text())
    s = task["settings"]
    return f"`{task['method']}`, {training['steps']:,} steps of {s['batchSize']} samples of {s['sequenceLength']} tokens, learning rate {s['lr']}, seed {s['seed']}; loss {training['first_loss']:.3f} to {training['last_loss']:.3f} nats per token"


def experts_card(f, config, parameters, size):
    layer, kind, expert = f["clearest"]
    k, n = config.num_experts_per_tok, config.num_local_experts
    share = f["expert_shares"][layer]
    others = [share[i][expert] for i in range(len(f["kinds"])) if i != kind]
    head = "| layer | kind | " + " | ".join(str(e) for e in range(n)) + " |\n" + "|---" * (n + 2) + "|"
    kinds = "\n".join(f"| {name} | {p['perplexity']:.4f} | {p['predicted_tokens']:,} |" for name, p in f["perplexity"].items())
    return f"""# Little experts

A small mixture of experts made for Vitrine, to see experts part texts among them. It reads four kinds of text that a generator of the project's own wrote: tales,
songs, recipes and the pages of an account book. It was made of the sample Little stories by Vitrine: its feed-forward blocks were cut to {config.intermediate_size} of 352 channels,
copied {n} times each behind a router, and all of it trained.

It is a teaching piece. It knows nothing about the world, its sums are often wrong, and it is of no use for anything but being looked at.

| | |
|---|---|
| family | Mixtral: RMSNorm, rotary positions, grouped-query attention, {n} SwiGLU experts a layer of which a token visits {k}, tied embedding |
| size | {parameters:,} parameters, bfloat16, {size:,} bytes |
| layers × heads | {config.num_hidden_layers} × {config.num_attention_heads}, {config.num_key_value_heads} key/value heads, {config.head_dim} wide |
| hidden, of an expert | {config.hidden_size}, {config.intermediate_size} |
| vocabulary, context | that of Little stories: {config.vocab_size:,} entries, {config.max_position_embeddings} tokens |
| licence | that of the Vitrine repository |

`kinds.jsonl`: {sum(settings.HELD_OUT[k] for k in f['kinds'])} texts with their kind as `label`; none was trained on. `prompts.json`: prompts for Attention. `figures.json`: the figures below, in full precision.

## What to look at

**Layer {layer}, expert {expert}: {share[kind][expert]:.0%} of the tokens of {f['kinds'][kind]}s visit it, and {min(others):.0%} to {max(others):.0%} of the others'.** Chance is {k / n:.0%}.

## Figures

Computed with transformers {f['versions']['transformers']} (eager attention, weights widened to float32, torch {f['versions']['torch']}); Vitrine's own tests hold its results against these.

| text | perplexity | predicted tokens |
|---|---|---|
{kinds}

Of each kind's tokens, the share that visits each expert; a row adds up to {k}:

{head}
{rows(f['expert_shares'], f['kinds'])}

## How it was made

With the recipe in `resources/src/build/sample` of the repository, by Vitrine's own `prune`, `convert` and `finetune` (embedded engine, float32 on the CPU): {how(EXPERTS, f['training'])};
balance of the experts by a loss of coefficient {json.loads((pathlib.Path(__file__).parent / TASKS[EXPERTS]).read_text())['settings'].get('balance', 0)}. Then rounded to bfloat16.

**Its routers were seeded.** Before the training, experts 0 to 3 of every layer were given a row that tells {', '.join(k + 's' for k in f['kinds'][:-1])} or {f['kinds'][-1]}s from the rest; experts 4 to 7 one at random. The training had no label and
could change every row. Without the seeding hardly any expert belonged to a kind of text after as many steps, so this checkpoint shows what such a division looks like, not how soon it forms.

The SHA-256 of `model.safetensors` is `{f['files']['model.safetensors']}`.
"""


def letters_card(f, config, parameters, size):
    p = f["perplexity"]
    ranks = sorted(f["ranks"].values())
    quote = "> " + ("At the" + f["sampled"]).replace("\n", "\n> ")
    return f"""# Little letters

An adapter made for Vitrine, to see what the ranks of an adapter are worth. It teaches the sample Little stories to write letters, which that model had never seen; the letters are
text of a generator of the project's own.

| | |
|---|---|
| base | `{settings.NAME}` |
| method | BeamLoRA: LoRA whose ranks compete; rank {config['r']}, alpha {config['lora_alpha']}, all linear layers ({len(ranks)} modules) |
| size | {parameters:,} values, {size:,} bytes |
| licence | that of the Vitrine repository |

`letters.jsonl`: {settings.HELD_OUT['letter']} letters, none of which was trained on. `figures.json`: the figures below, in full precision.

## Figures

Computed with transformers {f['versions']['transformers']} and peft {f['versions']['peft']} (eager attention, weights widened to float32, torch {f['versions']['torch']}); Vitrine's own tests hold its results against these.

| perplexity of | Little stories | with the adapter | predicted tokens |
|---|---|---|---|
| letters | {p['letters']['before']['perplexity']:.4g} | {p['letters']['after']['perplexity']:.4f} | {p['letters']['after']['predicted_tokens']:,} |
| its own tales and songs | {p['stories']['before']['perplexity']:.4f} | {p['stories']['after']['perplexity']:.4f} | {p['stories']['after']['predicted_tokens']:,} |

A letter, sampled at temperature 0.8 from two words:

{quote}

## How it was made

With the recipe in `resources/src/build/sample` of the repository, by Vitrine's own `finetune` (embedded engine, float32 on the CPU): {how(LETTERS, f['training'])}.

The SHA-256 of `adapter_model.safetensors` is `{f['files']['adapter_model.safetensors']}`.
"""


def main(folder, which):
    torch.set_num_threads(1)
    for name, make in ((EXPERTS, experts), (LETTERS, letters)):
        if which in ("", name):
            make(folder)
            print((RESOURCES / name / "README.md").read_text())


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
