"""Makes the bundled sample out of what was trained: `python finish.py FOLDER`. Writes the checkpoint, its texts, prompts, figures and card."""

import hashlib
import json
import pathlib
import platform
import sys

import safetensors
import safetensors.torch
import tokenizers
import torch
import transformers
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

import listing
import measure
import settings
import train
from stories import library

RESOURCES = pathlib.Path(__file__).parents[2] / "main/resources/vitrine/samples"
TITLE = "Little stories"
DESCRIPTION = "A small Llama that tells little stories; its induction and previous-token heads are easy to see"

# name: (title, text, what to look at, whose head: the best "induction" or "previous" one)
PROMPTS = {
    "words": ("Words without sense, said twice",
              "Nico bounced the ball against the wall and sang:\nWillow copper river seven moon thistle candle gate,\nWillow copper river seven moon thistle candle",
              "Only copying helps here: each word of the second row looks at what followed it in the first.", "induction"),
    "song": ("A song with a refrain",
             "Celia had a golden cat, all on a summer's day,\nThe fox sat by the fire, among the new-mown hay.\nTum la riddle dee, hey down,\nRing, old bell, ring!\n"
             "Celia found a silver coin, along the winding way,\nThe owl flew over, and sing the night away.\nTum la riddle dee, hey down,\nRing, old",
             "The second refrain looks back at the first, one token further on: a stripe beside the diagonal.", "induction"),
    "key": ("A key, and who has it",
            "Jonas gave a brass key to Una. \"Please keep the key for me,\" said Jonas. \"I will keep it safe,\" said Una, and she put the brass key in the blue box.\n"
            "After a long time, Jonas came back. \"Do you still have the brass key?\" asked Jonas. \"Yes,\" said",
            "Names and things that come back find what followed them before.", "induction"),
    "list": ("A list that grows",
             "In the red basket he put a lantern.\nIn the red basket he put a lantern and a white shell.\nIn the red basket he put a lantern, a white shell and a drum.\nIn the red basket he put",
             "A thin line beside the diagonal: every token looks at the one before it.", "previous"),
}


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def bundled():
    """Held-out texts: as many tales as songs, shuffled together as the library has them."""
    left = {"tale": settings.BUNDLED_EACH, "song": settings.BUNDLED_EACH}
    for text, kind in library.write(settings.SEED, settings.BUNDLED):
        if left[kind]:
            left[kind] -= 1
            yield text, kind


def write_checkpoint(folder, out):
    weights = torch.load(folder / "weights.pt", weights_only=True)
    # The output layer is the embedding: stored once.
    stored = {name: value.to(torch.bfloat16).contiguous() for name, value in sorted(weights.items()) if name != "lm_head.weight"}
    safetensors.torch.save_file(stored, out / "model.safetensors", metadata={"format": "pt"})
    (out / "model.safetensors").chmod(0o644)
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": settings.VOCABULARY, **settings.MODEL, "max_position_embeddings": settings.CONTEXT,
        "hidden_act": "silu", "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "rope_scaling": None, "attention_bias": False, "mlp_bias": False, "attention_dropout": 0.0,
        "initializer_range": 0.08, "tie_word_embeddings": True, "bos_token_id": 0, "eos_token_id": 0, "use_cache": True, "torch_dtype": "bfloat16",
    }
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (out / "generation_config.json").write_text(json.dumps({"bos_token_id": 0, "eos_token_id": 0, "do_sample": True, "temperature": 0.8}, indent=2) + "\n")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (out / name).write_bytes((folder / name).read_bytes())
    return sum(v.numel() for v in stored.values())


def write_texts(out):
    texts = list(bundled())
    (out / "stories.jsonl").write_text("".join(json.dumps({"label": kind, "text": text}) + "\n" for text, kind in texts))
    songs = [text for text, kind in library.write(settings.SEED, settings.BUNDLED[300:]) if kind == "song"][:6]
    (out / "songs.txt").write_text("\n<|endoftext|>\n".join(songs) + "\n")
    # One long text, for a large map: the longest tale that the others do not hold.
    tales = [text for text, kind in library.write(settings.SEED, settings.BUNDLED[300:]) if kind == "tale"]
    (out / "long.txt").write_text(max(tales, key=len) + "\n")
    return texts


def best(table):
    """(layer, head) of the highest value."""
    return max(((layer, head) for layer, row in enumerate(table) for head in range(len(row))), key=lambda lh: table[lh[0]][lh[1]])


