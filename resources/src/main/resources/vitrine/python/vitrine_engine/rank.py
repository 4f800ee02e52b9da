"""Effective ranks of what a model computes over texts: keys and values, hidden states. The figures of Vitrine's embedded engine (core.analysis.rank).

A matrix is [tokens, width]: all tokens that passed. Its singular values are the roots of the eigenvalues of second moments, summed up in float64.
"""

import math

import numpy
import torch
import transformers

from . import datasets, models
from .artifact import Outcome, number, provenance
from .losses import positions
from .refusals import Refusal
from .tasks import invalid

COLUMNS = ("er1", "er2", "participation_ratio_energy", "participation_ratio_sigma", "stable_rank", "nuclear_rank", "spectral_norm", "frobenius_norm", "nuclear_norm",
           "rank90", "rank95", "rank99", "condition_number")
ROW_NAMES = ("effective_rank", "effective_rank_squared", "participation_ratio", "participation_ratio_sigma", "stable_rank", "nuclear_rank", "spectral_norm",
             "frobenius_norm", "nuclear_norm", "rank_90", "rank_95", "rank_99", "condition_number")
FLOOR = 1.5e-8
TIE = 1e-12
MASSIVE = 100
MOMENT_BYTES = 2 << 30
GROWTH_SEQUENCES = 8
WITHOUT_ROTARY = ("gpt2", "opt", "bert", "roberta", "bloom", "mpt")


class Moments:
    """Count, sums and second moments of rows that pass once, float64."""

    def __init__(self, width, device):
        self.products = torch.zeros(width, width, dtype=torch.float64, device=device)
        self.sums = torch.zeros(width, dtype=torch.float64, device=device)
        self.count = 0

    def add(self, rows):
        rows = rows.double()
        self.products += rows.T @ rows
        self.sums += rows.sum(0)
        self.count += len(rows)

    def square(self, centred):
        return self.products - torch.outer(self.sums, self.sums) / self.count if centred else self.products

    def singular_values(self, centred, columns=None):
        """Largest first; beyond the number of rows 0; None where a value was not finite."""
        if self.count == 0:
            return None
        square = self.square(centred)
        if columns is not None:
            square = square[columns][:, columns]
        if square.numel() == 0 or not bool(torch.isfinite(square).all()):
            return None
        s = torch.linalg.eigvalsh(square).clamp_min(0).sqrt().flip(0).cpu().numpy()
        s[self.count - 1 if centred else self.count:] = 0
        return s


def measures(s, tokens):
    """The figures of `COLUMNS` of singular values, largest first."""
    u = s / s[0]
    p, q = u / u.sum(), u * u / (u * u).sum()
    squares = (u * u).sum()
    kept = numpy.cumsum(u * u)

    def energy(share):
        return int(numpy.argmax(kept >= (share - TIE) * kept[-1])) + 1
    condition = s[0] / s[-1] if s[-1] > 10 * FLOOR * s[0] else math.inf
    return [math.exp(entropy(p)), math.exp(entropy(q)), squares ** 2 / (u ** 4).sum(), u.sum() ** 2 / squares, squares, u.sum(), s[0], s[0] * math.sqrt(squares),
            s[0] * u.sum(), energy(0.90), energy(0.95), energy(0.99), condition]


def entropy(p):
    p = p[p > 0]
    return float(-(p * numpy.log(p)).sum())


class Site:

    def __init__(self, name, label, heads, width):
        self.name, self.label, self.heads, self.width, self.values = name, label, heads, width, {}


