"""Models in memory: loaded by transformers from local files, and the modules whose values are looked at."""

import json
import re

import torch
import transformers

from .checkpoint import adapter_files
from .refusals import Refusal, visible

# What a checkpoint may lack without harm: buffers, and heads that no task here uses.
HARMLESS = re.compile(r"(bert\.)?pooler\.|cls\.seq_relationship\.|position_ids$|rotary_emb|\.attn\.(masked_)?bias$")
HEADS = ("lm_head", "embed_out", "predictions", "output_projection")


class Loaded:
    """A model, and whether it has the head that logits need."""

    def __init__(self, checkpoint, model, head, device):
        self.checkpoint, self.model, self.head, self.device = checkpoint, model, head, device

    def require_head(self, what):
        if not self.head:
            raise Refusal("tensor-missing", self.checkpoint.path, "the checkpoint has no output head (such as lm_head.weight), so there are no %s" % what,
                          help="Attention and hidden states work.")

    def require_perplexity(self):
        self.require_head("losses")
        if self.checkpoint.encoder:
            raise Refusal("family-unsupported", self.checkpoint.path, "%s sees the tokens that it would have to predict, so it has no perplexity"
                          % self.checkpoint.family, help="Evaluate a decoder.")

    def attend(self, how):
        """Which attention is computed: eager shows its weights, sdpa is the fast one, where the family has it."""
        if how == "sdpa" and not (getattr(self.model, "_supports_sdpa", True) and exact(self.model.config)):
            how = "eager"
        if self.model.config._attn_implementation != how:
            self.model.set_attn_implementation(how)

    def length_matters(self):
        """Whether rotary frequencies depend on how long the sequence is: then sequences of different lengths do not go side by side."""
        return any(getattr(m, "rope_type", None) in ("dynamic", "longrope") for m in self.model.modules())

    def begin(self):
        """Before a pass: dynamic rope keeps the frequencies of the longest run so far, and every run begins without a past."""
        for module in self.model.modules():
            if isinstance(getattr(module, "original_inv_freq", None), torch.Tensor):
                module.inv_freq = module.original_inv_freq.clone()
                module.max_seq_len_cached = module.original_max_seq_len

    def tensor(self, ids):
        return torch.tensor(ids, dtype=torch.long, device=self.device)


def exact(config):
    """Whether transformers' sdpa computes what the model says: it leaves the soft cap of scores (Gemma 2) out without a word."""
    return getattr(config, "attn_logit_softcapping", None) is None


# What MosaicML's code has beside what transformers computes, which reads these keys and goes by none of them: the only values that mean the same to both.
MPT = {"expansion_ratio": (4,), "no_bias": (True,), "logit_scale": (None,), "norm_type": ("low_precision_layernorm", "layernorm")}
MPT_ATTENTION = {"alibi": (True,), "alibi_bias_max": (8,), "qk_ln": (False,), "prefix_lm": (False,), "attn_uses_sequence_id": (False,), "attn_type": ("multihead_attention",)}


def require_computed(checkpoint):
    """Refuses a config that says what transformers leaves out without a word."""
    def require(config, known, prefix=""):
        for key, values in known.items():
            if key in config and config[key] not in values:
                raise Refusal("family-unsupported", checkpoint.config_file, "%s is not computed by transformers, so the model is not run" % visible(json.dumps(config[key])), where=prefix + key)

    config = checkpoint.config
    if checkpoint.model_type == "mpt":
        require(config, MPT)
        attention = config.get("attn_config")
        require(attention if isinstance(attention, dict) else {}, MPT_ATTENTION, "attn_config.")
    if checkpoint.model_type == "bloom" and config.get("pretraining_tp", 1) != 1:
        # its slices of outputs leave biases out
        require(config, {"slow_but_exact": (False,)})


