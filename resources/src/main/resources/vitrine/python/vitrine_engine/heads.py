"""Every head measured over texts, and on repeated random tokens: the columns of Vitrine's embedded engine (core.analysis.attention).

Legend: A a head's weights [queries, keys], i a query, j a key. Means are over queries within a sequence, then over sequences, in float64.
"""

import numpy
import torch

from . import datasets, models
from .artifact import Outcome, number, provenance
from .losses import positions
from .refusals import Refusal
from .tokens import Tokenizer

SINKS = 4
METRICS = {
    "entropy": "mean over queries of −Σ A ln A",
    "normalised_entropy": "mean over queries of entropy ÷ ln(visible keys)",
    "distance": "mean over queries of Σ A·(query − key)",
    "first_token_mass": "mean over queries from 1 of A[query, 0]",
    "sink_mass": "mean over queries from 4 of Σ A over the first 4 keys",
    "previous_token": "mean over queries from 1 of A[query, query − 1]",
    "self_attention": "mean over queries of A[query, query]",
    "max_weight": "mean over queries of max A",
    "effective_context": "mean over queries of exp(entropy)",
    "previous_token_share": "share of all weight on the previous token",
    "duplicate_token_share": "share of all weight on earlier copies of the same token",
    "induction_share": "share of all weight on the tokens after earlier copies",
}
SEGMENT, SEQUENCES, LEAST_SEGMENT, SEED = 50, 4, 4, 20220308


def measures(a, ids, window, causal, sinks):
    """The metrics of every head on one sequence, {name: float64 [heads]}; NaN where the sequence is too short for one.

    `a` [heads, queries, keys]; `sinks`: whether a sink takes a part of every row.
    """
    a = a.double()
    n = a.shape[-1]
    i, j = torch.arange(n, device=a.device)[:, None], torch.arange(n, device=a.device)[None]
    seen = torch.ones(n, n, dtype=torch.bool, device=a.device)
    if causal:
        seen &= j <= i
    if window:
        seen &= j > i - window
    shown = a.masked_fill(~seen, 0)
    entropy = query_entropy(shown, sinks)
    visible = seen.sum(-1)
    total = shown.sum((-1, -2))
    copies = torch.as_tensor(ids, device=a.device)
    earlier = (copies[:, None] == copies[None]) & (j < i)
    # A[i, j + 1] for every earlier copy j, where j + 1 is not beyond the query
    following = torch.zeros_like(earlier)
    following[:, 1:] = earlier[:, :-1] & (j[:, 1:] <= i)
    choice = (0 if window == 1 else n - 1) if causal else (n if n > 1 else 0)
    normalised = torch.where(visible > 1, entropy / visible.clamp_min(2).log(), torch.zeros_like(entropy))
    nothing = torch.full((a.shape[0],), float("nan"), dtype=torch.float64, device=a.device)
    previous = a.diagonal(-1, dim1=-2, dim2=-1) if n > 1 else a.new_zeros(a.shape[0], 0)
    return {
        "entropy": entropy.mean(-1),
        "normalised_entropy": normalised.sum(-1) / choice if choice else nothing,
        "distance": (shown * (i - j).abs()).sum((-1, -2)) / n,
        "first_token_mass": a[:, 1:, 0].mean(-1) if n > 1 else nothing,
        "sink_mass": a[:, SINKS:, :SINKS].sum(-1).mean(-1) if n > SINKS else nothing,
        "previous_token": previous.mean(-1) if n > 1 else nothing,
        "self_attention": a.diagonal(dim1=-2, dim2=-1).mean(-1),
        "max_weight": shown.amax(-1).mean(-1),
        "effective_context": entropy.exp().mean(-1),
        "previous_token_share": previous.sum(-1) / total,
        "duplicate_token_share": (a * earlier).sum((-1, -2)) / total,
        "induction_share": (a * following).sum((-1, -2)) / total,
    }


def query_entropy(shown, sinks):
    """-sum A ln A of every query, nats; with a sink that of what the keys share."""
    entropy = -torch.special.xlogy(shown, shown).sum(-1)
    if sinks:
        total = shown.sum(-1)
        entropy = entropy / total + total.log()
    return entropy


