"""The weight matrices of decoder layers as files hold them, named and cut as Vitrine's embedded engine does it (core.architecture.WeightMatrices): fused projections cut into
queries, keys, values, gate and up, stacks of experts into experts. Families that the embedded engine does not know keep fused tensors whole."""

import re

LISTS = ("layers", "layer", "h", "blocks", "block")
# In the order of the embedded engine's kinds of matrix; others are not looked at here.
PARTS = ("query", "key", "value", "output", "gate", "up", "down", "other")
ATTENTION = PARTS[:4]
# What words in a name say, the first that fits; None for what is no matrix that is looked at.
GUESSES = ((None, ("norm", "ln_", ".ln")), (None, ("lm_head", "embed_out", "output.weight")), (None, ("embed", "wte", "wpe")), ("router", ("router", "gate.weight", "gate.bias")),
           ("query", ("q_proj", "query.", ".wq.", "q_a_proj", "q_b_proj")), ("key", ("k_proj", ".key.", ".wk.", "kv_a_proj")), ("value", ("v_proj", ".value.", ".wv.", "kv_b_proj")),
           ("output", ("o_proj", "out_proj", ".wo.", "attn.c_proj", "attn.dense", "attention.dense", "attention.output")), ("gate", ("gate_proj", ".w1.")),
           ("up", ("up_proj", ".w3.", "fc1", "fc_in", "c_fc", "dense_h_to_4h", "intermediate.dense")), ("down", ("down_proj", ".w2.", "fc2", "fc_out", "mlp.c_proj", "dense_4h_to_h", "output.dense")))
FUSED = ("qkv", "query_key_value", "c_attn", "W_pack", "gate_up")
# Families that store stacked experts [experts, in, out], gate and up in the columns, and those of them whose columns take turns.
INPUT_MAJOR_EXPERTS, INTERLEAVED_EXPERTS = ("gpt_oss", "llama4", "llama4_text"), ("gpt_oss",)


class Matrix:
    """A stored tensor, or the part of one that does one thing, [rows, columns] as they are stored.

    `expert` is -1 where it is of none. `stack` is which matrix of a tensor of three dimensions; `rows` and `columns` are slices; `parts` (count, from, to) gathers rows from each
    of so many equal parts, as the queries of a fused projection whose heads each hold query, key and value.
    """

    def __init__(self, tensor, suffix, part, layer, expert, shape, stack=None, rows=None, columns=None, parts=None):
        self.tensor, self.name, self.part, self.layer, self.expert = tensor, tensor + suffix, part, layer, expert
        self._stack, self._rows, self._columns, self._parts = stack, rows, columns, parts
        height, width = shape
        if parts is not None:
            height = parts[0] * (parts[2] - parts[1])
        self.shape = (height if rows is None else len(range(*rows.indices(height))), width if columns is None else len(range(*columns.indices(width))))

    def read(self, opened):
        """Its values in their stored type, of an opened safetensors file; no more is read than it takes."""
        whole = opened.get_slice(self.tensor)
        if self._stack is not None:
            values = whole[self._stack:self._stack + 1][0]
            values = values if self._rows is None else values[self._rows]
        elif self._parts is not None:
            count, start, end = self._parts
            values = whole[:]
            values = values.reshape(count, -1, values.shape[1])[:, start:end].reshape(-1, values.shape[1])
        else:
            values = whole[self._rows or slice(None)]
        return values if self._columns is None else values[:, self._columns]

    @property
    def order(self):
        return self.layer, 0 if self.part in ATTENTION else 2, self.expert, PARTS.index(self.part), self.tensor


def matrices(stored, config):
    """The matrices of decoder layers with more than one row and column, in the order of the forward pass.

    `stored` are type and shape by tensor; `config` that of the model.
    """
    found = []
    for name, (dtype, shape) in stored.items():
        layer = layer_of(name)
        if layer < 0 or not dtype.startswith(("F", "BF")) or name.endswith("bias"):
            continue
        part = guess(name, len(shape), config.model_type)
        if len(shape) == 2 and part is not None:
            found += known(name, layer, shape, config) or [Matrix(name, "", "other" if any(word in name for word in FUSED) else part, layer, expert_of(name), shape)]
        elif len(shape) == 3 and part is not None and ("expert" in name or "moe" in name):
            found += stack(name, part, layer, shape, config)
    return sorted((m for m in found if m.part in PARTS and min(m.shape) > 1), key=lambda m: m.order)


def layer_of(name):
    """The layer that a name says, or -1."""
    path = name.split(".")
    return next((int(number) for place, number in zip(path, path[1:-1]) if place in LISTS and re.fullmatch("[0-9]{1,9}", number)), -1)


def expert_of(name):
    found = re.search(r"experts?\.([0-9]{1,6})\.", name)
    return int(found.group(1)) if found else -1


def guess(name, rank, kind):
    """What a tensor is for by the words in its name: a part, "router", or None for norms, embeddings and heads."""
    name = name.lower()
    if kind == "dbrx":
        name = name.replace("norm_attn_norm.attn", "attn")      # attention lies between its norms, under their name
    for part, words in GUESSES:
        if any(word in name for word in words) and (part != "router" or rank <= 2 and "gate_proj" not in name):
            return part
    return "other"


