"""Methods of fine-tuning: what is trained, and what the result is."""

import itertools
import json
import math
import os
import re
import shutil

import peft
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers.pytorch_utils import Conv1D

from . import factors, models, randomness
from .checkpoint import adapter_files, read_object
from .distributed import whole
from .refusals import Refusal
from .tasks import invalid

ALL_LINEAR = ["all-linear"]
ALL_EXPERTS = "all-experts"
EXPERT_PARAMETERS = ("gate_up_proj", "down_proj")
COMPANIONS = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt", "vocab.txt",
              "tokenizer.model", "spiece.model", "chat_template.jinja", "chat_template.json", "generation_config.json")
CHANGED_BASE = ("pissa", "olora", "corda", "loftq")
# what peft has put into a model: the tensors of a result
FACTOR = re.compile(r"\.(lora_[AB]|lora_magnitude_vector)\.default\.weight$|\.(miss_block|lora_embedding_[AB])\.default$")


class Method:
    """A way of fine-tuning: what is trained, what happens between steps, and what the result is (core.train.Method)."""

    adapts = False
    # whether it runs in one process only
    alone = False

    def __init__(self, task, settings):
        self._task, self._s = task, settings

    def trained(self, model):
        """What is trained, by name, in the order of the forward pass."""
        return in_forward_order({name: p for name, p in model.named_parameters() if p.requires_grad})

    def begin(self, run, fresh):
        """Before the first step of this process; `fresh` where the run begins, rather than goes on."""

    def choose(self, step, parameters, optimiser):
        """Before the gradients of a step, counted from 1: what it shall change of what is trained."""
        return parameters

    def gradients(self):
        """After the gradients of a step and before anything is done with them."""

    def after(self, step, total, optimiser):
        """After a step."""

    def present(self, result):
        """Puts the values of the result in the place of those that are trained, or takes them back."""

    def figures(self):
        """Figures of the step beside loss and norm."""
        return {}

    def memory(self):
        """What must be remembered beside trained tensors and moments: tensors by name."""
        return {}

    def remember(self, memory):
        """Takes back what `memory` gave."""


class Full(Method):
    """Every tensor is trained; the result is a checkpoint, float32, under the names that its tensors had."""

    def prepare(self, loaded, random, run):
        loaded.model.requires_grad_(True)
        return loaded.model

    def write(self, model, loaded, folder, rank, summary):
        state = {name: whole(t).detach().float().cpu() for name, t in model.state_dict().items()}
        if rank > 0:
            return
        model.save_pretrained(folder, state_dict=state, max_shard_size="1000TB")
        file = os.path.join(folder, "model.safetensors")
        saved = load_file(file)
        save_file(self._as_stored(saved, loaded.checkpoint), file, metadata={"format": "pt"})
        config = dict(loaded.checkpoint.config)
        config.update(dtype="float32", torch_dtype="float32")
        with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as out:
            json.dump(config, out, indent=2, ensure_ascii=False)
        for name in COMPANIONS:
            source = os.path.join(loaded.checkpoint.folder, name)
            if os.path.exists(source):
                shutil.copyfile(source, os.path.join(folder, name))
        if not os.path.exists(os.path.join(loaded.checkpoint.folder, "generation_config.json")) and os.path.exists(os.path.join(folder, "generation_config.json")):
            os.remove(os.path.join(folder, "generation_config.json"))
        summary["result"] = "checkpoint"

    @staticmethod
    def _as_stored(saved, checkpoint):
        """The tensors of the checkpoint's own file; what the model has no use for stays as it was."""
        out = {}
        bare = {re.sub(r"^[a-z_]+\.", "", name, count=1): name for name in saved}
        for file in checkpoint.weight_files:
            with safe_open(file, framework="pt") as opened:
                for name in opened.keys():
                    found = name if name in saved else bare.get(name)
                    value = saved[found] if found is not None else opened.get_tensor(name)
                    out[name] = (value.float() if value.is_floating_point() else value).contiguous()
        return out


