"""Measures of the pytorch engine on an NVIDIA GPU, without Java: its worker against the same worker on the CPU, and training against a plain loop of transformers and peft,
pruning against prune_layers.py.

    gpu.py ENGINE CASES SCRATCH [--only agreement|speed|prune] [--steps N] [--rounds N] [--long N]

ENGINE is the folder that holds the package vitrine_engine, CASES model-core/src/test/resources/reference. Checkpoints of random weights are made in SCRATCH (11 GB). Prints Markdown. The training: LoRA, r = 16,
bfloat16 weights under autocast, float32 factors, sdpa, 8 sequences of 1,024 random tokens a step, AdamW, no dropout, no gradient checkpointing, gradients clipped at 1; the plain loop reads its loss every step, as the worker does; `--long` adds a run of
the worker with so many steps, in which lines of ranks are as far apart as in anyone's. The pruning: to half, float32, 128 sequences of 512 random tokens, each layer calibrated with what it reads once those before are pruned; whole processes.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time

BATCH, TOKENS, WARM, SEQUENCES = 8, 1024, 10, 128
ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
SHAPES = {
    "Llama-3.2-1B's shape, every linear layer": ("llama", dict(
        vocab_size=128256, hidden_size=2048, intermediate_size=8192, num_hidden_layers=16, num_attention_heads=32, num_key_value_heads=8, head_dim=64, max_position_embeddings=4096,
        rope_theta=500000.0, tie_word_embeddings=True), ATTENTION + ["gate_proj", "up_proj", "down_proj"]),
    "Qwen3-30B-A3B's shape with 8 of 48 layers, attention": ("qwen3_moe", dict(
        vocab_size=151936, hidden_size=2048, intermediate_size=6144, moe_intermediate_size=768, num_experts=128, num_experts_per_tok=8, norm_topk_prob=True, num_hidden_layers=8,
        num_attention_heads=32, num_key_value_heads=4, head_dim=128, max_position_embeddings=4096, rope_theta=1000000.0, tie_word_embeddings=False), ATTENTION),
}
WHAT = ["attentions", "hidden_states", "logits", "kv", "loss", "blocks"]
DECODERS = ["llama-gqa", "gpt2", "gemma2", "phi3", "mistral", "qwen3", "gpt-neox", "mixtral", "qwen3-moe", "deepseek-v3", "gpt-oss", "olmoe",
            "bloom", "cohere2", "ernie4_5-moe", "exaone4", "falcon", "falcon-alibi", "glm4-moe", "gptj", "granitemoe", "mpt", "nemotron", "olmo3", "opt", "phi", "phimoe", "smollm3", "stablelm", "starcoder2"]
PRUNED = dict(vocab_size=151936, hidden_size=896, intermediate_size=4864, num_hidden_layers=24, num_attention_heads=14, num_key_value_heads=2, max_position_embeddings=2048, tie_word_embeddings=True)


class Worker:
    """The engine's process; tasks one after the other."""

    def __init__(self, engine, *options):
        self._process = subprocess.Popen([sys.executable, "-m", "vitrine_engine", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8",
                                         env={**os.environ, "PYTHONPATH": engine})
        self._count = 0

    def run(self, task, artifact):
        """The task's metric events, each with the `at` when it came, and its summary."""
        self._count += 1
        os.makedirs(os.path.dirname(artifact), exist_ok=True)
        self._process.stdin.write(json.dumps({"request": "run", "id": self._count, "task": task, "artifact": artifact}) + "\n")
        self._process.stdin.flush()
        metrics = []
        for line in self._process.stdout:
            event = json.loads(line)
            if event["event"] == "metric":
                metrics.append({**event, "at": time.perf_counter()})
            elif event["event"] == "result":
                return metrics, event["summary"]
            elif event["event"] in ("error", "fault", "cancelled"):
                raise RuntimeError("%s: %s" % (task["kind"], event.get("message")))
        raise RuntimeError("the worker ended during " + task["kind"])

    def close(self):
        self._process.stdin.close()
        self._process.wait()


def lines(path, count, length, vocabulary, seed=1):
    rng = random.Random(seed)
    with open(path, "w", encoding="utf-8") as file:
        for _ in range(count):
            file.write(json.dumps({"input_ids": [rng.randrange(vocabulary) for _ in range(length)]}) + "\n")
    return path


# --- agreement

def tasks(cases, scratch):
    """Name, task and the files to compare, over every kind that the engine has."""
    data, many = lines(os.path.join(scratch, "data.jsonl"), 10, 40, 96), lines(os.path.join(scratch, "many.jsonl"), 30, 48, 96, 2)
    narrow = lines(os.path.join(scratch, "narrow.jsonl"), 30, 40, 32, 5)
    for case in DECODERS:
        model = os.path.join(cases, case)
        prompt = {"text": "The lantern over the wall went out before anyone had noticed the rain."}
        texts, more = data, many
        if not os.path.exists(os.path.join(model, "tokenizer.json")):
            prompt, texts, more = {"ids": [3, 17, 29, 5, 30, 8, 8, 21, 12, 4, 27, 19]}, narrow, narrow
        mixture = "router" in json.dumps(sorted(json.load(open(os.path.join(model, "golden.json")))["tensors"]))
        yield "capture", case, {"kind": "capture", "model": model, "prompt": prompt,
                                "what": WHAT + (["router"] if mixture else [])}
        yield "heads", case, {"kind": "heads", "model": model, "data": texts}
        yield "eval", case, {"kind": "eval", "model": model, "data": texts}
        if mixture:
            yield "routing", case, {"kind": "routing", "model": model, "data": [{"name": "text", "file": more}]}
    for case in ("llama-gqa", "gpt2", "mixtral"):
        for of in ("hidden", "kv"):
            yield "rank", case, {"kind": "rank", "model": os.path.join(cases, case), "data": data, "of": of}
    common = {"steps": 20, "batchSize": 2, "seed": 3}
    for case, method, settings in (("llama-gqa", "full", {}), ("llama-gqa", "lora", {"r": 4, "optimiser": "spam"}), ("llama-gqa", "beamlora", {"r": 8}), ("gpt2", "hft", {}), ("gemma2", "lora", {"r": 4, "init": "pissa"}),
                                   ("qwen3-moe", "full", {"balance": 0.01}), ("mixtral", "lora", {"r": 4}), ("llama-gqa", "lora", {"r": 4, "optimiser": "mezo"})):
        yield "finetune", case, {"kind": "finetune", "model": os.path.join(cases, case), "data": data, "evalData": data, "method": method, "settings": {**common, **settings}}
    for case, method, settings in (("llama-gqa", "wanda", {"sparsity": 0.5}), ("gpt-neox", "sparsegpt", {"sparsity": 0.5, "propagation": "sequential"}), ("mixtral", "wanda", {"sparsity": 0.3}),
                                   ("llama-gqa", "sparsegpt", {"pattern": "2:4"}), ("phi3", "whitened_svd", {"sparsity": 0.4, "factorised": True}), ("gpt2", "shortgpt", {"layers": 1})):
        yield "prune", case, {"kind": "prune", "model": os.path.join(cases, case), "data": many if case == "mixtral" else data, "method": method, "settings": settings}


def difference(one, other):
    """The largest difference of two files of tensors, of the largest value of each tensor, and its name; of whole numbers and masks the share that differs."""
    import torch
    from safetensors.torch import load_file
    a, b, most = load_file(one), load_file(other), (0.0, "")
    assert sorted(a) == sorted(b), (sorted(a), sorted(b))
    for name, x in a.items():
        y = b[name]
        assert x.shape == y.shape and x.dtype == y.dtype, name
        if not x.is_floating_point():
            value = float((x != y).double().mean()) if x.numel() else 0.0
        else:
            x, y = x.double(), y.double()
            both = torch.isfinite(x) & torch.isfinite(y)
            assert bool((both | (x == y) | (x.isnan() & y.isnan())).all()), name
            value = float((x - y)[both].abs().max() / x[both].abs().max().clamp(min=1e-30)) if bool(both.any()) else 0.0
        most = max(most, (value, name))
    return most


def agreement(engine, cases, scratch):
    print("### Agreement with the same worker on the CPU, float32\n\n| task | cases | largest difference of a tensor, of its largest value | largest relative difference of losses |\n| --- | --- | --- | --- |", flush=True)
    workers = {d: Worker(engine, "--device", d, "--dtype", "float32") for d in ("cpu", "cuda:0")}
    seen, number = {}, 0
    for kind, case, task in tasks(cases, scratch):
        number += 1
        found = {}
        key = kind if kind not in ("finetune", "prune") else "%s, %s" % (kind, task["method"])
        entry = seen.setdefault(key, {"cases": [], "tensors": (0.0, ""), "losses": 0.0, "failed": []})
        try:
            for device, worker in workers.items():
                at = os.path.join(scratch, "agree", "%d-%s" % (number, device.replace(":", "")), "result")
                metrics, summary = worker.run(task, at)
                found[device] = at, [m["loss"] for m in metrics if "loss" in m] + [summary[n] for n in ("loss", "validation_loss") if isinstance(summary.get(n), float)]
            (one, a), (other, b) = found["cpu"], found["cuda:0"]
            entry["cases"].append(case)
            for name in sorted(os.listdir(one)):
                if name.endswith(".safetensors"):
                    value, tensor = difference(os.path.join(one, name), os.path.join(other, name))
                    entry["tensors"] = max(entry["tensors"], (value, "%s of %s" % (tensor, case)))
            entry["losses"] = max([entry["losses"]] + [abs(x - y) / abs(x) for x, y in zip(a, b)])
        except (RuntimeError, AssertionError) as failure:
            entry["failed"].append("%s: %s" % (case, failure))
    for key, e in seen.items():
        print("| %s | %s | %s | %s |" % (key, ", ".join(dict.fromkeys(e["cases"])), "%.1e (%s)" % e["tensors"] if e["tensors"][1] else "no tensors", "%.1e" % e["losses"]))
        for failure in e["failed"]:
            print("\nFAILED %s %s\n" % (key, failure))
    for worker in workers.values():
        worker.close()
    print(flush=True)


# --- speed

class Utilisation:
    """The GPU's load, ten times a second, by nvidia-smi."""

    def __enter__(self):
        self.values = []
        self._process = subprocess.Popen(["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--loop-ms=100"], stdout=subprocess.PIPE, encoding="utf-8")
        threading.Thread(target=lambda: self.values.extend((time.perf_counter(), float(line)) for line in self._process.stdout), daemon=True).start()
        return self

    def __exit__(self, *failure):
        self._process.kill()

    def between(self, start, end):
        chosen = [v for at, v in self.values if start <= at <= end]
        return sum(chosen) / len(chosen) if chosen else float("nan")


def plain(model, data, steps, modules):
    """The usual loop, in a process of its own; prints a line of JSON: the end of each step, losses, peak memory, versions."""
    import peft
    import torch
    import transformers
    torch.backends.cuda.matmul.allow_tf32 = False
    loaded = transformers.AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16, attn_implementation="sdpa").to("cuda")
    loaded.config.use_cache = False
    adapted = peft.get_peft_model(loaded, peft.LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules=modules, task_type="CAUSAL_LM")).train()
    trained = [p for p in adapted.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=2e-4, weight_decay=0.0, fused=True)
    sequences = [json.loads(line)["input_ids"] for line in open(data)]
    ends, losses = [], []
    for step in range(steps):
        ids = torch.tensor([sequences[(step * BATCH + i) % len(sequences)] for i in range(BATCH)], device="cuda")
        with torch.autocast("cuda", torch.bfloat16):
            loss = adapted(input_ids=ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        losses.append(loss.item())
        ends.append(time.perf_counter())
    print(json.dumps({"ends": ends, "losses": losses, "memory": torch.cuda.max_memory_allocated(), "torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__}))


def make(kind, config, folder, device="cuda"):
    import torch
    import transformers
    torch.manual_seed(7)
    with torch.device(device):
        model = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.for_model(kind, **config), dtype=torch.bfloat16)
    model.save_pretrained(folder)
    count = sum(p.numel() for p in model.parameters())
    del model
    if device != "cpu":
        torch.cuda.empty_cache()
    return count


def paces(ends):
    """Seconds of a step: the median, and the mean with whatever came between steps."""
    gaps = sorted(b - a for a, b in zip(ends[WARM - 1:], ends[WARM:]))
    return gaps[len(gaps) // 2], sum(gaps) / len(gaps)


def speed(engine, scratch, steps, rounds, longest):
    import torch
    print("### LoRA, r = 16, bfloat16, %d x %d tokens a step, %s\n" % (BATCH, TOKENS, torch.cuda.get_device_name(0)))
    print("| | seconds a step, median | mean | tokens/s (mean) | GPU busy | GPU memory, MiB | first loss |\n| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for name, (kind, config, modules) in SHAPES.items():
        model = os.path.join(scratch, kind)
        count = make(kind, config, model)
        data = lines(os.path.join(scratch, kind + ".jsonl"), 8 * BATCH, TOKENS, config["vocab_size"])
        means = {}
        for round in range(1, rounds + 1):
            with Utilisation() as load:
                out = subprocess.run([sys.executable, __file__, "--plain", model, data, str(steps), ",".join(modules)], stdout=subprocess.PIPE, check=True, encoding="utf-8").stdout
                theirs = json.loads(out.strip().split("\n")[-1])
            row("%s (%.2f B), transformers %s, peft %s" % (name, count / 1e9, theirs["transformers"], theirs["peft"]), theirs["ends"], load, theirs["memory"], theirs["losses"][0])
            means.setdefault("theirs", []).append(paces(theirs["ends"]))
            told = trained(engine, scratch, model, data, steps, modules, name + ", `vitrine_engine`")
            means.setdefault("ours", []).append(paces([m["at"] for m in told]))
            if round == 1:
                print("METER", [{k: v for k, v in m.items() if k.startswith("gpu_")} for m in told][-12:], file=sys.stderr)
        best = {side: [min(v[i] for v in values) for i in (0, 1)] for side, values in means.items()}
        print("| **%s, tokens/s over the plain loop's** (target: 1.0) | **%.3f** | %.3f | | | | |" % (name, best["theirs"][0] / best["ours"][0], best["theirs"][1] / best["ours"][1]), flush=True)
        if longest:
            told = trained(engine, scratch, model, data, longest, modules, "%s, `vitrine_engine`, %s steps" % (name, "{:,}".format(longest)))
            print("| **%s, %s steps, tokens/s over the plain loop's** | | %.3f | | | | |" % (name, "{:,}".format(longest), best["theirs"][1] / paces([m["at"] for m in told])[1]), flush=True)
        shutil.rmtree(model)


def trained(engine, scratch, model, data, steps, modules, name):
    """A run of the worker: a row of the table, and its events of steps."""
    worker = Worker(engine, "--device", "cuda:0", "--dtype", "bfloat16")
    task = {"kind": "finetune", "model": model, "data": data, "method": "lora", "settings": {
        "steps": steps, "batchSize": BATCH, "sequenceLength": TOKENS, "r": 16, "alpha": 32, "order": "sequential", "lr": 2e-4, "schedule": "constant", "warmupSteps": 0, "weightDecay": 0.0,
        "checkpointing": "none", "saveEvery": 50, "targetModules": modules}}
    run = os.path.join(scratch, "run")
    with Utilisation() as load:
        metrics, _ = worker.run(task, os.path.join(run, "result"))
    worker.close()
    shutil.rmtree(run)
    told = [m for m in metrics if "loss" in m]
    row(name, [m["at"] for m in told], load, max(m["gpu_memory_bytes"] for m in told), told[0]["loss"])
    return told


# --- pruning

def prune(engine, scratch, device):
    import torch
    from safetensors.torch import load_file
    model, data = os.path.join(scratch, "qwen2"), os.path.join(scratch, "calibration.jsonl")
    make("qwen2", PRUNED, model, device)
    lines(data, SEQUENCES, 512, PRUNED["vocab_size"], 3)
    held = lines(os.path.join(scratch, "held.jsonl"), 1, 512, PRUNED["vocab_size"], 4)
    print("### Pruning to half, %d x 512 calibration tokens, %d layers of Qwen2.5-0.5B's shape, float32\n\n| | seconds, whole process | seconds without loading and writing | GPU memory, MiB | same zeros |\n"
          "| --- | --- | --- | --- | --- |" % (SEQUENCES, PRUNED["num_hidden_layers"]), flush=True)
    for method in ("wanda", "sparsegpt"):
        out = os.path.join(scratch, "theirs")
        began = time.perf_counter()
        text = subprocess.run([sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "prune_layers.py"), model, data, method, out, str(os.cpu_count()), device],
                              stdout=subprocess.PIPE, check=True, encoding="utf-8").stdout
        theirs, seconds = json.loads(text.strip().split("\n")[-1]), time.perf_counter() - began
        print("| %s, script, torch %s | %.1f | %.1f | %s | |" % (method, theirs["torch"], seconds, theirs["seconds"], "{:,.0f}".format((theirs["gpu_memory_bytes"] or 0) / (1 << 20))), flush=True)
        run = os.path.join(scratch, "prune-run")
        began = time.perf_counter()
        worker = Worker(engine, "--device", device, "--dtype", "float32")
        metrics, _ = worker.run({"kind": "prune", "model": model, "data": data, "evalData": [{"name": "held", "file": held}], "method": method, "settings": {"sparsity": 0.5, "propagation": "sequential"}},
                   os.path.join(run, "result"))
        worker.close()
        seconds = time.perf_counter() - began
        same = total = 0
        one, other = (load_file(next(os.path.join(f, n) for n in os.listdir(f) if n == "model.safetensors")) for f in (out, os.path.join(run, "result")))
        for name in one:
            if name.endswith("_proj.weight"):
                same, total = same + int(((one[name] == 0) == (other[name] == 0)).sum()), total + one[name].numel()
        layers = [m["at"] for m in metrics if "sparsity" in m]
        print("| %s, `vitrine_engine`, with its report | %.1f | %.1f (from the first layer's end to the last's) | %s | %.4f %% |" % (
            method, seconds, layers[-1] - layers[0], "{:,.0f}".format(max(m.get("gpu_memory_bytes", 0) for m in metrics) / (1 << 20)), 100 * same / total), flush=True)
        shutil.rmtree(run), shutil.rmtree(out)
    shutil.rmtree(model)


def row(name, ends, load, memory, loss):
    median, mean = paces(ends)
    print("| %s | %.4f | %.4f | %s | %.0f %% | %s | %.4f |" % (name, median, mean, "{:,.0f}".format(BATCH * TOKENS / mean), load.between(ends[WARM], ends[-1]), "{:,.0f}".format(memory / (1 << 20)), loss), flush=True)


def main():
    if sys.argv[1] == "--plain":
        plain(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5].split(","))
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("engine"), parser.add_argument("cases"), parser.add_argument("scratch")
    parser.add_argument("--only", choices=("agreement", "speed", "prune"))
    parser.add_argument("--steps", type=int, default=80)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--long", type=int, default=0)
    args = parser.parse_args()
    os.makedirs(args.scratch, exist_ok=True)
    import torch
    print("torch %s, %s, Python %s\n" % (torch.__version__, torch.cuda.get_device_name(0), sys.version.split()[0]))
    if args.only in (None, "agreement"):
        agreement(args.engine, args.cases, args.scratch)
    if args.only in (None, "speed"):
        speed(args.engine, args.scratch, args.steps, args.rounds, args.long)
    if args.only in (None, "prune"):
        prune(args.engine, args.scratch, "cuda:0")


if __name__ == "__main__":
    main()
