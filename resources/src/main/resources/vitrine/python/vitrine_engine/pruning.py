"""Ways to prune a matrix: the same rules, in the same order of operations and in float64, as the embedded engine's (core.prune.method), so that both choose
the same weights. W is [out, in], its row an output; X [tokens, in] is what it reads.

Sources: Sun et al., Wanda, 2023, arXiv 2306.11695; Frantar and Alistarh, SparseGPT, 2023, arXiv 2301.00774; Wang et al., SVD-LLM, 2024, arXiv 2403.07378.
"""

import math

import torch

MOST_RAISES = 12
SHIFT = 1e-6


class Inputs:
    """What matrices read over the calibration tokens: sums of squares, the second moments G = X^T X where they are wanted, and some rows to measure errors on."""

    BLOCK = 512

    def __init__(self, width, moments, sample_rows, expected, device):
        self.tokens = 0
        self._squares = torch.zeros(width, dtype=torch.float64, device=device)
        self.moments = torch.zeros(width, width, dtype=torch.float64, device=device) if moments else None
        self._stride = max(1, -(-expected // max(1, sample_rows)))
        self._most, self._rows, self._taken = sample_rows, [], 0

    def add(self, x):
        """`x` [rows, in]."""
        first = (self._stride - self.tokens % self._stride) % self._stride
        taken = x[first::self._stride][:self._most - self._taken].float()
        self._taken += len(taken)
        self._rows.append(taken.clone())
        for part in x.split(self.BLOCK):
            wide = part.double()
            if self.moments is None:
                self._squares += (wide * wide).sum(0)
            else:
                self.moments.addmm_(wide.T, wide)
        self.tokens += len(x)

    def squares(self):
        return self._squares if self.moments is None else self.moments.diagonal()

    def norms(self):
        return self.squares().sqrt()

    def sample(self):
        return torch.cat(self._rows)


class Pruned:
    """What became of a matrix: `kept` is a mask or None, `values` float64 or None where only zeros were put in, `rank` of a low-rank matrix, `a` and `b` its factors,
    `error` the predicted output error or None."""

    def __init__(self, kept=None, values=None, rank=None, a=None, b=None, error=None, note=None):
        self.kept, self.values, self.rank, self.a, self.b, self.error, self.note = kept, values, rank, a, b, error, note


def without_smallest(scores, count):
    """A mask in which the `count` smallest scores of each row are False; of equal ones the smaller index goes first. `scores` [rows, n]."""
    kept = torch.ones_like(scores, dtype=torch.bool)
    if count > 0:
        kept.scatter_(1, torch.sort(scores, dim=1, stable=True).indices[:, :count], False)
    return kept


def by_rows(scores, sparsity, pattern):
    """Row by row: a share goes, or all but N of every M."""
    out, n = scores.shape
    if pattern is None:
        return without_smallest(scores, int(sparsity * n))
    keep, of = pattern
    return without_smallest(scores.reshape(-1, of), of - keep).reshape(out, n)


class Magnitude:
    moments = False

    def __init__(self, by_row, pattern):
        self._by_row, self._pattern = by_row, pattern

    def prune(self, w, inputs, sparsity):
        scores = w.abs()
        if self._by_row or self._pattern:
            return Pruned(by_rows(scores, sparsity, self._pattern))
        return Pruned(without_smallest(scores.reshape(1, -1), int(sparsity * w.numel())).reshape(w.shape))


class Wanda:
    """|W_ij| ||X_j||, row by row."""
    moments = False

    def __init__(self, pattern):
        self._pattern = pattern

    def prune(self, w, inputs, sparsity):
        return Pruned(by_rows(w.abs() * inputs.norms(), sparsity, self._pattern))


class SparseGpt:
    """H = 2 X^T X + lambda I, H^-1 = U^T U; column by column, those to the right make up for what goes."""
    moments = True

    def __init__(self, block, damping, pattern):
        self._block = block if pattern is None else max(1, block // pattern[1]) * pattern[1]
        self._damping, self._pattern = damping, pattern

    def prune(self, w, inputs, sparsity):
        u, dead, note = self._root(inputs)
        w = w.clone()
        w[:, dead] = 0
        kept = torch.ones_like(w, dtype=torch.bool)
        n = w.shape[1]
        for start in range(0, n, self._block):
            end = min(n, start + self._block)
            block, root = w[:, start:end], u[start:end, start:end]
            mask, errors, gone = kept[:, start:end], torch.empty_like(block), torch.empty_like(block)
            if self._pattern is None:
                scores = (block / root.diagonal()).square()
                mask.copy_(without_smallest(scores.reshape(1, -1), int(sparsity * scores.numel())).reshape(scores.shape))
                gone.copy_(~mask)
            for j in range(end - start):
                if self._pattern is not None and j % self._pattern[1] == 0:
                    group = slice(j, j + self._pattern[1])
                    scores = (block[:, group] / root.diagonal()[group]).square()
                    mask[:, group] = without_smallest(scores, self._pattern[1] - self._pattern[0])
                    gone[:, group] = (~mask[:, group]).double()
                # Few and small operations: on a GPU their number is what this loop costs.
                error = torch.div(block[:, j], root[j, j], out=errors[:, j]).mul_(gone[:, j])
                block[:, j + 1:].sub_(error[:, None] * root[j, j + 1:])
            block.masked_fill_(~mask, 0.0)
            if end < n:
                w[:, end:] -= errors @ u[start:end, end:]
        return Pruned(kept, w, note=note)

    def _root(self, inputs):
        h = 2 * inputs.moments
        diagonal = h.diagonal()
        mean = float(diagonal.mean())
        dead = diagonal == 0
        damping = self._damping * mean
        for raised in range(MOST_RAISES + 1):
            damped = h.clone()
            damped.diagonal()[dead] = 1
            damped.diagonal().add_(damping)
            lower, bad = torch.linalg.cholesky_ex(damped)
            if not bad:
                upper, bad = torch.linalg.cholesky_ex(torch.cholesky_inverse(lower), upper=True)
                if not bad:
                    return upper, dead, None if raised == 0 else \
                        "damping was raised to %.3g: with less, the second moments of its inputs were not positive definite" % (damping / mean)
            damping = 10 * damping if damping > 0 else 1e-8 * (mean if mean > 0 else 1)
        raise ArithmeticError("second moments that no damping makes positive definite: values are not finite")


class LowRank:
    """The matrix of rank k that is nearest to W, or (whitened) whose outputs are nearest: W S = U s V^T with G = S S^T, W' = U_k s_k V_k^T S^-1."""

    def __init__(self, whitened, rank):
        self.moments, self._rank = whitened, rank

    def prune(self, w, inputs, sparsity):
        out, n = w.shape
        k = self._rank or max(1, int(float(out) * n * (1 - sparsity) / (out + n)))
        if k >= min(out, n):
            return Pruned(note="rank {:,} is all that it has".format(min(out, n)))
        lower, note = self._root(inputs.moments) if self.moments else (None, None)
        u, s, vt = torch.linalg.svd(w if lower is None else w @ lower, full_matrices=False)
        a, b = u[:, :k] * s[:k].sqrt(), s[:k].sqrt()[:, None] * vt[:k]
        if lower is not None:
            b = torch.linalg.solve_triangular(lower, b, upper=False, left=False)
        return Pruned(None, a @ b, k, a.float(), b.float(), float(s[k:].square().sum().sqrt()) if self.moments else None, note)

    @staticmethod
    def _root(moments):
        lower, bad = torch.linalg.cholesky_ex(moments)
        if not bad:
            return lower, None
        shift = max(0.0, -float(torch.linalg.eigvalsh(moments)[0])) + SHIFT
        while math.isfinite(shift):
            shifted = moments.clone()
            shifted.diagonal().add_(shift)
            lower, bad = torch.linalg.cholesky_ex(shifted)
            if not bad:
                return lower, "%.3g was added to the diagonal of the second moments of its inputs, which were not positive definite" % shift
            shift *= 10
        raise ArithmeticError("second moments that no shift makes positive definite: values are not finite")


def relative_error(before, after, x):
    """||X (W - W')^T||_F squared and ||X W^T||_F squared over some rows, float32 products summed in float64."""
    return float((x @ (before - after).float().T).double().square().sum()), float((x @ before.float().T).double().square().sum())


class JavaRandom:
    """java.util.Random as its documentation defines it: both engines pick the same texts by a seed."""

    def __init__(self, seed):
        self._seed = (seed ^ 0x5DEECE66D) & ((1 << 48) - 1)

    def _next(self):
        self._seed = (self._seed * 0x5DEECE66D + 0xB) & ((1 << 48) - 1)
        return self._seed >> 17

    def below(self, bound):
        """From 0 to below a bound."""
        value = self._next()
        if bound & (bound - 1) == 0:
            return (bound * value) >> 31
        while True:
            rest = value % bound
            if value - rest + bound - 1 < 1 << 31:
                return rest
            value = self._next()


def choose(count, wanted, seed):
    """`wanted` of `count` numbers, in order; all where there are no more."""
    every = list(range(count))
    if count <= wanted:
        return every
    random = JavaRandom(seed)
    for i in range(count, 1, -1):
        j = random.below(i)
        every[i - 1], every[j] = every[j], every[i - 1]
    return sorted(every[:wanted])
