"""Inputs that cannot be used, told in one line."""

import os

MAX_CHARACTERS = 500
MAX_NAME = 120


def visible(text):
    """A text from a file, made printable and short."""
    shown = "".join(c if c.isprintable() else "\\u%04x" % ord(c) for c in str(text))
    return shown if len(shown) <= MAX_NAME else shown[: MAX_NAME - 1] + "…"


class Refusal(Exception):
    """An input that is not used: `category` is one of the protocol's, `problem` a clause without a full stop."""

    def __init__(self, category, file, problem, where=None, help=None):
        self.category = category
        self.file = None if file is None else str(file)
        line = ""
        if file is not None:
            line += visible(os.path.basename(os.path.normpath(str(file))) or str(file)) + ": "
        if where is not None:
            line += visible(where) + ": "
        line += " ".join(problem.split())
        line += "" if line.endswith(".") else "."
        if help is not None and len(line) + 1 + len(help) <= MAX_CHARACTERS:
            line += " " + help
        self.message = line if len(line) <= MAX_CHARACTERS else line[: MAX_CHARACTERS - 1] + "…"
        super().__init__(self.message)


class Cancelled(Exception):
    """The user has given the task up."""
