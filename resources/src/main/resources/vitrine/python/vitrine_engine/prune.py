"""A pruning run, layer by layer: it goes on after the last finished layer of its folder, or begins. The result is a checkpoint that transformers loads, a report
and, for methods that take single weights, masks. Same texts, rules and report as the embedded engine's (core.work.prune.PruneRun)."""

import hashlib
import json
import math
import os
import re
import shutil
import time

import torch
import transformers
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from . import VERSION, datasets, inside, matrices, models, saved, stacks
from .artifact import Outcome, number, provenance
from .evaluate import Sum, sums
from .files import WholeFolder, fingerprint, remove_leftovers
from .losses import groups, padded, positions
from .methods import COMPANIONS
from .models import Hooks, first, layers_of
from .pruned_ranks import ranks
from .pruning import Inputs, LowRank, Magnitude, SparseGpt, Wanda, choose, relative_error
from .refusals import Cancelled, Refusal
from .tasks import invalid

MASKED = ("magnitude", "wanda", "sparsegpt")
RANKED = ("svd", "whitened_svd")
METHODS = MASKED + RANKED + ("shortgpt",)
LEAST_TOKENS = 100      # an expert that fewer calibration tokens reach stays as it is
SAMPLE_ROWS, CALIBRATION_MEASURED, COMPARED_TOKENS, LOAD_BACK_TOKENS, TIMED_TOKENS = 1024, 8192, 2048, 64, 512
COMPARED_BYTES = 256 << 20
INSIDE = ("effective_rank", "attention", "routing")
MASKS, FACTORS, REPORT = "masks.safetensors", "factors.safetensors", "pruning_report.json"
RECIPE = ("perplexity = exp(mean of -ln p over every predicted token), %s; pieces do not overlap, the first token of a piece is not predicted; dense and pruned measured one "
          "after the other on the same pieces")
# What a module is to its layer, by the last part of its name; where that is two things, by the part before.
KINDS = {"q_proj": "query", "k_proj": "key", "v_proj": "value", "o_proj": "output", "out_proj": "output", "dense": "output", "c_attn": "query_key_value",
         "qkv_proj": "query_key_value", "query_key_value": "query_key_value", "Wqkv": "query_key_value", "gate_proj": "gate", "up_proj": "up", "down_proj": "down", "gate_up_proj": "gate_up", "fc1": "up",
         "fc2": "down", "fc_in": "up", "fc_out": "down", "c_fc": "up", "dense_h_to_4h": "up", "dense_4h_to_h": "down", "mlp.c_proj": "down", "attn.c_proj": "output", "self_attn.c_proj": "output"}
ORDER = ("query", "key", "value", "query_key_value", "output", "gate", "up", "gate_up", "down", "other")
ATTENTION = ORDER[:5]
LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")       # what configs call how many there are
ROUTERS = ("gate", "router", "shared_expert_gate")
TOGETHER = {"query": "attention", "key": "attention", "value": "attention", "gate": "feed_forward", "up": "feed_forward"}


class Weight:
    """A linear layer's weight in the model, and the tensor that it is stored as."""
    routed = False

    def __init__(self, layer, module, name):
        self.layer, self.module, self.name = layer, module, name
        path = name.removesuffix(".weight").split(".")
        self.kind = KINDS.get(".".join(path[-2:]), KINDS.get(path[-1], "other"))
        self.turned = isinstance(module, transformers.pytorch_utils.Conv1D)
        self.reads = TOGETHER.get(self.kind, name)

    @property
    def tensor(self):
        return self.name

    @property
    def shape(self):
        return tuple(reversed(self.module.weight.shape)) if self.turned else tuple(self.module.weight.shape)

    @property
    def order(self):
        """Attention, then routed experts, then what all tokens pass."""
        return (0 if self.kind in ATTENTION else 2, 0, ORDER.index(self.kind))

    def wide(self):
        """[out, in], float64."""
        w = self.module.weight.detach().double()
        return w.T.contiguous() if self.turned else w.clone()

    def as_stored(self, values):
        return values.T.contiguous() if self.turned else values.contiguous()

    def of(self, tensor):
        return tensor

    def put(self, tensor):
        self.module.weight.data.copy_(tensor.to(self.module.weight))


