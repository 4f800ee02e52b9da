"""Methods of fine-tuning: what is trained, and what the result is."""

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

from . import models, randomness
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


class Full:
    """Every tensor is trained; the result is a checkpoint, float32, under the names that its tensors had."""

    adapts = False

    def __init__(self, task, settings):
        pass

    def prepare(self, loaded, random):
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


class Lora:
    """Low-rank additions by peft; the model stays as it is and the result is an adapter."""

    adapts = True

    def __init__(self, task, settings):
        self._task, self._s = task, settings
        self._method = task["method"]
        self._kinds = self._layers = None

    def prepare(self, loaded, random):
        start = self._task.get("initAdapter")
        if start is not None:
            return self._begin(loaded, start)
        rank = self._s.get("r", 16)
        chosen, experts = self._targets(loaded), self._experts(loaded)
        if not chosen and not experts:
            raise invalid("neither modules nor parameters are named that adapters could go on")
        config = peft.LoraConfig(
            r=rank, lora_alpha=plain(self._s.get("alpha", 2 * rank)), target_modules=chosen, lora_dropout=self._s.get("dropout", 0.0), bias="none", target_parameters=experts or None,
            use_rslora=self._s.get("rslora", False), use_dora=self._method == "dora", task_type="CAUSAL_LM",
            fan_in_fan_out=any(isinstance(loaded.model.get_submodule(n), Conv1D) for n in chosen))
        model = peft.get_peft_model(loaded.model, config)
        with torch.no_grad():
            # the values that the embedded engine begins with: evenly in (-1/sqrt(in), 1/sqrt(in)); B is 0
            for number, name in enumerate(chosen + experts):
                module = wrapper(model.base_model.model, name) if name in experts else model.base_model.model.get_submodule(name)
                if "default" in module.lora_embedding_B:
                    # of an embedding A is 0 and B normal, as in peft
                    b = module.lora_embedding_B["default"]
                    b.copy_(torch.from_numpy(random.normals(randomness.INITIAL, number, 0, b.numel())).float().reshape(b.shape))
                    continue
                a = module.lora_A["default"].weight
                values = (2 * random.uniforms(randomness.INITIAL, number, a.numel()) - 1) / math.sqrt(a.shape[1])
                a.copy_(torch.from_numpy(values).float().reshape(a.shape))
        return model

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
        state = {name: whole(t).detach().float().cpu() for name, t in model.named_parameters() if t.requires_grad}
        summary["result"] = "adapter"
        summary["modules"] = sum(".lora_A." in n or n.endswith(".lora_embedding_A.default") for n in state)
        if rank > 0:
            return
        save_adapter(model, state, folder)
        path = os.path.join(folder, "adapter_config.json")
        config = read_object(path, "adapter-invalid")
        config["base_model_name_or_path"] = loaded.checkpoint.path
        if self._kinds is not None:
            config["target_modules"] = self._kinds
            config["layers_to_transform"] = self._layers
        config["target_modules"] = sorted(config["target_modules"]) if isinstance(config["target_modules"], list) else config["target_modules"]
        with open(path, "w", encoding="utf-8") as out:
            json.dump(config, out, indent=2, ensure_ascii=False)


def save_adapter(model, state, folder):
    """Writes what peft would: `adapter_model.safetensors` under its names, and `adapter_config.json`."""
    tensors = {name.replace(".default", ""): t.contiguous() for name, t in state.items()}
    tensors = {re.sub(r"lora_magnitude_vector\.weight$", "lora_magnitude_vector", n): t for n, t in tensors.items()}
    save_file(tensors, os.path.join(folder, "adapter_model.safetensors"), metadata={"format": "pt"})
    config = model.peft_config["default"]
    training, config.inference_mode = config.inference_mode, True
    config.save_pretrained(folder)
    config.inference_mode = training


METHODS = {"full": Full, "lora": Lora, "dora": Lora, "layra": Lora}
EMBEDDED_ONLY = ("beamlora", "hft", "apex")


def of(task, settings):
    name = task["method"]
    if name in EMBEDDED_ONLY:
        raise invalid("the pytorch engine does not train by %s; it has %s" % (name, ", ".join(METHODS)), help="The embedded engine does.")
    if name not in METHODS:
        raise invalid("the method %s is unknown; known are %s" % (name, ", ".join(list(METHODS) + list(EMBEDDED_ONLY))))
    method = METHODS[name](task, settings)
    for key in ("r", "alpha", "dropout", "targetModules", "targetParameters", "rslora"):
        if key in settings and not method.adapts:
            raise invalid("%s does not go with the method %s" % (key, name))
    for key, belongs in (("firstLayers", "layra"), ("lastLayers", "layra"), ("beamPeriod", "beamlora"), ("beamEnd", "beamlora"), ("beamTemperature", "beamlora"),
                         ("rounds", "hft"), ("stages", "apex"), ("assessed", "apex")):
        if key in settings and name != belongs:
            raise invalid("%s does not go with the method %s" % (key, name))
    if settings.get("init", "kaiming") != "kaiming":
        raise invalid("the pytorch engine does not begin with %s" % settings["init"], help="The embedded engine does.")
    if settings.get("optimiser") in ("mezo", "zosam"):
        raise invalid("the pytorch engine has no optimiser %s; it has adamw and spam" % settings["optimiser"], help="The embedded engine does.")
    if task.get("initAdapter") is not None and not method.adapts:
        raise invalid("initAdapter goes with methods that train an adapter only, not with %s" % name)
    return method


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