def capture_metrics(loaded, maps, first, ids):
    """The metrics of a capture: {name: (values, formula)}, of `maps` of the layers from `first` on."""
    config = models.body(loaded.model).config
    parts = models.parts(loaded.model)[first:first + len(maps)]
    most = max(m.shape[0] for m in maps)
    out = {name: numpy.full((len(maps), most), numpy.nan) for name in METRICS}
    entropies = numpy.full((len(maps), most, len(ids)), numpy.nan, dtype=numpy.float32)
    received = numpy.full((len(maps), most, len(ids)), numpy.nan, dtype=numpy.float32)
    causal = not loaded.checkpoint.encoder
    for l, (a, part) in enumerate(zip(maps, parts)):
        window, sinks = reach(part.attention, config), hasattr(part.attention, "sinks")
        for name, value in measures(a, ids, window, causal, sinks).items():
            out[name][l, :a.shape[0]] = value.cpu().numpy()
        wide = a.double()
        entropies[l, :a.shape[0]] = query_entropy(wide, sinks).cpu().numpy()
        n = len(ids)
        seen = torch.tensor([min(n - k, window) if window else n - k for k in range(n)] if causal else [n] * n, device=a.device)
        received[l, :a.shape[0]] = (wide.sum(-2) / seen).cpu().numpy()
    result = {name: (value, METRICS[name]) for name, value in out.items()}
    result["query_entropy"] = (entropies, "−Σ A ln A of each query, nats")
    result["received_mass"] = (received, "mean weight that a key gets from the queries that see it")
    return result


def reach(attention, config):
    from .capture import window
    return window(attention, config)


class Sums:
    """Means and standard errors over sequences of values [layers, heads]; a sequence that does not define a value does not count in it."""

    def __init__(self, shape):
        self.sum, self.squares, self.count = numpy.zeros(shape), numpy.zeros(shape), numpy.zeros(shape, dtype=numpy.int64)

    def add(self, layer, values, defined):
        if defined:
            self.sum[layer, :len(values)] += values
            self.squares[layer, :len(values)] += values * values
            self.count[layer, :len(values)] += 1

    def mean(self):
        with numpy.errstate(invalid="ignore"):
            return self.sum / self.count

    def error(self):
        with numpy.errstate(invalid="ignore", divide="ignore"):
            n = self.count
            variance = numpy.maximum(0, self.squares / n - self.mean() ** 2) * n / (n - 1)
            return numpy.where(n < 2, numpy.nan, numpy.sqrt(variance / n))


def run(runner, task, checkpoint, inputs, device, reporter):
    loaded = runner.model(checkpoint, inputs, device, "eager", task.get("adapters"))
    data = datasets.read(task["data"], task.get("maxLength"), checkpoint, reporter)
    parts, config = models.parts(loaded.model), models.body(loaded.model).config
    heads = config.num_attention_heads
    sums = {name: Sums((len(parts), heads)) for name in METRICS}
    total, done = sum(len(s.ids) for s in data), 0
    with models.Hooks() as hooks:
        hooks.check(loaded.model, reporter)
        finite = models.non_finite(loaded.model, hooks, device)
        for s in data:
            reporter.progress(done, total, "tokens")
            for l, a in enumerate(maps(loaded, s.ids)):
                part = parts[l]
                n, window = len(s.ids), reach(part.attention, config)
                undefined = set() if n > SINKS else {"sink_mass"}
                undefined |= set() if n > 1 else {"first_token_mass", "previous_token", "normalised_entropy"}
                undefined |= {"normalised_entropy"} if window == 1 else set()
                for name, value in measures(a, s.ids, window, not checkpoint.encoder, hasattr(part.attention, "sinks")).items():
                    sums[name].add(l, value.cpu().numpy(), name not in undefined)
            done += len(s.ids)
    reporter.progress(total, total, "tokens")
    broken = finite()
    if broken is not None:
        reporter.warn(broken)
    outcome = Outcome({"model": checkpoint.name, "family": checkpoint.family, "layers": len(parts), "heads": heads, "sequences": len(data), "tokens": total},
                      metadata={"format": "vitrine-heads", "model": checkpoint.name, "sequences": str(len(data))})
    for name, formula in METRICS.items():
        outcome.put(name, sums[name].mean(), provenance("derived", "attentions", "F64", formula + ", then over %d sequences" % len(data), total))
        if len(data) > 1:
            outcome.put(name + "_standard_error", sums[name].error(), provenance("derived", "attentions", "F64", "standard error over sequences", len(data)))
    repeated(loaded, outcome, heads, reporter)
    outcome.summary["metrics"] = {name: [[number(v) for v in row] for row in value] for name, value in outcome.tensors.items()}
    return outcome


