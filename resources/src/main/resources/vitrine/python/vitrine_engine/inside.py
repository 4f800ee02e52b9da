"""What the same tokens do inside a model and inside what was pruned from it: where heads attend, how far the residual stream has moved, which experts are chosen.

The figures of Vitrine's embedded engine (core.work.prune.report.InsideBeforeAndAfter, RoutesBeforeAndAfter). The model as it was is looked at before anything is pruned; what is kept of it
lies in the CPU's memory, so that it and its result need not be there together.
"""

import math

import torch

from . import heads, models
from .artifact import number

MOST_TOKENS = 256
MAP_BYTES, STATE_BYTES = 64 << 20, 128 << 20
SIGMOID = ("deepseek_v3", "glm4_moe", "llama4", "llama4_text")


def tokens(config, layers, length):
    """How many tokens of a sequence are looked at: what is kept of their maps and states has a limit."""
    by_maps = int(math.sqrt(MAP_BYTES / (4 * layers * config.num_attention_heads)))
    by_states = min(MOST_TOKENS, STATE_BYTES // (4 * config.hidden_size * layers))
    return min(max(min(by_maps, by_states), min(2, length)), min(MOST_TOKENS, length))


class Look:
    """The first tokens of a text in a model: by layer `maps` [heads, queries, keys] and `states` [tokens, hidden] behind it, float32; `entropy` and `first_token` by head."""

    def __init__(self, loaded, ids, reporter):
        parts = models.parts(loaded.model)
        self.tokens = tokens(models.body(loaded.model).config, len(parts), len(ids))
        self.maps, self.states, self.entropy, self.first_token = [], [], [], []
        attention = loaded.model.config._attn_implementation
        loaded.attend("eager")      # the one that shows its weights
        try:
            with models.Hooks() as hooks:
                hooks.check(loaded.model, reporter)
                for part in parts:
                    hooks.after(part.layer, lambda value: self.states.append(value.reshape(self.tokens, -1).float().cpu()))
                seen = heads.maps(loaded, ids[:self.tokens])
        finally:
            loaded.attend(attention)
        for a, part in zip(seen, parts):
            self.entropy.append(heads.query_entropy(a.double(), hasattr(part.attention, "sinks")).mean(-1).tolist())
            self.first_token.append(a[:, 1:, 0].double().mean(-1).tolist())
            self.maps.append(a.float().cpu())


def attention(before, after, keep, name, rows):
    """The report's `attention`; `rows` are its `layers`, which get `hidden_state_error`. `keep`: by layer of the pruned model its number before."""
    layers, compared, gone = [], [], 0
    by_number = {row["layer"]: row for row in rows}
    for layer, maps in enumerate(before.maps):
        now = keep.index(layer) if layer in keep else None
        nothing = [None] * len(maps)
        row = {"layer": layer, "entropy_before": before.entropy[layer], "entropy_after": nothing, "first_token_before": before.first_token[layer], "first_token_after": nothing,
               "total_variation": nothing}
        if now is None:
            gone += len(maps)
        else:
            moved = [float((q.double() - p.double()).abs().sum()) / 2 / before.tokens for p, q in zip(maps, after.maps[now])]
            row.update(entropy_after=after.entropy[now], first_token_after=after.first_token[now], total_variation=moved)
            compared += zip(row["entropy_before"], row["entropy_after"], moved)
            if layer in by_number:
                p, q = before.states[layer].double(), after.states[now].double()
                by_number[layer]["hidden_state_error"] = number((q - p).norm() / p.norm())
        layers.append({key: [number(v) if v is not None else None for v in value] if isinstance(value, list) else value for key, value in row.items()})
    out = {"text": name, "tokens": before.tokens}
    for i, key in enumerate(("entropy_before", "entropy_after", "total_variation")):
        out[key] = mean([c[i] for c in compared])
    out.update(heads_compared=len(compared), heads_gone=gone, layers=layers)
    return out


def mean(values):
    return number(math.fsum(values) / len(values)) if values and all(map(math.isfinite, values)) else None


class Routes:
    """The experts that every token chooses, by layer, in the order of passes, and how decided routers were."""

    def __init__(self, loaded, hooks):
        self._routers = models.Routers(loaded.model, hooks)
        self._sigmoid = models.body(loaded.model).config.model_type in SIGMOID
        self.layers = self._routers.layers
        self._chosen, self._entropy = {l: [] for l in self.layers}, dict.fromkeys(self.layers, 0.0)
        self._experts = {}

    def add(self):
        """What the last pass has chosen."""
        for l in self.layers:
            logits = self._routers.logits[l].double()
            self._experts[l] = logits.shape[-1]
            p = logits.sigmoid() if self._sigmoid else logits.softmax(-1)
            p = p / p.sum(-1, keepdim=True)
            self._entropy[l] -= float(torch.special.xlogy(p, p).sum())
            self._chosen[l].append(self._routers.ids[l].cpu())

    def chosen(self, layer):
        """[tokens, experts] whether a token chose an expert."""
        ids = torch.cat(self._chosen[layer])
        return torch.zeros(len(ids), self._experts[layer], dtype=torch.bool).scatter_(-1, ids, True)

    def side(self, layer, side):
        chosen = self.chosen(layer)
        load = chosen.sum(0)
        return {"load_" + side: load.tolist(), "load_entropy_" + side: evenness(load), "router_entropy_" + side: number(self._entropy[layer] / len(chosen))}


def evenness(load):
    """The entropy of the shares of choices as a share of ln experts; None for one expert, or where nothing was chosen."""
    if len(load) < 2 or int(load.sum()) == 0:
        return None
    p = load.double() / load.sum()
    return -float(torch.special.xlogy(p, p).sum()) / math.log(len(load))


def routing(before, after, keep, name):
    """The report's `routing`. Every expert of a layer that is left is what it was."""
    layers, means, count = [], [], 0
    for layer in before.layers:
        row = {"layer": layer, **before.side(layer, "before")}
        layers.append(row)
        was = before.chosen(layer)
        count = len(was)
        if layer not in keep:
            continue
        now = keep.index(layer)
        found = after.chosen(now)
        row.update(after.side(now, "after"), became=list(range(was.shape[-1])), changed_sets=float((was != found).any(-1).double().mean()),
                   kept_choices=float(((was & found).sum(-1).double() / was.sum(-1)).mean()))
        means.append(row)
    out = {"text": name, "tokens": count}
    for key in ("changed_sets", "kept_choices", "load_entropy_before", "load_entropy_after"):
        out[key] = mean([math.nan if row[key] is None else row[key] for row in means])
    out["layers"] = layers
    return out
