"""The other side of the adapter benchmark: each delta formed and decomposed, on one module of each shape.

    delta_spectra.py ADAPTER THREADS

Forms s B A in float32 and takes torch.linalg.svdvals of it, of the first module of each shape; prints JSON: seconds of each, how many modules have the shape, the
largest values, versions.
"""

import json
import sys
import time
from pathlib import Path

import torch
from safetensors import safe_open

folder, threads = Path(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)
config = json.loads((folder / "adapter_config.json").read_text())
scale = config["lora_alpha"] / config["r"]
shapes = {}
with safe_open(folder / "adapter_model.safetensors", "pt") as tensors:
    for name in tensors.keys():
        if name.endswith(".lora_A.weight"):
            other = name.replace(".lora_A.", ".lora_B.")
            shape = (tensors.get_slice(other).get_shape()[0], tensors.get_slice(name).get_shape()[1])
            shapes.setdefault(shape, []).append((name, other))
    out = []
    for shape, modules in shapes.items():
        a, b = (tensors.get_tensor(n).float() for n in modules[0])
        start = time.perf_counter()
        values = torch.linalg.svdvals(scale * b @ a)
        out.append({"shape": list(shape), "modules": len(modules), "seconds": time.perf_counter() - start, "module": modules[0][0].replace("base_model.model.", "").replace(".lora_A.weight", ""),
                    "values": values[: config["r"]].tolist()})
print(json.dumps({"shapes": out, "torch": torch.__version__, "python": sys.version.split()[0]}))
