"""What low-rank factors begin with, as core.train.method.FirstFactors has it: A `[r, in]`, B `[out, r]`, and for some what the layer's own matrix W gives up.

| name | A | B | W |
| --- | --- | --- | --- |
| kaiming | even in (-1/sqrt(in), 1/sqrt(in)) | 0 | stays |
| gaussian | normal, deviation 1/r | 0 | stays |
| orthogonal | random, through every other row of a random rotation | random, through the others: B A = 0 | stays |
| pissa | sqrt(S_r / s) V_r^T of W = U S V^T | U_r sqrt(S_r / s) | W - s B A |
| olora | the first r rows of R, W = Q R | the first r columns of Q | W - s B A |
| loraga | c V_{1..r}^T of the first step's gradient G = U S V^T | c U_{r+1..2r}, c = out^(1/4) / 4 | W - s B A |

Source: peft 0.21 (gaussian, orthogonal); Meng et al., PiSSA, 2024; Büyükakyüz, OLoRA, 2024; Wang et al., LoRA-GA, 2024, with the rule of the paper (gamma 16). All in float64.
"""

import math

import torch

from . import randomness
from .tasks import invalid

CHANGE_BASE = ("pissa", "olora", "loraga")
INNER = ("loraxs", "lorasb")
LOOK_AT_GRADIENT = ("loraga", "lorasb")
GAMMA = 16


def drawn(kind, rank, out, width, random, number):
    """A and B that do not depend on the layer's matrix."""
    if kind == "orthogonal":
        return orthogonal(rank, out, width, random, number)
    if kind == "gaussian":
        a = random.normals(randomness.INITIAL, number, 0, rank * width) / rank
    else:
        a = (2 * random.uniforms(randomness.INITIAL, number, rank * width) - 1) / math.sqrt(width)
    return torch.from_numpy(a).reshape(rank, width), torch.zeros(out, rank, dtype=torch.float64)


def orthogonal(rank, out, width, random, number):
    if rank % 2:
        raise invalid("r is %d; the orthogonal initialisation needs an even one" % rank)
    half = rank // 2
    values = torch.from_numpy(random.normals(randomness.INITIAL, number, 0, rank * rank + half * (width + out)))
    q = torch.linalg.qr(values[:rank * rank].reshape(rank, rank)).Q
    rest = values[rank * rank:].reshape(half, width + out) / 10
    # row h of the even rows of Q carries the h-th direction of A, of the odd ones that of B
    return q[0::2].T @ rest[:, :width], rest[:, width:].T @ q[1::2]


def taken(kind, matrix, rank, scaling):
    """A and B that a matrix `[out, in]` gives: the layer's own, or for loraga its gradient."""
    out, width = matrix.shape
    least = 2 * rank if kind == "loraga" else rank
    if least > min(out, width):
        raise invalid("r is %d; the initialisation %s takes %d directions, and a layer of the model has %d" % (rank, kind, least, min(out, width)))
    if kind == "olora":
        q, r = torch.linalg.qr(matrix)
        return r[:rank], q[:, :rank]
    u, s, v = decomposed(matrix)
    if kind == "pissa":
        root = (s[:rank] / scaling).sqrt()
        return root[:, None] * v[:rank], u[:, :rank] * root
    c = out ** 0.25 / math.sqrt(GAMMA)
    return c * v[:rank], c * u[:, rank:2 * rank]


def decomposed(matrix, rank=None):
    """U `[out, k]`, S `[k]`, V^T `[k, in]`; the largest entry of each left vector is positive, so that signs do not depend on who computed them."""
    if rank is not None and rank > min(matrix.shape):
        raise invalid("r is %d, and a layer of the model has %d directions" % (rank, min(matrix.shape)))
    u, s, v = torch.linalg.svd(matrix, full_matrices=False)
    sign = torch.sign(u.gather(0, u.abs().argmax(0, keepdim=True)))
    return (u * sign)[:, :rank], s[:rank], (v * sign.T)[:rank]
