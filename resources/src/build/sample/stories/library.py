"""A library of tales and songs from one seed."""

import hashlib

from .accounts import ACCOUNTS
from .days import DAYS
from .dice import Dice
from .kitchen import RECIPES
from .post import LETTERS
from .songs import SONGS
from .tales import PLOTS
from .telling import Telling

SONG_SHARE = 0.27
# The kinds that can be asked for by name. `story` knows the first two only: it is what the dense sample was trained on.
KINDS = {"tale": PLOTS + 2 * DAYS, "song": SONGS, "recipe": RECIPES, "account": ACCOUNTS, "letter": LETTERS}


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


def of_kind(seed, kind, numbers, but=()):
    """The texts of one kind with these numbers, in order, each once, without those in `but`."""
    seen = set(but)
    for number in numbers:
        dice = Dice(int.from_bytes(hashlib.sha256(f"vitrine sample {seed} {kind} {number}".encode()).digest()[:8], "little"))
        telling = Telling(dice)
        dice.pick(KINDS[kind])(telling)
        text = telling.text()
        if text not in seen:
            seen.add(text)
            yield text


def fingerprint(texts):
    """SHA-256 of texts, each followed by a zero byte."""
    h = hashlib.sha256()
    for text in texts:
        h.update(text.encode())
        h.update(b"\0")
    return h.hexdigest()
