"""APEX: heads and channels that are strongly active are mixed into weakly active ones through an operator that melts into the weights, as core.train.method.Apex has it.

Per layer and batch the units are ranked by the norm of what they put out: +1 to the k largest, -1 to the k smallest, summed over batches. The highest become the strong units
(P), the lowest the weak ones (N), the next lowest are tuned as they are (E). For the rows (or columns) of each matrix of a block:

    N' = diag(c) (N + S_N) + M (P + S_P)      P' = diag(e) (P + S_P)      E' = E + S_E

M, a product of two block-diagonal matrices, and c are shared by all matrices of the block; e belongs to matrices of rows. At first S = 0, c = e = 1 and M = 0. At a stage's end
the units are ranked anew by the stage's own batches: who was weak once is not weak again.

Source: Gu et al., 2025 (arXiv 2505.24241), shares as in its published code.
"""

import math

import torch

from . import models, randomness
from .methods import Full
from .refusals import Refusal

STRONG, TUNED_HEADS, TUNED_CHANNELS = 0.1875, 0.5625, 0.465


def rounded(x):
    """To the nearest whole number, halves up, as Java rounds."""
    return math.floor(x + 0.5)


def blocks_of(n):
    """b of a matrix of n = b m: the divisor of n nearest to its root, the first of two."""
    return min((b for b in range(1, n + 1) if n % b == 0), key=lambda b: abs(b - math.sqrt(n)))


def chosen(scores, excluded, strong, tuned):
    """The units in the order weak, strong, tuned; `excluded` were weak before."""
    order = sorted(range(len(scores)), key=lambda i: (scores[i], i))
    high = order[::-1][:strong]
    low = [u for u in order if not excluded[u] and u not in high][:strong]
    # where all have had their turn, they take another
    low += [u for u in order if u not in high and u not in low][:strong - len(low)]
    return low + high + [u for u in order if u not in high and u not in low][:tuned - 2 * strong]


class Strand:
    """One matrix of a block: `starts[j][unit]` is where the j-th copy's first channel of a unit stands; a plain one is only tuned."""

    def __init__(self, kind, weight, columns, plain, starts, block):
        self.kind, self.weight, self.columns, self.plain, self.starts = kind, weight, columns, plain, starts
        copies, width = len(starts), weight.shape[0 if columns else 1]
        self.s = torch.zeros(copies * block.channels, width, device=weight.device)
        self.e = None if columns or plain else torch.zeros(copies * block.weak, device=weight.device)
        self.lanes = torch.zeros(copies, block.channels, dtype=torch.long, device=weight.device)
        self.base = torch.zeros(copies, block.channels, width, device=weight.device)

    def gathered(self, matrix):
        """The chosen rows or columns of a matrix, [copies, channels, width]."""
        return (matrix.T if self.columns else matrix)[self.lanes]

    def put(self, lanes):
        matrix = self.weight.data.T if self.columns else self.weight.data
        matrix[self.lanes.flatten()] = lanes.flatten(0, 1)


