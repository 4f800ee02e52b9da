"""The other side of the fine-tuning benchmark: steps of LoRA on every linear layer by transformers and peft.

    lora_steps.py MODEL IDS STEPS THREADS

IDS is JSONL with `input_ids`, one sequence a step. float32, sdpa attention, no gradient checkpointing, AdamW; the usual loop. Prints JSON: seconds of each step,
losses, versions.
"""

import json
import sys
import time

import peft
import torch
import transformers
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

path, ids_file, steps, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
transformers.logging.disable_progress_bar()
model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, attn_implementation="sdpa")
model = get_peft_model(model, LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")).train()
optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=2e-4, weight_decay=0.0)
lines = [json.loads(line)["input_ids"] for line in open(ids_file)]
seconds, losses = [], []
for step in range(int(steps)):
    start = time.perf_counter()
    ids = torch.tensor([lines[step % len(lines)]])
    loss = model(input_ids=ids, labels=ids, use_cache=False).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    optimiser.zero_grad()
    losses.append(loss.item())
    seconds.append(time.perf_counter() - start)
print(json.dumps({"seconds": seconds, "losses": losses, "torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__,
                  "python": sys.version.split()[0]}))
