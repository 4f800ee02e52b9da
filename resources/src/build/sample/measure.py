"""What the sample does, computed with transformers: the independent figures that Vitrine's own are held against."""

import math

import torch


class JavaRandom:
    """`java.util.Random`, so that both sides draw the same random tokens. Source: the specification in its documentation."""

    def __init__(self, seed):
        self._state = (seed ^ 0x5DEECE66D) & ((1 << 48) - 1)

    def _next(self, bits):
        self._state = (self._state * 0x5DEECE66D + 0xB) & ((1 << 48) - 1)
        return self._state >> (48 - bits)

    def next_int(self, bound):
        r = self._next(31)
        if bound & (bound - 1) == 0:
            return (bound * r) >> 31
        u = r
        while u - (r := u % bound) + (bound - 1) >= 1 << 31:
            u = self._next(31)
        return r


@torch.no_grad()
def maps(model, ids):
    """Attention weights, float64, `[layers, heads, queries, keys]`."""
    return torch.stack(model(input_ids=torch.tensor([ids]), output_attentions=True).attentions)[:, 0].double()


@torch.no_grad()
def perplexity(model, sequences):
    """exp of the mean of -ln p over every token but the first of each sequence, and how many these are."""
    total, count = 0.0, 0
    for ids in sequences:
        log_p = torch.log_softmax(model(input_ids=torch.tensor([ids])).logits[0, :-1].double(), -1)
        total -= log_p.gather(1, torch.tensor(ids[1:])[:, None]).sum().item()
        count += len(ids) - 1
    return math.exp(total / count), count


def previous_token(model, sequences):
    """mean over queries from 1 of A[i, i - 1], then over sequences: `[layers][heads]`."""
    sums = 0
    for ids in sequences:
        i = torch.arange(1, len(ids))
        sums = sums + maps(model, ids)[:, :, i, i - 1].mean(-1)
    return (sums / len(sequences)).tolist()


def first_token(model, sequences):
    """mean over queries from 1 of A[i, 0], then over sequences: `[layers][heads]`."""
    return (sum(maps(model, ids)[:, :, 1:, 0].mean(-1) for ids in sequences) / len(sequences)).tolist()


def induction(model, begin, vocabulary, segment=50, count=4, seed=20220308):
    """mean over queries i in the second copy of A[i, i - S + 1], on `[begin] r r`: the tokens that Vitrine draws."""
    random = JavaRandom(seed)
    usable = [i for i in range(vocabulary) if i != begin]
    scores = 0
    for _ in range(count):
        row = [usable[random.next_int(len(usable))] for _ in range(segment)]
        i = torch.arange(1 + segment, 1 + 2 * segment)
        scores = scores + maps(model, [begin] + row + row)[:, :, i, i - segment + 1].mean(-1)
    return (scores / count).tolist()


@torch.no_grad()
def continuation(model, ids, stop, limit=160, seed=None, temperature=0.8):
    """Ids that follow, up to a stop token: greedy, or sampled where a seed is given."""
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    out = list(ids)
    while len(out) < len(ids) + limit:
        logits = model(input_ids=torch.tensor([out])).logits[0, -1]
        choice = int(logits.argmax()) if generator is None else int(torch.multinomial(torch.softmax(logits.double() / temperature, -1), 1, generator=generator))
        if choice == stop:
            break
        out.append(choice)
    return out[len(ids):]
