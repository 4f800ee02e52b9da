"""Chance that is the same on every machine and in every version of Python."""

_MASK = (1 << 64) - 1


class Dice:
    """SplitMix64: a stream of 64-bit numbers from a seed. Python's own `random` promises less across versions.

    Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
    """

    def __init__(self, seed):
        self._state = seed & _MASK

    def bits(self):
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        z = self._state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def below(self, n):
        """A whole number from 0 to n - 1. The bias of the product is below n / 2^64."""
        return (self.bits() * n) >> 64

    def between(self, low, high):
        """A whole number from low to high, both included."""
        return low + self.below(high - low + 1)

    def chance(self, p):
        return self.bits() < p * 2.0**64

    def pick(self, items):
        return items[self.below(len(items))]

    def sample(self, items, k):
        """k different items, in random order."""
        pool = list(items)
        for i in range(k):
            j = i + self.below(len(pool) - i)
            pool[i], pool[j] = pool[j], pool[i]
        return pool[:k]

    def weighted(self, items, weights):
        at = self.below(sum(weights))
        for item, weight in zip(items, weights):
            at -= weight
            if at < 0:
                return item
        raise AssertionError("unreachable")