class Block:
    """The units of one block of one layer."""

    def __init__(self, name, units, size, strong, tuned, device):
        self.name, self.units, self.size, self.strong, self.tuned = name, units, size, strong, tuned
        self.weak, self.channels = strong * size, tuned * size
        b = blocks_of(self.weak)
        m = self.weak // b
        self.c = torch.zeros(self.weak, device=device)
        self.first, self.second = torch.zeros(b, m, m, device=device), torch.zeros(m, b, b, device=device)
        self.strands = []
        self.squares = torch.zeros(units, dtype=torch.float64, device=device)
        self.scores, self.was_weak = [0.0] * units, [False] * units

    def add(self, kind, weight, columns, plain, starts):
        self.strands.append(Strand(kind, weight, columns, plain, starts, self))

    def trained(self):
        out = {self.name + ".c": self.c, self.name + ".monarch_first": self.first, self.name + ".monarch_second": self.second}
        for s in self.strands:
            out["%s.%s.s" % (self.name, s.kind)] = s.s
            if s.e is not None:
                out["%s.%s.e" % (self.name, s.kind)] = s.e
        return out

    def see(self, values):
        """Adds what the units put out, [tokens, units * size]."""
        self.squares += values.double().square().sum(0).reshape(self.units, -1).sum(1)

    def rank(self):
        squares = self.squares.tolist()
        order = sorted(range(self.units), key=lambda i: (squares[i], i))
        for i in range(self.strong):
            self.scores[order[i]] -= 1
            self.scores[order[self.units - 1 - i]] += 1
        self.squares.zero_()

    @torch.no_grad()
    def begin(self, number, random):
        """Begins anew on other units, from what the matrices hold now."""
        units = chosen(self.scores, self.was_weak, self.strong, self.tuned)
        for u in units[:self.strong]:
            self.was_weak[u] = True
        self.scores = [0.0] * self.units
        self.c.fill_(1)
        self.second.zero_()
        values = (2 * random.uniforms(randomness.INITIAL, number, self.first.numel()) - 1) / math.sqrt(self.first.shape[1])
        self.first.copy_(torch.from_numpy(values).float().reshape(self.first.shape))
        for s in self.strands:
            s.s.zero_()
            if s.e is not None:
                s.e.fill_(1)
            s.lanes.copy_(torch.tensor([[i for u in units for i in range(starts[u], starts[u] + self.size)] for starts in s.starts]))
            s.base.copy_(s.gathered(s.weight.data))

    def results(self):
        """What the chosen rows and columns become, a tensor [copies, channels, width] for each matrix, with its graph."""
        n = self.weak
        # M[(i, j), (k, l)] = second_j[i, k] first_k[j, l]
        mixing = torch.einsum("jik,kjl->ijkl", self.second, self.first).reshape(n, n)
        for s in self.strands:
            lanes = s.base + s.s.view(s.base.shape)
            if s.plain:
                yield s, lanes
                continue
            weak, strong, rest = lanes[:, :n], lanes[:, n:2 * n], lanes[:, 2 * n:]
            own = strong if s.e is None else s.e.view(len(lanes), n, 1) * strong
            yield s, torch.cat([self.c[:, None] * weak + mixing @ strong, own, rest], 1)

    @torch.no_grad()
    def apply(self):
        for s, lanes in self.results():
            s.put(lanes)

    def gradients(self):
        for p in self.trained().values():
            p.grad = None
        with torch.enable_grad():
            pairs = [(lanes, s.gathered(s.weight.grad)) for s, lanes in self.results()]
            torch.autograd.backward([lanes for lanes, _ in pairs], [g for _, g in pairs])


