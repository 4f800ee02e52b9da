"""What a task leaves: a folder with `manifest.json` and, where it makes tensors, `result.safetensors`."""

import datetime
import json
import math
import os

import numpy
from safetensors.numpy import save_file

TENSORS = "result.safetensors"
MANIFEST = "manifest.json"


def provenance(kind, source, dtype, method, samples=0):
    """How a figure came about: `kind` is measured, derived or estimated."""
    return {"kind": kind, "source": source, "dtype": dtype, "method": method, "samples": int(samples)}


def number(value):
    """A number for JSON: null where it is not finite."""
    value = float(value)
    return value if math.isfinite(value) else None


class Outcome:
    """What a task came to: figures for the summary, tensors with their provenance, and the tensors' file's metadata."""

    def __init__(self, summary, tensors=None, metadata=None, provenances=None):
        self.summary = summary
        self.tensors = {} if tensors is None else tensors
        self.provenance = {} if provenances is None else provenances
        self.metadata = {} if metadata is None else metadata

    def put(self, name, values, how):
        """A tensor (numpy array of float32, float64 or int64)."""
        self.tensors[name] = numpy.ascontiguousarray(values)
        self.provenance[name] = how

    def write_tensors(self, folder):
        if self.tensors:
            metadata = {**self.metadata, "provenance": json.dumps(self.provenance, ensure_ascii=False, separators=(",", ":"))}
            save_file(self.tensors, os.path.join(folder, TENSORS), metadata=metadata)


def write_manifest(folder, kind, task, inputs, engine, seconds, outcome, warnings):
    manifest = {
        "format": "vitrine-artifact", "version": 1, "kind": kind, "task": task, "inputs": inputs, "engine": engine,
        "created": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), "seconds": seconds,
        "summary": outcome.summary, "provenance": outcome.provenance, "warnings": warnings,
    }
    with open(os.path.join(folder, MANIFEST), "w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=2, ensure_ascii=False, allow_nan=False)
