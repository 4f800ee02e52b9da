"""One prompt through a model: what is asked for is kept, shaped and named as in docs/protocol.md."""

import json
import os

import numpy
import torch
import transformers

from . import datasets, heads, models
from .artifact import Outcome, provenance
from .losses import positions, put_loss, token_losses
from .refusals import Refusal, visible
from .tasks import invalid
from .tokens import Token, Tokenizer, patience_seconds

KNOWN = ("attentions", "hidden_states", "logits", "kv", "router", "loss", "blocks", "metrics")
EMBEDDED_ONLY = ("thumbnails", "similarity", "arank", "rollout", "head_similarity")
CHARACTERS_PER_POSITION = 1024


class Prompt:
    """Ids, segments (or None) and tokens as the model takes them."""

    def __init__(self, given, checkpoint, reporter):
        kinds = [k for k in ("text", "file", "ids") if k in given]
        if len(kinds) != 1 or set(given) - {"text", "file", "ids", "segments"} or "segments" in given and kinds != ["ids"]:
            raise invalid("a prompt is exactly one of text, file and ids")
        self.segments = given.get("segments")
        file = given.get("file")
        if kinds == ["ids"]:
            self.ids = given["ids"]
            if self.segments is not None and len(self.segments) != len(self.ids):
                raise Refusal("prompt-invalid", None, "there are {:,} ids and {:,} segments".format(len(self.ids), len(self.segments)))
            self._require(None, checkpoint)
            self.tokens = self._describe(checkpoint, reporter)
            return
        text = given["text"] if "text" in given else prompt_text(file)
        if len(text) > checkpoint.max_positions * CHARACTERS_PER_POSITION:
            raise Refusal("prompt-too-long", file, "the prompt has {:,} characters; the model takes {:,} tokens".format(len(text), checkpoint.max_positions),
                          help="Shorten it; nothing is cut silently.")
        reporter.stage(checkpoint.tokenizer_file, patience_seconds(checkpoint, len(text)))
        self.tokens = Tokenizer(checkpoint).encode(text)
        reporter.stage_over()
        self.ids = [t.id for t in self.tokens]
        self._require(file, checkpoint)

    def _require(self, file, checkpoint):
        if not self.ids:
            raise Refusal("prompt-invalid", file, "the prompt gives no tokens")
        datasets.require_known(file, None, self.ids, checkpoint.vocabulary)
        if len(self.ids) > checkpoint.max_positions:
            raise Refusal("prompt-too-long", file, "the prompt has {:,} tokens; the model takes {:,}".format(len(self.ids), checkpoint.max_positions),
                          help="Shorten it; nothing is cut silently.")

    def _describe(self, checkpoint, reporter):
        if os.path.exists(checkpoint.tokenizer_file):
            reporter.stage(checkpoint.tokenizer_file, patience_seconds(checkpoint, 0))
            try:
                return Tokenizer(checkpoint).describe(self.ids)
            except Refusal:
                pass        # the ids were given, so a broken tokenizer is no obstacle: the tokens go without texts
            finally:
                reporter.stage_over()
        return [Token(id, "#%d" % id, -1, -1, False) for id in self.ids]


def prompt_text(file):
    if not os.path.exists(file):
        raise Refusal("not-found", file, "there is no such file")
    if not os.path.isfile(file):
        raise Refusal("unreadable", file, "it is a folder where a file belongs" if os.path.isdir(file) else "it is no ordinary file")
    text = datasets.read_text(file)
    if not text:
        raise Refusal("prompt-invalid", file, "the file is empty: it gives no tokens")
    return text