def load(checkpoint, device, dtype, attention="sdpa", changes=None):
    """Loads a checkpoint's model.

    `changes` are entries of the config that are set to something else (dropout, for training).
    """
    require_computed(checkpoint)
    auto = transformers.AutoModelForMaskedLM if checkpoint.encoder else transformers.AutoModelForCausalLM
    try:
        config = transformers.AutoConfig.from_pretrained(checkpoint.folder, local_files_only=True, trust_remote_code=False)
        for name, value in (changes or {}).items():
            if hasattr(config, name):
                setattr(config, name, value)
        config.use_cache = False
        attention = attention if exact(config) else "eager"
        options = {"config": config, "dtype": dtype, "local_files_only": True, "trust_remote_code": False, "use_safetensors": True, "output_loading_info": True}
        try:
            model, info = auto.from_pretrained(checkpoint.folder, attn_implementation=attention, **options)
        except ValueError as failure:
            if attention == "eager" or "attention implementation" not in str(failure):
                raise
            model, info = auto.from_pretrained(checkpoint.folder, attn_implementation="eager", **options)
    except (ValueError, KeyError, OSError, RuntimeError, TypeError) as failure:
        if "out of memory" in str(failure) or "allocate memory" in str(failure):
            raise
        raise Refusal("family-unsupported", checkpoint.path, "transformers %s cannot load it (%s)"
                      % (transformers.__version__, str(failure).strip().split("\n")[0][:200])) from failure
    if info["mismatched_keys"]:
        name = sorted(str(k[0] if isinstance(k, (tuple, list)) else k) for k in info["mismatched_keys"])[0]
        raise Refusal("config-mismatch", checkpoint.path, "its shape is not the one that config.json calls for", where="tensor " + name)
    missing = [k for k in info["missing_keys"] if not HARMLESS.search(k)]
    body = [k for k in missing if not any(h in k for h in HEADS)]
    if body:
        raise Refusal("tensor-missing", checkpoint.path, "the checkpoint lacks {:,} tensors that the model needs, such as {}".format(len(body), sorted(body)[0]))
    model.requires_grad_(False)
    return Loaded(checkpoint, biased_once(model).to(device).eval(), not missing, device)


def biased_once(model):
    """Falcon with linear biases: transformers' eager attention adds them twice, by itself and with the mask; its sdpa attention adds those of the mask, as the published code does once."""
    if model.config.model_type == "falcon" and model.config.alibi:
        for part in parts(model):
            part.attention.register_forward_pre_hook(without_biases, with_kwargs=True)
    return model


def without_biases(module, args, keywords):
    return args, {**keywords, "alibi": torch.zeros_like(keywords["alibi"])}


def adapt(loaded, adapters):
    """The model with PEFT adapters on it (`[{"path", "weight"}]`), each multiplied with its weight; a change of the loaded model."""
    import peft
    model = loaded.model
    for number, use in enumerate(adapters):
        adapter_files(use["path"])
        name = "adapter%d" % number
        try:
            if number == 0:
                model = peft.PeftModel.from_pretrained(model, use["path"], adapter_name=name, local_files_only=True)
            else:
                model.load_adapter(use["path"], adapter_name=name, local_files_only=True)
        except (ValueError, KeyError, RuntimeError, TypeError) as failure:
            raise Refusal("adapter-mismatch", use["path"], "peft cannot put it on %s (%s)"
                          % (loaded.checkpoint.name, str(failure).strip().split("\n")[0][:200])) from failure
        weight = use.get("weight")
        if weight is not None and weight != 1:
            for module in model.modules():
                if isinstance(getattr(module, "scaling", None), dict) and name in module.scaling:
                    module.scaling[name] *= weight
    if len(adapters) > 1:
        model.base_model.set_adapter(["adapter%d" % i for i in range(len(adapters))])
    model.requires_grad_(False)
    return Loaded(loaded.checkpoint, model.eval(), loaded.head, loaded.device)


class Parts:
    """A layer and its attention and feed-forward modules; outputs of `attention_output` and `feed_forward` are `attn_out` and `mlp_out`."""

    def __init__(self, layer, attention, feed_forward, attention_output=None):
        self.layer, self.attention, self.feed_forward = layer, attention, feed_forward
        self.attention_output = attention if attention_output is None else attention_output


