"""Checkpoints and adapters as they lie on the disk: which files there are, and what the config says. Reads headers only."""

import json
import os
import struct

from .refusals import Refusal, visible

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
ADAPTER = "adapter_model.safetensors"
ADAPTER_CONFIG = "adapter_config.json"
# What training by sgt leaves beside weights that are not the whole model.
LOOPS = "attention_loops.json"
MAX_HEADER_BYTES = 100 << 20

# What families are called on screen, as Vitrine calls them; others go by their model_type.
FAMILIES = {
    "gpt2": "GPT-2", "llama": "Llama", "mistral": "Mistral", "qwen2": "Qwen2", "qwen3": "Qwen3", "gemma": "Gemma", "gemma2": "Gemma 2",
    "gemma3_text": "Gemma 3", "gpt_neox": "GPT-NeoX", "phi3": "Phi-3", "olmo2": "OLMo 2", "opt": "OPT", "stablelm": "StableLM",
    "starcoder2": "StarCoder2", "granite": "Granite", "ernie4_5": "ERNIE 4.5", "bert": "BERT", "roberta": "RoBERTa", "mixtral": "Mixtral",
    "olmoe": "OLMoE", "qwen2_moe": "Qwen2-MoE", "qwen3_moe": "Qwen3-MoE", "ernie4_5_moe": "ERNIE 4.5 MoE", "gpt_oss": "gpt-oss",
    "llama4_text": "Llama 4 (text)", "deepseek_v2": "DeepSeek-V2", "deepseek_v3": "DeepSeek-V3", "granitemoe": "Granite MoE", "phimoe": "Phi-MoE", "dbrx": "DBRX",
    "smollm3": "SmolLM3", "glm": "GLM", "glm4": "GLM-4", "olmo": "OLMo", "olmo3": "OLMo 3", "exaone4": "EXAONE 4", "seed_oss": "Seed-OSS",
    "nemotron": "Nemotron", "glm4_moe": "GLM-4.5", "cohere": "Cohere", "cohere2": "Cohere 2", "phi": "Phi", "hunyuan_v1_dense": "Hunyuan",
    "gptj": "GPT-J", "falcon": "Falcon", "bloom": "BLOOM", "mpt": "MPT",
}
ENCODERS = ("bert", "roberta")


class Checkpoint:
    """A model's folder: config, weight files, tokenizer."""

    def __init__(self, path):
        self.path = os.path.abspath(path)
        self.folder = resolve(self.path)
        self.name = name_of(self.path, self.folder)
        self.config_file = os.path.join(self.folder, "config.json")
        self.tokenizer_file = os.path.join(self.folder, "tokenizer.json")
        if not os.path.exists(self.config_file):
            if os.path.exists(os.path.join(self.folder, ADAPTER_CONFIG)):
                raise Refusal("family-unsupported", self.path, "this is an adapter, which has no forward pass of its own", help="Open its base model.")
            raise Refusal("config-missing", self.path, "there is no config.json beside the weights")
        if os.path.lexists(os.path.join(self.folder, LOOPS)):
            raise Refusal("family-unsupported", self.path, "its %s says that layers repeat their attention, which transformers does not do" % LOOPS,
                          help="The embedded engine does.")
        self.config = read_object(self.config_file, "config-invalid")
        if self.config.get("quantization_config") is not None:
            raise Refusal("family-unsupported", self.config_file, "its weights are quantised (quantization_config), which the pytorch engine does not read",
                          help="The embedded engine reads fp8, mxfp4, GPTQ, AWQ and bitsandbytes weights.")
        self.model_type = self.config.get("model_type")
        if not isinstance(self.model_type, str):
            raise Refusal("config-invalid", self.config_file, "it has no model_type")
        self.family = FAMILIES.get(self.model_type, self.model_type)
        self.encoder = self.model_type in ENCODERS
        self.vocabulary = whole(self.config, self.config_file, "vocab_size")
        self.max_positions = positions(self.config)
        self.weight_files = weight_files(self.folder)

    def input_files(self):
        return self.weight_files + [self.config_file, self.tokenizer_file]

    def tensors(self):
        """Type and shape of every stored tensor, by name."""
        return {name: (entry["dtype"], entry["shape"]) for file in self.weight_files for name, entry in header(file).items() if name != "__metadata__"}


