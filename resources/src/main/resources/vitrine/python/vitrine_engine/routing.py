"""Texts through a model with experts: who visits whom, how evenly, how surely, and what the loss would be with more or fewer of them.

The figures of Vitrine's embedded engine (core.analysis.routing), in float64. Legend: l router logits, p = softmax(l), k experts per token.
"""

import json
import math

import numpy
import torch

from . import datasets, models
from .artifact import Outcome, number, provenance
from .losses import groups, padded, positions, token_losses
from .refusals import Refusal

KEPT_TOKENS = 10_000
STEPS = 2048
LEAST_OCCURRENCES = 10
LOSS_SLACK = 0.005
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
SCORES = {"deepseek_v3": "sigmoid", "glm4_moe": "sigmoid", "granitemoe": "chosen_softmax", "gpt_oss": "chosen_softmax", "phimoe": "sparse_mixer",
          "llama4_text": "chosen_sigmoid"}
# Families whose groups of experts count by the sum of their two best scores.
BEST_TWO = ("deepseek_v3", "glm4_moe")


class Layer:
    """What is known of one layer's routing."""

    def __init__(self, experts, domains):
        self.experts = experts
        self.counts = numpy.zeros(experts, dtype=numpy.int64)
        self.first = numpy.zeros(experts, dtype=numpy.int64)
        self.together = numpy.zeros((experts, experts), dtype=numpy.int64)
        self.weights = numpy.zeros(experts)
        self.probabilities = numpy.zeros(experts)
        self.of_domain = numpy.zeros((domains, experts), dtype=numpy.int64)
        self.entropies, self.sigmoid_entropies, self.margins = [], [], []
        self.steps = numpy.zeros(STEPS + 1, dtype=numpy.int64)
        self.mass = self.top_margin = self.partition = self.violation = self.entropy = self.sigmoid_entropy = 0.0
        self.sequences = self.tokens = 0
        self.kept_ids, self.kept_weights = [], []
        self.first_of_id = {}

    def add(self, logits, choice, chosen, weights, ids, domain, room):
        """A sequence: logits and choice [tokens, experts], chosen and weights [tokens, k]; the first `room` tokens are kept one by one."""
        logits = logits.double()
        p = logits.softmax(-1)
        hot = torch.zeros_like(p).scatter_(-1, chosen, 1)
        own = torch.bincount(chosen.flatten(), minlength=self.experts).cpu().numpy()
        self.counts += own
        self.of_domain[domain] += own
        self.first += torch.bincount(chosen[:, 0], minlength=self.experts).cpu().numpy()
        self.together += (hot.T @ hot).round().long().cpu().numpy()
        self.weights += torch.zeros(self.experts, dtype=torch.float64, device=p.device).scatter_add_(0, chosen.flatten(), weights.double().flatten()).cpu().numpy()
        self.probabilities += p.sum(0).cpu().numpy()
        entropy = -torch.special.xlogy(p, p).sum(-1)
        s = logits.sigmoid()
        s = s / s.sum(-1, keepdim=True)
        sigmoid_entropy = -torch.special.xlogy(s, s).sum(-1)
        best = p.topk(min(2, self.experts), -1).values
        least = choice.gather(-1, chosen).amin(-1)
        rest = choice.masked_fill(hot.bool(), -math.inf).amax(-1)
        margin = torch.where(hot.sum(-1) == self.experts, torch.full_like(rest, math.nan), least - rest).double()
        self.entropy += float(entropy.sum())
        self.sigmoid_entropy += float(sigmoid_entropy.sum())
        self.mass += float((p * hot).sum())
        self.top_margin += float((best[:, 0] - best[:, 1]).sum()) if self.experts > 1 else float(len(p))
        self.partition += float((logits.logsumexp(-1) ** 2).sum())
        share = (entropy / math.log(self.experts) * STEPS + 0.5).floor().nan_to_num(STEPS).clamp(0, STEPS).long() if self.experts > 1 else torch.full_like(entropy, STEPS).long()
        self.steps += torch.bincount(share, minlength=STEPS + 1).cpu().numpy()
        self.violation += float(own.max() / own.mean() - 1)
        self.sequences += 1
        self.tokens += len(p)
        for id, expert in zip(ids, chosen[:, 0].tolist()):
            self.first_of_id.setdefault(id, numpy.zeros(self.experts, dtype=numpy.int64))[expert] += 1
        if room > 0:
            self.kept_ids.append(chosen[:room].cpu().numpy())
            self.kept_weights.append(weights[:room].cpu().numpy())
            self.entropies.append(entropy[:room].cpu().numpy())
            self.sigmoid_entropies.append(sigmoid_entropy[:room].cpu().numpy())
            self.margins.append(margin[:room].cpu().numpy())

    def variation(self):
        return float(self.counts.std() / self.counts.mean())

    def quantile(self, q):
        seen = numpy.cumsum(self.steps)
        return int(numpy.searchsorted(seen, max(1, math.ceil(q * self.tokens)))) / STEPS

    def vocabulary(self):
        shares = [c.max() / c.sum() for c in self.first_of_id.values() if c.sum() >= LEAST_OCCURRENCES]
        return float(numpy.mean(shares)) if shares else math.nan


