"""The ranks of an adapter along its run: `ranks.jsonl`, a line for about every fiftieth part of it, as core.artifact.RankTrail reads it. Adapters of experts are left out."""

import json
import os
import re
import shutil

import numpy
import torch

FILE = "ranks.jsonl"
LINES = 50


def keeps(step, total):
    """Whether a step of so many is one that is kept."""
    return step == total or step % max(1, total // LINES) == 0


class Trail:

    def __init__(self, folder):
        self._file = os.path.join(folder, FILE)

    def begin(self, step):
        """Forgets what was written of steps from one on: the run goes through them again."""
        if not os.path.exists(self._file):
            return
        with open(self._file, encoding="utf-8") as file:
            lines = [line for line in file if before(line, step)]
        with open(self._file, "w", encoding="utf-8") as file:
            file.writelines(lines)

    @torch.no_grad()
    def add(self, step, model, gates):
        """Adds the ranks as they are now; `gates` are w by the path of a module, where the method has them."""
        modules = []
        for path, module in model.named_modules():
            path = path.removeprefix("base_model.model.")
            table = "default" in getattr(module, "lora_embedding_A", ())
            if hasattr(module, "parameter_name") or not table and "default" not in getattr(module, "lora_A", ()):
                continue
            a, b = (module.lora_embedding_A["default"], module.lora_embedding_B["default"]) if table else (module.lora_A["default"].weight, module.lora_B["default"].weight)
            a, b = a.detach().double().cpu(), b.detach().double().cpu()
            gate = gates.get(path)
            if gate is not None:
                a = a * gate.float().double().cpu()[:, None]
            if not bool(torch.isfinite(a).all() and torch.isfinite(b).all()):
                # the run ends at its own check; here there is no spectrum
                continue
            scaling = module.scaling["default"]
            core = scaling * torch.linalg.qr(b).R @ torch.linalg.qr(a.T).R.T
            layer = re.search(r"\.(\d+)\.", path)
            line = {"module": path, "layer": int(layer.group(1)) if layer else -1, "out": b.shape[0], "in": a.shape[1], "sigma": figures(torch.linalg.svdvals(core)),
                    "norm_product": figures(scaling * b.norm(dim=0) * a.norm(dim=1))}
            if gate is not None:
                line["gate"] = figures(gate)
            modules.append(line)
        if modules:
            with open(self._file, "a", encoding="utf-8") as file:
                file.write(json.dumps({"step": step, "modules": modules}, separators=(",", ":"), ensure_ascii=False) + "\n")

    def copy_to(self, result):
        if os.path.exists(self._file):
            shutil.copyfile(self._file, os.path.join(result, FILE))


def figures(values):
    """As many digits as a float32 has are more than a picture shows."""
    return [float(str(v)) for v in values.cpu().numpy().astype(numpy.float32)]


def before(line, step):
    try:
        return json.loads(line)["step"] < step
    except (ValueError, KeyError, TypeError):
        # the line that was being written when the run was ended
        return False
