"""A run's state on the disk: a folder NNNNNNNN that is whole or absent; the last two are kept, so that a damaged one costs the steps since the one before."""

import hashlib
import json
import os
import re
import shutil
import threading

from safetensors.torch import load_file, save_file

from .files import WholeFolder, remove_leftovers

VERSION = 1
STATE, TENSORS, FIGURES = "state.json", "state.safetensors", "figures.jsonl"
KEPT = 2


class Keeper:
    """Writes states one after the other; beside the training where the tensors are on a GPU, from copies."""

    def __init__(self, device):
        self._beside, self._thread, self._failure = device.type != "cpu", None, None

    def write(self, steps, step, run, tensors, counts, figures):
        self.wait()
        # Beside the training copies even of what a method remembers on the CPU: it changes meanwhile.
        copies = {name: t.detach().to("cpu", copy=self._beside).contiguous() for name, t in tensors.items()}
        if not self._beside:
            write(steps, step, run, copies, counts, figures)
            return
        self._thread = threading.Thread(target=self._write, args=(steps, step, run, copies, counts, list(figures)))
        self._thread.start()

    def _write(self, *state):
        try:
            write(*state)
        except BaseException as failure:
            self._failure = failure

    def wait(self):
        """Until the last state is on the disk; raises what its writing failed with."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure


def write(steps, step, run, tensors, counts, figures):
    """`tensors`, on the CPU: w/NAME of every trained tensor, m/NAME and v/NAME of those that have moments, x/NAME of what the method remembers; `counts`: its steps; `figures`: the lines of all finished steps."""
    os.makedirs(steps, exist_ok=True)
    remove_leftovers(steps)
    target = os.path.join(steps, "%08d" % step)
    if os.path.exists(target):
        return
    with WholeFolder(target) as out:
        save_file(tensors, os.path.join(out.staging, TENSORS))
        with open(os.path.join(out.staging, FIGURES), "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in figures)
        state = {"version": VERSION, "run": run, "step": step, "sha256": checksum(out.staging), "steps_of_tensors": counts}
        with open(os.path.join(out.staging, STATE), "w", encoding="utf-8") as file:
            json.dump(state, file, indent=2)
        out.commit()
    for old in found(steps)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def found(steps):
    """All saved steps, the earliest first."""
    if not os.path.isdir(steps):
        return []
    return [os.path.join(steps, n) for n in sorted(os.listdir(steps)) if re.fullmatch(r"\d{8,}", n)]


def read(folder, run):
    """The state, or a text that says what is wrong with it."""
    try:
        with open(os.path.join(folder, STATE), encoding="utf-8") as file:
            state = json.load(file)
        if state.get("version") != VERSION:
            return "it was written in version %s of the format" % state.get("version")
        if state.get("run") != run:
            return "it belongs to a run of another task, engine or other inputs"
        if state.get("sha256") != checksum(folder):
            return "its checksum does not fit"
        with open(os.path.join(folder, FIGURES), encoding="utf-8") as file:
            figures = file.read().splitlines()
        return {"step": state["step"], "counts": state["steps_of_tensors"], "tensors": load_file(os.path.join(folder, TENSORS)), "figures": figures}
    except (OSError, ValueError, KeyError, AttributeError):
        return "it cannot be read"


def checksum(folder):
    digest = hashlib.sha256()
    for name in (TENSORS, FIGURES):
        with open(os.path.join(folder, name), "rb") as file:
            for part in iter(lambda: file.read(1 << 20), b""):
                digest.update(part)
    return digest.hexdigest()
