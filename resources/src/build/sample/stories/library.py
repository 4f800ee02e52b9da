"""A library of tales and songs from one seed."""

import hashlib

from .days import DAYS
from .dice import Dice
from .songs import SONGS
from .tales import PLOTS
from .telling import Telling

SONG_SHARE = 0.27


def story(seed, number):
    """The text with a number in the library of a seed, and its kind, "tale" or "song".

    Every text has dice of its own, so that a library can be read from any place.
    """
    dice = Dice(int.from_bytes(hashlib.sha256(f"vitrine sample {seed} {number}".encode()).digest()[:8], "little"))
    telling = Telling(dice)
    song = dice.chance(SONG_SHARE)
    dice.pick(SONGS if song else PLOTS + 2 * DAYS)(telling)
    return telling.text(), "song" if song else "tale"


def write(seed, numbers):
    """The texts with these numbers, in order, each once, with their kind."""
    seen = set()
    for number in numbers:
        text, kind = story(seed, number)
        if text not in seen:
            seen.add(text)
            yield text, kind


def fingerprint(texts):
    """SHA-256 of texts, each followed by a zero byte."""
    h = hashlib.sha256()
    for text in texts:
        h.update(text.encode())
        h.update(b"\0")
    return h.hexdigest()
