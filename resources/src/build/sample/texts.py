"""Writes the texts of the samples that Vitrine trains by itself: `python texts.py FOLDER`. Needs nothing but Python."""

import json
import pathlib
import sys

import settings
from stories import library


def held_out(kind):
    """The texts of a kind that stand beside the sample: none of them is trained on."""
    return list(library.of_kind(settings.SEED, kind, settings.BUNDLED[:settings.HELD_OUT[kind]]))


def trained_on(kind):
    return list(library.of_kind(settings.SEED, kind, range(settings.TRAINED_ON[kind]), held_out(kind)))


def lines(kinds, texts):
    """JSON lines, the kinds in turn, so that the beginning of the file holds all of them."""
    columns = [[json.dumps({"label": kind, "text": text}) + "\n" for text in texts(kind)] for kind in kinds]
    return "".join(column[at] for at in range(max(map(len, columns))) for column in columns if at < len(column))


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, kinds in settings.VITRINE_MADE.items():
        (folder / f"{name}-train.jsonl").write_text(lines(kinds, trained_on))
        (folder / f"{name}.jsonl").write_text(lines(kinds, held_out))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
