"""Runs tasks in this process and writes their artifacts whole."""

import gc
import os
import time

import peft
import torch
import transformers

from . import ENGINE, VERSION, artifact, models
from .checkpoint import Checkpoint, adapter_files
from .files import WholeFolder, fingerprint
from .tasks import checked, invalid

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class Runner:
    """Keeps the last model: a task on the same files begins at once."""

    def __init__(self, device, threads, dtype, compiled):
        self.threads = threads if threads > 0 else os.cpu_count() or 1
        torch.set_num_threads(self.threads)
        self._asked = device
        self.dtype = DTYPES[dtype]
        self.compiled = compiled
        self.rank, self.world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
        self._kept = None
        # TensorFloat-32 rounds factors to 10 bits: not what float32 says
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        # What the libraries have made by now stays: a collection need not go over it each time (a third of a second)
        gc.freeze()

    def device(self):
        """The device that was asked for."""
        gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if self._asked == "auto":
            return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if gpus else torch.device("cpu")
        if self._asked == "cpu":
            return torch.device("cpu")
        kind, _, number = self._asked.partition(":")
        if kind != "cuda" or not (number or "0").isdigit():
            raise invalid("--device %s is unknown; a device is cpu, cuda:N or auto" % self._asked)
        if int(number or 0) >= gpus:
            raise invalid("--device %s: torch %s sees %s" % (self._asked, torch.__version__, "no GPU" if gpus == 0 else "GPUs 0 to %d" % (gpus - 1)),
                          help="vitrine engines lists the devices.")
        return torch.device("cuda", int(number or 0))

    def run(self, task, folder, reporter):
        """Runs a task; its artifact is at `folder` when this returns (the summary), and nothing is there when it raises."""
        started = time.monotonic()
        task = checked(task)
        folder = os.path.abspath(folder)
        checkpoint = Checkpoint(task["model"])
        inputs = {path: fingerprint(path) for path in input_files(task, checkpoint)}
        device = self.device()
        if task["kind"] == "finetune":
            from .finetune import Finetune
            self.forget()
            run = Finetune(task, checkpoint, device, self, inputs, reporter, os.path.dirname(folder))
            if self.rank > 0:
                return run.run(None).summary
            with WholeFolder(folder) as out:
                outcome = run.run(out.staging)
                return self._finish(out, folder, task, inputs, device, started, outcome, reporter)
        if task["kind"] == "prune":
            from .prune import Prune
            self.forget()
            with WholeFolder(folder) as out, torch.no_grad():
                outcome = Prune(task, checkpoint, device, self, inputs, reporter, os.path.dirname(folder)).run(out.staging)
                return self._finish(out, folder, task, inputs, device, started, outcome, reporter)
        work = {"capture": capture, "eval": evaluate, "heads": heads, "routing": routing, "rank": rank}[task["kind"]]
        with WholeFolder(folder) as out, torch.no_grad():
            outcome = work(self, task, checkpoint, inputs, device, reporter)
            return self._finish(out, folder, task, inputs, device, started, outcome, reporter)

    def _finish(self, out, folder, task, inputs, device, started, outcome, reporter):
        outcome.write_tensors(out.staging)
        engine = {"name": ENGINE, "version": VERSION, "products": "torch " + torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__,
                  "device": str(device) if device.type == "cpu" else "%s, %s" % (device, torch.cuda.get_device_name(device)),
                  "threads": self.threads, "dtype": str(self.dtype).removeprefix("torch.")}
        artifact.write_manifest(out.staging, task["kind"], task, inputs, engine, time.monotonic() - started, outcome, reporter.warnings)
        reporter.check_cancelled()
        try:
            out.commit()
        except OSError:
            # Two processes may compute the same at once: who comes second takes what the first has put there.
            if not os.path.exists(os.path.join(folder, artifact.MANIFEST)):
                raise
        return outcome.summary

    def model(self, checkpoint, inputs, device, attention, adapters=None):
        """The model of a checkpoint, from memory where its files are the same, with adapters."""
        key = ([inputs[f] for f in checkpoint.input_files()[:-1]], checkpoint.folder, str(device), adapters)
        if self._kept is None or self._kept[0] != key:
            self.forget()
            loaded = models.load(checkpoint, device, self.dtype, attention)
            self._kept = (key, models.adapt(loaded, adapters) if adapters else loaded)
        loaded = self._kept[1]
        loaded.attend(attention)
        loaded.begin()
        return loaded

    def forget(self):
        """Frees the model that was kept."""
        self._kept = None
        self.tidy()
        gc.collect()

    def tidy(self):
        """After a task: what it took on the GPU goes back to others."""
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            torch.cuda.empty_cache()

    def close(self):
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def input_files(task, checkpoint):
    """The files whose content the result depends on, as Vitrine counts them (core.task.TaskInputs)."""
    files = checkpoint.input_files()
    if task["kind"] == "capture":
        if "file" in task["prompt"]:
            files.append(task["prompt"]["file"])
    elif task["kind"] == "routing":
        files += [d["file"] for d in task["data"]]
    elif task.get("data") is not None:
        files.append(task["data"])
    if task.get("evalData") is not None:
        files += [d["file"] for d in task["evalData"]] if task["kind"] == "prune" else [task["evalData"]]
    for path in [task["initAdapter"]] if task.get("initAdapter") is not None else [use["path"] for use in task.get("adapters") or []]:
        files += adapter_files(path)
    return files


def capture(runner, task, checkpoint, inputs, device, reporter):
    from .capture import Capture
    return Capture(runner, task, checkpoint, inputs, device, reporter).run()


def evaluate(runner, task, checkpoint, inputs, device, reporter):
    from .evaluate import run
    return run(runner, task, checkpoint, inputs, device, reporter)


def heads(runner, task, checkpoint, inputs, device, reporter):
    from .heads import run
    return run(runner, task, checkpoint, inputs, device, reporter)


def routing(runner, task, checkpoint, inputs, device, reporter):
    from .routing import run
    return run(runner, task, checkpoint, inputs, device, reporter)


def rank(runner, task, checkpoint, inputs, device, reporter):
    from .rank import run
    return run(runner, task, checkpoint, inputs, device, reporter)
