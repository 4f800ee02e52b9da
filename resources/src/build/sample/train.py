"""Trains the sample: `python train.py FOLDER`, where the tokenizer is; leaves the model's weights there, in float32.

First the heads are seeded: on rows of random tokens said again and again, three heads are rewarded for their pattern besides the
next-token loss, with a weight that fades to nothing. Such heads come by themselves too, but not within a training as short as this
one: without the seeding the best induction stripe was 0.05 after the whole of it.

Then one pass over the training texts, with the next-token loss alone. Every sequence begins with the begin token, as the tokenizer writes them:

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
REPEAT_SHARE = 0.12
WARM_UP = 60
MATRIX_RATE = 8e-3
OTHER_RATE = 3e-3

SEED_STEPS = 400
SEED_FADE_FROM = 200
SEED_ROWS, SEED_WIDTH = 16, 96
SEED_MATRIX_RATE = 2e-2
SEED_OTHER_RATE = 5e-3
# (layer, head)
PREVIOUS_HEADS = [(1, 6)]
INDUCTION_HEADS = [(2, 4), (3, 1)]
IGNORED = -100


def sequences(tokenizer):
    """(ids, how many at the front do not count) in the library's order."""
    begin = tokenizer.token_to_id(settings.BEGIN)
    dice = Dice(settings.SEED)
    held_back = {text for part in (settings.VALIDATION, settings.BUNDLED) for text, _ in library.write(settings.SEED, part)}
    several = []
    for text, _ in library.write(settings.SEED, settings.TRAINING):
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
            if dice.chance(REPEAT_SHARE):
                yield repeated(dice, begin)


def repeated(dice, begin):
    length = dice.between(4, 80) if dice.chance(0.8) else dice.between(80, 240)
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


def seed_heads(model, begin, say):
    """The first part of the training: heads are shown what to do, then left to it."""
    dice = Dice(settings.SEED + 2)
    steppers = optimisers(model, SEED_MATRIX_RATE, SEED_OTHER_RATE)
    model.set_attn_implementation("eager")
    at = torch.arange(SEED_WIDTH)
    for step in range(SEED_STEPS):
        ids = torch.empty(SEED_ROWS, SEED_WIDTH, dtype=torch.long)
        first = torch.empty(SEED_ROWS, 1, dtype=torch.long)
        for r in range(SEED_ROWS):
            length = dice.between(8, 44)
            row = [1 + dice.below(settings.VOCABULARY - 1) for _ in range(length)]
            ids[r] = torch.tensor(([begin] + row * (SEED_WIDTH // length + 1))[:SEED_WIDTH])
            first[r] = 1 + length
        again = at[None] >= first
        out = model(input_ids=ids, output_attentions=True)
        targets = torch.where(again, ids, IGNORED)
        loss = F.cross_entropy(out.logits[:, :-1].flatten(0, 1), targets[:, 1:].flatten(), ignore_index=IGNORED)
        weight = min(1.0, (SEED_STEPS - step) / (SEED_STEPS - SEED_FADE_FROM))
        for layer, head in PREVIOUS_HEADS:
            loss = loss - weight * (out.attentions[layer][:, head, at[1:], at[:-1]] + 1e-6).log().mean()
        # Keys that stand after an earlier copy of the query's token.
        after_copy = (ids[:, :, None] == ids.roll(1, 1)[:, None, :]) & (at[:, None] >= at[None]) & (at[None, None] >= 2)
        for layer, head in INDUCTION_HEADS:
            on_pattern = (out.attentions[layer][:, head] * after_copy).sum(-1)
            loss = loss - weight * (on_pattern[again] + 1e-6).log().mean()
        loss.backward()
        advance(model, steppers, min(1.0, (step + 1) / 30))
        if step % 100 == 99:
            say(dict(seeding_step=step + 1, weight=round(weight, 3), loss=round(loss.item(), 4)))
    model.set_attn_implementation("sdpa")


def optimisers(model, matrix_rate, other_rate):
    """(optimiser, its full rate): Muon for the matrices inside, AdamW for the embedding and the norms."""
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    others = [p for n, p in model.named_parameters() if p.ndim != 2 or "embed" in n]
    return [(torch.optim.Muon(matrices, lr=matrix_rate, momentum=0.95, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"), matrix_rate),
            (torch.optim.AdamW(others, lr=other_rate, betas=(0.9, 0.95), weight_decay=0.0), other_rate)]


def advance(model, steppers, share):
    """One step at a share of the full rates."""
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimiser, rate in steppers:
        optimiser.param_groups[0]["lr"] = rate * share
        optimiser.step()
        optimiser.zero_grad()


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
    config = LlamaConfig(vocab_size=settings.VOCABULARY, max_position_embeddings=settings.CONTEXT, rms_norm_eps=1e-5, initializer_range=0.08, tie_word_embeddings=True,
                         bos_token_id=begin, eos_token_id=begin, use_cache=False, attn_implementation="sdpa", **settings.MODEL)
    model = LlamaForCausalLM(config)
    validation = [(tokenizer.encode(text).ids, 1) for text, _ in library.write(settings.SEED, settings.VALIDATION)][:100]
    steps = batches(list(sequences(tokenizer)), Dice(settings.SEED + 1))[:limit]
    began, cpu = time.time(), time.process_time()
    log = open(folder / "training.jsonl", "w")

    def say(line):
        induction, previous = stripe(model, begin)
        line |= dict(induction=induction, previous=previous, seconds=round(time.time() - began), cpu_seconds=round(time.process_time() - cpu))
        log.write(json.dumps(line) + "\n")
        log.flush()
        print(json.dumps(line), flush=True)

    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(steps):,} steps, {sum(len(s[0]) for b in steps for s in b):,} tokens", flush=True)
    seed_heads(model, begin, say)
    steppers = optimisers(model, MATRIX_RATE, OTHER_RATE)
    smooth = None
    for step, batch in enumerate(steps):
        loss = loss_of(model, batch)
        loss.backward()
        advance(model, steppers, (step + 1) / WARM_UP if step < WARM_UP else 0.5 + 0.5 * math.cos(math.pi * (step - WARM_UP) / max(1, len(steps) - WARM_UP)))
        smooth = loss.item() if smooth is None else 0.95 * smooth + 0.05 * loss.item()
        if step % 100 == 99 or step == len(steps) - 1:
            with torch.no_grad():
                counted = sum(len(s[0]) - 1 for s in validation)
                held_out = sum(loss_of(model, validation[k:k + 20], "sum").item() for k in range(0, len(validation), 20)) / counted
            say(dict(step=step + 1, loss=round(smooth, 4), validation_loss=round(held_out, 4)))
            torch.save(model.state_dict(), folder / "weights.part")
            (folder / "weights.part").rename(folder / "weights.pt")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
