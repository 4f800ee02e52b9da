"""BeamLoRA: LoRA whose ranks compete, as core.train.method.BeamLora has it. Each rank has a gate, w = r softmax(g / tau); every T steps the ranks of all modules are pooled,
those beyond a share p of the whole weight are given up, and each takes over the values that a strong rank of its module had T/2 steps ago.

Source: Gu, Zhang et al., BeamLoRA, ACL 2025, as in its published code; a module gives up half of its ranks at most.
"""

import math
import os

import torch
from safetensors.torch import save_file

from . import randomness
from .methods import Lora, default_factors
from .tasks import invalid

SLACK = 1e-9


def weights(gate, temperature):
    """w `[r]`, whose mean is 1."""
    return len(gate) * (gate[:, 0] / temperature).softmax(0)


def pruned(scores, p):
    """The ranks of each module that are given up, weakest first; each module's scores add up to its number of ranks."""
    pool = sorted(((-w, m, i) for m, of in enumerate(scores) for i, w in enumerate(of)))
    total, sum, beyond, out = float(len(pool)), 0.0, False, [[] for _ in scores]
    for negative, m, i in pool:
        sum -= negative
        beyond = beyond or sum > p * total + SLACK * total
        if beyond:
            out[m].insert(0, i)
    return [found[:len(of) // 2] for found, of in zip(out, scores)]


class Beam(Lora):

    alone = True

    def __init__(self, task, settings):
        super().__init__(task, settings)
        self._temperature = settings.get("beamTemperature", 0.05)
        self._modules, self._snapshot, self._pruned = {}, {}, 0

    def prepare(self, loaded, random, run):
        self._random = random
        total = run.total
        self._period = self._s.get("beamPeriod", max(2, total // 10 // 2 * 2))
        self._end = self._s.get("beamEnd", max(1, total * 2 // 3))
        model = super().prepare(loaded, random, run)
        for name, module in model.base_model.model.named_modules():
            if "default" in getattr(module, "lora_embedding_B", ()) or hasattr(module, "parameter_name") and "default" in getattr(module, "lora_A", ()):
                raise invalid("%s cannot be adapted so: BeamLoRA's ranks compete within linear layers only" % name)
            if "default" in getattr(module, "lora_A", ()):
                first = module.lora_A["default"]
                # two dimensions, as it decays like A and B
                first.register_parameter("gate", torch.nn.Parameter(torch.zeros(first.weight.shape[0], 1, device=first.weight.device)))
                first.register_forward_hook(lambda m, args, output: output * weights(m.gate, self._temperature).to(output.dtype))
                self._modules[name] = module
        return model

    def _tensors(self, name):
        """A, B and the gate of a module, by their names in the model."""
        module, prefix = self._modules[name], "base_model.model." + name
        a, b = default_factors(module)
        return (prefix + ".lora_A.default.weight", a), (prefix + ".lora_B.default.weight", b), (prefix + ".lora_A.default.gate", module.lora_A["default"].gate)

    def threshold(self, step):
        """p at a step: from 0.95 to 1 along half a cosine."""
        return 1.0 if step >= self._end else 1 - 0.05 * (1 + math.cos(math.pi * step / self._end)) / 2

    @torch.no_grad()
    def after(self, step, total, optimiser):
        self._pruned = 0
        if step % self._period != 0 and step % (self._period // 2) == 0:
            self._snapshot = {}
            for name in self._modules:
                for tensor, p in self._tensors(name)[:2]:
                    m, v, _ = optimiser.moments(tensor)
                    self._snapshot.update({tensor: p.detach().clone(), tensor + ".m": m.clone(), tensor + ".v": v.clone()})
        elif step % self._period == 0 and total - step >= self._period:
            scores = [weights(self._tensors(name)[2][1].double(), self._temperature).float().tolist() for name in self._modules]
            for number, (name, given_up) in enumerate(zip(self._modules, pruned(scores, self.threshold(step)))):
                if given_up and self._snapshot:
                    self._expand(name, scores[number], given_up, self._random.permutation(len(given_up), randomness.CHOICE, step * 65_536 + number), optimiser)
                    self._pruned += len(given_up)

    def _expand(self, name, scores, given_up, order, optimiser):
        strongest = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
        (a_name, a), (b_name, b), (gate_name, gate) = self._tensors(name)
        for q, place in zip(given_up, order):
            f = strongest[place]
            for tensor, p, row in ((a_name, a, True), (b_name, b, False)):
                m, v, _ = optimiser.moments(tensor)
                for to, suffix in ((p, ""), (m, ".m"), (v, ".v")):
                    old = self._snapshot[tensor + suffix]
                    if row:
                        to[q] = old[f]
                    else:
                        to[:, q] = old[:, f]
            gate[q] = gate[f] = (gate[q] + gate[f]) / 2
        m, v, _ = optimiser.moments(gate_name)
        m.zero_()
        v.zero_()

    def figures(self):
        return {"pruned_ranks": self._pruned}

    def memory(self):
        return self._snapshot

    def remember(self, memory):
        self._snapshot = {name: values.to(next(iter(self._modules.values())).lora_A["default"].weight.device) for name, values in memory.items()}

    def gates(self):
        """w by the path of a module."""
        return {name: weights(self._tensors(name)[2][1].detach().double(), self._temperature) for name in self._modules}

    def _as_written(self, state):
        for name, w in self.gates().items():
            state["base_model.model.%s.lora_A.default.weight" % name] *= w.float().cpu()[:, None]

    def write(self, model, loaded, folder, rank, summary):
        super().write(model, loaded, folder, rank, summary)
        save_file({name + ".gate": self._tensors(name)[2][1].detach().cpu()[:, 0].contiguous() for name in self._modules}, os.path.join(folder, "gates.safetensors"))


class Slow(Lora):
    """I-LoRA's two learners: a fast adapter that is trained, and a slow one that follows it, slow <- a slow + (1 - a) fast, a = min(1 - 1/(k + 1), 0.25) for step k from 0;
    the slow one is the result. Source: Ren et al., 2024 (arXiv 2402.18865), as in its published code."""

    alone = True
    MOST = 0.25

    def __init__(self, task, settings):
        super().__init__(task, settings)
        self._slow, self._fast, self._model = {}, {}, None

    def trained(self, model):
        self._model = model
        return super().trained(model)

    def _parameters(self):
        return {name: p for name, p in self._model.named_parameters() if p.requires_grad}

    @torch.no_grad()
    def after(self, step, total, optimiser):
        kept = min(1 - 1 / step, self.MOST)
        for name, p in self._parameters().items():
            old = self._slow.get(name)
            self._slow[name] = p.detach().clone() if old is None else (kept * old.double() + (1 - kept) * p.double()).float()

    @torch.no_grad()
    def present(self, result):
        for name, p in self._parameters().items():
            if result:
                self._fast[name] = p.detach().clone()
                p.copy_(self._slow.get(name, p))
            else:
                p.copy_(self._fast.pop(name))

    def memory(self):
        return self._slow

    def remember(self, memory):
        self._slow = {name: memory[name].to(p.device) for name, p in self._parameters().items()}

    def write(self, model, loaded, folder, rank, summary):
        self.present(True)
        try:
            super().write(model, loaded, folder, rank, summary)
        finally:
            self.present(False)
