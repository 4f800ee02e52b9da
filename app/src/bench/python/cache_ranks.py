"""The other side of the rank benchmark: effective ranks of the key projection's outputs and of the cached keys and values, by transformers and torch.

    cache_ranks.py MODEL IDS OUT THREADS

IDS is JSONL with `input_ids`. float32, sdpa attention, each sequence alone, no logits: the least that makes a cache. Products of rows are
summed up in float64 as Vitrine's are, `torch.linalg.eigvalsh` of each head's and each layer's part at the end.
"""

import json
import sys
import time

import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoModel, DynamicCache

path, ids_file, out_file, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
transformers.logging.disable_progress_bar()
start = time.perf_counter()
model = AutoModel.from_pretrained(path, dtype=torch.float32, attn_implementation="sdpa").eval()
layers = model.config.num_hidden_layers
heads = model.config.num_key_value_heads
projected = [None] * layers
moments = {}


def add(name, rows):
    rows = rows.double()
    moments[name] = moments.get(name, 0) + rows.T @ rows


for i, layer in enumerate(model.layers):
    layer.self_attn.k_proj.register_forward_hook(lambda m, a, y, i=i: add(("k_proj", i), y[0]))
with torch.no_grad(), open(ids_file) as lines:
    for line in lines:
        cache = DynamicCache(config=model.config)
        model(torch.tensor([json.loads(line)["input_ids"]]), past_key_values=cache, use_cache=True)
        for i in range(layers):
            k, v = cache.layers[i].keys[0], cache.layers[i].values[0]
            add(("kv", i), torch.cat([k.transpose(0, 1).flatten(1), v.transpose(0, 1).flatten(1)], 1))


def values(c):
    return torch.linalg.eigvalsh(c).flip(0).clamp(min=0).sqrt()


out = {}
for i in range(layers):
    kv, width = moments["kv", i], moments["k_proj", i].shape[0]
    d = width // heads
    parts = {"k_layer": range(0, width), "v_layer": range(width, 2 * width), "kv_layer": range(0, 2 * width)}
    for h in range(heads):
        k, v = range(h * d, h * d + d), range(width + h * d, width + h * d + d)
        parts |= {f"k.{h}": k, f"v.{h}": v, f"kv.{h}": [*k, *v]}
        out.setdefault(f"k_proj.{h}.sv", []).append(values(moments["k_proj", i][h * d:h * d + d, h * d:h * d + d]))
    for name, columns in parts.items():
        columns = torch.tensor(list(columns))
        out.setdefault(name + ".sv", []).append(values(kv[columns][:, columns]))
    out.setdefault("k_proj_layer.sv", []).append(values(moments["k_proj", i]))
save_file({k: torch.stack(v) for k, v in out.items()}, out_file)
print(json.dumps({"seconds": time.perf_counter() - start, "torch": torch.__version__, "transformers": transformers.__version__, "python": sys.version.split()[0]}))