def maps(loaded, ids):
    """The attention weights of a sequence, [heads, queries, keys] of every layer."""
    loaded.begin()
    ids = loaded.tensor([ids])
    output = loaded.model(ids, output_attentions=True, **positions(loaded, ids))
    return [a[0] for a in output.attentions]


# --- repeated random tokens


def repeated(loaded, outcome, heads, reporter):
    """Induction and duplicate-token scores on sequences [BOS] r r of random tokens, those of the embedded engine."""
    sequences, lead, segment = random_sequences(loaded.checkpoint)
    if sequences is None:
        reporter.warn("No induction scores: they need a decoder with room for a sequence of tokens said twice.")
        return
    found = {"induction_score": [], "duplicate_token_score": []}
    for ids in sequences:
        reporter.check_cancelled()
        rows = {"induction_score": [], "duplicate_token_score": []}
        for a in maps(loaded, ids):
            wide = torch.full((heads,), float("nan"), dtype=torch.float64)
            for name, offset in (("induction_score", segment - 1), ("duplicate_token_score", segment)):
                value = wide.clone()
                value[:a.shape[0]] = a.double().diagonal(-offset, dim1=-2, dim2=-1)[:, lead + segment - offset:].mean(-1).cpu()
                rows[name].append(value)
        for name in found:
            found[name].append(torch.stack(rows[name]).numpy())
    how = ", mean over %d sequences of %d random tokens said twice" % (len(sequences), segment)
    for name, formula in (("induction_score", "A[i, i−S+1] in the second copy"), ("duplicate_token_score", "A[i, i−S] in the second copy")):
        values = numpy.stack(found[name])
        outcome.put(name, values.mean(0), provenance("derived", "attentions", "F64", formula + how))
        outcome.put(name + "_standard_error", values.std(0, ddof=1) / numpy.sqrt(len(values)),
                    provenance("derived", "attentions", "F64", "standard error over sequences", len(values)))


def random_sequences(checkpoint):
    bos = checkpoint.config.get("bos_token_id")
    bos = bos if type(bos) is int and 0 <= bos < checkpoint.vocabulary else -1
    try:
        tokenizer = Tokenizer(checkpoint)
    except Refusal:
        tokenizer = None
    lead = 1 if bos >= 0 else 0
    segment = min(SEGMENT, (checkpoint.max_positions - lead) // 2)
    ids = [id for id in range(checkpoint.vocabulary) if id != bos and (tokenizer is None or id < tokenizer.size() and not tokenizer.special(id))]
    if checkpoint.encoder or segment < LEAST_SEGMENT or len(ids) < 2 * LEAST_SEGMENT:
        return None, 0, 0
    random = JavaRandom(SEED)
    out = []
    for _ in range(SEQUENCES):
        part = [ids[random.next_int(len(ids))] for _ in range(segment)]
        out.append([bos] * lead + part + part)
    return out, lead, segment


class JavaRandom:
    """java.util.Random, so that the random tokens are the same in both engines."""

    def __init__(self, seed):
        self._seed = (seed ^ 0x5DEECE66D) & ((1 << 48) - 1)

    def _next(self, bits):
        self._seed = (self._seed * 0x5DEECE66D + 0xB) & ((1 << 48) - 1)
        value = self._seed >> (48 - bits)
        return value - (1 << bits) if bits == 32 and value >= 1 << 31 else value

    def next_int(self, bound):
        if bound & (bound - 1) == 0:
            return (bound * self._next(31)) >> 31
        while True:
            bits = self._next(31)
            value = bits % bound
            if bits - value + (bound - 1) < 1 << 31:
                return value
