"""The ranks of an adapter along its run: `ranks.jsonl`, a line for about every fiftieth part of it, as core.artifact.RankTrail reads it. Adapters of experts are left out."""

import concurrent.futures
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
    """Lines are worked out beside the training, in the order in which they were added; whoever needs the file waits for it."""

    def __init__(self, folder):
        self._file = os.path.join(folder, FILE)
        self._lines = concurrent.futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="ranks")
        self._pending = []
        self._modules = None

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
        if self._modules is None:
            self._modules = [(path.removeprefix("base_model.model."), module) for path, module in model.named_modules() if adapted(module)]
        if self._modules:
            gates = {path: gates[path].detach().float().clone() for path, _ in self._modules if gates.get(path) is not None}
            self._pending.append(self._lines.submit(self._write, step, products([factors(module) for _, module in self._modules]), gates))

    def wait(self):
        """Until all that was added is in the file."""
        pending, self._pending = self._pending, []
        for line in pending:
            line.result()

    def copy_to(self, result):
        self.wait()
        if os.path.exists(self._file):
            shutil.copyfile(self._file, os.path.join(result, FILE))

    def _write(self, step, products, gates):
        lines = {}
        for places, a, b in products:
            a, b = a.cpu(), b.cpu()
            found = [gates.get(self._modules[place][0]) for place in places]
            for i, gate in enumerate(found):
                if gate is not None:
                    a[i] *= torch.outer(gate.cpu().double(), gate.cpu().double())
            scaling = torch.tensor([self._modules[place][1].scaling["default"] for place in places])[:, None]
            finite = (torch.isfinite(a) & torch.isfinite(b)).all(-1).all(-1)
            # of what is not finite there is no spectrum; the run ends at its own check
            a[~finite], b[~finite] = 0, 0
            sigma = figures(scaling * torch.linalg.svdvals(root(b) @ root(a).mT))
            norms = figures(scaling * (a.diagonal(dim1=-2, dim2=-1) * b.diagonal(dim1=-2, dim2=-1)).sqrt())
            for place, gate, kept, s, n in zip(places, found, finite.tolist(), sigma, norms):
                path, module = self._modules[place]
                down, up = factors(module)
                layer = re.search(r"\.(\d+)\.", path)
                if kept:
                    lines[place] = {"module": path, "layer": int(layer.group(1)) if layer else -1, "out": up.shape[0], "in": down.shape[1], "sigma": s, "norm_product": n,
                                    **({} if gate is None else {"gate": figures(gate)})}
        if lines:
            with open(self._file, "a", encoding="utf-8") as file:
                file.write(json.dumps({"step": step, "modules": [lines[place] for place in sorted(lines)]}, separators=(",", ":"), ensure_ascii=False) + "\n")


def adapted(module):
    """Whether a module of peft's has factors of its own, those of an embedding among them."""
    return not hasattr(module, "parameter_name") and ("default" in getattr(module, "lora_embedding_A", ()) or "default" in getattr(module, "lora_A", ()))


def factors(module):
    """A `[r, in]` and B `[out, r]`."""
    if "default" in getattr(module, "lora_embedding_A", ()):
        return module.lora_embedding_A["default"], module.lora_embedding_B["default"]
    return module.lora_A["default"].weight, module.lora_B["default"].weight


def products(pairs):
    """A A' and B' B of pairs of factors in float64, where the factors are: (places of pairs, `[n, r, r]`, `[n, r, r]`) for pairs of one shape together, since a GPU would have to be asked for each."""
    alike = {}
    for place, (a, b) in enumerate(pairs):
        alike.setdefault((a.shape, b.shape), []).append(place)
    out = []
    for places in alike.values():
        a, b = (torch.stack([pairs[place][i].detach() for place in places]).double() for i in (0, 1))
        out.append((places, a @ a.mT, b.mT @ b))
    return out


def root(products):
    """R `[n, r, r]` with R' R = each product: what a factor comes to in directions of its own. Singular values below 1e-8 of the largest are lost in it."""
    values, vectors = torch.linalg.eigh(products)
    return values.clamp(min=0).sqrt()[..., None] * vectors.mT


def figures(values):
    """Numbers as lists. As many digits as a float32 has are more than a picture shows."""
    values = values.cpu().numpy().astype(numpy.float32)
    flat = [float(str(v)) for v in values.flat]
    return flat if values.ndim == 1 else [flat[i:i + values.shape[1]] for i in range(0, len(flat), values.shape[1])]


def before(line, step):
    try:
        return json.loads(line)["step"] < step
    except (ValueError, KeyError, TypeError):
        # the line that was being written when the run was ended
        return False
