"""Texts of four kinds for the sample with experts: tales and songs of the library, sums, and little programs. Run: python3 domains.py FOLDER

Writes FOLDER/train.jsonl and FOLDER/validation.jsonl, lines of `text` and `label` (`tale`, `song`, `sum`, `program`), kinds in turn, no text twice; and
FOLDER/sums-train.jsonl and FOLDER/sums-validation.jsonl for the adapter. Needs nothing but Python; the same bytes everywhere.
"""

import hashlib
import itertools
import json
import pathlib
import sys

import settings
from stories import library
from stories.dice import Dice

NAMES = "a b c d k m n p q r s t x y z total count limit step price".split()
EACH_TRAINING, EACH_VALIDATION = 900, 24
SUMS_TRAINING, SUMS_VALIDATION = 1200, 40


def sums(dice):
    """Some lines of arithmetic, right ones."""
    lines = []
    for _ in range(dice.between(6, 10)):
        a, b = dice.between(0, 99), dice.between(0, 99)
        kind = dice.below(4)
        if kind == 0:
            lines.append(f"{a} + {b} = {a + b}")
        elif kind == 1:
            a, b = max(a, b), min(a, b)
            lines.append(f"{a} - {b} = {a - b}")
        elif kind == 2:
            a, b = a % 13, b % 13
            lines.append(f"{a} * {b} = {a * b}")
        else:
            lines.append(f"{a} {'<' if a < b else '>' if a > b else '='} {b}")
    return "\n".join(lines)


def program(dice):
    """A little program in a language that looks like some."""
    f, x, y, z = dice.sample(NAMES, 4)
    low, high = dice.between(0, 4), dice.between(5, 40)
    body = dice.pick([
        [f"    {z} = 0", f"    for {y} in range({low}, {x}):", f"        {z} = {z} + {y}", f"    return {z}"],
        [f"    if {x} > {high}:", f"        return {x}", f"    return {f}({x} + 1)"],
        [f"    {y} = []", f"    while {x} > {low}:", f"        {y}.append({x})", f"        {x} = {x} - 1", f"    return {y}"],
        [f"    {y}, {z} = {low}, {high}", f"    while {y} < {z}:", f"        {y} = {y} * 2", f"    return {y} + {x}"],
    ])
    return "\n".join([f"def {f}({x}):", *body, f"print({f}({high}))"])


def texts(kind, start):
    """Texts of a kind, each once, from a number on."""
    if kind in ("tale", "song"):
        yield from (t for t, k in library.write(settings.SEED, itertools.count(start)) if k == kind)
        return
    seen = set()
    for number in itertools.count(start):
        dice = Dice(int.from_bytes(hashlib.sha256(f"vitrine sample {settings.SEED} {kind} {number}".encode()).digest()[:8], "little"))
        text = (sums if kind == "sum" else program)(dice)
        if text not in seen:
            seen.add(text)
            yield text


def write(file, kinds, each, start, leave_out=frozenset()):
    """`each` texts of every kind in turn, none of those left out; returns them."""
    streams = {kind: (t for t in texts(kind, start) if t not in leave_out) for kind in kinds}
    rows = [(next(streams[kind]), kind) for _ in range(each) for kind in kinds]
    file.write_text("".join(json.dumps({"text": t, "label": k}) + "\n" for t, k in rows))
    return {t for t, _ in rows}


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    kinds = ("tale", "song", "sum", "program")
    trained = write(folder / "train.jsonl", kinds, EACH_TRAINING, 0)
    write(folder / "validation.jsonl", kinds, EACH_VALIDATION, 2_000_000, trained)
    sums_trained = write(folder / "sums-train.jsonl", ("sum",), SUMS_TRAINING, 100_000)
    write(folder / "sums-validation.jsonl", ("sum",), SUMS_VALIDATION, 3_000_000, sums_trained)


if __name__ == "__main__":
    main(sys.argv[1])
