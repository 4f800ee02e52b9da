"""A training run: it goes on from the newest whole saved step of its folder, or begins.

A step: the gradients of `accumulate` passes, each weighted so that every learned token of the step counts the same; their global norm; clipping; the
optimiser. Whatever interrupts it between steps finds a state that can be saved. Same order of samples, schedule and first values as the embedded engine.
"""

import contextlib
import hashlib
import json
import math
import os
import time

import torch

from . import VERSION, catalogue, datasets, gpu, models, randomness, ranks, saved
from .artifact import Outcome, number
from .datasets import IGNORED
from .distributed import Group, like, whole
from .losses import groups, token_losses
from .optimiser import Adam, multiplier
from .randomness import Randomness
from .refusals import Cancelled, Refusal
from .samples import Samples, packed, single
from .tasks import invalid
from .zeroth import Zeroth

DEFAULT_LENGTH = 1024
# how long a run is and how often it looks up is no part of what it is: it may be extended
NOT_OF_THE_RUN = ("steps", "epochs", "evalEvery", "saveEvery", "earlyStop")
# Dropout and jitter of the model itself: training is as the embedded engine's, without any
QUIET = {name: 0.0 for name in ("attention_dropout", "attn_pdrop", "resid_pdrop", "embd_pdrop", "hidden_dropout", "dropout", "activation_dropout", "layerdrop",
                                "residual_dropout", "embedding_dropout", "router_jitter_noise", "input_jitter_noise", "hidden_dropout_prob",
                                "attention_probs_dropout_prob", "resid_dropout", "emb_pdrop")}