def resolve(path):
    """The folder that holds the files: itself, the snapshot of a hub cache entry, or the folder of a single file."""
    if not os.path.exists(path):
        raise Refusal("not-found", path, "there is no such file or folder")
    if os.path.isfile(path):
        if os.path.basename(path) not in (SINGLE, INDEX, "config.json"):
            raise Refusal("unknown-format", path, "the pytorch engine opens folders as transformers does, and model.safetensors in one",
                          help="Open the folder, or use the embedded engine.")
        return os.path.dirname(path)
    entries = [path] if os.path.isdir(os.path.join(path, "snapshots")) else sorted(
        e for e in (os.path.join(path, n) for n in os.listdir(path) if n.startswith("models--")) if os.path.isdir(os.path.join(e, "snapshots")))
    if not entries:
        return path
    if len(entries) > 1:
        raise Refusal("unknown-format", path, "this is a hub cache of {:,} models".format(len(entries)))
    snapshots = os.path.join(entries[0], "snapshots")
    try:
        with open(os.path.join(entries[0], "refs", "main"), encoding="ascii") as file:
            revision = file.read(201).strip()
    except (OSError, ValueError):
        revision = ""
    if revision and os.path.basename(revision) == revision and os.path.isdir(os.path.join(snapshots, revision)):
        return os.path.join(snapshots, revision)
    found = sorted(os.listdir(snapshots))
    if len(found) != 1:
        raise Refusal("unknown-format", path, "the cache entry has {:,} snapshots and no refs/main that names one".format(len(found)))
    return os.path.join(snapshots, found[0])


def name_of(path, folder):
    for part in (path, os.path.dirname(os.path.dirname(folder))):
        base = os.path.basename(part)
        if base.startswith("models--"):
            return base.rsplit("--", 1)[-1]
    inside = [n for n in os.listdir(path) if n.startswith("models--")] if os.path.isdir(path) and folder != path else []
    return inside[0].rsplit("--", 1)[-1] if inside else os.path.basename(folder)


def weight_files(folder):
    index = os.path.join(folder, INDEX)
    if os.path.exists(index):
        shards = dict.fromkeys(read_object(index, "index-invalid").get("weight_map", {}).values())
        for shard in shards:
            if os.path.basename(shard) != shard:
                raise Refusal("path-escape", index, "it names the shard %s, which is not in the folder" % visible(shard))
            if not os.path.exists(os.path.join(folder, shard)):
                raise Refusal("shard-missing", index, "it names the shard %s, which is not in the folder" % visible(shard), help="Download the missing file.")
        return [os.path.join(folder, s) for s in shards]
    single = os.path.join(folder, SINGLE)
    if os.path.exists(single):
        return [single]
    raise Refusal("unknown-format", folder, "it holds no model.safetensors and no %s" % INDEX, help="Save the model with safetensors (save_pretrained does).")


def header(file):
    with open(file, "rb") as opened:
        start = opened.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= MAX_HEADER_BYTES:
            raise Refusal("header-invalid", file, "its header has {:,} bytes".format(length))
        try:
            return json.loads(opened.read(length))
        except ValueError as bad:
            raise Refusal("header-invalid", file, "its header is not valid JSON") from bad


def read_object(file, category):
    try:
        with open(file, encoding="utf-8") as opened:
            value = json.load(opened)
    except OSError as failure:
        raise Refusal("unreadable", file, "cannot be read (%s)" % failure.strerror) from failure
    except ValueError as bad:
        raise Refusal(category, file, "it is not valid JSON") from bad
    if not isinstance(value, dict):
        raise Refusal(category, file, "it is no JSON object")
    return value


def whole(config, file, key):
    value = config.get(key)
    if type(value) is not int or value < 1:
        raise Refusal("config-invalid", file, "%s is %s; a whole number from 1 belongs here" % (key, visible(json.dumps(value))))
    return value


def positions(config):
    """The longest sequence that the model takes, as Vitrine reads it."""
    keys = ("seq_length",) if config.get("model_type") == "bloom" else ("max_position_embeddings", "n_positions", "max_seq_len")
    value = next((config[k] for k in keys if type(config.get(k)) is int), 2048)
    rope = {} if config.get("alibi") is True else config.get("rope_parameters") or config.get("rope_scaling") or {}
    kind, factor = rope.get("rope_type", rope.get("type")), rope.get("factor")
    if kind in ("linear", "dynamic", "yarn") and isinstance(factor, (int, float)) and config.get("model_type") not in ("gemma3_text", "olmo3"):
        # (in Gemma 3 and OLMo 3 the layers that see a window only are not stretched)
        # scalings that stretch the positions of pre-training count from those
        before = value if kind == "linear" else rope.get("original_max_position_embeddings") or value
        value = max(value, round(before * factor))
    return value - 2 if config.get("model_type") == "roberta" else value


def adapter_files(path):
    """The files of a PEFT adapter's folder."""
    folder = os.path.abspath(path)
    if not os.path.exists(folder):
        raise Refusal("not-found", folder, "there is no such file or folder")
    for name, category in ((ADAPTER_CONFIG, "adapter-invalid"), (ADAPTER, "tensor-missing")):
        if not os.path.exists(os.path.join(folder, name)):
            raise Refusal(category, folder, "it has no %s: it is no PEFT adapter of safetensors" % name)
    return [os.path.join(folder, ADAPTER), os.path.join(folder, ADAPTER_CONFIG)]