class Prune:

    def __init__(self, task, checkpoint, device, runner, inputs, reporter, folder):
        self._task, self._checkpoint, self._device, self._runner, self._reporter = task, checkpoint, device, runner, reporter
        self._s, self._name = dict(task.get("settings") or {}), task["method"]
        self._steps, self._stop = os.path.join(folder, "steps"), os.path.join(folder, "stop")
        own = {key: value for key, value in task.items() if key != "evalData"}      # what is measured afterwards is no part of what a layer becomes
        measured = {d["file"] for d in task.get("evalData") or []}
        identity = {"engine": VERSION, "dtype": str(runner.dtype), "task": own, "inputs": {f: v for f, v in inputs.items() if f not in measured}}
        self._identity = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
        if self._name not in METHODS:
            raise invalid("the pytorch engine has no pruning method %s" % self._name, help="It has %s; the embedded engine has the others." % ", ".join(METHODS))
        if self._s.get("allocation", "uniform") != "uniform":
            raise invalid("the pytorch engine shares a sparsity out evenly only", help="The embedded engine has owl, dlp and dynamic.")
        for key, present in (("ranks", "ranks" in self._s), ("recovery", task.get("recovery") is not None)):
            if present:
                raise invalid("the pytorch engine does not know %s" % key, help="The embedded engine does.")
        if self._name not in ("magnitude", "svd") and task.get("data") is None:
            raise invalid("data is missing: %s works by calibration texts" % self._name)
        pattern = self._s.get("pattern")
        self._pattern = None if pattern is None else tuple(int(n) for n in pattern.split(":"))
        self._sparsity = 1 - self._pattern[0] / self._pattern[1] if self._pattern else self._s.get("sparsity", 0)
        if self._name != "shortgpt" and not (self._pattern or "sparsity" in self._s or "rank" in self._s):
            raise invalid("nothing says how much goes: sparsity is missing")
        if os.environ.get("WORLD_SIZE", "1") != "1":
            raise invalid("a pruning run goes in one process")

    def run(self, out):
        s, checkpoint = self._s, self._checkpoint
        self._loaded = loaded = models.load(checkpoint, self._device, self._runner.dtype)
        loaded.require_perplexity()
        self._layers = layers_of(loaded.model)
        self._path = next(name for name, module in loaded.model.named_modules() if module is self._layers)
        self._stored = checkpoint.tensors()
        self._length = min(checkpoint.max_positions, s.get("sequenceLength", datasets.DEFAULT_LENGTH))
        self._pieces = self._calibration()
        # The model as it was is measured first: it and what becomes of it need not be in memory together.
        self._texts = self._named()
        self._reporter.log("measuring %s as it is" % checkpoint.name)
        before = [self._measure(loaded, pieces) for _, _, pieces, _ in self._texts]
        compared, routes = [], None
        for number_of_text, (_, _, pieces, _) in enumerate(self._texts):
            found, chosen = self._distributions(loaded, pieces, number_of_text == 0)
            compared.append(found)
            routes = chosen or routes
        speed = self._speed(loaded, self._texts[0][2]) if self._texts else None
        look = inside.Look(loaded, self._texts[0][2][0].ids, self._reporter) if self._texts else None
        if self._name == "shortgpt":
            layers, changed, sides, sizes, skipped, keep = self._drop()
        else:
            layers, changed, sides, sizes, skipped = self._prune()
            keep = None
        config, left = models.body(loaded.model).config, list(range(len(self._layers))) if keep is None else keep
        self._write(out, changed, sides, keep)
        ids = (self._texts[0][2][0].ids if self._texts else [(i * 7919 + 1) % checkpoint.vocabulary for i in range(min(16, checkpoint.max_positions))])[:LOAD_BACK_TOKENS]
        in_memory = self._logits(loaded, ids)
        self._loaded = loaded = self._layers = None
        self._runner.tidy()
        from .checkpoint import Checkpoint
        result = Checkpoint(out)
        reopened = models.load(result, self._device, self._runner.dtype)
        difference = float((in_memory - self._logits(reopened, ids)).abs().max())
        # bfloat16 rounds what rounding to the stored type has not
        allowed = (1e-5 if self._runner.dtype == torch.float32 else 5e-2) * max(1.0, float(in_memory.abs().max()))
        if not difference <= allowed:
            raise ArithmeticError("the checkpoint that was written gives other logits than the model in memory: they differ by %g" % difference)
        evaluations, parts = [], {}
        for text, dense, kept in zip(self._texts, before, compared):
            entry, chosen = self._compared(text, dense, kept, reopened, routes is not None and not evaluations)
            evaluations.append(entry)
            if chosen:
                parts["routing"] = inside.routing(routes, chosen, left, text[0])
        if speed:
            speed["pruned_tokens_per_second"] = self._speed(reopened, self._texts[0][2])["dense_tokens_per_second"]
            name, _, pieces, _ = self._texts[0]
            parts["attention"] = inside.attention(look, inside.Look(reopened, pieces[0].ids, self._reporter), left, name, layers)
        parts["effective_rank"] = ranks(self._checkpoint, result, config, left, self._device, self._reporter)
        report = self._report(out, layers, sizes, skipped, evaluations, speed, {"passed": True, "tokens": len(ids), "largest_logit_difference": difference}, parts)
        return self._outcome(report)

    # --- texts

    def _calibration(self):
        if self._task.get("data") is None:
            return None
        every = datasets.read(self._task["data"], self._length, self._checkpoint, self._reporter)
        self._of = len(every)
        self._chosen = choose(len(every), self._s.get("calibrationSequences", 128), self._s.get("seed", 0))
        return [every[i] for i in self._chosen]

    def _named(self):
        """(name, file, pieces, length) of the texts that are measured on: those that were named, else the calibration texts."""
        texts = []
        for d in self._task.get("evalData") or []:
            texts.append((d["name"], d["file"], datasets.read(d["file"], self._length, self._checkpoint, self._reporter), self._length))
        if not texts and self._pieces:
            tokens, count = 0, 0
            while count < len(self._pieces) and (count == 0 or tokens + len(self._pieces[count].ids) <= CALIBRATION_MEASURED):
                tokens += len(self._pieces[count].ids)
                count += 1
            texts.append(("calibration", self._task["data"], self._pieces[:count], self._length))
        return texts

    # --- the run over single matrices

    def _method(self):
        s = self._s
        if self._name == "magnitude":
            return Magnitude(s.get("group") == "row", self._pattern)
        if self._name == "wanda":
            return Wanda(self._pattern)
        if self._name == "sparsegpt":
            return SparseGpt(s.get("blockSize", 128), s.get("damping", 0.01), self._pattern)
        return LowRank(self._name == "whitened_svd", s.get("rank"))

    def _weights(self):
        """Weights that are pruned, by layer, and why the others are not."""
        prefix = models.body(self._loaded.model).base_model_prefix
        by_layer, skipped, known, singles = [[] for _ in self._layers], [], set(), self._singles()
        owners = {id(m): n for n, m in self._loaded.model.named_modules()}
        targets = self._s.get("targetModules")
        for index, layer in enumerate(self._layers):
            for module in layer.modules():
                if not isinstance(module, (torch.nn.Linear, transformers.pytorch_utils.Conv1D)):
                    continue
                name = owners[id(module)] + ".weight"
                if any(part in ROUTERS for part in owners[id(module)].split(".")[-2:]):
                    continue
                stored = next((n for n in (name, name.removeprefix(prefix + "."), prefix + "." + name) if n in self._stored), None)
                known.add(name.removesuffix(".weight").rsplit(".", 1)[-1])
                if stored is None:
                    skipped.append((name, "transformers keeps it in another form than the files do"))
                    continue
                w = Weight(index, module, name)
                w.name = stored
                by_layer[index].append(w)
            for experts in stacks.stacks_of(layer):
                found = stacks.weights(index, experts, owners[id(experts)], self._stored, singles.get(index, {})) if stacks.known(experts) else None
                if found is None and self._name != "shortgpt":
                    raise Refusal("family-unsupported", self._checkpoint.path, "the experts of layer {:,} are in a form that the pytorch engine does not prune".format(index),
                                  help="The embedded engine does.")
                by_layer[index] += found or []
            for w in list(by_layer[index]):
                module = w.name.removesuffix(".weight")
                reason = None
                if targets is not None and not any(matches(t, m) for t in targets for m in (module, re.sub("#.*", "", module))):
                    reason = "not among the target modules"
                elif self._pattern and w.shape[1] % self._pattern[1]:
                    reason = "its {:,} inputs do not divide into groups of {}".format(w.shape[1], self._pattern[1])
                if reason:
                    skipped.append((w.name, reason))
                    by_layer[index].remove(w)
            by_layer[index].sort(key=lambda w: w.order)
        pruned = {w.tensor for own in by_layer for w in own}
        if not pruned:
            raise invalid("it holds no matrix that the method %s can prune%s" % (self._name, "" if targets is None else "; its layers' linear layers are %s" % ", ".join(sorted(known))))
        gone = {name for skips, _ in skipped for name in (skips, skips.split("#")[0])}
        skipped += [(name, why(name)) for name in self._stored if name not in pruned and name not in gone]
        return by_layer, skipped

    def _singles(self):
        """Matrices of experts that the files hold one by one: for every layer names by expert and kind."""
        found, place = {}, self._place()
        for name in self._stored:
            at = place.fullmatch(name)
            one = at and re.fullmatch(r"\.(?:.*\.)?experts\.(\d+)\.(\w+)\.weight", at.group(3))
            if one and one.group(2) in stacks.NAMES:
                found.setdefault(int(at.group(2)), {})[int(one.group(1)), stacks.NAMES[one.group(2)]] = name
        return found

    def _prune(self):
        by_layer, skipped = self._weights()
        method, sequential = self._method(), self._s.get("propagation") == "sequential"
        stream = None if self._pieces is None else Stream(self._loaded, self._layers, self._pieces, self._reporter)
        remove_leftovers(self._steps)
        layers, changed, sides, finished = [], {}, {}, True
        for index, own in enumerate(by_layer):
            self._reporter.progress(index, len(by_layer), "layers")
            step = os.path.join(self._steps, "%08d" % (index + 1))
            state = self._taken_up(step) if finished else None
            finished = state is not None
            last = index + 1 == len(by_layer)
            if finished and stream and not sequential and not last:
                stream.on(index, None)
            if not finished:
                collected = self._collect(own, method, stream, index, sequential)
                state = self._layer(index, own, method, collected)
                self._keep(step, state)
            tensors, report = state
            for w in own:
                if w.tensor in tensors:
                    w.put(tensors[w.tensor])
                    changed[w.tensor] = tensors[w.tensor]
            sides.update({n: t for n, t in tensors.items() if "/" in n})
            if sequential and stream and not last:
                stream.on(index, None)
            layers.append(report)
            self._reporter.metric(index + 1, {"layer": index, **{k: report[k] for k in ("sparsity", "relative_output_error") if report.get(k) is not None}})
            if not last and self._stopped(index + 1, len(by_layer)):
                skipped += [(w.name, "the run was asked to finish before its layer") for later in by_layer[index + 1:] for w in later]
                break
        self._reporter.progress(len(by_layer), len(by_layer), "layers")
        weights, zeros, kept = (sum(l[k] for l in layers) for k in ("weights", "zeros", "kept_parameters"))
        parameters = self._parameters()
        sizes = {"prunable_weights": weights, "zeros": zeros, "removed_parameters": 0, "of_prunable": zeros / weights if weights else 0, "parameters_before": parameters,
                 "parameters": parameters, "of_all": zeros / parameters}
        if self._name in RANKED:
            sizes.update(factorised_parameters=parameters - weights + kept, factorised_of_prunable=(weights - kept) / weights)
        return layers, changed, sides, sizes, skipped

    def _parameters(self):
        return sum(math.prod(shape) for dtype, shape in self._stored.values() if dtype.startswith(("F", "BF")))

    def _collect(self, own, method, stream, index, sequential):
        """What the matrices of a layer read; those that read the same share it."""
        if stream is None:
            return {}
        found = {}
        with Hooks() as hooks:
            for w in own:
                if w.reads not in found:
                    found[w.reads] = Inputs(w.shape[1], method.moments, SAMPLE_ROWS, 0 if w.routed else stream.tokens, self._device)
                    if not w.routed:
                        hooks.before(w.module, lambda args, to=found[w.reads]: to.add(stream.real(args[0])))
            for experts in {id(w.experts): w.experts for w in own if w.routed}.values():
                hooks.before(experts, lambda args, of=experts: stacks.read(of, args, stream.mask(), found))
            stream.on(index, None if not sequential else "look")
        return found

    def _layer(self, index, own, method, collected):
        tensors, matrices, totals = {}, [], [0, 0, 0, 0.0, 0.0]
        for w in own:
            self._reporter.check_cancelled()
            before, inputs = w.wide(), collected.get(w.reads)
            stored = tensors[w.tensor] if w.tensor in tensors else self._in_file(w)
            if w.routed and not w.is_in(stored):
                raise Refusal("family-unsupported", self._checkpoint.path, "%s is not what transformers takes for it" % w.name, help="The embedded engine prunes it.")
            if self._name in MASKED and "mask/" + w.tensor not in tensors:
                tensors["mask/" + w.tensor] = torch.ones(stored.shape, dtype=torch.uint8)
            if w.routed and self._name not in ("magnitude", "svd") and inputs.tokens < LEAST_TOKENS:
                matrices.append({"name": w.name, "kind": w.kind, "shape": list(before.shape), "weights": before.numel(), "zeros": 0, "sparsity": 0.0, "tokens": inputs.tokens, "untouched": True,
                                 "note": "only {:,} calibration tokens reach this expert; with fewer than {} it stays as it is".format(inputs.tokens, LEAST_TOKENS)})
                totals[0] += before.numel()
                totals[2] += before.numel()
                continue
            bad = int((~torch.isfinite(before)).sum())
            if bad:
                raise invalid("{:,} of its {:,} values are NaN or infinite, so nothing can be pruned by them".format(bad, before.numel()), where="tensor " + w.name)
            if inputs is not None and not bool(torch.isfinite(inputs.squares()).all()):
                raise invalid("what %s reads over these texts is not finite" % w.name)
            made = method.prune(before, inputs, self._sparsity)
            after = before if made.kept is None and made.values is None else before * made.kept if made.values is None else made.values
            if made.values is not None or made.kept is not None:
                old = w.of(stored)
                new = old.masked_fill(~w.as_stored(made.kept).to(old.device), 0) if made.values is None else w.as_stored(made.values).to(old.device, old.dtype)
                tensors[w.tensor] = stored
                old.copy_(new)
                after = w.as_stored(new).to(self._device).double()
            if made.kept is not None:
                w.of(tensors["mask/" + w.tensor]).copy_(w.as_stored(made.kept))
            if made.a is not None and self._s.get("factorised"):
                tensors["factor_a/" + w.name], tensors["factor_b/" + w.name] = made.a.cpu().contiguous(), made.b.cpu().contiguous()
            zeros = 0 if made.kept is None else int((~made.kept).sum())
            parameters = before.numel() - zeros if made.rank is None else made.rank * sum(before.shape)
            row = {"name": w.name, "kind": w.kind, "shape": list(before.shape), "weights": before.numel(), "zeros": zeros, "sparsity": zeros / before.numel()}
            if made.rank is not None:
                row.update(rank=made.rank, factor_parameters=parameters)
            if inputs is not None:
                row.update(tokens=inputs.tokens)
            if inputs is not None and inputs.tokens > 0:
                sample = inputs.sample()
                error, norm = relative_error(before, after, sample)
                row.update(relative_output_error=number(0 if error == 0 else math.sqrt(error / norm)), error_tokens=len(sample))
                if made.error is not None and len(sample) == inputs.tokens:
                    row["output_error"] = math.sqrt(error)
                totals[3] += error
                totals[4] += norm
            if made.error is not None:
                row["predicted_output_error"] = made.error
            if made.note:
                row["note"] = made.note
                if made.values is not None:
                    self._reporter.warn("%s: %s." % (w.name, made.note))
            if made.values is None and made.kept is None:
                row["untouched"] = True
            totals[0] += before.numel()
            totals[1] += zeros
            totals[2] += parameters
            matrices.append(row)
        report = {"layer": index, "matrices": matrices, "weights": totals[0], "zeros": totals[1], "kept_parameters": totals[2],
                  "sparsity": 1 - totals[2] / totals[0] if totals[0] else 0}
        if totals[4] > 0:
            report["relative_output_error"] = math.sqrt(totals[3] / totals[4])
        return tensors, report

    def _in_file(self, w):
        """The tensor with the bits that it has on the disk: what is kept keeps them."""
        for file in self._checkpoint.weight_files:
            with safe_open(file, framework="pt") as opened:
                if w.tensor in opened.keys():
                    return opened.get_tensor(w.tensor)
        raise KeyError(w.tensor)

    # --- finished layers

    def _keep(self, step, state):
        tensors, report = state
        os.makedirs(self._steps, exist_ok=True)
        if os.path.isdir(step):
            shutil.rmtree(step)      # it belongs to another run, or is damaged
        with WholeFolder(step) as out:
            save_file({n: t.cpu().contiguous() for n, t in tensors.items()}, os.path.join(out.staging, "layer.safetensors"))
            with open(os.path.join(out.staging, "layer.json"), "w", encoding="utf-8") as file:
                json.dump({"version": saved.VERSION, "run": self._identity, "layer": report["layer"], "sha256": digest(os.path.join(out.staging, "layer.safetensors")),
                           "report": report}, file)
            out.commit()

    def _taken_up(self, step):
        """The tensors and the report of a finished layer, or None."""
        if not os.path.isdir(step):
            return None
        try:
            with open(os.path.join(step, "layer.json"), encoding="utf-8") as file:
                state = json.load(file)
            tensors = os.path.join(step, "layer.safetensors")
            if state["version"] == saved.VERSION and state["run"] == self._identity and state["sha256"] == digest(tensors):
                return load_file(tensors), state["report"]
            self._reporter.warn("The finished layer %s belongs to another run or is damaged: it is pruned again." % os.path.basename(step))
        except (OSError, ValueError, KeyError, TypeError):
            self._reporter.warn("The finished layer %s cannot be read: it is pruned again." % os.path.basename(step))
        return None

    def _stopped(self, done, of):
        if not os.path.exists(self._stop):
            return False
        with open(self._stop, encoding="utf-8") as file:
            how = file.read().strip()
        if how != "finish":
            raise Cancelled()
        os.remove(self._stop)
        self._reporter.warn("Asked to finish after {:,} of {:,} layers: the others stay as they are.".format(done, of))
        return True

    # --- whole layers

    def _drop(self):
        """The layers go whose block influence, the mean over tokens of 1 - cos(before, after), is least (Men et al., ShortGPT, 2024, arXiv 2403.03853)."""
        stream = Stream(self._loaded, self._layers, self._pieces, self._reporter)
        influence = []
        for index in range(len(self._layers)):
            self._reporter.progress(index, len(self._layers), "layers")
            total = stream.on(index, "influence")
            influence.append(total / stream.tokens)
            self._reporter.metric(index + 1, {"layer": index, "block_influence": influence[-1]})
        self._reporter.progress(len(self._layers), len(self._layers), "layers")
        count = len(influence)
        drop = self._s["layers"] if "layers" in self._s else min(max(math.floor(self._sparsity * count + 0.5), 0), count - 1)
        if drop >= count:
            raise invalid("%d layers are to go, and it has %d" % (drop, count))
        gone = set(sorted(range(count), key=lambda i: (influence[i], i))[:drop])
        keep = [i for i in range(count) if i not in gone]
        layers = [{"layer": i, "block_influence": number(v), "kept": i in keep} for i, v in enumerate(influence)]
        place = self._place()
        removed = sum(math.prod(shape) for name, (dtype, shape) in self._stored.items() if (m := place.fullmatch(name)) and int(m.group(2)) in gone and dtype.startswith(("F", "BF")))
        parameters = self._parameters()
        by_layer, skipped = self._weights()
        pruned = {w.tensor for own in by_layer for w in own}
        # stacks of experts that this engine takes no single weights from go with their layer all the same
        stacked = [m for m in matrices.matrices(self._stored, self._loaded.model.config) if m.expert >= 0 and m.tensor not in pruned]
        skipped = [(name, reason) for name, reason in skipped if name not in {m.tensor for m in stacked}]
        prunable = sum(math.prod(w.shape) for own in by_layer for w in own) + sum(math.prod(m.shape) for m in stacked)
        inner = models.body(self._loaded.model)
        for path in ("layers", "h", "decoder.layers", "blocks"):
            parent, _, leaf = path.rpartition(".")
            owner = inner.get_submodule(parent) if parent and hasattr(inner, parent) else inner
            if getattr(owner, leaf, None) is self._layers:
                setattr(owner, leaf, torch.nn.ModuleList([self._layers[i] for i in keep]))
                break
        self._renumber(inner.config, keep, setattr)
        self._require_places(inner.config, keep)
        return layers, {}, {}, {"prunable_weights": prunable, "zeros": 0, "removed_parameters": removed, "of_prunable": removed / prunable, "parameters_before": parameters,
                                "parameters": parameters - removed, "of_all": removed / parameters}, skipped, keep

    def _place(self):
        """Stored names of a layer's tensors: (before)(number)(after)."""
        prefix = models.body(self._loaded.model).base_model_prefix
        return re.compile(r"((?:%s|%s)\.)(\d+)(\..*)" % (re.escape(self._path), re.escape(self._path.removeprefix(prefix + "."))))

    @staticmethod
    def _renumber(config, keep, put):
        """Numbers and lists of a config that count layers."""
        entries = config if isinstance(config, dict) else {k: v for k, v in vars(config).items() if not k.startswith("_")}
        count = next((entries[k] for k in LAYERS if isinstance(entries.get(k), int)), None)
        for key, value in list(entries.items()):
            if key in LAYERS:
                put(config, key, len(keep))
            elif key == "mlp_only_layers" and isinstance(value, list):
                put(config, key, [keep.index(i) for i in value if i in keep])
            elif isinstance(value, list) and len(value) == count and key not in ("architectures", "eos_token_id"):
                put(config, key, [value[i] for i in keep])
            elif key in ("max_window_layers", "first_k_dense_replace") and isinstance(value, int):
                put(config, key, sum(1 for i in keep if i < value))

    def _require_places(self, config, keep):
        """A config that says by numbers which layers have experts has to say it of those that stay."""
        step = getattr(config, "decoder_sparse_step", None)
        for now, before in enumerate(keep):
            routed = bool(stacks.stacks_of(self._layers[before]))
            if isinstance(step, int) and routed != (now not in (getattr(config, "mlp_only_layers", None) or []) and (now + 1) % step == 0):
                raise invalid("what would be left has no config: by decoder_sparse_step layer {:,} would have {} experts in its new place".format(before, "no" if routed else "routed"))

    # --- the result

    def _write(self, out, changed, sides, keep):
        """The files of the checkpoint, one after the other, with what changed; everything else bit for bit."""
        place = self._place() if keep is not None else None
        index = {}
        for file in self._checkpoint.weight_files:
            self._reporter.check_cancelled()
            tensors = {}
            with safe_open(file, framework="pt") as opened:
                for name in opened.keys():
                    match = place.fullmatch(name) if place else None
                    if match and int(match.group(2)) not in keep:
                        continue
                    new = "%s%d%s" % (match.group(1), keep.index(int(match.group(2))), match.group(3)) if match else name
                    tensors[new] = changed[name].cpu().contiguous() if name in changed else opened.get_tensor(name)
            if tensors:
                save_file(tensors, os.path.join(out, os.path.basename(file)), metadata={"format": "pt"})
                index.update(dict.fromkeys(tensors, os.path.basename(file)))
        if len(self._checkpoint.weight_files) > 1:
            with open(os.path.join(out, "model.safetensors.index.json"), "w", encoding="utf-8") as file:
                json.dump({"metadata": {"total_size": sum(os.path.getsize(os.path.join(out, f)) for f in set(index.values()))}, "weight_map": index}, file, indent=2)
        config = dict(self._checkpoint.config)
        if keep is not None:
            self._renumber(config, keep, dict.__setitem__)
        with open(os.path.join(out, "config.json"), "w", encoding="utf-8") as file:
            json.dump(config, file, indent=2)
        for name in COMPANIONS:
            if os.path.isfile(os.path.join(self._checkpoint.folder, name)):
                shutil.copyfile(os.path.join(self._checkpoint.folder, name), os.path.join(out, name))
        if self._name in MASKED:
            save_file({n.removeprefix("mask/"): t for n, t in sides.items() if n.startswith("mask/")}, os.path.join(out, MASKS), metadata={"format": "vitrine-masks"})
        if self._s.get("factorised"):
            save_file({n.split("/", 1)[1] + (".a" if n.startswith("factor_a/") else ".b"): t for n, t in sides.items() if n.startswith("factor_")}, os.path.join(out, FACTORS),
                      metadata={"format": "vitrine-factors"})

    # --- measures

    def _measure(self, loaded, pieces):
        total = Sum()
        with Hooks() as hooks:
            hooks.check(loaded.model, self._reporter)
            for batch in groups(loaded, pieces):
                for s, loss in zip(batch, sums(loaded, batch)):
                    total.add(loss, s.predicted())
        return total

    def _logits(self, loaded, ids):
        loaded.begin()
        tokens = loaded.tensor([ids])
        return loaded.model(tokens, **positions(loaded, tokens)).logits[0].float().cpu()

    def _distributions(self, loaded, pieces, routed):
        """ln p of every next token over the first pieces, [tokens, vocabulary], as many as a quarter of a gigabyte holds; where `routed`, of mixtures also what experts they choose."""
        most = min(COMPARED_TOKENS, max(1, COMPARED_BYTES // (4 * self._checkpoint.vocabulary)))
        found, tokens = [], 0
        with Hooks() as hooks:
            routes = inside.Routes(loaded, hooks) if routed else None
            for s in pieces:
                if tokens == 0 or tokens + len(s.ids) <= most:
                    found.append((s, self._logits(loaded, s.ids[:most]).log_softmax(-1)))
                    tokens += len(s.ids[:most])
                    if routes:
                        routes.add()
        return found, routes if routes and routes.layers else None

    def _compared(self, text, dense, kept, reopened, routed):
        """A text's row of `evaluations`, and where `routed` what experts its tokens choose now."""
        name, file, pieces, length = text
        pruned = self._measure(reopened, pieces)
        entry = {"name": name, "file": file, "text_hash": fingerprint(file), "sequence_length": length, "sequences": dense.sequences, "predicted_tokens": dense.predicted,
                 "dense": {}, "pruned": {}}
        dense.put(entry["dense"], self._reporter.warn)
        pruned.put(entry["pruned"], self._reporter.warn)
        for side in ("dense", "pruned"):
            entry[side] = {key: entry[side][key] for key in ("loss", "perplexity")}
        p, q = entry["dense"]["perplexity"], entry["pruned"]["perplexity"]
        entry["perplexity_change_percent"] = None if p is None or q is None else 100 * (q / p - 1)
        divergence, same, tokens = 0.0, 0, 0
        with Hooks() as hooks:
            routes = inside.Routes(reopened, hooks) if routed else None
            for s, before in kept:
                after = self._logits(reopened, s.ids[:len(before)]).log_softmax(-1)
                divergence += float((before.double().exp() * (before.double() - after.double())).sum())
                same += int((before.argmax(-1) == after.argmax(-1)).sum())
                tokens += len(before)
                if routes:
                    routes.add()
        entry.update(kl=number(divergence / tokens), top1_agreement=same / tokens, compared_tokens=tokens)
        return entry, routes

    def _speed(self, loaded, pieces):
        """Tokens per second of a pass with logits: the best of some rounds."""
        batch, tokens = [], 0
        for s in pieces:
            if tokens < TIMED_TOKENS:
                batch.append(datasets.Sequence(s.ids[:TIMED_TOKENS - tokens], s.labels[:TIMED_TOKENS - tokens], None))
                tokens += len(batch[-1].ids)
        best, rounds, spent = math.inf, 0, 0.0
        while rounds < 2 or spent < 0.2 and rounds < 200:
            start = time.perf_counter()
            for group in groups(loaded, batch):
                ids, _ = padded(loaded, group)
                loaded.model(ids, **positions(loaded, ids))
            if self._device.type == "cuda":
                torch.cuda.synchronize(self._device)
            seconds = time.perf_counter() - start
            best, rounds, spent = min(best, seconds), rounds + 1, spent + seconds
        return {"tokens": tokens, "rounds": rounds, "dense_tokens_per_second": tokens / best, "pruned_tokens_per_second": None}

    # --- what is said of it

    def _story(self, sizes):
        if self._name == "shortgpt":
            return "smaller shapes", "The checkpoint holds {:,} of {:,} parameters; its config says so, and stock transformers loads it.".format(sizes["parameters"], sizes["parameters_before"])
        if self._name in RANKED:
            return "same shapes, factors multiplied back", "The thin matrices are multiplied back to the full shape, so that any program loads the checkpoint: it is as large and as slow as " \
                "before." + (" factors.safetensors holds the thin matrices." if self._s.get("factorised") else "")
        return "same shapes, with zeros", "A checkpoint of the same shapes with zeros in it takes as much room on the disk and as much time as before: only programs that know its zeros gain by them."

    def _report(self, out, layers, sizes, skipped, evaluations, speed, load_back, parts):
        output, note = self._story(sizes)
        files = [f for f in os.listdir(out) if f.endswith(".safetensors") and f not in (MASKS, FACTORS)]
        sizes.update(bytes_before=sum(os.path.getsize(f) for f in self._checkpoint.weight_files), bytes=sum(os.path.getsize(os.path.join(out, f)) for f in files))
        report = {"format": "vitrine-pruning", "version": 1, "model": self._checkpoint.name, "family": self._checkpoint.family, "method": self._name, "output": output, "task": self._task}
        if self._pieces is not None:
            report["calibration"] = {"file": self._task["data"], "text_hash": fingerprint(self._task["data"]), "sequences": len(self._pieces), "of_sequences": self._of,
                                     "sequence_length": self._length, "tokens": sum(len(s.ids) for s in self._pieces), "seed": self._s.get("seed", 0), "chosen": self._chosen,
                                     "propagation": self._s.get("propagation", "dense")}
        skipped = skipped + [(m["name"], m["note"]) for l in layers for m in l.get("matrices", []) if m.get("untouched")]
        report.update(allocation={"allocation": "uniform"}, sparsity=sizes, note=note)
        if speed:
            report["speed"] = speed
        report.update(recipe=RECIPE % str(self._runner.dtype).removeprefix("torch."), evaluations=evaluations, load_back=load_back, **{key: parts[key] for key in INSIDE if key in parts}, layers=layers,
                      skipped=[{"tensor": name, "reason": reason} for name, reason in skipped])
        with open(os.path.join(out, REPORT), "w", encoding="utf-8") as file:
            json.dump(report, file, indent=2, ensure_ascii=False, allow_nan=False)
        rows = [("zeros of the weights that could be pruned", "{:,} of {:,} ({:.2f} %)".format(sizes["zeros"], sizes["prunable_weights"], 100 * sizes["of_prunable"])),
                ("parameters, before and after", "{:,}, {:,}".format(sizes["parameters_before"], sizes["parameters"])),
                ("bytes on disk, before and after", "{:,}, {:,}".format(sizes["bytes_before"], sizes["bytes"]))]
        rows += [("perplexity of %s, before and after" % e["name"], "%s, %s" % tuple(figure(e[s]["perplexity"]) for s in ("dense", "pruned")))
                 for e in evaluations]
        rows.append(("effective rank, mean of {:,} matrices, before and after".format(parts["effective_rank"]["matrices_compared"]),
                     ", ".join(figure(parts["effective_rank"][key]) for key in ("before", "after"))))
        if "attention" in parts:
            rows.append(("entropy of attention, nats, mean of {:,} heads, before and after; how much of the weights moved".format(parts["attention"]["heads_compared"]),
                         "%s, %s; %s" % tuple(figure(parts["attention"][key]) for key in ("entropy_before", "entropy_after", "total_variation"))))
        if "routing" in parts:
            rows.append(("tokens whose experts are others than before", figure(parts["routing"]["changed_sets"])))
        with open(os.path.join(out, "README.md"), "w", encoding="utf-8") as file:
            file.write("# %s, pruned by %s\n\nPruned by Vitrine's pytorch engine, torch %s. %s\n\n| | |\n| --- | --- |\n%s\nEvery figure, its recipe and what was left as it is: `%s`.\n"
                       % (self._checkpoint.name, self._name, torch.__version__, note, "".join("| %s | %s |\n" % row for row in rows), REPORT))
        return report

    def _outcome(self, report):
        summary = {key: report[key] for key in ("model", "family", "method", "output")}
        summary.update(result="checkpoint", sparsity=report["sparsity"])
        if "speed" in report:
            summary["speed"] = report["speed"]
        summary.update({key: {name: v for name, v in report[key].items() if not isinstance(v, list)} for key in INSIDE if key in report})
        summary["evaluations"] = report["evaluations"]
        if report["evaluations"]:
            one = report["evaluations"][0]
            summary.update(loss=one["pruned"]["loss"], perplexity=one["pruned"]["perplexity"], loss_before=one["dense"]["loss"], perplexity_before=one["dense"]["perplexity"])
            if summary["loss"] is not None:
                self._reporter.metric(len(report["layers"]), {"loss": summary["loss"]})
        summary.update(layers=len(report["layers"]), skipped=len(report["skipped"]), load_back_difference=report["load_back"]["largest_logit_difference"])
        found = {"perplexity": provenance("derived", "loss", "F64", "exp(loss)")}
        if self._name in MASKED:
            found["masks"] = provenance("derived", self._checkpoint.name, "U8", "1 = kept, by " + self._name)
        return Outcome(summary, provenances=found)


class Stream:
    """Calibration sequences on their way through a model, one layer at a time; kept is the residual stream between two layers."""

    def __init__(self, loaded, layers, pieces, reporter):
        self._layers, self._reporter = layers, reporter
        self.tokens = sum(len(s.ids) for s in pieces)
        self._parts = []
        calls = {}
        for batch in groups(loaded, pieces):
            ids, _ = padded(loaded, batch)
            real = torch.zeros(ids.shape, dtype=torch.bool, device=ids.device)
            for row, s in enumerate(batch):
                real[row, :len(s.ids)] = True
            # What a layer is called with beside the stream depends on the batch's shape alone; one pass of each shape tells it.
            if ids.shape not in calls or loaded.length_matters():
                calls[ids.shape] = self._listen(loaded, ids)
            with Hooks() as hooks:
                x = []
                hooks.before(layers[0], lambda args: (x.append(args[0]), self._enough()))
                try:
                    loaded.model(ids, **positions(loaded, ids))
                except _Enough:
                    pass
            self._parts.append([x[0], real, calls[ids.shape]])

    @staticmethod
    def _enough():
        raise _Enough()

    def _listen(self, loaded, ids):
        """The arguments of every layer but the stream itself."""
        seen = []
        handles = [layer.register_forward_pre_hook(lambda m, args, keywords: seen.append((args[1:], {k: v for k, v in keywords.items() if k != "hidden_states"})), with_kwargs=True)
                   for layer in self._layers]
        try:
            loaded.model(ids, **positions(loaded, ids))
        finally:
            for handle in handles:
                handle.remove()
        return seen

    def mask(self):
        """Which rows of the present batch are tokens and no filling, [rows]."""
        return self._mask.reshape(-1)

    def real(self, x):
        """Rows of tokens that are no filling, [rows, in]."""
        return x.reshape(-1, x.shape[-1])[self.mask()]

    def on(self, index, how):
        """Passes a layer; `how`: "look" leaves the stream before it, "influence" sums 1 - cos(before, after) over all tokens."""
        total = 0.0
        for part in self._parts:
            self._reporter.check_cancelled()
            x, self._mask, calls = part
            args, keywords = calls[index]
            y = first(self._layers[index](x, *args, **keywords))
            if how == "influence":
                a, b = self.real(x).double(), self.real(y).double()
                total += float((1 - torch.nn.functional.cosine_similarity(a, b, dim=-1)).sum())
            if how != "look":
                part[0] = y
        return total


class _Enough(Exception):
    """The first layer's input is known: the rest of the pass is not needed."""


def why(name):
    """Why a tensor that is no matrix of a layer stays as it is."""
    for pattern, reason in ((r"(^|\.)(gate|router|router\.layer|shared_expert_gate)\.weight$", "router"), (r"^(lm_head|embed_out)\.", "output head"), (r"emb|\bwte\b|\bwpe\b", "embedding"), (r"norm|\bln_", "norm"), (r"bias$", "bias")):
        if re.search(pattern, name):
            return reason
    return "no linear layer of a decoder layer"


def matches(target, module):
    """Whether a target names a module: its last part, an ending of its name, or a pattern."""
    pattern = re.compile("".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in target))
    return module == target or module.endswith("." + target) or pattern.fullmatch(module) is not None


def figure(value):
    return "not finite" if value is None else "%.4f" % value


def digest(file):
    found = hashlib.sha256()
    with open(file, "rb") as opened:
        for part in iter(lambda: opened.read(1 << 20), b""):
            found.update(part)
    return found.hexdigest()
