"""Which samples a step sees. A sample is a sequence, or several packed together, each beginning at position 0 and blind to the others."""

from . import randomness


def single(sequences):
    return [[s] for s in sequences]


def packed(sequences, length):
    """Samples of at most `length` tokens: longest first, each into the first sample that has room (first-fit decreasing)."""
    bins, rooms, first = [], [], 0
    for i in sorted(range(len(sequences)), key=lambda i: (-len(sequences[i].ids), i)):
        s = sequences[i]
        while first < len(bins) and rooms[first] == 0:
            first += 1
        at = first
        while at < len(bins) and rooms[at] < len(s.ids):
            at += 1
        if at == len(bins):
            bins.append([])
            rooms.append(length)
        bins[at].append(s)
        rooms[at] -= len(s.ids)
    return bins


class Samples:

    def __init__(self, samples, shuffled, per_step, random):
        self.samples, self._shuffled, self._per_step, self._random = samples, shuffled, per_step, random
        self._epoch, self._order = -1, None

    def steps_per_epoch(self):
        return -(-len(self.samples) // self._per_step)

    def step(self, step):
        """The samples of a step, counted from 1."""
        return [self.samples[self._place(p)] for p in range((step - 1) * self._per_step, step * self._per_step)]

    def _place(self, position):
        epoch, within = divmod(position, len(self.samples))
        if not self._shuffled:
            return within
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self._random.permutation(len(self.samples), randomness.ORDER, epoch)
        return self._order[within]