class Rank:

    def __init__(self, runner, task, checkpoint, inputs, device, reporter):
        if task["of"] not in ("kv", "hidden"):
            raise invalid("the pytorch engine finds ranks of kv and hidden, not of %s" % task["of"], help="The embedded engine finds those of activations.")
        for key in ("ratio", "alpha", "tailError", "perplexityRise", "rankAwareSparsity"):
            if key in task:
                raise invalid("%s goes with activations only" % key)
        if "excludeMassive" in task and task["of"] != "hidden" or "growth" in task and task["of"] != "kv":
            raise invalid("excludeMassive goes with hidden states only, growth with keys and values only")
        self._task, self._checkpoint, self._device, self._reporter = task, checkpoint, device, reporter
        self._loaded = runner.model(checkpoint, inputs, device, "sdpa", task.get("adapters"))
        self._parts = models.parts(self._loaded.model)
        self._config = models.body(self._loaded.model).config
        self._centred = bool(task.get("centred"))
        self._data, left = [], task.get("maxTokens")
        for s in datasets.read(task["data"], task.get("maxLength"), checkpoint, reporter):
            if left is not None and left <= 0:
                break
            n = len(s.ids) if left is None else min(left, len(s.ids))
            self._data.append(s.ids[:n])
            left = None if left is None else left - n
        self._tokens = sum(map(len, self._data))
        self._sites = []
        layers = len(self._parts)
        self._out = Outcome(
            {"model": checkpoint.name, "family": checkpoint.family, "of": task["of"], "layers": layers, "sequences": len(self._data), "tokens": self._tokens,
             "centred": self._centred},
            metadata={"format": "vitrine-rank", "model": checkpoint.name, "of": task["of"], "sequences": str(len(self._data)), "tokens": str(self._tokens),
                      "centred": str(self._centred).lower(), "metrics": ",".join(COLUMNS)})
        self._figures = {}

    def run(self):
        if self._task["of"] == "kv":
            self._cache()
        else:
            self._hidden()
        for site in self._sites:
            self._write(site)
        self._out.summary["figures"] = {name: [number(v) for v in values] for name, values in self._figures.items()}
        return self._out

    def _groups(self, bytes_per_layer):
        """Layers in groups whose moments fit into memory: texts pass once for each group."""
        per = max(1, MOMENT_BYTES // bytes_per_layer)
        return [range(at, min(at + per, len(self._parts))) for at in range(0, len(self._parts), per)]

    def _passes(self, number_of_group, groups, hooks, keep_cache):
        """Runs all sequences, each alone; yields the index and the cache of each."""
        hooks.check(self._loaded.model, self._reporter)
        last = number_of_group == groups - 1
        finite = models.non_finite(self._loaded.model, hooks, self._device) if last else None
        done, total = number_of_group * self._tokens, groups * self._tokens
        for index, ids in enumerate(self._data):
            self._reporter.progress(done, total, "tokens")
            self._loaded.begin()
            row = self._loaded.tensor([ids])
            more = {"past_key_values": transformers.DynamicCache(), "use_cache": True} if keep_cache else {}
            output = self._loaded.model(row, **positions(self._loaded, row), **more)
            yield index, output.past_key_values if keep_cache else None
            done += len(ids)
        self._reporter.progress(done, total, "tokens")
        if last and finite() is not None:
            self._reporter.warn(finite())

    # --- keys and values

    def _cache(self):
        if self._checkpoint.encoder:
            raise Refusal("family-unsupported", self._checkpoint.path, "%s keeps no keys and values" % self._checkpoint.family)
        rotary = self._checkpoint.model_type not in WITHOUT_ROTARY and not getattr(self._config, "alibi", False)
        projections = [key_projection(p.attention, self._config, self._checkpoint) for p in self._parts]
        heads = models.key_value_heads(self._config)
        width = projections[0][2] // heads
        cached = "cached keys (after rotary embedding)" if rotary else "cached keys (the model has no rotary embedding)"
        projected = "outputs of the key projection (before key norm and rotary embedding)"
        beside = "keys (%s) and values of one head side by side" % ("after rotary embedding" if rotary else "no rotary embedding")
        every, d = heads * width, width
        per_head = {"k": (cached + " of one head", d), "v": ("values of one head", d), "kv": (beside, 2 * d), "k_proj": (projected + " of one head", d)}
        per_layer = {"k": (cached + " of all heads", every), "v": ("values of all heads", every), "kv": ("keys and values of all heads side by side", 2 * every),
                     "k_proj": (projected + " of all heads", every)}
        self._sites = [Site(n, label, heads, w) for n, (label, w) in per_head.items()] + [Site(n + "_layer", label, 0, w) for n, (label, w) in per_layer.items()]
        growth = Growth(len(self._parts), max(map(len, self._data[:GROWTH_SEQUENCES])), self._centred) if self._task.get("growth") else None
        groups = self._groups(8 * (4 * every * every + every * every))
        for g, layers in enumerate(groups):
            both = {l: Moments(2 * every, self._device) for l in layers}
            before = {l: Moments(every, self._device) for l in layers}
            caught = {}
            last = g == len(groups) - 1
            with models.Hooks() as hooks:
                for l in range(len(self._parts)) if growth and last else layers:
                    module, take, _ = projections[l]
                    hooks.after(module, lambda value, l=l, take=take: caught.__setitem__(l, take(value[0].reshape(-1, value.shape[-1]))))
                for index, cache in self._passes(g, len(groups), hooks, True):
                    for l in range(len(self._parts)) if growth and last else layers:
                        k, v = (models.once(self._config, t[0]).transpose(0, 1).reshape(len(self._data[index]), -1).float() for t in (cache.layers[l].keys, cache.layers[l].values))
                        if l in layers:
                            both[l].add(torch.cat((k, v), -1))
                            before[l].add(caught[l].float())
                        if growth and last and index < GROWTH_SEQUENCES:
                            growth.add(l, k=k, k_proj=caught[l].float(), v=v)
            for l in layers:
                self._reporter.progress(l, len(self._parts), "layers")
                for site in self._sites:
                    name, of = site.name.removesuffix("_layer"), before[l] if site.name.startswith("k_proj") else both[l]
                    for h in range(site.heads) if site.heads else [-1]:
                        site.values[l, h] = of.singular_values(self._centred, columns(name, h, d, every, self._device))
        self._out.summary.update(kv_heads=heads, head_dim=d, rotary=rotary)
        if growth:
            self._put_growth(growth)

    def _put_growth(self, growth):
        lengths, sequences, ranks = growth.result()
        self._out.summary["growth"] = {"lengths": lengths, "sequences": sequences, "sites": list(ranks),
                                       "effective_rank": {n: [[number(v) for v in row] for row in of] for n, of in ranks.items()}}
        for name, of in ranks.items():
            self._out.put("growth." + name, of, provenance(
                "derived", "forward pass", "F64", "effective rank of all heads' rows so far, mean over the first sequences that are so long", sequences[0]))
        self._out.put("growth.lengths", numpy.array(lengths, dtype=numpy.float64), provenance("measured", "forward pass", "F64", "tokens of the context"))

    # --- hidden states

    def _hidden(self):
        width = self._config.hidden_size
        labels = {"resid": "residual stream after the layer", "attn_out": "output of the attention block", "mlp_out": "output of the MLP"}
        self._sites = [Site(name, label, 0, width) for name, label in labels.items()]
        exclude = bool(self._task.get("excludeMassive"))
        split = {name: numpy.full(len(self._parts), numpy.nan) for name in labels}
        massive = {name: [None] * len(self._parts) for name in labels}
        groups = self._groups(3 * 2 * 8 * width * width)
        for g, layers in enumerate(groups):
            halves = {(n, l): [Moments(width, self._device), Moments(width, self._device)] for n in labels for l in layers}
            sizes = {(n, l): Magnitudes(width, self._device) for n in labels for l in layers}
            caught = {}
            with models.Hooks() as hooks:
                for l in layers:
                    part = self._parts[l]
                    attention = part.attention.output.dense if self._checkpoint.encoder else part.attention_output
                    for name, module in (("resid", part.layer), ("attn_out", attention), ("mlp_out", part.feed_forward)):
                        hooks.after(module, lambda value, n=name, l=l: caught.__setitem__((n, l), value.reshape(-1, width).float()))
                for index, _ in self._passes(g, len(groups), hooks, False):
                    for at, rows in caught.items():
                        halves[at][index % 2].add(rows)
                        sizes[at].add(rows)
            for l in layers:
                self._reporter.progress(l, len(self._parts), "layers")
                for site in self._sites:
                    a, b = halves[site.name, l]
                    found = sizes[site.name, l].massive()
                    massive[site.name][l] = found.nonzero()[:, 0].tolist()
                    chosen = (~found).nonzero()[:, 0] if exclude else torch.arange(width, device=self._device)
                    whole = Moments(width, self._device)
                    whole.products, whole.sums, whole.count = a.products + b.products, a.sums + b.sums, a.count + b.count
                    site.values[l, -1] = whole.singular_values(self._centred, chosen)
                    if site.values[l, -1] is not None and a.count and b.count:
                        x, y = (m.square(self._centred)[chosen][:, chosen] / m.count for m in (a, b))
                        both = float((x * y).sum())
                        split[site.name][l] = float(x.trace() * y.trace()) / both if both > 0 else math.nan
        self._out.summary["massive_dimensions"] = massive
        self._out.summary["massive_excluded"] = exclude
        for name, values in split.items():
            self._figures[name + ".split_participation_ratio"] = values
            self._out.put(name + ".split_participation_ratio", values, provenance(
                "derived", "forward pass", "F64", "tr A · tr B ÷ tr(A B), A and B the moments of every other sequence", self._tokens))
        if len(self._data) == 1:
            self._reporter.warn("There is one sequence only, so the participation ratio by two halves of the sequences is absent.")
        if self._tokens < 10 * width:
            self._reporter.warn("There are {:,} tokens for {:,} dimensions: below ten times as many, participation ratios are too low, and no rank exceeds the tokens.".format(
                self._tokens, width))

    # --- the result

    def _write(self, site):
        layers, heads = len(self._parts), max(1, site.heads)
        sv = numpy.full((layers * heads, site.width), numpy.nan)
        table = numpy.full((layers * heads, len(COLUMNS)), numpy.nan)
        normalised = numpy.full(layers * heads, numpy.nan)
        rows = []
        for i in range(layers * heads):
            row = {"layer": i // heads}
            if site.heads:
                row["head"] = i % heads
            s = site.values.get((i // heads, i % heads if site.heads else -1))
            s = numpy.zeros(0) if s is None else s
            row.update(tokens=self._tokens, values=len(s))
            rows.append(row)
            sv[i, :len(s)] = s
            if len(s) == 0 or not s[0] > 0:
                continue
            table[i] = measures(s, self._tokens)
            normalised[i] = table[i, 0] / min(self._tokens, len(s))
            row.update({n: number(v) for n, v in zip(ROW_NAMES, table[i].tolist())}, normalised_effective_rank=normalised[i])
            for whole in ("rank_90", "rank_95", "rank_99"):
                row[whole] = int(row[whole])
        self._out.summary.setdefault("sites", []).append({"name": site.name, "label": site.label, "heads": site.heads, "width": site.width, "rows": rows})
        shape = (layers, site.heads) if site.heads else (layers,)
        self._out.put(site.name + ".sv", sv.reshape(shape + (site.width,)), provenance(
            "derived", site.label, "F64", "roots of eigenvalues of the streamed second moments, " + ("centred" if self._centred else "not centred"), self._tokens))
        self._out.put(site.name + ".metrics", table.reshape(shape + (len(COLUMNS),)), provenance("derived", site.name + ".sv", "F64", ", ".join(COLUMNS), self._tokens))
        self._out.put(site.name + ".normalised_effective_rank", normalised.reshape(shape), provenance(
            "derived", site.name + ".sv", "F64", "effective rank ÷ the smaller of tokens and width", self._tokens))


def columns(name, head, width, every, device):
    """Which columns of [keys | values] (or of keys' projections) belong to a site."""
    keys = torch.arange(every, device=device) if head < 0 else torch.arange(head * width, (head + 1) * width, device=device)
    return {"k": keys, "k_proj": keys, "v": keys + every, "kv": torch.cat((keys, keys + every))}[name]


def key_projection(attention, config, checkpoint):
    """The module that makes keys, how they are taken from its output [tokens, width], and how wide they are."""
    heads = config.num_attention_heads
    kv = getattr(config, "num_key_value_heads", None) or heads
    if hasattr(attention, "k_proj"):
        return attention.k_proj, lambda rows: rows, attention.k_proj.out_features
    if hasattr(attention, "c_attn"):
        width = config.hidden_size
        return attention.c_attn, lambda rows: rows[:, width:2 * width], width
    if checkpoint.model_type == "falcon":
        # queries of one head of keys, its key and its value, head by head
        kv, d = models.key_value_heads(config), config.hidden_size // heads
        return attention.query_key_value, lambda rows: rows.view(len(rows), kv, heads // kv + 2, d)[:, :, -2].flatten(1), kv * d
    if hasattr(attention, "query_key_value") and checkpoint.model_type in ("gpt_neox", "bloom"):
        # laid out per head: query, key, value
        return attention.query_key_value, lambda rows: rows.view(len(rows), heads, 3, -1)[:, :, 1].flatten(1), config.hidden_size
    for name in ("qkv_proj", "Wqkv"):
        if hasattr(attention, name):
            d = getattr(config, "head_dim", None) or config.hidden_size // heads
            kv = getattr(attention, "num_key_value_heads", kv)
            return getattr(attention, name), lambda rows: rows[:, heads * d:(heads + kv) * d], kv * d
    raise Refusal("family-unsupported", checkpoint.path, "the keys of a %s model are not projected for each head, so the pytorch engine finds no rank of them" % checkpoint.family,
                  help="The embedded engine does.")


class Growth:
    """Effective rank of keys and values of all heads after 1, 2, 3, ... tokens, at lengths that grow by about the root of 2."""

    def __init__(self, layers, longest, centred):
        self._centred = centred
        self._lengths, last, i = [], 0, 0
        while last < longest:
            n = min(longest, math.floor(2 ** (i / 2) + 0.5))
            if n > last and n >= (2 if centred else 1):
                self._lengths.append(n)
            last = max(last, n)
            i += 1
        self._sums = {name: numpy.zeros((layers, len(self._lengths))) for name in ("k", "k_proj", "v")}
        self._counts = {name: numpy.zeros((layers, len(self._lengths)), dtype=numpy.int64) for name in self._sums}

    def add(self, layer, **values):
        for name, rows in values.items():
            for i, n in enumerate(self._lengths):
                if n > len(rows):
                    break
                rank = effective_rank(rows[:n].double(), self._centred)
                if not math.isnan(rank):
                    self._sums[name][layer, i] += rank
                    self._counts[name][layer, i] += 1

    def result(self):
        with numpy.errstate(invalid="ignore"):
            ranks = {name: self._sums[name] / self._counts[name] for name in self._sums}
        return self._lengths, numpy.max([c.max(0) for c in self._counts.values()], axis=0).tolist(), ranks


def effective_rank(rows, centred):
    if centred:
        rows = rows - rows.mean(0)
    squares = float((rows * rows).sum())
    if not 0 < squares < math.inf:
        return math.nan
    gram = rows.T @ rows if rows.shape[1] <= rows.shape[0] else rows @ rows.T
    s = torch.linalg.eigvalsh(gram).clamp_min(0).sqrt().cpu().numpy()
    return math.exp(entropy(s / s.sum()))


class Magnitudes:
    """How large values are: the largest of every dimension, and the median of all, read off a histogram of the leading 12 bits (to 3 %)."""

    SHIFT = 19

    def __init__(self, width, device):
        self._largest = torch.zeros(width, device=device)
        self._bins = torch.zeros(1 << (31 - self.SHIFT), dtype=torch.long, device=device)

    def add(self, rows):
        a = rows.abs()
        self._largest = torch.maximum(self._largest, a.amax(0))
        self._bins += torch.bincount((a.contiguous().view(torch.int32) >> self.SHIFT).flatten().long(), minlength=len(self._bins))

    def massive(self):
        """Which dimensions hold a value above 100 medians, bool [width]."""
        seen = self._bins.cumsum(0)
        at = int(torch.searchsorted(seen, (seen[-1] + 1) // 2))
        low, high = (float(torch.tensor([b << self.SHIFT], dtype=torch.int32).view(torch.float32)) for b in (at, at + 1))
        return self._largest > MASSIVE * 0.5 * (low + high)


def run(runner, task, checkpoint, inputs, device, reporter):
    return Rank(runner, task, checkpoint, inputs, device, reporter).run()
