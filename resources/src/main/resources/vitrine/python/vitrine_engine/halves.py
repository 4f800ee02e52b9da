"""HFT: half of the parameters are trained in each round, chosen anew by category, as core.train.method.HalfTuning has it.

Of each layer's attention matrices half, of its feed-forward matrices half (where their number is odd, one more in a random half of the layers and one fewer in the other), of
all norms half; embeddings and head always. A bias goes with its matrix. Moments of tensors that change sides begin at zero. Source: Hui et al., HFT, ACL 2025.
"""

from . import models, randomness
from .methods import Full
from .refusals import Refusal


class Halves(Full):

    alone = True

    def prepare(self, loaded, random, run):
        self._random = random
        self._steps = max(1, -(-run.total // self._s.get("rounds", 1)))
        self._round, self._chosen = -1, set()
        if any(type(m).__name__.endswith("Experts") for m in loaded.model.modules()):
            raise Refusal("family-unsupported", loaded.checkpoint.path, "transformers keeps the matrices of all experts of a layer in one tensor, of which hft cannot train half",
                          help="The embedded engine can.")
        return super().prepare(loaded, random, run)

    def trained(self, model):
        out = super().trained(model)
        layers = [({id(p) for p in part.attention.parameters()}, {id(p) for p in part.layer.parameters()}) for part in models.parts(model)]
        norms = {id(p) for m in model.modules() if "Norm" in type(m).__name__ for p in m.parameters(recurse=False)}
        self._attention, self._feed_forward, self._norms, self._biases, self._always = {}, {}, [], [], []
        for name, p in out.items():
            layer = next((i for i, (_, whole) in enumerate(layers) if id(p) in whole), -1)
            if id(p) in norms:
                self._norms.append(name)
            elif layer < 0:
                self._always.append(name)
            elif p.dim() < 2:
                self._biases.append(name)
            else:
                (self._attention if id(p) in layers[layer][0] else self._feed_forward).setdefault(layer, []).append(name)
        return out

    def choose(self, step, parameters, optimiser):
        now = (step - 1) // self._steps
        if now != self._round:
            chosen = self.half(now)
            before = self.half(now - 1) if now > 0 and (step - 1) % self._steps == 0 else chosen
            for name, p in parameters.items():
                p.requires_grad_(name in chosen)
                if (name in chosen) != (name in before):
                    optimiser.forget(name)
            self._round, self._chosen = now, chosen
        return {name: p for name, p in parameters.items() if name in self._chosen}

    def half(self, number):
        """The names of what a round trains."""
        out, stream = set(self._always), number * 1_000_003
        self._halves(self._attention, out, stream + 1)
        self._halves(self._feed_forward, out, stream + 2)
        self._pick(self._norms, (len(self._norms) + 1) // 2, out, stream + 3, 0)
        out.update(b for b in self._biases if b.removesuffix("bias") + "weight" in out)
        return out

    def _halves(self, layers, out, stream):
        order = self._random.permutation(len(layers), randomness.CHOICE, stream * 7)
        for place, (layer, names) in zip(order, layers.items()):
            more = place < len(layers) // 2
            self._pick(names, (len(names) + 1) // 2 if more else len(names) // 2, out, stream, layer)

    def _pick(self, names, count, out, stream, layer):
        order = self._random.permutation(len(names), randomness.CHOICE, stream * 7 + 1 + layer * 131)
        out.update(name for name, place in zip(names, order) if place < count)

    def write(self, model, loaded, folder, rank, summary):
        super().write(model, loaded, folder, rank, summary)
        summary["trained_last_round"] = sorted(self._chosen)