def entropy_of(p):
    p = p[p > 0]
    return float(-(p * numpy.log(p)).sum())


class Routing:

    def __init__(self, runner, task, checkpoint, inputs, device, reporter):
        self._task, self._checkpoint, self._reporter = task, checkpoint, reporter
        self._loaded = runner.model(checkpoint, inputs, device, "sdpa", task.get("adapters"))
        self._config = models.body(self._loaded.model).config
        with models.Hooks() as hooks:
            routers = models.Routers(self._loaded.model, hooks)
        if not routers.layers:
            raise Refusal("family-unsupported", checkpoint.path, "this %s model has no experts, so nothing is routed" % checkpoint.family,
                          help="Routing is for mixtures of experts.")
        self._moe, self._modules = routers.layers, routers.modules
        self._kind = checkpoint.model_type
        self._score = SCORES.get(self._kind, "softmax")
        self._read()

    def _read(self):
        self._data = []
        for domain in self._task["data"]:
            taken, most = 0, self._task.get("maxTokens")
            for s in datasets.read(domain["file"], self._task.get("maxLength"), self._checkpoint, self._reporter):
                room = len(s.ids) if most is None else most - taken
                if room < 1:
                    break
                n = min(room, len(s.ids))
                self._data.append(datasets.Sequence(s.ids[:n], s.labels[:n], domain["name"] if s.label is None else s.label))
                taken += n
        self._domains = list(dict.fromkeys(s.label for s in self._data))
        self._tokens = sum(len(s.ids) for s in self._data)

    def _choice(self, index, logits):
        """What experts are chosen by: the scores with the correction, and -inf outside the best groups."""
        scores = {"softmax": lambda l: l.softmax(-1), "sigmoid": torch.sigmoid}.get(self._score, lambda l: l)(logits.float())
        correction = None
        for name, buffer in list(self._modules[index].named_buffers()) + list(self._modules[index].named_parameters()):
            if name.endswith("e_score_correction_bias"):
                correction = buffer
        if correction is not None:
            scores = scores + correction.flatten()
        count = getattr(self._config, "n_group", None) or 1
        if count > 1 and (self._kind in BEST_TWO or getattr(self._config, "topk_method", None) == "group_limited_greedy"):
            grouped = scores.view(len(scores), count, -1)
            best = grouped.topk(2, -1).values.sum(-1) if self._kind in BEST_TWO else grouped.amax(-1)
            kept = torch.zeros_like(best, dtype=torch.bool).scatter_(-1, best.topk(self._config.topk_group, -1).indices, True)
            scores = grouped.masked_fill(~kept[..., None], -math.inf).flatten(1)
        return scores

    def _pass(self, done, passes, watch):
        """One pass over all texts: the layers' figures, the loss (NaN without a head)."""
        layers, loss, predicted, seen = None, 0.0, 0, 0
        total = passes * self._tokens
        with models.Hooks() as hooks:
            hooks.check(self._loaded.model, self._reporter)
            routers = models.Routers(self._loaded.model, hooks)
            finite = models.non_finite(self._loaded.model, hooks, self._loaded.device) if watch else None
            for batch in groups(self._loaded, self._data):
                self._reporter.progress(done * self._tokens + seen, total, "tokens")
                ids, targets = padded(self._loaded, batch)
                logits = self._loaded.model(ids, **positions(self._loaded, ids)).logits
                losses = token_losses(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))
                loss += float(losses.sum())
                predicted += sum(s.predicted() for s in batch)
                if layers is None:
                    layers = [Layer(routers.logits[l].shape[-1], len(self._domains)) for l in routers.layers]
                for index, l in enumerate(routers.layers):
                    choice = self._choice(index, routers.logits[l])
                    room = KEPT_TOKENS - seen
                    for row, s in enumerate(batch):
                        part = slice(row * ids.shape[1], row * ids.shape[1] + len(s.ids))
                        layers[index].add(routers.logits[l][part], choice[part], routers.ids[l][part], routers.weights[l][part], s.ids,
                                          self._domains.index(s.label), max(0, room))
                        room -= len(s.ids)
                seen += sum(len(s.ids) for s in batch)
        self._reporter.progress(done * self._tokens + seen, total, "tokens")
        if watch and finite() is not None:
            self._reporter.warn(finite())
        has_loss = self._loaded.head and not self._checkpoint.encoder and predicted
        return layers, loss / predicted if has_loss else math.nan

    def run(self):
        trained = [m.top_k if hasattr(m, "top_k") else None for m in self._modules]
        sweep = sorted(set(self._task.get("expertsPerToken") or []))
        if sweep and (None in trained or self._score == "sparse_mixer"):
            raise Refusal("family-unsupported", self._checkpoint.path, "the number of experts per token of a %s model is not to be changed in transformers"
                          % self._checkpoint.family, help="Leave other numbers of experts out.")
        others = [k for k in sweep if k != trained[0]]
        layers, loss = self._pass(0, 1 + len(others), True)
        experts, per_token = layers[0].experts, int(layers[0].kept_ids[0].shape[-1])
        most = experts
        if self._config.to_dict().get("n_group") and self._config.n_group > 1:
            most = self._config.topk_group * (experts // self._config.n_group)
        for k in sweep:
            if k > most:
                raise Refusal("task-invalid", self._checkpoint.path, "%d experts per token were asked for; a token can visit at most %d here" % (k, most))
        out = self._out = Outcome({"model": self._checkpoint.name, "family": self._checkpoint.family, "layers": len(models.layers_of(self._loaded.model)),
                                   "experts": experts, "per_token": per_token, "sequences": len(self._data), "tokens": self._tokens, "moe_layers": self._moe,
                                   "router": self._score, "loss": number(loss),
                                   "chance_load_cv": number(math.sqrt((1 - per_token / experts) * experts / (self._tokens * per_token)))},
                                  metadata={"format": "vitrine-routing", "model": self._checkpoint.name, "moe_layers": str(self._moe),
                                            "domains": json.dumps(self._domains, ensure_ascii=False)})
        self._put_tensors(layers)
        out.summary["rows"] = [self._row(l, layer, per_token) for l, layer in zip(self._moe, layers)]
        used = sum(int((layer.counts > 0).sum()) for layer in layers)
        out.summary["hot_set"] = {"slots": experts * len(layers), "used": used, "used_share": number(used / (experts * len(layers))),
                                  "busiest_against_uniform": number(max(layer.counts.max() / layer.counts.sum() * experts for layer in layers))}
        tokens = [sum(len(s.ids) for s in self._data if s.label == d) for d in self._domains]
        out.summary["domains"] = [{"name": d, "tokens": n} for d, n in zip(self._domains, tokens)]
        self._put("domain_tokens", numpy.array(tokens, dtype=numpy.int64), "tokens of each domain")
        self._put("domain_specialisation", numpy.stack([layer.of_domain / numpy.array(tokens)[:, None] for layer in layers]),
                  "share of a domain's tokens that visit the expert; chance is k / experts")
        if sweep:
            self._sweep(sweep, trained, layers, loss, len(others))
        return out

    def _put(self, name, values, method):
        dtype = {"i": "I64", "f": "F%d" % (8 * values.dtype.itemsize)}[values.dtype.kind]
        self._out.put(name, values, provenance("derived", "router logits", dtype, method, self._tokens))

    def _put_tensors(self, layers):
        def stack(of):
            return numpy.stack([of(layer) for layer in layers])

        def kept(name, dtype=None):
            return stack(lambda layer: numpy.concatenate(getattr(layer, name))).astype(dtype or numpy.float64)
        self._put("expert_load", stack(lambda l: l.counts), "tokens that visited the expert")
        self._put("first_choice_load", stack(lambda l: l.first), "tokens whose heaviest expert it is")
        self._put("coactivation", stack(lambda l: l.together), "tokens that visited both experts; the diagonal is the load")
        off = 1 - numpy.eye(layers[0].experts)
        self._put("coactivation_conditional", stack(lambda l: off * l.together / numpy.maximum(1, l.counts)[:, None]),
                  "coactivation divided by the load of the row's expert; diagonal 0")
        self._put("expert_weight_sum", stack(lambda l: l.weights), "sum of the weights that the expert received")
        self._put("mean_router_probability", stack(lambda l: l.probabilities / l.tokens), "mean over tokens of softmax(router logits)")
        self._put("domain_load", stack(lambda l: l.of_domain), "tokens of each domain that visited the expert")
        ids = [id for s in self._data for id in s.ids][:KEPT_TOKENS]
        self._put("input_ids", numpy.array(ids, dtype=numpy.int64), "token ids of the first tokens, sequence after sequence")
        self._put("expert_ids", kept("kept_ids", numpy.int64), "experts of the first tokens, by falling weight")
        self._put("expert_weights", kept("kept_weights", numpy.float32), "their weights")
        self._put("router_entropy", kept("entropies"), "entropy of softmax(router logits) of the first tokens, nats")
        if self._score in ("sigmoid", "chosen_sigmoid"):
            self._put("router_entropy_sigmoid", kept("sigmoid_entropies"), "entropy of sigmoid scores divided by their sum, of the first tokens, nats")
        self._put("selection_margin", kept("margins"), "score of the last chosen expert less that of the best one not chosen, of the first tokens")

    def _row(self, index, layer, per_token):
        counts = layer.counts
        shares = counts / counts.sum()
        n = len(counts)
        ordered = numpy.sort(counts)
        switch = float(n * (shares * layer.probabilities / layer.tokens).sum())
        figures = {
            "load_cv": layer.variation(), "max_violation": counts.max() / counts.mean() - 1, "max_violation_of_sequences": layer.violation / layer.sequences,
            "min_violation": 1 - counts.min() / counts.mean(), "gini": 2 * (numpy.arange(1, n + 1) * ordered).sum() / (n * counts.sum()) - (n + 1) / n,
            "load_entropy": entropy_of(shares), "normalised_load_entropy": entropy_of(shares) / math.log(n) if n > 1 else math.nan,
            "switch_loss": switch, "balance_loss": per_token * switch, "z_loss": layer.partition / layer.tokens,
            "router_entropy": layer.entropy / layer.tokens, "router_entropy_sigmoid": layer.sigmoid_entropy / layer.tokens}
        row = {"layer": index, "dead": int((counts == 0).sum()), **{name: number(v) for name, v in figures.items()}}
        row["normalised_entropy_quantiles"] = [number(layer.quantile(q)) for q in QUANTILES]
        row.update(chosen_mass=number(layer.mass / layer.tokens), top_margin=number(layer.top_margin / layer.tokens), vocabulary_specialisation=number(layer.vocabulary()))
        if len(self._domains) > 1:
            each = layer.of_domain / layer.of_domain.sum(-1, keepdims=True)
            row["domain_divergence"] = number(max(0.0, entropy_of(each.mean(0)) - numpy.mean([entropy_of(f) for f in each])))
            joint = layer.of_domain / layer.of_domain.sum()
            row["domain_information"] = number(max(0.0, entropy_of(joint.sum(0)) + entropy_of(joint.sum(1)) - entropy_of(joint.flatten())))
        return row

    def _sweep(self, sweep, trained, layers, loss, passes):
        before = trained[0]
        rows, loads, done = [], [], 1
        reach = peak = before
        least = loss
        try:
            for k in sorted(set(sweep) | {before}):
                if k == before:
                    with_k, of_k = layers, loss
                else:
                    for module in self._modules:
                        module.top_k = k
                    with_k, of_k = self._pass(done, 1 + passes, False)
                    done += 1
                rows.append({"per_token": k, "loss": number(of_k), "perplexity": number(math.exp(of_k)) if of_k < 700 else None,
                             "chosen_mass": number(numpy.mean([l.mass / l.tokens for l in with_k])), "load_cv": number(numpy.mean([l.variation() for l in with_k]))})
                reach = k if k > reach and of_k <= loss + LOSS_SLACK else reach
                if of_k < least:
                    least, peak = of_k, k
                loads.append(numpy.stack([l.counts for l in with_k]))
        finally:
            for module, k in zip(self._modules, trained):
                module.top_k = k
        self._out.summary["sweep"] = {"trained": before, "rows": rows, "scaling_range": reach, "peak": peak}
        self._put("sweep_load", numpy.stack(loads), "tokens that visited the expert, for each number of experts per token")


def run(runner, task, checkpoint, inputs, device, reporter):
    return Routing(runner, task, checkpoint, inputs, device, reporter).run()
