"""The other side of the routing benchmark: loads, co-activation, entropy and loss of a mixture of experts, by transformers with `output_router_logits`.

    routing.py MODEL IDS OUT THREADS

IDS is JSONL with `input_ids`. float32, sdpa attention, each sequence alone; of each sequence the router logits of all layers are reduced at once and dropped: the
least that the figures need. Vitrine finds more than these in the same run.
"""

import json
import sys
import time

import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

path, ids_file, out_file, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
transformers.logging.disable_progress_bar()
start = time.perf_counter()
model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, attn_implementation="sdpa").eval()
layers, experts, k = model.config.num_hidden_layers, model.config.num_experts, model.config.num_experts_per_tok
load = torch.zeros(layers, experts, dtype=torch.int64)
together = torch.zeros(layers, experts, experts, dtype=torch.int64)
probability = torch.zeros(layers, experts, dtype=torch.float64)
entropy = torch.zeros(layers, dtype=torch.float64)
loss, predicted, tokens = 0.0, 0, 0
with torch.no_grad(), open(ids_file) as lines:
    for line in lines:
        ids = torch.tensor([json.loads(line)["input_ids"]])
        output = model(ids, output_router_logits=True, use_cache=False)
        tokens += ids.shape[1]
        loss += float(torch.nn.functional.cross_entropy(output.logits[0, :-1], ids[0, 1:], reduction="sum"))
        predicted += ids.shape[1] - 1
        for i, logits in enumerate(output.router_logits):
            p = torch.softmax(logits.reshape(-1, experts).float(), -1)
            chosen = torch.zeros_like(p).scatter_(1, p.topk(k, dim=-1).indices, 1.0)
            load[i] += chosen.sum(0).long()
            together[i] += (chosen.T @ chosen).long()
            probability[i] += p.double().sum(0)
            entropy[i] -= (p * p.log()).sum().double()
save_file({"expert_load": load, "coactivation": together, "mean_router_probability": probability / tokens}, out_file)
print(json.dumps({"seconds": time.perf_counter() - start, "loss": loss / predicted, "entropy": (entropy / tokens).tolist(), "torch": torch.__version__,
                  "transformers": transformers.__version__, "python": sys.version.split()[0]}))