def body(model):
    """The model without its head, whatever adapters are on it."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    # Llama 4's text model calls its body otherwise than its class says
    return inner.model if inner.base_model is inner and hasattr(inner, "model") else inner.base_model


def layers_of(model):
    """The list of layers, whatever a family calls it."""
    inner = body(model)
    for path in ("layers", "h", "decoder.layers", "encoder.layer", "blocks"):
        found = inner
        for name in path.split("."):
            found = getattr(found, name, None)
        if isinstance(found, torch.nn.ModuleList):
            return found
    raise Refusal("family-unsupported", None, "the layers of a %s model are not where this engine looks for them" % inner.config.model_type)


def parts(model):
    kind = body(model).config.model_type
    out = []
    for layer in layers_of(model):
        if kind == "dbrx":
            out.append(Parts(layer, layer.norm_attn_norm.attn, layer.ffn))
        elif kind in ("bert", "roberta"):
            out.append(Parts(layer, layer.attention, layer.output.dense))
        elif kind == "bloom":       # whose blocks give back the sums with what they read
            out.append(Parts(layer, layer.self_attention, layer.mlp.dense_4h_to_h, layer.self_attention.dense))
        elif kind == "mpt":
            out.append(Parts(layer, layer.attn, layer.ffn.down_proj))
        else:
            attention = first_of(layer, "self_attn", "attn", "attention", "self_attention")
            feed_forward = first_of(layer, "mlp", "block_sparse_moe", "feed_forward", "fc2")
            if attention is None or feed_forward is None:
                raise Refusal("family-unsupported", None, "the blocks of a %s model are not where this engine looks for them" % kind)
            out.append(Parts(layer, attention, feed_forward))
    return out


def key_value_heads(config):
    """How many heads of keys and values there are."""
    if config.model_type == "falcon":
        grouped = config.new_decoder_architecture or not config.multi_query
        return config.num_kv_heads if grouped else 1
    return getattr(config, "num_key_value_heads", None) or config.num_attention_heads


def once(config, states):
    """Cached keys or values [heads, tokens, width] once for each head of keys; Falcon keeps them for each query head."""
    return states[::len(states) // key_value_heads(config)] if config.model_type == "falcon" else states


def first_of(module, *names):
    return next((getattr(module, n) for n in names if hasattr(module, n)), None)


def first(output):
    return output[0] if isinstance(output, tuple) else output


class Hooks:
    """Forward hooks that go away together."""

    def __init__(self):
        self._handles = []

    def after(self, module, action):
        """`action(output)` after a module; of a tuple the first."""
        # Falcon adds the attention's output to this very tensor afterwards.
        copied = type(module).__name__ == "FalconMLP"
        self._handles.append(module.register_forward_hook(lambda m, args, output: action(first(output).clone() if copied else first(output))))

    def after_whole(self, module, action):
        self._handles.append(module.register_forward_hook(lambda m, args, output: action(output)))

    def before(self, module, action):
        self._handles.append(module.register_forward_pre_hook(lambda m, args, keywords: action(list(args) + list(keywords.values())), with_kwargs=True))

    def check(self, model, reporter):
        """Looks after every layer whether the task was given up."""
        for layer in layers_of(model):
            self._handles.append(layer.register_forward_pre_hook(lambda m, args: reporter.check_cancelled()))

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        for handle in self._handles:
            handle.remove()


class Routers:
    """Catches what routers decide while a pass runs: for each layer with experts its raw logits, the chosen experts and their weights.

    transformers calls these modules ...Router and ...Experts throughout; experts get ids and weights as their second and third argument.
    """

    def __init__(self, model, hooks):
        self.layers = []
        self.modules = []
        self.logits, self.ids, self.weights = {}, {}, {}
        for index, layer in enumerate(layers_of(model)):
            router = experts = None
            for module in layer.modules():
                kind = type(module).__name__
                router = module if kind.endswith("Router") else router
                experts = module if kind.endswith("Experts") else experts
            if router is not None and experts is not None:
                self.layers.append(index)
                self.modules.append(router)
                if type(router).__name__ == "Llama4Router":
                    hooks.after_whole(router, lambda output, l=index, k=router.top_k: self._scored(l, *output, k))
                    continue
                hooks.after_whole(router, lambda output, l=index: self._routed(l, output))
                hooks.before(experts, lambda args, l=index: self._chosen(l, args))

    def _routed(self, layer, output):
        found = [p for p in (output if isinstance(output, tuple) else (output,)) if p.is_floating_point()]
        widest = max(found, key=lambda p: p.shape[-1])
        self.logits[layer] = widest.reshape(-1, widest.shape[-1]).float()

    def _scored(self, layer, scores, logits, count):
        """Llama 4's router: its experts get every token times its score, which is 0 where an expert is not chosen, and are told no ids."""
        self.logits[layer] = logits.float()
        self.ids[layer] = logits.topk(count, -1).indices
        self.weights[layer] = scores.float().gather(-1, self.ids[layer])

    def _chosen(self, layer, args):
        ids, weights = args[1:3]
        if ids.is_floating_point():
            ids, weights = weights, ids
        ids, weights = ids.reshape(-1, ids.shape[-1]), weights.reshape(-1, weights.shape[-1]).float()
        order = torch.argsort(weights, dim=-1, descending=True, stable=True)
        self.ids[layer] = ids.gather(-1, order)
        self.weights[layer] = weights.gather(-1, order)


def non_finite(model, hooks, device):
    """Counts values of the residual stream that are no numbers; returns a function that says the first layer of them in a sentence, or None."""
    counts = [[0, torch.zeros((), dtype=torch.long, device=device)] for _ in layers_of(model)]

    def count(layer, value):
        counts[layer][0] += value.numel()
        counts[layer][1] += (~torch.isfinite(value)).sum()

    for index, layer in enumerate(layers_of(model)):
        hooks.after(layer, lambda value, l=index: count(l, value))

    def sentence():
        for layer, (total, bad) in enumerate(counts):
            if int(bad) > 0:
                return "After layer {}, {:,} of {:,} values of the residual stream are NaN or infinite: figures from there on are not numbers.".format(
                    layer, int(bad), total)
        return None
    return sentence
