"""Slopes from losses alone: along random directions z that are drawn again whenever they are needed and never stored, the same ones as the embedded engine's.

MeZO: theta += eps z; l+ = L; theta -= 2 eps z; l- = L; theta += eps z; g = (l+ - l-) / (2 eps); theta -= rate g z. ZO-SAM goes rho up along the estimated slope
sum g z / |sum g z| and takes the ordinary gradient there. Source: Malladi et al., 2023 (arXiv 2305.17333); ZO-SAM: arXiv 2603.13115, as in a summary of it.
"""

import torch

from . import randomness

PART = 1 << 22


class Zeroth:

    def __init__(self, random, settings):
        self._random = random
        self._eps, self._probes, self._rho = settings.get("probeEps", 1e-3), settings.get("probes", 1), settings.get("rho", 0.05)

    def slopes(self, tensors, loss, step):
        """The slopes along all directions; the tensors are as they were, up to rounding."""
        out = []
        for probe in range(self._probes):
            self._move(tensors, step, probe, self._eps)
            above = loss()
            self._move(tensors, step, probe, -2 * self._eps)
            below = loss()
            self._move(tensors, step, probe, self._eps)
            out.append((above - below) / (2 * self._eps))
        return out

    def descend(self, tensors, slopes, rate, step):
        """MeZO's step."""
        for probe, slope in enumerate(slopes):
            self._move(tensors, step, probe, -rate * slope / len(slopes))

    @torch.no_grad()
    def climb(self, tensors, slopes, step):
        """Goes rho up along the slopes; returns the values as they were."""
        before = [p.detach().clone() for p in tensors]
        squares = sum(float(g.square().sum()) for place, p in enumerate(tensors) for _, g in self._along(p, place, slopes, step))
        factor = 0.0 if squares == 0 else self._rho / squares ** 0.5
        for place, p in enumerate(tensors):
            for part, g in self._along(p, place, slopes, step):
                part.copy_(part.double() + factor * g)
        return before

    def _along(self, p, place, slopes, step):
        for part, first in parts(p):
            yield part, sum(slope * self._direction(part, step, probe, place, first) for probe, slope in enumerate(slopes))

    @torch.no_grad()
    def _move(self, tensors, step, probe, by):
        for place, p in enumerate(tensors):
            for part, first in parts(p):
                part.copy_(part.double() + by * self._direction(part, step, probe, place, first))

    def _direction(self, part, step, probe, place, first):
        return self._random.normals_on(part.device, randomness.PROBE, step * 1024 + probe, (place << 40) + first, len(part))


def parts(p):
    """A tensor's values in pieces of a size that leaves memory free, each with the number of its first value."""
    flat = p.data.view(-1)
    for first in range(0, len(flat), PART):
        yield flat[first:first + PART], first
