"""Random numbers as functions of where they are used, the same as Vitrine's embedded engine draws (core.train.Randomness): no state to save.

SplitMix64's finalizer over seed, purpose, step and place. Source: Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, 2014.
"""

import math

import numpy
import torch

ORDER, DROPOUT, INITIAL, NOISE, PROBE, CHOICE = range(6)
MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(z):
    a = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    b = ((a ^ (a >> 27)) * 0x94D049BB133111EB) & MASK
    return b ^ (b >> 31)


def on(device, start, first, stride, offset, count):
    """Evenly in [0, 1) for the places stride * i + offset, i from `first` on: whole numbers of 64 bits with a sign wrap around as those without do."""
    i = torch.arange(first, first + count, dtype=torch.int64, device=device)
    v = i.mul_(stride).add_(offset + 1).mul_(signed(GOLDEN)).add_(signed(start))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        v = v.bitwise_xor_(shifted(v, shift)).mul_(signed(factor))
    v = v.bitwise_xor_(shifted(v, 31))
    return shifted(v, 11).double() * 2.0 ** -53


def signed(bits):
    return bits - (1 << 64) if bits >> 63 else bits


def shifted(v, by):
    """To the right, with zeros from the left."""
    return (v >> by) & ((1 << (64 - by)) - 1)


class Randomness:

    def __init__(self, seed):
        self._seed = seed & MASK

    def _at(self, stream, step):
        z = mix((self._seed + GOLDEN * (stream + 1)) & MASK)
        return mix((z + GOLDEN * (step + 1)) & MASK)

    def bits(self, stream, step, index):
        """64 random bits for a place of a stream at a step."""
        return mix((self._at(stream, step) + GOLDEN * (index + 1)) & MASK)

    def uniforms(self, stream, step, count):
        """Evenly in [0, 1), float64 [count]."""
        z = numpy.uint64(self._at(stream, step)) + numpy.uint64(GOLDEN) * numpy.arange(1, count + 1, dtype=numpy.uint64)
        a = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        b = (a ^ (a >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        z = b ^ (b >> numpy.uint64(31))
        return (z >> numpy.uint64(11)).astype(numpy.float64) * 2.0 ** -53

    def normals(self, stream, step, first, count):
        """Normal with mean 0 and deviation 1 for the places from `first` on, by the method of Box and Muller, float64 [count]."""
        index = numpy.arange(first, first + count, dtype=numpy.uint64)
        z = numpy.uint64(self._at(stream, step))
        pair = []
        for offset in (0, 1):
            v = z + numpy.uint64(GOLDEN) * (index * numpy.uint64(2) + numpy.uint64(offset + 1))
            a = (v ^ (v >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
            b = (a ^ (a >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
            v = b ^ (b >> numpy.uint64(31))
            pair.append((v >> numpy.uint64(11)).astype(numpy.float64) * 2.0 ** -53)
        return numpy.sqrt(-2 * numpy.log(1 - pair[0])) * numpy.cos(2 * numpy.pi * pair[1])

    def uniforms_on(self, device, stream, step, first, count):
        """As `uniforms`, for the places from `first` on, drawn on a device: a tensor of float64 [count]."""
        return on(device, self._at(stream, step), first, 1, 0, count)

    def normals_on(self, device, stream, step, first, count):
        """As `normals`, drawn on a device: a tensor of float64 [count]."""
        start = self._at(stream, step)
        u, v = (on(device, start, first, 2, offset, count) for offset in (0, 1))
        return (1 - u).log_().mul_(-2).sqrt_() * v.mul_(2 * math.pi).cos_()

    def permutation(self, n, stream, step):
        """Whole numbers 0 to n - 1 in random order."""
        out = [0] * n
        start = self._at(stream, step)
        for i in range(n):
            j = mix((start + GOLDEN * (i + 1)) & MASK) % (i + 1)
            out[i] = out[j]
            out[j] = i
        return out