def known(name, layer, shape, config):
    """The parts of a fused tensor of a family that the embedded engine knows, where the shape is the one that the config calls for; else None."""
    kind, module, expert = config.model_type, name.removesuffix(".weight").rsplit(".", 1)[-1], expert_of(name)
    height, width = shape

    def cut(*parts, **how):
        """(suffix, part, from, count) of rows, or of the columns of what stands on its side."""
        along = how.get("along", "rows")
        return [Matrix(name, suffix, part, layer, expert, shape, **{along: slice(start, start + count)}) for suffix, part, start, count in parts]

    heads = config.num_attention_heads
    hidden = config.hidden_size
    if kind == "gpt2" and module == "c_attn" and (height, width) == (hidden, 3 * hidden):
        return cut(("#query", "query", 0, hidden), ("#key", "key", hidden, hidden), ("#value", "value", 2 * hidden, hidden), along="columns")
    if (kind, module) in (("phi3", "qkv_proj"), ("dbrx", "Wqkv"), ("mpt", "Wqkv")):
        d = getattr(config, "head_dim", None) or hidden // heads
        of = config.attn_config if kind == "dbrx" else config
        q, kv = heads * d, d * (getattr(of, "kv_n_heads" if kind == "dbrx" else "num_key_value_heads", None) or heads)
        return cut(("#query", "query", 0, q), ("#key", "key", q, kv), ("#value", "value", q + kv, kv)) if (height, width) == (q + 2 * kv, hidden) else None
    if kind in ("phi3", "glm", "glm4") and module == "gate_up_proj" and (height, width) == (2 * config.intermediate_size, hidden):
        return cut(("#gate", "gate", 0, height // 2), ("#up", "up", height // 2, height // 2))
    if kind in ("gpt_neox", "bloom") and module == "query_key_value" and (height, width) == (3 * hidden, hidden):
        d = hidden // heads
        return [Matrix(name, "#" + part, part, layer, expert, shape, parts=(heads, i * d, (i + 1) * d)) for i, part in enumerate(PARTS[:3])]
    if kind == "falcon" and module == "query_key_value":
        d, kv = hidden // heads, config.num_kv_heads if config.new_decoder_architecture or not config.multi_query else 1
        g = heads // kv
        if (height, width) == (hidden + 2 * kv * d, hidden):
            if kv == 1:
                return cut(("#query", "query", 0, hidden), ("#key", "key", hidden, d), ("#value", "value", hidden + d, d))
            return [Matrix(name, "#" + part, part, layer, expert, shape, parts=(kv, start, stop))
                    for part, start, stop in (("query", 0, g * d), ("key", g * d, (g + 1) * d), ("value", (g + 1) * d, (g + 2) * d))]
    if kind in ("deepseek_v2", "deepseek_v3"):
        latent, plain, turned = config.kv_lora_rank, config.qk_nope_head_dim, config.qk_rope_head_dim
        both = plain + config.v_head_dim
        if module == "kv_a_proj_with_mqa" and (height, width) == (latent + turned, hidden):
            return cut(("#latent", "other", 0, latent), ("#key", "key", latent, turned))
        if module == "kv_b_proj" and (height, width) == (heads * both, latent):
            return [Matrix(name, "#key", "key", layer, expert, shape, parts=(heads, 0, plain)), Matrix(name, "#value", "value", layer, expert, shape, parts=(heads, plain, both))]
    if kind == "dbrx" and ".experts.mlp." in name:
        count = config.ffn_config.moe_num_experts
        rows, part = height // count, {"w1": "gate", "v1": "up", "w2": "down"}.get(module)
        if part is not None and (height, width) == (count * config.ffn_config.ffn_hidden_size, hidden):
            return [Matrix(name, "#expert.%d" % e, part, layer, e, shape, rows=slice(e * rows, (e + 1) * rows)) for e in range(count)]
    return None


def stack(name, part, layer, shape, config):
    """The matrices of experts in a tensor [experts, a, b]."""
    count, a, b = shape
    last = name[max(0, name.find("expert")):]
    fused = "gate_up" in last or "input_linear" in last
    kind = "down" if "output_linear" in last or "down" in last else "gate" if "gate" in last else "up" if "up" in last else part
    in_columns = fused and (config.model_type in INPUT_MAJOR_EXPERTS or config.hidden_size == a != b)
    found = []
    for e in range(count):
        suffix = "#expert.%d" % e
        if not fused or (b if in_columns else a) % 2:
            found.append(Matrix(name, suffix, "other" if fused else kind, layer, e, (a, b), e))
            continue
        if not in_columns:
            halves = ({"rows": slice(0, a // 2)}, {"rows": slice(a // 2, a)})
        elif config.model_type in INTERLEAVED_EXPERTS:
            halves = ({"columns": slice(0, b, 2)}, {"columns": slice(1, b, 2)})
        else:
            halves = ({"columns": slice(0, b // 2)}, {"columns": slice(b // 2, b)})
        found += [Matrix(name, "%s.%s" % (suffix, half), half, layer, e, (a, b), e, **where) for half, where in zip(("gate", "up"), halves)]
    return found