class Lora(Method):
    """Low-rank additions by peft; the model stays as it is and the result is an adapter."""

    adapts = True

    def __init__(self, task, settings):
        super().__init__(task, settings)
        self._method = task["method"]
        self._kinds = self._layers = None
        self._rank, self._init = settings.get("r", 16), settings.get("init", "kaiming")
        self._alpha = settings.get("alpha", 2 * self._rank)
        self._scaling = self._alpha / math.sqrt(self._rank) if settings.get("rslora") else self._alpha / self._rank
        self._rate = settings.get("lr", 2e-4)
        # how many times the run's own rank the result has
        self._ranks = 1
        self._first = {}

    def prepare(self, loaded, random, run):
        start = self._task.get("initAdapter")
        if start is not None:
            return self._begin(loaded, start)
        chosen, experts = self._targets(loaded), self._experts(loaded)
        if not chosen and not experts:
            raise invalid("neither modules nor parameters are named that adapters could go on")
        for name in chosen + experts:
            self._require_known(loaded, name, name in experts)
        gradients = run.first_gradients(chosen) if self._init in factors.LOOK_AT_GRADIENT else {}
        model = self._wrapped(loaded, chosen, experts, {})
        with torch.no_grad():
            # the values that the embedded engine begins with
            for number, name in enumerate(chosen + experts):
                module = wrapper(model.base_model.model, name) if name in experts else model.base_model.model.get_submodule(name)
                if "default" in module.lora_embedding_B:
                    # of an embedding A is 0 and B normal, as in peft
                    b = module.lora_embedding_B["default"]
                    b.copy_(torch.from_numpy(random.normals(randomness.INITIAL, number, 0, b.numel())).float().reshape(b.shape))
                    continue
                a, b = default_factors(module)
                if self._init in factors.CHANGE_BASE:
                    self._take(name, module, gradients.get(name), a, b)
                    continue
                first, second = factors.drawn(self._init, a.shape[0], b.shape[0], a.shape[1], random, number)
                if name in experts:
                    # of experts B is 0 whatever A is
                    second.zero_()
                a.copy_(first.float())
                b.copy_(second.float())
        return model

    def _wrapped(self, loaded, chosen, experts, own):
        """The model with factors on it; `own` are ranks of modules that have their own and a scaling of 1."""
        rank = self._ranks * self._rank
        alpha = self._alpha * (math.sqrt(self._ranks) if self._s.get("rslora") else self._ranks)
        config = peft.LoraConfig(
            r=rank, lora_alpha=plain(alpha), target_modules=chosen, lora_dropout=self._s.get("dropout", 0.0), bias="none", target_parameters=experts or None,
            use_rslora=self._s.get("rslora", False), use_dora=self._method == "dora", task_type="CAUSAL_LM",
            fan_in_fan_out=any(isinstance(loaded.model.get_submodule(n), Conv1D) for n in chosen),
            rank_pattern={"^" + n.replace(".", "\\."): r for n, r in own.items()}, alpha_pattern={"^" + n.replace(".", "\\."): r for n, r in own.items()})
        return peft.get_peft_model(loaded.model, config)

    def _require_known(self, loaded, name, expert):
        """Refuses what a beginning is not defined for."""
        if expert or name == embedding(loaded.model):
            if self._init not in ("kaiming", "gaussian"):
                raise invalid("%s cannot be adapted so: the initialisation %s is there for linear layers only" % (name, self._init))
        elif name in [n for _, n in ends(loaded.model)] and self._init in factors.CHANGE_BASE:
            raise invalid("%s cannot be adapted so: the initialisation %s is there for linear layers of the blocks only" % (name, self._init))

    def _take(self, name, module, gradient, a, b):
        """The factors that a layer's matrix, or its gradient, gives; the matrix keeps the rest."""
        base = module.get_base_layer()
        matrix = (base.weight.T if transposed(base) else base.weight).double()
        first, second = factors.taken(self._init, matrix if gradient is None else gradient, self._rank, self._scaling)
        rest = matrix - (self._scaling * second @ first).float()
        base.weight.copy_(rest.T if transposed(base) else rest)
        a.copy_(first.float())
        b.copy_(second.float())
        self._first[name] = (first.float().cpu(), second.float().cpu())

    def _begin(self, loaded, path):
        adapter_files(path)
        config = read_object(os.path.join(path, "adapter_config.json"), "adapter-invalid")
        if config.get("peft_type") != "LORA":
            raise Refusal("adapter-invalid", path, "its peft_type is %s; a run begins with LORA only" % config.get("peft_type"))
        rank, alpha = config.get("r"), config.get("lora_alpha")
        if self._s.get("r", rank) != rank or self._s.get("alpha", alpha) != alpha:
            raise Refusal("task-invalid", path, "its r is %s and its alpha %s, not %s and %s" % (rank, alpha, self._s.get("r", rank), self._s.get("alpha", alpha)),
                          help="Leave r and alpha out: they are the adapter's own.")
        if str(config.get("init_lora_weights")).split("_")[0].lower() in CHANGED_BASE:
            raise Refusal("adapter-invalid", path, "it was initialised by %s, which changed the base's weights as well" % config["init_lora_weights"])
        if config.get("modules_to_save") or config.get("bias", "none") != "none":
            raise Refusal("adapter-invalid", path, "it trains more than low-rank factors, which a run does not go on with", help="Begin with an adapter of low-rank factors only.")
        try:
            return peft.PeftModel.from_pretrained(loaded.model, path, is_trainable=True, local_files_only=True)
        except (ValueError, KeyError, RuntimeError, TypeError) as failure:
            raise Refusal("adapter-mismatch", path, "peft cannot put it on %s (%s)" % (loaded.checkpoint.name, str(failure).strip().split("\n")[0][:200])) from failure

    def _targets(self, loaded):
        """Full names of the linear layers that get factors, in the order of the forward pass."""
        linear = linear_layers(loaded.model)
        known = linear + ends(loaded.model)
        wanted = self._s.get("targetModules", [] if "targetParameters" in self._s else ALL_LINEAR)
        if self._method == "layra":
            count = len(models.layers_of(loaded.model))
            quarter = -(-count // 4)
            first, last = self._s.get("firstLayers", quarter), self._s.get("lastLayers", quarter)
            self._layers = [l for l in range(count) if l < first or l >= count - last]
        unused, chosen = list(wanted), []
        for layer, name in known:
            if wanted == ALL_LINEAR:
                hits = wanted if (layer, name) in linear else []
            else:
                hits = [t for t in wanted if name == t or name.endswith("." + t)]
            if hits:
                unused = [t for t in unused if t not in hits]
                if layer < 0 and self._layers is not None:
                    raise invalid("%s is in no layer, and the method adapts some layers only" % name)
                if layer < 0 and self._method == "dora" and name == embedding(loaded.model):
                    raise invalid("%s cannot be adapted so: DoRA of an embedding would need the norms of all of its columns at every step, and is not there" % name)
                if self._layers is None or layer in self._layers:
                    chosen.append(name)
        if unused or wanted and not chosen:
            raise invalid("no linear layer of the model is called %s; there are %s" % ((unused or wanted)[0], ", ".join(sorted({kind(n) for _, n in linear}) + [kind(n) for _, n in ends(loaded.model)])))
        self._kinds = sorted({kind(n) for n in chosen})
        every = [n for l, n in known if kind(n) in self._kinds and (self._layers is None or l in self._layers)]
        if every != chosen:
            self._kinds = None      # the short names would mean more layers than were chosen
        return chosen

    def _experts(self, loaded):
        """Full names of the parameters of routed experts that get factors, in the order of the forward pass."""
        wanted = self._s.get("targetParameters")
        if wanted is None:
            return []
        known = expert_parameters(loaded.model)
        if not known:
            mixture = any(type(m).__name__.endswith("Experts") for m in loaded.model.modules())
            raise invalid(("%s keeps its experts in a form that peft has no adapters for" if mixture else "%s has no routed experts") % loaded.checkpoint.family)
        unused, chosen = list(wanted), []
        for layer, name in known:
            hits = [t for t in wanted if t == ALL_EXPERTS or name == t or name.endswith("." + t)]
            if hits:
                unused = [t for t in unused if t not in hits]
                if self._layers is None or layer in self._layers:
                    chosen.append(name)
        if unused or not chosen:
            raise invalid("no parameter of the model's experts is called %s; there are experts.%s and experts.%s" % ((unused or wanted)[0], *EXPERT_PARAMETERS))
        if self._method == "dora" or self._s.get("dropout", 0):
            raise invalid("%s cannot be adapted so: peft has no %s" % (chosen[0], "DoRA for parameters of experts" if self._method == "dora" else "dropout for adapters of experts"))
        return chosen

    def write(self, model, loaded, folder, rank, summary):
        state = {name: whole(t).detach().float().cpu() for name, t in model.named_parameters() if FACTOR.search(name)}
        summary["result"] = "adapter"
        summary["modules"] = sum(".lora_A." in n or ".miss_block." in n or n.endswith(".lora_embedding_A.default") for n in state)
        if self._init != "kaiming":
            summary["init"] = self._init
        if rank > 0:
            return
        self._as_written(state)
        for path, (first, second) in self._first.items():
            # the change of the matrix as it was: s (B A - B0 A0), of twice the rank
            a, b = ("base_model.model.%s.lora_%s.default.weight" % (path, factor) for factor in "AB")
            state[a], state[b] = torch.cat([state[a], first]), beside(state[b], -second)
        save_adapter(model, state, folder)
        path = os.path.join(folder, "adapter_config.json")
        config = read_object(path, "adapter-invalid")
        config["base_model_name_or_path"] = loaded.checkpoint.path
        if self._first:
            config.update(r=2 * self._rank, lora_alpha=plain(self._alpha * (math.sqrt(2) if self._s.get("rslora") else 2)))
        if self._kinds is not None:
            config["target_modules"] = self._kinds
            config["layers_to_transform"] = self._layers
        config["target_modules"] = sorted(config["target_modules"]) if isinstance(config["target_modules"], list) else config["target_modules"]
        with open(path, "w", encoding="utf-8") as out:
            json.dump(config, out, indent=2, ensure_ascii=False)

    def _as_written(self, state):
        """What a method makes of its factors for the result."""


def transposed(module):
    """Whether a linear layer's matrix is stored as `[in, out]`."""
    return isinstance(module, Conv1D)


def default_factors(module):
    """A `[r, in]` and B `[out, r]` of a module that peft has wrapped."""
    return module.lora_A["default"].weight, module.lora_B["default"].weight


def beside(b, other):
    """`[B, other]`, the columns of two B `[out, r]` one behind the other."""
    return torch.cat([b, other], 1)


def save_adapter(model, state, folder):
    """Writes what peft would: `adapter_model.safetensors` under its names, and `adapter_config.json`."""
    tensors = {name.replace(".default", ""): t.contiguous() for name, t in state.items()}
    tensors = {re.sub(r"lora_magnitude_vector\.weight$", "lora_magnitude_vector", n): t for n, t in tensors.items()}
    save_file(tensors, os.path.join(folder, "adapter_model.safetensors"), metadata={"format": "pt"})
    config = model.peft_config["default"]
    training, config.inference_mode = config.inference_mode, True
    config.save_pretrained(folder)
    config.inference_mode = training


class Bone(Lora):
    """Bone, as peft's MiSS in the form `bat`: blocks W_ij of r x r become W_ij + W_ij M_i + M_i, a trained M_i per row of blocks, 0 at first.

    Source: Kang, 2024 (arXiv 2409.15371), by its successor in peft.
    """

    def prepare(self, loaded, random, run):
        rank = self._s.get("r", 16)
        chosen = self._targets(loaded)
        for name in chosen:
            module = loaded.model.get_submodule(name)
            if isinstance(module, Conv1D) or module.in_features % rank or module.out_features % rank:
                raise invalid("r is %d; bone cuts matrices into blocks of r x r, which %s cannot be cut into" % (rank, name))
        return peft.get_peft_model(loaded.model, peft.MissConfig(r=rank, target_modules=chosen, init_weights="bat", task_type="CAUSAL_LM"))


def kind(name):
    return name.rsplit(".", 1)[-1]


def plain(number):
    return int(number) if number == int(number) else number


def linear_layers(model):
    """(layer, full name) of every linear layer but the head, routers and routed experts, in the order of the forward pass."""
    prefix = {id(module): name for name, module in model.named_modules()}
    out = []
    for index, layer in enumerate(models.layers_of(model)):
        names, outside = [], []
        for name, module in layer.named_modules():
            if type(module).__name__.endswith(("Experts", "Router")):
                outside.append(name + ".")
            elif isinstance(module, (torch.nn.Linear, Conv1D)) and not any(name.startswith(o) for o in outside):
                names.append(name)
        out += [(index, prefix[id(layer)] + "." + name) for name in query_key_value(names)]
    return out


# in a layer, the order of the forward pass, which the embedded engine numbers tensors in; families declare them in orders of their own
FORWARD = ("input_layernorm", "q_proj", "k_proj", "v_proj", "q_norm", "k_norm", "o_proj", "post_attention_layernorm", "pre_feedforward_layernorm", "gate_proj", "up_proj", "down_proj",
           "post_feedforward_layernorm")


def in_forward_order(tensors):
    """Named tensors, those of a layer in the order of the forward pass where all of them are known by name; tensors before, between and behind layers stay where they are."""
    def place(name):
        return next((FORWARD.index(part) for part in name.split(".") if part in FORWARD), None)

    def layer(name):
        return re.match(r"(.*?\.\d+\.)?", name).group(0)

    out, names = {}, list(tensors)
    for _, group in itertools.groupby(names, layer):
        group = list(group)
        if layer(group[0]) and all(place(n) is not None for n in group):
            group.sort(key=place)
        out.update({n: tensors[n] for n in group})
    return out


def embedding(model):
    """The full name of the table that tokens are looked up in."""
    return next(n for n, m in model.named_modules() if m is model.get_input_embeddings())


def ends(model):
    """The embedding and the head: (-1, full name)."""
    head = model.get_output_embeddings()
    return [(-1, embedding(model))] + [(-1, n) for n, m in model.named_modules() if m is head]


def expert_parameters(model):
    """(layer, full name) of the parameters that hold all experts of a layer."""
    prefix = {id(module): name for name, module in model.named_modules()}
    return [(index, "%s.%s" % (prefix[id(module)], p)) for index, layer in enumerate(models.layers_of(model)) for module in layer.modules() for p in EXPERT_PARAMETERS
            if type(module).__name__.endswith("Experts") and getattr(getattr(module, p, None), "ndim", 0) == 3]


def wrapper(model, parameter):
    """What peft has put around a parameter: wrappers of one module stand within each other."""
    module = model.get_submodule(parameter.rsplit(".", 1)[0])
    while module.parameter_name != kind(parameter):
        module = module.base_layer
    return module


def query_key_value(names):
    """The same names with queries before keys before values, where a family declares them in another order."""
    places = [i for i, n in enumerate(names) if kind(n) in ("q_proj", "k_proj", "v_proj")]
    if len(places) == 3:
        for i, n in zip(places, sorted((names[i] for i in places), key=lambda n: "qkv".index(kind(n)[0]))):
            names[i] = n
    return names
