"""The effective rank of every matrix of decoder layers before and after pruning, as core.work.prune.report.RanksBeforeAndAfter has it."""

import math

import torch
from safetensors import safe_open

from .artifact import number
from .matrices import matrices

MEASURE = "exp of the entropy of the singular values divided by their sum; normalised: divided by the smaller side"
# Work that is done for a report, in units of `cost`: beyond it, layers spread evenly are measured. Both engines choose the same ones.
EFFORT = 1.2e5
# Up to this smaller side a singular value decomposition takes no longer than is worth a thought; beyond, eigenvalues of the Gram matrix, where their error allows it.
DECOMPOSED = 256
GRAM_ERROR, ALLOWED = torch.finfo(torch.float64).eps, 5e-7
MEANS = ("before", "after", "normalised_before", "normalised_after")


class Files:
    """The matrices of a checkpoint, read one at a time."""

    def __init__(self, checkpoint, config):
        self._opened = [safe_open(file, framework="pt") for file in checkpoint.weight_files]
        self._place = {name: file for file in self._opened for name in file.keys()}
        self.matrices = matrices(checkpoint.tensors(), config)

    def values(self, matrix):
        return matrix.read(self._place[matrix.tensor])


class Mean:
    """Means over matrices that are there before and after and have a rank in both."""

    def __init__(self):
        self._rows = []

    def add(self, *values):
        if all(math.isfinite(v) for v in values):
            self._rows.append(values)

    def put(self, to):
        for key, values in zip(MEANS, zip(*self._rows) if self._rows else [()] * len(MEANS)):
            to[key] = number(math.fsum(values) / len(values)) if values else None
        to["matrices_compared"] = len(self._rows)


def cost(matrix):
    """The work in a matrix's Gram matrix and its eigenvalues, in units of about a million multiplications and additions: SpectrumSolver.cost of the embedded engine."""
    n, m = min(matrix.shape), max(matrix.shape)
    return (m * n * n + 2.7 * n ** 3) * 1e-6 + 1


def chosen(layers, effort):
    """The layers that are measured: all of them, or some spread evenly from the first to the last. `layers` are matrices by layer."""
    work = sum(2 * cost(m) for own in layers.values() for m in own)
    numbers = list(layers)
    if work <= effort:
        return numbers
    count = min(max(int(effort / work * len(numbers)), min(2, len(numbers))), len(numbers))
    return [numbers[math.floor(i * (len(numbers) - 1) / max(1, count - 1) + 0.5)] for i in range(count)]


def effective_rank(matrix):
    """exp(H) of the singular values divided by their sum, of a float64 matrix; NaN where there are only zeros, or values that are not finite."""
    top = matrix.abs().amax()
    if not 0 < float(top) < math.inf:
        return math.nan
    matrix = matrix / top
    s = None
    if min(matrix.shape) > DECOMPOSED:
        wide = matrix.shape[0] <= matrix.shape[1]
        s = torch.linalg.eigvalsh(matrix @ matrix.T if wide else matrix.T @ matrix).clamp_min(0).sqrt()
        s = s if moved(s) <= ALLOWED else None
    return math.exp(entropy(torch.linalg.svdvals(matrix) if s is None else s))


def entropy(s):
    p = s / s.sum()
    return -float(torch.special.xlogy(p, p).sum())


def moved(s):
    """How far rounding in a Gram matrix may have moved the effective rank, relative: ErrorBound.oneSign of the embedded engine."""
    u = s / s.max()
    total = u.sum()
    error = torch.where(u > 2 * math.sqrt(GRAM_ERROR), GRAM_ERROR / (2 * u), math.sqrt(GRAM_ERROR))
    return float((error * ((torch.maximum(u, error) / total).log() + entropy(s)).abs()).sum() / total)


def ranks(before, after, config, keep, device, reporter, effort=EFFORT):
    """The report's `effective_rank`. Values are exact (float64) however many layers are measured.

    `before` and `after` are checkpoints, `config` that of the model, `keep` by layer of the pruned model its number before.
    """
    was, now = Files(before, config), Files(after, config)
    layers, left = {}, {}
    for m in was.matrices:
        layers.setdefault(m.layer, []).append(m)
    for m in now.matrices:
        left.setdefault((keep[m.layer], m.part, m.expert), []).append(m)
    out, rows, by_layer, every = {"measure": MEASURE, "accuracy": "exact", "of_layers": len(layers)}, [], [], Mean()
    for layer in chosen(layers, effort):
        mean = Mean()
        for m in layers[layer]:
            reporter.check_cancelled()
            same = left.get((layer, m.part, m.expert))
            rows.append(row(m, same.pop(0) if same else None, was, now, device, (mean, every)))
        by_layer.append({"layer": layer})
        mean.put(by_layer[-1])
    every.put(out)
    out.update(layers=by_layer, matrices=rows)
    return out


def row(m, other, was, now, device, means):
    found = {"name": m.name, "kind": m.part, "layer": m.layer}
    if m.expert >= 0:
        found["expert"] = m.expert
    values = was.values(m).to(device).double()
    first, size = effective_rank(values), min(m.shape)
    found.update(shape=list(m.shape), before=number(first), normalised_before=number(first / size))
    if other is None:
        found.update(after=None, normalised_after=None)
        return found
    if other.shape != m.shape:
        found["shape_after"] = list(other.shape)
    changed = now.values(other).to(device).double()
    second, left = first if torch.equal(values, changed) else effective_rank(changed), min(other.shape)
    found.update(after=number(second), normalised_after=number(second / left))
    for mean in means:
        mean.add(first, second, first / size, second / left)
    return found
