"""The other side of the spectrum benchmark: singular values of every matrix of a checkpoint, by torch.

    singular_values.py MODEL OUT THREADS

Each tensor of two dimensions is widened to float32 and given to `torch.linalg.svdvals`, one after the other. The values go to a
safetensors file; what ran is one line of JSON.
"""

import json
import os
import sys

import torch
from safetensors import safe_open
from safetensors.torch import save_file

torch.set_num_threads(int(sys.argv[3]))
values = {}
with safe_open(os.path.join(sys.argv[1], "model.safetensors"), "pt") as f:
    for name in f.keys():
        if len(f.get_slice(name).get_shape()) == 2:
            values["sv." + name] = torch.linalg.svdvals(f.get_tensor(name).float())
save_file(values, sys.argv[2])
print(json.dumps({"torch": torch.__version__, "python": sys.version.split()[0]}))