class Capture:

    def __init__(self, runner, task, checkpoint, inputs, device, reporter):
        self._what = task["what"]
        for w in self._what:
            if w in EMBEDDED_ONLY:
                raise invalid("the pytorch engine does not make %s; it makes %s" % (w, ", ".join(KNOWN)), help="The embedded engine does.")
            if w not in KNOWN:
                raise invalid("what holds %s; known are %s" % (visible(w), ", ".join(KNOWN + EMBEDDED_ONLY)))
        self._prompt = Prompt(task["prompt"], checkpoint, reporter)
        weights = "attentions" in self._what or "metrics" in self._what
        self._loaded = runner.model(checkpoint, inputs, device, "eager" if weights else "sdpa", task.get("adapters"))
        self._checkpoint, self._reporter = checkpoint, reporter
        self._parts = models.parts(self._loaded.model)
        layers = len(self._parts)
        asked = task.get("layers") or {"first": 0, "last": layers - 1}
        self._first, self._last = asked["first"], asked["last"]
        if not 0 <= self._first <= self._last < layers:
            raise Refusal("task-invalid", checkpoint.path, "layers %d to %d were asked for; the model has layers 0 to %d" % (self._first, self._last, layers - 1))
        self._range = range(self._first, self._last + 1)
        self._dtype = {torch.float32: "F32", torch.bfloat16: "BF16"}[runner.dtype]
        self._method = "one forward pass over the whole prompt, %s, torch %s" % (str(runner.dtype).removeprefix("torch."), torch.__version__)
        self._outcome = Outcome({})

    def run(self):
        tokens = len(self._prompt.ids)
        wants = self._what.__contains__
        if wants("logits") or wants("loss"):
            self._loaded.require_head("logits" if wants("logits") else "losses")
        if wants("loss") and tokens < 2:
            raise Refusal("prompt-invalid", None, "a loss needs 2 tokens; the prompt has %d" % tokens)
        self._outcome.put("input_ids", numpy.array(self._prompt.ids, dtype=numpy.int64), provenance("measured", "prompt", "I64", "token ids fed to the model"))
        caught = {"layer_out": {}, "attn_out": {}, "mlp_out": {}}
        with models.Hooks() as hooks:
            hooks.check(self._loaded.model, self._reporter)
            self._progress(hooks)
            if wants("blocks"):
                for i in self._range:
                    part = self._parts[i]
                    for name, module in (("layer_out", part.layer), ("attn_out", part.attention_output), ("mlp_out", part.feed_forward)):
                        hooks.after(module, lambda value, n=name, l=i: caught[n].__setitem__(l, value.reshape(tokens, -1).float().cpu()))
            routers = self._routers(hooks) if wants("router") else None
            finite = models.non_finite(self._loaded.model, hooks, self._loaded.device)
            output = self._pass(wants)
        broken = finite()
        if broken is not None:
            self._reporter.warn(broken)
        if wants("attentions") or wants("metrics"):
            self._attentions(output.attentions, wants)
        if wants("hidden_states"):
            self._hidden_states(output.hidden_states)
        if wants("logits"):
            self._put("logits", output.logits[0], "logits, after scaling and soft cap")
        if wants("kv"):
            self._cache(output.past_key_values)
        if wants("loss"):
            self._loss(output.logits[0])
        if wants("blocks"):
            for name, how in (("layer_out", "residual stream after each layer, the last one before the final norm"),
                              ("attn_out", "output of each attention block as its family reports it"),
                              ("mlp_out", "output of each feed-forward block before norm and residual")):
                self._put(name, torch.stack([caught[name][i] for i in self._range]), how)
        if routers is not None:
            self._routed(routers)
        layers = len(self._parts)
        self._reporter.progress(layers + 1, layers + 1, "layers")
        return self._finish(tokens, layers)

    def _progress(self, hooks):
        total = len(self._parts) + 1
        for i, part in enumerate(self._parts):
            hooks.before(part.layer, lambda args, l=i: self._reporter.progress(l, total, "layers"))

    def _pass(self, wants):
        ids = self._loaded.tensor([self._prompt.ids])
        more = positions(self._loaded, ids)
        if self._checkpoint.encoder:
            if wants("kv"):
                raise Refusal("family-unsupported", self._checkpoint.path, "%s keeps no keys and values" % self._checkpoint.family, help="Leave kv out.")
            if self._prompt.segments is not None:
                more["token_type_ids"] = self._loaded.tensor([self._prompt.segments])
        elif wants("kv"):
            # a cache without configuration keeps all positions, also those outside a sliding window
            more.update(past_key_values=transformers.DynamicCache(), use_cache=True)
        return self._loaded.model(ids, output_attentions=wants("attentions") or wants("metrics"), output_hidden_states=wants("hidden_states"), **more)

    def _put(self, name, value, method):
        self._outcome.put(name, value.detach().float().cpu().numpy(), provenance("measured", self._checkpoint.name, self._dtype, method + "; " + self._method))

    def _per_layer(self, name, values, method):
        """One tensor for all layers where they agree in shape, else one per layer."""
        if len({tuple(v.shape) for v in values}) == 1:
            self._put(name, torch.stack([v.float().cpu() for v in values]), method)
        else:
            for i, v in zip(self._range, values):
                self._put("%s.%d" % (name, i), v, method)

    def _attentions(self, maps, wants):
        values = [maps[i][0] for i in self._range]
        if wants("attentions"):
            self._per_layer("attentions", values, "attention weights after softmax, hidden entries 0")
        if wants("metrics"):
            for name, (value, formula) in heads.capture_metrics(self._loaded, values, self._first, self._prompt.ids).items():
                self._outcome.put(name, value, provenance("derived", "attentions", "F64", formula, len(self._prompt.ids)))

    def _hidden_states(self, states):
        states = [s[0] for s in states[self._first:self._last + 2]]
        if states[-1].shape != states[0].shape:
            raise Refusal("family-unsupported", self._checkpoint.path, "its last hidden state has %d values, the others %d" % (states[-1].shape[-1], states[0].shape[-1]))
        self._put("hidden_states", torch.stack(states), "residual stream before layer %d, then after each layer; the model's last one after the final norm" % self._first)

    def _cache(self, cache):
        keys, values, latents, turned = [], [], [], []
        for i in self._range:
            layer, attention = cache.layers[i], self._parts[i].attention
            k, v = layer.keys, layer.values
            if hasattr(attention, "expand_kv"):
                # latent attention keeps one row per token; per head it is what that row expands to
                latents.append(k[0].reshape(k.shape[2], -1))
                turned.append(v[0].reshape(v.shape[2], -1))
                k, v = attention.expand_kv(k, v)
            config = models.body(self._loaded.model).config
            keys.append(models.once(config, k[0]))
            values.append(models.once(config, v[0]))
        self._per_layer("cache_k", keys, "keys after norm and rotary embedding, all positions")
        self._per_layer("cache_v", values, "values, all positions")
        if latents and len(latents) == len(keys):
            self._put("cache_latent", torch.stack(latents), "latents of keys and values, after their norm")
            self._put("cache_k_rope", torch.stack(turned), "the part of every key that all heads share, after rotary embedding")

    def _loss(self, logits):
        ids = self._loaded.tensor(self._prompt.ids)
        losses = token_losses(logits[:-1], ids[1:]).cpu()
        loss = float(losses.mean())
        self._outcome.put("token_nll", losses.float().numpy(), provenance("derived", "logits", "F64", "-ln p(next token), nats", len(self._prompt.ids)))
        self._outcome.put("loss", numpy.array([loss]), provenance("derived", "token_nll", "F64", "mean over all tokens but the first, nats", len(self._prompt.ids)))
        put_loss(self._outcome.summary, loss, self._reporter.warn)

    def _routers(self, hooks):
        routers = models.Routers(self._loaded.model, hooks)
        if not routers.layers:
            raise Refusal("task-invalid", self._checkpoint.path, "router was asked for, and this %s model has no experts" % self._checkpoint.family, help="Leave router out.")
        if not any(i in self._range for i in routers.layers):
            raise Refusal("task-invalid", self._checkpoint.path, "router was asked for, and layers %d to %d have no experts; these do: %s"
                          % (self._first, self._last, routers.layers))
        return routers

    def _routed(self, routers):
        layers = [i for i in routers.layers if i in self._range]
        for name, values, dtype, method in (
                ("router_logits", routers.logits, "F32", "raw router logits"),
                ("expert_ids", routers.ids, "I64", "chosen experts, by falling weight"),
                ("expert_weights", routers.weights, "F32", "weight with which each chosen expert's output enters, after normalisation and scaling")):
            rows = [values[i].cpu().numpy().astype(numpy.int64 if dtype == "I64" else numpy.float32) for i in layers]
            how = provenance("measured", self._checkpoint.name, dtype, method + "; " + self._method)
            if len({r.shape for r in rows}) == 1:
                self._outcome.put(name, numpy.stack(rows), how)
            else:
                for i, r in zip(layers, rows):
                    self._outcome.put("%s.%d" % (name, i), r, how)

    def _finish(self, tokens, layers):
        experts = models.Routers(self._loaded.model, NoHooks()).layers
        config = models.body(self._loaded.model).config
        self._outcome.metadata = {
            "format": "vitrine-capture", "model": self._checkpoint.name, "family": self._checkpoint.family, "layers": "%d-%d" % (self._first, self._last),
            "tokens": json.dumps([t.json() for t in self._prompt.tokens], ensure_ascii=False, separators=(",", ":")),
            "moe_layers": str([i for i in experts if i in self._range]), "kv_heads": str([models.key_value_heads(config)] * layers),
            "windows": str([window(p.attention, config) for p in self._parts]), "causal": "false" if self._checkpoint.encoder else "true",
        }
        self._outcome.summary.update(tokens=tokens, layers=layers, family=self._checkpoint.family, model=self._checkpoint.name,
                                     tensors={name: "[" + ", ".join(map(str, t.shape)) + "]" for name, t in self._outcome.tensors.items()})
        return self._outcome


class NoHooks:
    def after_whole(self, module, action):
        pass

    def before(self, module, action):
        pass


def window(attention, config):
    """How many keys a query sees at most; 0 for all."""
    value = getattr(attention, "sliding_window", getattr(config, "sliding_window", None))
    return value if isinstance(value, int) and value > 0 else 0
