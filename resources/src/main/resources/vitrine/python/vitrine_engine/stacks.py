"""Routed experts, which transformers keeps in stacks ([experts, 2 width, hidden] for gate and up, [experts, hidden, width] for down) while files hold matrices one by one, or the same stacks."""

import torch

# What a file calls an expert's matrices.
NAMES = {"w1": "gate", "gate_proj": "gate", "w3": "up", "up_proj": "up", "w2": "down", "down_proj": "down"}
KINDS = ("gate", "up", "down")


class ExpertWeight:
    """A matrix of one expert: where it is in the model's stack, and where it is stored.

    `tensor` is the stored tensor and `part` which of its matrices, None where it is this one alone; `name` says both.
    """
    routed = True
    rank = 1

    def __init__(self, layer, experts, expert, kind, tensor, part):
        self.layer, self.experts, self.expert, self.kind, self.tensor, self.part = layer, experts, expert, kind, tensor, part
        self.name = tensor if part is None else "%s#expert.%d" % (tensor, part)
        self.reads = ("expert", expert, kind == "down")

    def _matrix(self):
        if self.kind == "down":
            return self.experts.down_proj[self.expert]
        both = self.experts.gate_up_proj[self.expert]
        half = len(both) // 2
        return both if self.kind == "gate_up" else both[:half] if self.kind == "gate" else both[half:]

    @property
    def shape(self):
        return tuple(self._matrix().shape)

    @property
    def order(self):
        return (self.rank, self.expert, ("gate", "gate_up", "up", "down").index(self.kind))

    def wide(self):
        """[out, in], float64."""
        return self._matrix().detach().double()

    def as_stored(self, values):
        return values.contiguous()

    def of(self, tensor):
        """The matrix in its stored tensor."""
        return tensor if self.part is None else tensor[self.part]

    def is_in(self, tensor):
        """Whether the file's values are the model's: names alone could say so of others."""
        return torch.equal(self.of(tensor).to(self._matrix()), self._matrix())

    def put(self, tensor):
        self._matrix().data.copy_(self.of(tensor).to(self._matrix()))


def stacks_of(layer):
    """Modules of a layer that hold matrices of experts in stacks."""
    return [m for m in layer.modules() if any(p.dim() == 3 for p in m.parameters(recurse=False))]


def known(experts):
    """Whether a stack's matrices are where this engine looks for them: gate above up, outputs first, no biases."""
    both, down = (getattr(experts, name, None) for name in ("gate_up_proj", "down_proj"))
    return (isinstance(both, torch.nn.Parameter) and isinstance(down, torch.nn.Parameter) and both.dim() == down.dim() == 3 and hasattr(experts, "_apply_gate")
            and getattr(experts, "has_gate", True) and not getattr(experts, "is_transposed", False) and not getattr(experts, "has_bias", False)
            and both.shape[1] == 2 * down.shape[2] and both.shape[2] == down.shape[1] and len(list(experts.parameters(recurse=False))) == 2)


def weights(layer, experts, path, stored, singles):
    """The matrices of a stack, or None where the files have it in another form.

    `path` is the module's name; `stored` shapes by name; `singles` the layer's matrices that the files hold one by one, by expert and kind.
    """
    count = len(experts.down_proj)
    if all((e, kind) in singles for e in range(count) for kind in KINDS):
        found = [ExpertWeight(layer, experts, e, kind, singles[e, kind], None) for e in range(count) for kind in KINDS]
        return found if all(tuple(stored[w.tensor][1]) == w.shape for w in found) else None
    names = {"gate_up": path + ".gate_up_proj", "down": path + ".down_proj"}
    if all(n in stored and tuple(stored[n][1]) == tuple(getattr(experts, n.rsplit(".", 1)[1]).shape) for n in names.values()):
        return [ExpertWeight(layer, experts, e, kind, name, e) for e in range(count) for kind, name in names.items()]
    return None


def read(experts, arguments, real, found):
    """Adds what every expert reads to its statistics: the rows of tokens that are sent to it, and what gate and up make of them.

    `real` [rows] tells tokens from filling; `found` statistics by what is read.
    """
    hidden, ids, others = arguments[:3]
    ids = others if ids.is_floating_point() else ids
    hidden, ids = hidden.reshape(-1, hidden.shape[-1]), ids.reshape(-1, ids.shape[-1])
    for e in range(len(experts.down_proj)):
        x = hidden[(ids == e).any(-1) & real]
        if len(x) == 0:
            continue
        if ("expert", e, False) in found:
            found["expert", e, False].add(x)
        if ("expert", e, True) in found:
            found["expert", e, True].add(experts._apply_gate(torch.nn.functional.linear(x, experts.gate_up_proj[e])))
