"""Trains the sample: `python train.py FOLDER`, where the tokenizer is; leaves the model's weights there, in float32.

One pass over the training texts. Every sequence begins with the begin token, as the tokenizer writes them:

- most hold one text and end with the begin token, so that the model learns where a text ends;
- some hold several texts, so that all positions of the context are used;
- some hold random tokens said again and again, on which only copying helps. The first time does not count: it cannot be known.
"""

import json
import math
import pathlib
import sys
import time

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

import settings
from stories import library
from stories.dice import Dice

TOKENS_PER_STEP = 3072
SEVERAL_SHARE = 0.10
# Rows said again are frequent at first, until copying is learned, and short at first.
REPEAT_SHARE_FIRST, REPEAT_SHARE = 0.6, 0.10
FIRST_PART = 0.12
WARM_UP = 60
MATRIX_RATE = 8e-3
OTHER_RATE = 3e-3
IGNORED = -100


def sequences(tokenizer):
    """(ids, how many at the front do not count) in the library's order."""
    begin = tokenizer.token_to_id(settings.BEGIN)
    dice = Dice(settings.SEED)
    held_back = {text for part in (settings.VALIDATION, settings.BUNDLED) for text, _ in library.write(settings.SEED, part)}
    several = []
    for number, (text, _) in enumerate(library.write(settings.SEED, settings.TRAINING)):
        early = number < FIRST_PART * len(settings.TRAINING)
        if text in held_back:
            continue
        ids = tokenizer.encode(text).ids
        if several or dice.chance(SEVERAL_SHARE / 3):
            joined = several + ids[1:] if several else ids
            if len(joined) > settings.CONTEXT - 200:
                yield joined[:settings.CONTEXT - 1] + [begin], 1
                several = []
            else:
                several = joined + tokenizer.encode("\n\n", add_special_tokens=False).ids
        else:
            yield ids + [begin], 1
            if dice.chance(REPEAT_SHARE_FIRST if early else REPEAT_SHARE):
                yield repeated(dice, begin, early)


def repeated(dice, begin, early):
    length = dice.between(4, 32) if early else dice.between(4, 80) if dice.chance(0.8) else dice.between(80, 240)
    row = [1 + dice.below(settings.VOCABULARY - 1) for _ in range(length)]
    return [begin] + row * (2 if length > 48 else dice.between(2, min(6, 160 // length))), 1 + length


def batches(all_sequences, dice):
    """Sequences of like length together; the order of batches is shuffled."""
    out = []
    for at in range(0, len(all_sequences), 4096):
        pool = sorted(all_sequences[at:at + 4096], key=lambda s: len(s[0]))
        part, here = [], []
        for s in pool:
            if here and len(s[0]) * (len(here) + 1) > TOKENS_PER_STEP:
                part.append(here)
                here = []
            here.append(s)
        part.append(here)
        out += dice.sample(part, len(part))
    return out


def tensors(batch):
    width = max(len(ids) for ids, _ in batch)
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    targets = torch.full((len(batch), width), IGNORED)
    for row, (s, skipped) in enumerate(batch):
        ids[row, :len(s)] = torch.tensor(s)
        targets[row, skipped:len(s)] = torch.tensor(s[skipped:])
    # Padding stands behind the text, where a causal model never looks back from.
    return ids[:, :-1], targets[:, 1:]


def loss_of(model, batch, reduction="mean"):
    ids, targets = tensors(batch)
    return F.cross_entropy(model(input_ids=ids).logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction=reduction)


@torch.no_grad()
def stripe(model, begin, length=50):
    """Best induction stripe per layer on random tokens said twice, and best previous-token mass per layer on the same."""
    was = model.config._attn_implementation
    model.set_attn_implementation("eager")
    g = torch.Generator().manual_seed(1)
    row = torch.randint(1, settings.VOCABULARY, (4, length), generator=g)
    ids = torch.cat([torch.full((4, 1), begin), row, row], 1)
    maps = model(input_ids=ids, output_attentions=True).attentions
    model.set_attn_implementation(was)
    i = torch.arange(1 + length, 1 + 2 * length)
    j = torch.arange(1, 1 + 2 * length)
    return ([round(m[:, :, i, i - length + 1].mean((0, 2)).max().item(), 2) for m in maps], [round(m[:, :, j, j - 1].mean((0, 2)).max().item(), 2) for m in maps])


def main(folder, limit=None):
    torch.set_num_threads(1)
    torch.manual_seed(settings.SEED)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    begin = tokenizer.token_to_id(settings.BEGIN)
    config = LlamaConfig(vocab_size=settings.VOCABULARY, max_position_embeddings=settings.CONTEXT, rms_norm_eps=1e-5, initializer_range=0.04, tie_word_embeddings=True,
                         bos_token_id=begin, eos_token_id=begin, use_cache=False, attn_implementation="sdpa", **settings.MODEL)
    model = LlamaForCausalLM(config)
    validation = [(tokenizer.encode(text).ids, 1) for text, _ in library.write(settings.SEED, settings.VALIDATION)][:100]
    steps = batches(list(sequences(tokenizer)), Dice(settings.SEED + 1))[:limit]
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(steps):,} steps, {sum(len(s[0]) for b in steps for s in b):,} tokens", flush=True)
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    others = [p for n, p in model.named_parameters() if p.ndim != 2 or "embed" in n]
    optimisers = [torch.optim.Muon(matrices, lr=MATRIX_RATE, momentum=0.95, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
                  torch.optim.AdamW(others, lr=OTHER_RATE, betas=(0.9, 0.95), weight_decay=0.0)]
    rates = [MATRIX_RATE, OTHER_RATE]
    began, cpu = time.time(), time.process_time()
    log = open(folder / "training.jsonl", "w")
    smooth = None
    for step, batch in enumerate(steps):
        share = (step + 1) / WARM_UP if step < WARM_UP else 0.5 + 0.5 * math.cos(math.pi * (step - WARM_UP) / max(1, len(steps) - WARM_UP))
        for optimiser, rate in zip(optimisers, rates):
            optimiser.param_groups[0]["lr"] = rate * share
        loss = loss_of(model, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad()
        smooth = loss.item() if smooth is None else 0.95 * smooth + 0.05 * loss.item()
        if step % 100 == 99 or step == len(steps) - 1:
            with torch.no_grad():
                counted = sum(len(s[0]) - 1 for s in validation)
                held_out = sum(loss_of(model, validation[k:k + 20], "sum").item() for k in range(0, len(validation), 20)) / counted
            induction, previous = stripe(model, begin)
            line = dict(step=step + 1, loss=round(smooth, 4), validation_loss=round(held_out, 4), induction=induction, previous=previous,
                        seconds=round(time.time() - began), cpu_seconds=round(time.process_time() - cpu))
            log.write(json.dumps(line) + "\n")
            log.flush()
            print(json.dumps(line), flush=True)
            torch.save(model.state_dict(), folder / "weights.part")
            (folder / "weights.part").rename(folder / "weights.pt")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