class Apex(Full):

    alone = True

    def prepare(self, loaded, random, run):
        self._random, self._run, self._stage = random, run, 0
        self._stages = self._s.get("stages", 2)
        self._require_trainable(loaded)
        model = loaded.model
        # matrices are trained, the embedding and the head among them; norms and biases rest
        for p in model.parameters():
            p.requires_grad_(p.dim() == 2)
        self._heads, self._channels, self._matrices = {}, {}, {}
        for index, part in enumerate(models.parts(model)):
            a, f = part.attention, part.feed_forward
            self._matrices.update({id(m.weight): m.weight for m in (a.q_proj, a.k_proj, a.v_proj, a.o_proj, f.gate_proj, f.up_proj, f.down_proj)})
            self._attention(index, a)
            self._feed_forward(index, f)
        if not self._channels:
            raise Refusal("family-unsupported", loaded.checkpoint.path, "its blocks are too small for apex")
        self._names = {id(p): n for n, p in model.named_parameters()}
        return model

    @staticmethod
    def _require_trainable(loaded):
        for index, part in enumerate(models.parts(loaded.model)):
            a, f = part.attention, part.feed_forward
            if not all(isinstance(getattr(a, n, None), torch.nn.Linear) for n in ("q_proj", "k_proj", "v_proj", "o_proj")) \
                    or not all(isinstance(getattr(f, n, None), torch.nn.Linear) for n in ("gate_proj", "up_proj", "down_proj")):
                mixture = any(type(m).__name__.endswith("Experts") for m in part.layer.modules())
                raise Refusal("family-unsupported", loaded.checkpoint.path, "layer %d has %s, which apex does not take apart"
                              % (index, "experts" if mixture else "fused projections or no gate"),
                              help="apex trains dense models with separate queries, keys and values and a gated feed-forward block.")

    def _blocks(self):
        return [*self._heads.values(), *self._channels.values()]

    def _attention(self, index, a):
        size = a.head_dim
        units, group = a.k_proj.out_features // size, a.q_proj.out_features // a.k_proj.out_features
        strong = max(1, rounded(STRONG * units))
        if 2 * strong > units:
            return
        block = Block("apex.%d.attention" % index, units, size, strong, min(units, max(2 * strong, rounded(TUNED_HEADS * units))), a.q_proj.weight.device)
        own = [[u * size for u in range(units)]]
        grouped = [[(u * group + j) * size for u in range(units)] for j in range(group)]
        block.add("v", a.v_proj.weight, False, False, own)
        block.add("o", a.o_proj.weight, True, False, grouped)
        block.add("q", a.q_proj.weight, False, True, grouped)
        block.add("k", a.k_proj.weight, False, True, own)
        self._heads[index] = block
        a.o_proj.register_forward_pre_hook(lambda m, args: self._see(block, args[0]))

    def _feed_forward(self, index, f):
        units = f.up_proj.out_features
        strong = rounded(STRONG * units)
        if strong < 1:
            return
        block = Block("apex.%d.channels" % index, units, 1, strong, min(units, max(2 * strong, rounded(TUNED_CHANNELS * units))), f.up_proj.weight.device)
        own = [list(range(units))]
        block.add("gate", f.gate_proj.weight, False, False, own)
        block.add("up", f.up_proj.weight, False, False, own)
        block.add("down", f.down_proj.weight, True, False, own)
        self._channels[index] = block
        f.gate_proj.register_forward_hook(lambda m, args, output: self._see(block, f.act_fn(output)))

    @torch.no_grad()
    def _see(self, block, values):
        """What the units put out, of real tokens alone: what fills rows up counts nowhere."""
        real = self._run.real
        if real is not None:
            block.see(values.detach()[real])

    def trained(self, model):
        out = {n: p for n, p in super().trained(model).items() if id(p) not in self._matrices}
        for block in self._blocks():
            out.update(block.trained())
        for p in out.values():
            p.requires_grad_(True)
        return out

    def begin(self, run, fresh):
        if not fresh:
            return
        seen, step = 0, 1
        assessed = min(self._s.get("assessed", 512), run.count)
        while seen < assessed:
            for sample in run.samples(step):
                run.look(sample)
                seen += 1
            self._rank()
            step += 1
        self._select()

    def _rank(self):
        for block in self._blocks():
            block.rank()

    def _select(self):
        for place, block in enumerate(self._blocks()):
            block.begin(4096 * self._stage + place, self._random)
        self._stage += 1

    def choose(self, step, parameters, optimiser):
        for block in self._blocks():
            # validation passes are seen too, and are not what units are ranked by
            block.squares.zero_()
        for w in self._matrices.values():
            w.grad = None
        return parameters

    def gradients(self):
        self._rank()
        for block in self._blocks():
            block.gradients()

    def after(self, step, total, optimiser):
        for block in self._blocks():
            block.apply()
        if step < total and step % max(1, -(-total // self._stages)) == 0:
            self._select()
            for block in self._blocks():
                for name in block.trained():
                    optimiser.forget(name)

    def figures(self):
        return {"stage": self._stage}

    def memory(self):
        out = {"apex.stage": torch.tensor([self._stage])}
        out.update({"matrix." + self._names[i]: w.detach() for i, w in self._matrices.items()})
        for block in self._blocks():
            out[block.name + ".scores"], out[block.name + ".was_weak"] = torch.tensor(block.scores), torch.tensor(block.was_weak)
            for s in block.strands:
                out.update({"%s.%s.lanes" % (block.name, s.kind): s.lanes, "%s.%s.base" % (block.name, s.kind): s.base})
        return out

    @torch.no_grad()
    def remember(self, memory):
        self._stage = int(memory["apex.stage"])
        for i, w in self._matrices.items():
            w.copy_(memory["matrix." + self._names[i]])
        for block in self._blocks():
            block.scores, block.was_weak = memory[block.name + ".scores"].tolist(), memory[block.name + ".was_weak"].tolist()
            for s in block.strands:
                s.lanes.copy_(memory["%s.%s.lanes" % (block.name, s.kind)])
                s.base.copy_(memory["%s.%s.base" % (block.name, s.kind)])

    def write(self, model, loaded, folder, rank, summary):
        super().write(model, loaded, folder, rank, summary)
        summary["stages"] = self._stage