class Finetune:

    def __init__(self, task, checkpoint, device, runner, inputs, reporter, folder):
        self._task, self._checkpoint, self._device, self._runner, self._reporter = task, checkpoint, device, runner, reporter
        self._s = dict(task.get("settings") or {})
        self._steps_folder, self._best_folder, self._stop_file = (os.path.join(folder, name) for name in ("steps", "best", "stop"))
        self._trail = ranks.Trail(folder)
        self._keeper = saved.Keeper(device)
        own = {**task, "settings": {k: v for k, v in self._s.items() if k not in NOT_OF_THE_RUN}}
        identity = {"engine": VERSION, "dtype": str(runner.dtype), "task": own, "inputs": inputs}
        self._identity = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
        self._figures, self._told = [], 0
        # the lowest validation loss so far, its step, and how many have come since
        self._lowest, self._lowest_step, self._since = math.inf, -1, 0
        # which of a pass's places are real tokens, [samples, width]; None while nothing is counted
        self.real = None
        # the samples of a pass that is laid out already, and how
        self._ready = None
        if "steps" in self._s and "epochs" in self._s:
            raise invalid("steps and epochs say the same; one of them belongs here")
        self._method = catalogue.of(task, self._s)

    def run(self, out):
        s = self._s
        self._group = Group(self._device)
        # what the process holds before there is a model; a GPU holds nothing yet
        self._held = resident() if self._device.type == "cpu" else 0
        bf16 = self._runner.dtype == torch.bfloat16
        # in bfloat16 frozen weights are kept so; trained ones stay float32 and are rounded for each product
        self._cast = (lambda: torch.autocast(self._device.type, torch.bfloat16)) if bf16 else contextlib.nullcontext
        at = torch.device("cpu") if self._group.world > 1 else self._device
        loaded = models.load(self._checkpoint, at, torch.bfloat16 if bf16 and self._method.adapts else torch.float32, "sdpa", QUIET)
        loaded.device = self._device
        loaded.require_head("losses")
        if self._checkpoint.encoder:
            raise Refusal("family-unsupported", self._checkpoint.path, "%s sees the tokens that it would have to predict, so it is not trained on texts here"
                          % self._checkpoint.family, help="Train a decoder.")
        self._loaded = loaded
        self._alone = loaded.length_matters()
        if self._alone and (s.get("pack") or s.get("balance")):
            raise Refusal("family-unsupported", self._checkpoint.path, "its rotary frequencies depend on the length of a sequence, so sequences pass alone: pack and balance "
                          "do not go with that", help="Leave them out.")
        length = min(self._checkpoint.max_positions, s.get("sequenceLength", DEFAULT_LENGTH))
        sequences = datasets.read(self._task["data"], length, self._checkpoint, self._reporter)
        samples = packed(sequences, length) if s.get("pack") else single(sequences)
        self._validation = [] if self._task.get("evalData") is None else datasets.read(self._task["evalData"], length, self._checkpoint, self._reporter)
        self._batch, self._accumulate = s.get("batchSize", 8), s.get("accumulate", 1)
        if self._batch % self._group.world:
            raise invalid("batchSize is %d, which %d processes cannot share out evenly" % (self._batch, self._group.world))
        self._random = Randomness(s.get("seed", 0))
        self._samples = Samples(samples, s.get("order") != "sequential", self._batch * self._accumulate, self._random)
        self.count = len(samples)
        self.total = self._total = s.get("steps") or self._samples.steps_per_epoch() * s.get("epochs", 1)
        mezo = s.get("optimiser") == "mezo"
        # MeZO's slopes are those of all values at once, so its rates are small
        self._rate = s.get("lr", (1e-4 if mezo else 2e-4) if self._method.adapts else 1e-6 if mezo else 2e-5)
        self._warmup = s.get("warmupSteps", math.ceil(0.03 * self._total))
        self._clip = s.get("maxGradNorm", 1.0)
        self._save_every = s.get("saveEvery", max(1, min(1000, self._total // 20)))
        self._zeroth = Zeroth(self._random, s) if s.get("optimiser") in ("mezo", "zosam") else None
        if self._group.world > 1 and (self._zeroth is not None or self._method.alone or s.get("init") in catalogue.LOOK_AT_GRADIENT):
            raise invalid("%s runs in one process only" % (s["optimiser"] if self._zeroth is not None else self._task["method"] if self._method.alone else s["init"]))
        self._model = self._method.prepare(loaded, self._random, self)
        self._parameters = self._method.trained(self._model)
        for p in self._parameters.values():
            p.data = p.data.float()
        self._count = sum(p.numel() for p in self._parameters.values())
        if s.get("pack"):
            self._require_packable(samples)
        self._prepare_passes(samples)
        self._group.shard(self._model, models.layers_of(self._model))
        self._parameters = self._method.trained(self._model)
        self._optimiser = Adam(self._parameters, s.get("beta1", 0.9), s.get("beta2", 0.999), s.get("eps", 1e-8), s.get("weightDecay", 0.0),
                               s.get("cautious", False), s.get("optimiser") == "spam")
        if self._group.world > 1 and self._optimiser._plain is None:
            raise invalid("cautious decay and spam run in one process only")
        return self._train(out, len(samples))

    # --- passes

    def _prepare_passes(self, samples):
        """Which layers are computed twice: all, where keeping their values would take more than a quarter of the memory."""
        self._model.train()
        longest = max(sum(len(q.ids) for q in sample) for sample in samples)
        choice = self._s.get("checkpointing", "auto")
        most = torch.cuda.get_device_properties(self._device).total_memory if self._device.type == "cuda" else memory()
        tokens = longest * self._batch // self._group.world
        layers = len(models.layers_of(self._model))
        twice = choice == "layer" or choice == "auto" and layers * self._layer_bytes(tokens) > most / 4
        own = {id(p) for p in self._parameters.values()}
        others = [p for p in self._model.parameters() if id(p) not in own]
        mezo = self._s.get("optimiser") == "mezo"
        # what is not trained itself, with its gradient where it has one; values, gradients and two moments; the layers' values
        self._forecast = sum(p.numel() * (p.element_size() + (4 if p.requires_grad else 0)) for p in others) \
            + (4 if mezo else 16) * self._count + (1 if twice or mezo else layers) * self._layer_bytes(tokens) + (64 << 20) + self._held
        if self._forecast / self._group.world > most:
            self._reporter.warn("The run will need about %.1f GB of memory; the device has %.1f GB." % (self._forecast / self._group.world / 1e9, most / 1e9))
        if twice:
            inner = self._model.get_base_model() if self._method.adapts else self._model
            inner.gradient_checkpointing_enable({"use_reentrant": False})
        self._call = torch.compile(self._model) if self._runner.compiled else self._model

    def _layer_bytes(self, tokens):
        """Bytes of the values that one layer keeps between its forward and its backward pass, about."""
        c = models.body(self._model).config
        wide = getattr(c, "moe_intermediate_size", None)
        feed_forward = wide * c.num_experts_per_tok if wide else getattr(c, "intermediate_size", None) or 4 * c.hidden_size
        return (2 if self._runner.dtype == torch.bfloat16 else 4) * (14 * c.hidden_size + 4 * feed_forward) * tokens

    def _rows(self, samples):
        """Samples side by side on the device: ids, targets, positions (None where every sample is one sequence)."""
        ready, self._ready = self._ready, None
        *rows, self.real = ready[1] if ready is not None and ready[0] == [id(s) for s in samples] else self._side_by_side(samples)
        return rows

    def _prepare(self, step):
        """Lays the first pass of a step out while the device is still busy with the one before, so that it need not wait."""
        if step <= self._total and self._device.type == "cuda":
            first = self._group.own(self._samples.step(step)[:self._batch])
            self._ready = [id(s) for s in first], self._side_by_side(first)

    def _side_by_side(self, samples):
        longest = max(sum(len(q.ids) for q in sample) for sample in samples)
        ids = torch.zeros(len(samples), longest, dtype=torch.long)
        targets = torch.full((len(samples), longest), IGNORED, dtype=torch.long)
        places = torch.zeros(len(samples), longest, dtype=torch.long)
        real = torch.zeros(len(samples), longest, dtype=torch.bool)
        for row, sample in enumerate(samples):
            at = 0
            for q in sample:
                n = len(q.ids)
                ids[row, at:at + n] = torch.tensor(q.ids)
                targets[row, at:at + n - 1] = torch.tensor(q.labels[1:])
                places[row, at:at + n] = torch.arange(n)
                at += n
            # what fills a row up is a sequence of its own
            places[row, at:] = torch.arange(longest - at)
            real[row, :at] = True
        several = any(len(sample) > 1 for sample in samples)
        opt = self._checkpoint.model_type == "opt"
        return [None if t is None else self._there(t) for t in (ids, targets, places if several or opt else None, real)]

    def _there(self, tensor):
        """A tensor on the device; a GPU fetches it when it gets there, and nobody waits meanwhile."""
        return tensor.pin_memory().to(self._device, non_blocking=True) if self._device.type == "cuda" else tensor.to(self._device)

    def _loss(self, samples, model, exact=False):
        """The summed loss of samples, float32, with its graph; float64 where it is to be `exact`."""
        if len(samples) > 1 and self._alone:
            return sum(self._loss([sample], model, exact)[0] for sample in samples), None
        self._loaded.begin() if self._alone else None
        ids, targets, places = self._rows(samples)
        with self._cast():
            logits = model(input_ids=ids, **({} if places is None else {"position_ids": places})).logits
        if exact:
            return token_losses(logits.view(-1, logits.shape[-1]), targets.view(-1)).sum(), ids
        return torch.nn.functional.cross_entropy(logits.float().view(-1, logits.shape[-1]), targets.view(-1), ignore_index=IGNORED, reduction="sum"), ids

    def samples(self, step):
        """The samples of a step, for methods that look at them."""
        return self._samples.step(step)

    def look(self, sample):
        """A pass of one sample without gradients, for methods that look at what happens in it."""
        self._reporter.check_cancelled()
        self._model.eval()
        with torch.no_grad():
            self._loss([sample], self._model)
        self._model.train()

    def first_gradients(self, names):
        """The gradients of the untouched model's matrices `[out, in]`, by the names of their modules, over the first step's samples: of the mean loss over all learned tokens."""
        model, modules = self._loaded.model, {name: self._loaded.model.get_submodule(name) for name in names}
        for module in modules.values():
            module.weight.requires_grad_(True)
        samples = self._samples.step(1)
        learned = sum(q.predicted() for sample in samples for q in sample)
        for sample in samples:
            self._reporter.check_cancelled()
            (self._loss([sample], model)[0] / learned).backward()
        out = {}
        for name, module in modules.items():
            g = module.weight.grad.double()
            out[name] = g.T if catalogue.transposed(module) else g
            module.weight.grad = None
            module.weight.requires_grad_(False)
        return out

    def _require_packable(self, samples):
        """Packed sequences must not see each other: tried on two of them, since not every family's code in transformers keeps to positions."""
        pair = next((sample[:2] for sample in samples if len(sample) > 1), None)
        if pair is None:
            return
        with torch.no_grad():
            model = self._model.eval()
            alone = sum(float(self._loss([[q]], model)[0]) for q in pair)
            together = float(self._loss([pair], model)[0])
        if abs(alone - together) > (2e-2 if self._runner.dtype == torch.bfloat16 else 1e-4) * max(1.0, abs(alone)):
            raise Refusal("family-unsupported", self._checkpoint.path, "packed sequences of a %s model see each other in transformers (loss %.5f instead of %.5f)"
                          % (self._checkpoint.family, together, alone), help="Leave pack out.")

    def _backward(self, samples, learned, key, checked):
        """Adds the gradients of one pass; returns the summed loss and the balance loss, both without graph. A `checked` pass may be given up on its way."""
        torch.manual_seed(key & ((1 << 63) - 1))
        balance, coefficient = 0.0, self._s.get("balance", 0.0) / self._accumulate
        with models.Hooks() as hooks:
            hooks.check(self._model, self._reporter) if self._group.world == 1 and checked else None
            routers = models.Routers(self._model, hooks) if coefficient else None
            loss, ids = self._loss(samples, self._call)
            objective = loss * (self._group.world / learned)
            if routers is not None and routers.layers:
                even = self._balance(routers, samples, ids.shape[1])
                objective = objective + coefficient * even
                balance = float(even.detach())
            objective.backward()
        return loss.detach(), balance

    def _balance(self, routers, samples, width):
        """experts * sum of f_e P_e over all layers together: f the choices per token, P the mean probability. Source: Fedus et al., 2021."""
        real = torch.zeros(len(samples), width, dtype=torch.bool)
        for row, sample in enumerate(samples):
            real[row, :sum(len(q.ids) for q in sample)] = True
        real = real.view(-1).to(self._device)
        f = p = rows = 0
        for layer in routers.layers:
            logits = routers.logits[layer][real]
            if self._checkpoint.config.get("scoring_func") == "sigmoid" or self._checkpoint.model_type in ("deepseek_v3", "glm4_moe"):
                scores = logits.sigmoid()
                probability = scores / scores.sum(-1, keepdim=True)
            else:
                probability = logits.softmax(-1)
            f = f + torch.bincount(routers.ids[layer][real].flatten(), minlength=logits.shape[-1]).float()
            p = p + probability.sum(0)
            rows += len(logits)
        return len(f) * (f * p).sum() / rows ** 2

    # --- the run

    def _train(self, out, samples):
        s = self._s
        done = self._go_on()
        if done == 0:
            self._reporter.metric(0, {"memory_forecast_bytes": self._forecast, "trained_parameters": self._count})
        if self._group.rank == 0 and os.path.exists(self._stop_file):
            os.remove(self._stop_file)
        if self._group.rank == 0 and self._group.world == 1:
            self._trail.begin(0 if done == 0 else done + 1)
            if done == 0:
                self._trail.add(0, self._model, self._gates())
        meter = gpu.Meter(self._device) if self._device.type == "cuda" and self._group.rank == 0 else None
        try:
            if done < self._total:
                self._method.begin(self, done == 0)
            if done == 0 and self._validation:
                self._tell(0, {"validation_loss": self._validate()})
            while done < self._total:
                self._reporter.progress(done, self._total, "steps")
                figures = self._step_forward(done + 1) if self._s.get("optimiser") == "mezo" else self._step(done + 1)
                if meter is not None:
                    figures.update(gpu_memory_bytes=torch.cuda.max_memory_allocated(self._device), **meter.take())
                done += 1
                every = self._s.get("evalEvery")
                if self._validation and (every and done % every == 0 or done == self._total):
                    figures["validation_loss"] = self._validate()
                self._tell(done, figures)
                if self._group.world == 1 and ranks.keeps(done, self._total):
                    self._trail.add(done, self._model, self._gates())
                if self._observe(done, figures) and "earlyStop" in s:
                    self._save(done, self._best_folder)
                stops = done < self._total and self._group.agree(self._asked() is not None or self._enough())
                # the last step too: a run can be extended
                if stops or done % self._save_every == 0 or done == self._total:
                    self._save(done)
                if stops:
                    if not self._enough() and not self._group.agree(self._asked() == "finish"):
                        raise Cancelled()
                    break
        except Cancelled:
            # Between steps nothing is half done: what was reached is kept, unless the step's figures were not told yet.
            if self._told == done and self._group.world == 1:
                self._save(done)
            raise
        finally:
            if meter is not None:
                meter.close()
            self._keeper.wait()
        if self._group.rank == 0 and os.path.exists(self._stop_file):
            os.remove(self._stop_file)
        if done < self._total and self._validation and "validation_loss" not in json.loads(self._figures[-1]):
            self._tell(done, {"validation_loss": self._validate()})
        self._reporter.progress(done, done, "steps")
        summary = self._summary(samples)
        summary["steps"] = done
        if "earlyStop" in s and self._lowest_step < done:
            self._take_lowest(summary)
        self._method.write(self._model, self._loaded, out, self._group.rank, summary)
        if out is not None:
            self._trail.copy_to(out)
            with open(os.path.join(out, "figures.jsonl"), "w", encoding="utf-8") as file:
                file.writelines(line + "\n" for line in self._figures)
            with open(os.path.join(out, "README.md"), "w", encoding="utf-8") as file:
                file.write(self._card(summary))
        return Outcome(summary)

    def _asked(self):
        """How the run is asked to end, the word of the file `stop`; None where it is not."""
        try:
            with open(self._stop_file, encoding="utf-8") as file:
                return file.read().strip() or "pause"
        except FileNotFoundError:
            return None

    def _enough(self):
        """Whether the validation loss has not fallen for as long as the task allows."""
        return "earlyStop" in self._s and self._since >= self._s["earlyStop"]

    def _observe(self, step, figures):
        """Whether a step's validation loss is the lowest so far."""
        loss = figures.get("validation_loss")
        if loss is None:
            return False
        lower = loss < self._lowest
        if lower:
            self._lowest, self._lowest_step = loss, step
        self._since = 0 if lower else self._since + 1
        return lower

    def _take_lowest(self, summary):
        """Puts the weights back to where the validation loss was lowest."""
        for folder in reversed(saved.found(self._best_folder)):
            state = saved.read(folder, self._identity)
            if not isinstance(state, str) and state["step"] == self._lowest_step:
                self._restore(state)
                summary.update(best_step=self._lowest_step, validation_loss=number(self._lowest), validation_perplexity=math.exp(self._lowest) if self._lowest < 700 else None)
                return
        self._reporter.warn("The state of step {:,}, where the validation loss was lowest, cannot be read: the result is that of the last step.".format(self._lowest_step))

    def _gates(self):
        return self._method.gates() if hasattr(self._method, "gates") else {}

    def _learning_rate(self, step):
        return self._rate * multiplier(self._s.get("schedule", "cosine"), step - 1, self._warmup, self._total, self._s.get("decaySteps", self._total // 5))

    def _forward_loss(self, samples, learned):
        """The mean loss of a step's samples, without gradients or dropout."""
        self._model.eval()
        with torch.no_grad():
            total = sum(float(self._loss(samples[i * self._batch:(i + 1) * self._batch], self._model, True)[0]) for i in range(self._accumulate))
        self._model.train()
        return total / learned

    def _step_forward(self, step):
        """One step of MeZO: two passes forward for each probe."""
        started = time.monotonic()
        changing = self._method.choose(step, self._parameters, self._optimiser)
        tensors = list(changing.values())
        samples = self._samples.step(step)
        learned = sum(q.predicted() for sample in samples for q in sample)
        tokens = sum(len(q.ids) for sample in samples for q in sample)
        # a pass that is cancelled would leave the tensors moved: it is asked for between steps only
        self._reporter.check_cancelled()
        losses = []

        def loss():
            losses.append(self._forward_loss(samples, learned))
            return losses[-1]

        slopes = self._zeroth.slopes(tensors, loss, step)
        mean = sum(losses) / len(losses)
        self._require_finite(step, mean, math.sqrt(sum(g * g for g in slopes) / len(slopes)))
        rate = self._learning_rate(step)
        self._zeroth.descend(tensors, slopes, rate, step)
        self._method.after(step, self._total, self._optimiser)
        return {"loss": mean, "learning_rate": rate, "slope": slopes[0], **self._method.figures(), "tokens": tokens, "tokens_per_second": tokens / (time.monotonic() - started)}

    def _step(self, step):
        """One step. Until the gradients are there nothing is changed: a run that is cancelled meanwhile is where it was."""
        started = time.monotonic()
        changing = self._method.choose(step, self._parameters, self._optimiser)
        for p in self._parameters.values():
            p.grad = None
        samples = self._samples.step(step)
        learned = sum(q.predicted() for sample in samples for q in sample)
        tokens = sum(len(q.ids) for sample in samples for q in sample)
        total, balance, before = torch.zeros((), dtype=torch.float64, device=self._device), 0.0, None
        if self._zeroth is not None:
            # tensors that are moved must come back: the pass is not given up until they have
            self._reporter.check_cancelled()
            tensors = list(changing.values())
            before = self._zeroth.climb(tensors, self._zeroth.slopes(tensors, lambda: self._forward_loss(samples, learned), step), step)
        for i in range(self._accumulate):
            part = self._group.own(samples[i * self._batch:(i + 1) * self._batch])
            loss, even = self._backward(part, learned, self._random.bits(randomness.DROPOUT, step, i) + self._group.rank, before is None)
            total += loss
            balance += even / self._accumulate
        if before is not None:
            with torch.no_grad():
                for p, values in zip(tensors, before):
                    p.copy_(values)
        self._method.gradients()
        gradients = [p.grad for p in changing.values() if p.grad is not None]
        norm = whole(torch.nn.utils.get_total_norm(gradients))
        self._prepare(step + 1)
        loss, size = torch.stack([self._group.sum(total) / learned, norm.double()]).tolist()
        self._require_finite(step, loss, size)
        factor = min(1.0, self._clip / (size + 1e-6)) if self._clip > 0 else 1.0
        if factor != 1:
            torch._foreach_mul_(gradients, factor)
        if self._s.get("gradientNoise"):
            self._add_noise(step, changing)
        rate = self._learning_rate(step)
        spikes = self._optimiser.spikes
        self._optimiser.step(rate, step, changing)
        self._method.after(step, self._total, self._optimiser)
        figures = {"loss": loss, "learning_rate": rate, "gradient_norm": size}
        if self._s.get("balance"):
            figures["balance_loss"] = balance
        if self._s.get("optimiser") == "spam":
            figures["spikes"] = self._optimiser.spikes - spikes
        figures.update(self._method.figures())
        figures["tokens"] = tokens
        figures["tokens_per_second"] = tokens / (time.monotonic() - started)
        return figures

    def _add_noise(self, step, changing):
        """Annealed noise on clipped gradients: variance nu / (1 + t)^0.55, t from 0. Source: Neelakantan et al., 2015."""
        deviation = math.sqrt(self._s["gradientNoise"] / step ** 0.55)
        for place, p in enumerate(changing.values()):
            if p.grad is None:
                p.grad = torch.zeros_like(p)
            values = self._random.normals(randomness.NOISE, step, place << 40, p.numel())
            p.grad.add_(like(torch.from_numpy(deviation * values).float().reshape(p.shape), p.grad))

    def _require_finite(self, step, loss, norm):
        if math.isfinite(loss) and math.isfinite(norm):
            return
        where = "the loss is %s and the gradient's norm is %s" % (loss, norm)
        for what, values in (("the tensor", {n: p.data for n, p in self._parameters.items()}), ("the gradient of", {n: p.grad for n, p in self._parameters.items()})):
            bad = next((n for n, v in values.items() if v is not None and not bool(torch.isfinite(whole(v)).all())), None)
            if bad is not None:
                flat = whole(values[bad]).flatten()
                at = int((~torch.isfinite(flat)).nonzero()[0])
                where = "%s %s holds %s at %d" % (what, bad, float(flat[at]), at)
                break
        raise Refusal("task-invalid", None, "step %d: %s" % (step, where),
                      help="A smaller learning rate, a longer warm-up or a smaller maxGradNorm may help; the last saved step is kept.")

    def _validate(self):
        """The mean loss over the validation's tokens."""
        self._model.eval()
        self._method.present(True)
        total, predicted = torch.zeros((), dtype=torch.float64, device=self._device), 0
        try:
            with torch.no_grad():
                for batch in groups(self._loaded, self._validation):
                    self._reporter.check_cancelled() if self._group.world == 1 else None
                    # all processes must make the same number of passes: each makes all of them
                    total += self._loss([[q] for q in batch], self._model)[0]
                    predicted += sum(q.predicted() for q in batch)
        finally:
            self._method.present(False)
        self._model.train()
        return float(total) / predicted

    # --- what is remembered

    def _tell(self, step, figures):
        if step > 0 or "validation_loss" in figures:
            self._figures.append(json.dumps({"step": step, **{n: number(v) for n, v in figures.items()}}))
        self._told = step
        self._reporter.metric(step, figures)

    def _save(self, step, folder=None):
        tensors, counts = {}, {}
        for name, p in self._parameters.items():
            tensors["w/" + name] = whole(p.data)
            m, v, counts[name] = self._optimiser.moments(name)
            if counts[name] > 0:
                tensors.update({"m/" + name: whole(m), "v/" + name: whole(v)})
        tensors.update({"x/" + name: value for name, value in self._method.memory().items()})
        if self._group.rank == 0:
            self._trail.wait()
            self._keeper.write(folder or self._steps_folder, step, self._identity, tensors, counts, self._figures)

    def _restore(self, state):
        tensors = state["tensors"]
        with torch.no_grad():
            for name, p in self._parameters.items():
                p.copy_(like(tensors["w/" + name], p))
                if "m/" + name in tensors:
                    self._optimiser.restore(name, like(tensors["m/" + name], p), like(tensors["v/" + name], p), state["counts"][name])
                else:
                    self._optimiser.forget(name)
        self._method.remember({name[2:]: value for name, value in tensors.items() if name.startswith("x/")})

    def _go_on(self):
        """Takes up the newest saved step that is whole; returns the number of finished steps."""
        for folder in reversed(saved.found(self._steps_folder)):
            state = saved.read(folder, self._identity)
            if isinstance(state, str):
                self._reporter.warn("The saved step {:,} cannot be used: {}.".format(int(os.path.basename(folder)), state))
                continue
            self._restore(state)
            self._figures, self._told = state["figures"], state["step"]
            for line in self._figures:
                figures = json.loads(line)
                step = figures.pop("step")
                self._observe(step, figures)
                self._reporter.metric(step, {n: math.nan if v is None else v for n, v in figures.items()})
            return state["step"]
        return 0

    # --- what is said of it

    def _figure(self, name, first):
        for line in self._figures if first else reversed(self._figures):
            value = json.loads(line)
            if name in value:
                return math.nan if value[name] is None else value[name]
        return math.nan

    def _summary(self, samples):
        stored = self._checkpoint.tensors()
        summary = {"model": self._checkpoint.name, "family": self._checkpoint.family, "method": self._task["method"], "steps": self._total, "samples": samples,
                   "trained_parameters": self._count, "model_parameters": sum(math.prod(shape) for _, shape in stored.values()),
                   "first_loss": number(self._figure("loss", True)), "loss": number(self._figure("loss", False))}
        if self._validation:
            for suffix, first in (("_before", True), ("", False)):
                loss = self._figure("validation_loss", first)
                summary["validation_loss" + suffix] = number(loss)
                summary["validation_perplexity" + suffix] = number(math.exp(loss)) if loss < 700 else None
        return summary

    def _card(self, summary):
        """What a reader of the result's folder should know."""
        s = self._s
        rows = [("learning rate", "%s, %s, %d steps of warm-up" % (self._rate, s.get("schedule", "cosine"), self._warmup)),
                ("weight decay, betas, eps", "%s, %s and %s, %s" % (s.get("weightDecay", 0.0), s.get("beta1", 0.9), s.get("beta2", 0.999), s.get("eps", 1e-8))),
                ("gradient norm", "at most %s" % self._clip),
                ("trained values", "{:,} of {:,}".format(summary["trained_parameters"], summary["model_parameters"])),
                ("loss, first and last step", "%s, %s nats per token" % (shown(summary["first_loss"]), shown(summary["loss"])))]
        if "validation_loss" in summary:
            rows.append(("validation perplexity, before and after", "%s, %s" % (shown(summary["validation_perplexity_before"]), shown(summary["validation_perplexity"]))))
        return "# %s of %s, method %s\n\nTrained by Vitrine's pytorch engine, torch %s, %s, %d steps of %d x %d samples; seed %d.\n\n| | |\n| --- | --- |\n%s\n%s" % (
            "Adapter" if self._method.adapts else "Checkpoint", self._checkpoint.name, self._task["method"], torch.__version__,
            str(self._runner.dtype).removeprefix("torch."), self._total, self._batch, self._accumulate, s.get("seed", 0),
            "".join("| %s | %s |\n" % row for row in rows),
            "The whole task, its inputs' fingerprints and the engine's version are in `manifest.json`; figures of every step in `figures.jsonl`.\n")


def shown(value):
    return "not finite" if value is None else "%.4f" % value


def resident():
    """Bytes of memory that this process holds; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, AttributeError, ValueError):
        return 0


def memory():
    """Bytes of memory of this machine."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 8 << 30