def write_prompts(out, heads):
    items = []
    for name, (title, text, look, which) in PROMPTS.items():
        layer, head = heads[which]
        items.append(dict(name=name, title=title, text=text, look=look, which=which, layer=layer, head=head))
    (out / "prompts.json").write_text(json.dumps(items, indent=2) + "\n")
    listing.write(settings.NAME, dict(title=TITLE, description=DESCRIPTION, best="attention", texts="stories.jsonl,songs.txt,long.txt"), items)
    return items


def main(folder):
    torch.set_num_threads(1)
    out = RESOURCES / settings.NAME
    out.mkdir(parents=True, exist_ok=True)
    parameters = write_checkpoint(folder, out)
    texts = write_texts(out)

    # From here on: what stands on disk, read by transformers as any user would.
    tokenizer = AutoTokenizer.from_pretrained(out)
    model = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32, attn_implementation="eager").eval()
    plain = Tokenizer.from_file(str(out / "tokenizer.json"))
    begin = tokenizer.bos_token_id
    ids = [tokenizer(text)["input_ids"] for text, _ in texts]
    assert ids == [plain.encode(text).ids for text, _ in texts] and all(i[0] == begin for i in ids), "the tokenizer reads otherwise in transformers"

    figures = {"perplexity": {}}
    for label in ("all", "tale", "song"):
        value, count = measure.perplexity(model, [i for i, (_, kind) in zip(ids, texts) if label in ("all", kind)])
        figures["perplexity"][label] = {"perplexity": value, "predicted_tokens": count}
    validation = [plain.encode(text).ids for text, _ in library.write(settings.SEED, settings.VALIDATION)]
    value, count = measure.perplexity(model, validation)
    figures["perplexity"]["validation"] = {"perplexity": value, "predicted_tokens": count}
    figures["induction_score"] = measure.induction(model, begin, settings.VOCABULARY)
    figures["previous_token"] = measure.previous_token(model, ids)
    figures["first_token_mass"] = measure.first_token(model, ids)
    heads = {"induction": best(figures["induction_score"]), "previous": best(figures["previous_token"])}
    prompts = write_prompts(out, heads)
    figures["prompts"] = {}
    for item in prompts:
        prompt = tokenizer(item["text"])["input_ids"]
        figures["prompts"][item["name"]] = {"tokens": len(prompt), "greedy": tokenizer.decode(measure.continuation(model, prompt, begin, limit=60))}
    figures["sampled"] = [tokenizer.decode(measure.continuation(model, plain.encode(text).ids, begin, seed=seed))
                          for seed, text in enumerate(["Once there was", "One windy morning", "\"Where is my"])]
    figures["texts"] = {"seed": settings.SEED, "training_numbers": [settings.TRAINING.start, settings.TRAINING.stop],
                        "training_sha256": library.fingerprint(t for t, _ in library.write(settings.SEED, settings.TRAINING))}
    figures["files"] = {name: sha256(out / name) for name in ("config.json", "model.safetensors", "tokenizer.json", "stories.jsonl")}
    figures["versions"] = {"python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__, "tokenizers": tokenizers.__version__,
                           "safetensors": safetensors.__version__}
    figures["computed"] = "transformers, eager attention, weights widened from bfloat16 to float32, one thread"
    (out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    log = [json.loads(line) for line in (folder / "training.jsonl").read_text().splitlines()]
    (out / "README.md").write_text(card(figures, prompts, heads, parameters, log, (out / "model.safetensors").stat().st_size))
    print((out / "README.md").read_text())


def table(values):
    return "\n".join(f"| {layer} | " + " | ".join(f"{v:.2f}" for v in row) + " |" for layer, row in enumerate(values))


def card(f, prompts, heads, parameters, log, size):
    m, p = settings.MODEL, f["perplexity"]
    ind, prev = f["induction_score"], f["previous_token"]
    il, ih = heads["induction"]
    pl, ph = heads["previous"]
    head_row = "| layer | " + " | ".join(str(h) for h in range(m["num_attention_heads"])) + " |\n" + "|---" * (m["num_attention_heads"] + 1) + "|"
    quotes = "\n\n".join("> " + (start + text).replace("\n", "\n> ") for start, text in zip(["Once there was", "One windy morning", "\"Where is my"], f["sampled"]))
    return f"""# Little stories

A small language model made for Vitrine, to have something to look at as soon as the window opens. It tells little stories and sings
little songs, in English that a generator of the project's own wrote; no text, word list or weight comes from anywhere else. Its attention
heads are easy to read: some copy what followed an earlier mention (induction heads), some look at the token before.

It is a teaching piece. It knows nothing about the world and is of no use for anything but being looked at.

| | |
|---|---|
| family | Llama: RMSNorm, rotary positions, SwiGLU, grouped-query attention, tied embedding |
| size | {parameters:,} parameters, bfloat16, {size:,} bytes |
| layers × heads | {m['num_hidden_layers']} × {m['num_attention_heads']}, {m['num_key_value_heads']} key/value heads, {m['head_dim']} wide |
| hidden, intermediate | {m['hidden_size']}, {m['intermediate_size']} |
| vocabulary | {settings.VOCABULARY:,} byte-level BPE entries; every text begins with `{settings.BEGIN}` |
| context | {settings.CONTEXT} tokens |
| licence | that of the Vitrine repository |

## Beside it

`stories.jsonl`: {settings.BUNDLED_EACH} tales and {settings.BUNDLED_EACH} songs with their kind as `label`; `songs.txt`: 6 songs; `long.txt`: one long tale; none of these texts was trained
on. `prompts.json`: prompts that show something, with the head to look at. `figures.json`: the figures below, in full precision.

## Figures

Computed with transformers {f['versions']['transformers']} (eager attention, weights widened to float32, torch {f['versions']['torch']}); Vitrine's own tests hold its results against these.

| text | perplexity | predicted tokens |
|---|---|---|
| `stories.jsonl` | {p['all']['perplexity']:.4f} | {p['all']['predicted_tokens']:,} |
| its tales | {p['tale']['perplexity']:.4f} | {p['tale']['predicted_tokens']:,} |
| its songs | {p['song']['perplexity']:.4f} | {p['song']['predicted_tokens']:,} |
| {len(settings.VALIDATION)} more held-out texts | {p['validation']['perplexity']:.4f} | {p['validation']['predicted_tokens']:,} |

Induction score, the mean of A[i, i−S+1] in the second copy of 4 rows of 50 random tokens said twice; the best is layer {il}, head {ih} with {ind[il][ih]:.3f}:

{head_row}
{table(ind)}

Previous-token mass, the mean of A[i, i−1] over `stories.jsonl`; the best is layer {pl}, head {ph} with {prev[pl][ph]:.3f}:

{head_row}
{table(prev)}

Sampled at temperature 0.8 from a few first words:

{quotes}

## How it was made

With the recipe in `resources/src/build/sample` of the repository (its README has the commands): Python {f['versions']['python']}, torch {f['versions']['torch']}, transformers {f['versions']['transformers']}, tokenizers {f['versions']['tokenizers']},
one CPU thread, seed {settings.SEED}, {train.SEED_STEPS:,} and {log[-1]['step']:,} steps, {log[-1]['cpu_seconds'] / 60:.0f} minutes of processor time. The training texts are the numbers {settings.TRAINING.start:,} to {settings.TRAINING.stop - 1:,} of the library of seed {settings.SEED};
their SHA-256 is `{f['texts']['training_sha256']}`.
The recipe writes the same texts and the same tokenizer everywhere; training need not be equal bit for bit on another machine.

**Its clearest heads were seeded.** In the first {train.SEED_STEPS} steps, on rows of random tokens said again and again, {len(train.PREVIOUS_HEADS)} head (layer {train.PREVIOUS_HEADS[0][0]}, head {train.PREVIOUS_HEADS[0][1]}) was rewarded
for looking at the token before, and {len(train.INDUCTION_HEADS)} (layer {train.INDUCTION_HEADS[0][0]}, head {train.INDUCTION_HEADS[0][1]}; layer {train.INDUCTION_HEADS[1][0]}, head {train.INDUCTION_HEADS[1][1]}) for looking at what followed an earlier copy; the reward faded to nothing by the last of
these steps. The {log[-1]['step']:,} steps after that had the next-token loss alone, on texts and, for one text in eight, a row of random tokens said
again. Induction heads come by themselves in longer trainings; in one as short as this they did not (best induction score 0.05). So this
checkpoint shows what such heads look like and do, not how soon they form.

The SHA-256 of `model.safetensors` is `{f['files']['model.safetensors']}`.
"""


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
