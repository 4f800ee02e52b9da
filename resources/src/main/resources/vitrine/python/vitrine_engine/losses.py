"""Losses of next tokens, in nats, and what is said of them."""

import math

import torch

from .datasets import IGNORED

BATCH_TOKENS = 8192
CHUNK_VALUES = 1 << 26


def token_losses(logits, targets):
    """-ln p of every target, float64; 0 where there is none. `logits` [n, vocabulary], `targets` [n] with -100 for none."""
    rows = max(1, CHUNK_VALUES // logits.shape[-1])
    out = []
    for start in range(0, len(targets), rows):
        part, wanted = logits[start:start + rows].double(), targets[start:start + rows]
        chosen = part.gather(-1, wanted.clamp_min(0)[:, None])[:, 0]
        out.append((part.logsumexp(-1) - chosen).masked_fill(wanted == IGNORED, 0))
    return torch.cat(out)


def padded(loaded, batch):
    """Sequences side by side, filled up behind their ends: what is there is seen by no token before it and counts nowhere.

    Returns ids [sequences, longest] and targets [sequences, longest]: what position t is to predict, -100 for nothing.
    """
    longest = max(len(s.ids) for s in batch)
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    targets = torch.full((len(batch), longest), IGNORED, dtype=torch.long)
    for row, s in enumerate(batch):
        ids[row, :len(s.ids)] = torch.tensor(s.ids)
        if len(s.labels) > 1:
            targets[row, :len(s.labels) - 1] = torch.tensor(s.labels[1:])
    return ids.to(loaded.device), targets.to(loaded.device)


def positions(loaded, ids):
    """Positions that are said rather than counted from a mask, for models that would count."""
    return {"position_ids": torch.arange(ids.shape[1], device=ids.device)[None].expand(ids.shape[0], -1)} if loaded.checkpoint.model_type == "opt" else {}


def groups(loaded, batch, limit=BATCH_TOKENS):
    """A batch in parts that, filled up, have no more than so many tokens (or one longer sequence)."""
    if loaded.length_matters():
        for s in batch:
            loaded.begin()
            yield [s]
        return
    part, longest = [], 0
    for s in batch:
        if part and max(longest, len(s.ids)) * (len(part) + 1) > limit:
            yield part
            part, longest = [], 0
        part.append(s)
        longest = max(longest, len(s.ids))
    yield part


def put_loss(summary, loss, warn):
    """Loss and perplexity, each null where it is not finite, and said."""
    summary["loss"] = summary["perplexity"] = None
    if not math.isfinite(loss):
        warn("The loss is not finite: the model's weights or activations hold NaN or infinity.")
        return
    summary["loss"] = loss
    try:
        summary["perplexity"] = math.exp(loss)
    except OverflowError:
        warn("The perplexity is too large for a number: the loss is %s nats." % loss)
