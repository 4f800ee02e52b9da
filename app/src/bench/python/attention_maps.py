"""The other side of the capture benchmark: all attention maps of one prompt, by transformers.

    attention_maps.py once MODEL IDS OUT THREADS     one prompt, as a whole command
    attention_maps.py serve MODEL THREADS            a prompt per line of standard input: "IDS OUT"

float32, eager attention, `output_attentions`, no logits and no cache of keys and values: the least that leaves the maps in a
safetensors file. Each result is one line of JSON: seconds of the forward pass alone and with the file.
"""

import json
import sys
import time

import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoModel


def load(path, threads):
    torch.set_num_threads(threads)
    transformers.logging.disable_progress_bar()
    return AutoModel.from_pretrained(path, dtype=torch.float32, attn_implementation="eager").eval()


def capture(model, ids_file, out_file):
    with open(ids_file) as f:
        ids = torch.tensor([json.load(f)])
    start = time.perf_counter()
    with torch.no_grad():
        maps = model(ids, output_attentions=True, use_cache=False).attentions
    passed = time.perf_counter()
    save_file({"attentions": torch.cat(maps)}, out_file)
    written = time.perf_counter()
    print(json.dumps({"forward": passed - start, "seconds": written - start, "torch": torch.__version__,
                      "transformers": transformers.__version__, "python": sys.version.split()[0]}), flush=True)


if sys.argv[1] == "once":
    capture(load(sys.argv[2], int(sys.argv[5])), sys.argv[3], sys.argv[4])
else:
    model = load(sys.argv[2], int(sys.argv[3]))
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        ids_file, out_file = line.split()
        capture(model, ids_file, out_file)
