"""Makes the reference cases of packed weights: a small Llama whose linear layers are stored as GPTQ, AWQ and bitsandbytes store them.

    pip install torch==2.13.0 transformers==5.18.0 safetensors==0.8.0 numpy==2.4.6    # Python 3.11, CPU
    python make_packed_cases.py --out DIR

Packing and the weights that come of it are written here from the formats' descriptions, value by value, without the libraries (which need a GPU):
each function returns the tensors of a layer and, computed from the numbers before they are packed, the weight that they stand for. The golden
outputs are those of transformers with these weights in a plain model.
"""
import argparse, json, os
import numpy as np, torch, transformers
from safetensors.numpy import save_file

rng = np.random.default_rng(5)
HIDDEN, VOCAB, WIDTH = 32, 64, 64


def pack_rows(q, bits):
    """[in, out] of small numbers -> int32 [in * bits / 32, out], the first input in the lowest bits."""
    each = 32 // bits
    out = np.zeros((q.shape[0] // each, q.shape[1]), np.uint32)
    for i in range(q.shape[0]):
        for o in range(q.shape[1]):
            out[i // each, o] |= np.uint32(int(q[i, o]) << (bits * (i % each)))
    return out.view(np.int32)


def pack_columns(q, bits, order=None):
    """[rows, out] -> int32 [rows, out * bits / 32]; `order[k]` is the output that the k-th lowest bits hold."""
    each = 32 // bits
    order = order or list(range(each))
    out = np.zeros((q.shape[0], q.shape[1] // each), np.uint32)
    for r in range(q.shape[0]):
        for w in range(out.shape[1]):
            for k in range(each):
                out[r, w] |= np.uint32(int(q[r, each * w + order[k]]) << (bits * k))
    return out.view(np.int32)


def gptq(bits, v2, act_order, group):
    def layer(name, outputs, inputs):
        groups = inputs // group
        q = rng.integers(0, 2 ** bits, (inputs, outputs))
        zero = rng.integers(0 if v2 else 1, 2 ** bits, (groups, outputs))
        if not v2:
            zero[0, :2] = 0    # stored as all ones: one less than none, modulo 2^bits
        scale = (rng.random((groups, outputs)) * 0.4 / 2 ** bits + 0.32 / 2 ** bits).astype(np.float16)
        g = np.arange(inputs) // group
        if act_order:
            g = rng.permutation(g)
        w = scale.astype(np.float32)[g] * (q - zero[g]).astype(np.float32)
        t = {name + ".qweight": pack_rows(q, bits), name + ".qzeros": pack_columns(zero if v2 else (zero - 1) % 2 ** bits, bits), name + ".scales": scale}
        if act_order or v2:
            t[name + ".g_idx"] = g.astype(np.int32)
        return t, np.ascontiguousarray(w.T)
    return layer


def awq(name, outputs, inputs):
    group = 16
    q = rng.integers(0, 16, (inputs, outputs))
    zero = rng.integers(0, 16, (inputs // group, outputs))
    scale = (rng.random((inputs // group, outputs)) * 0.03 + 0.01).astype(np.float16)
    g = np.arange(inputs) // group
    w = scale.astype(np.float32)[g] * (q - zero[g]).astype(np.float32)
    order = [0, 2, 4, 6, 1, 3, 5, 7]
    return {name + ".qweight": pack_columns(q, 4, order), name + ".qzeros": pack_columns(zero, 4, order), name + ".scales": scale}, np.ascontiguousarray(w.T)


# The sixteen values of NormalFloat: QLoRA, appendix E. Those of FP4: sign, two bits of exponent, one of mantissa, divided by 12, as bitsandbytes has them.
NF4 = np.array([-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534,
                0.16093020141124725, 0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0], np.float32)
FP4 = np.array([0, 0.0625, 8, 12, 4, 6, 2, 3, -0.0, -0.0625, -8, -12, -4, -6, -2, -3], np.float32) / 12


def fours(kind, nested):
    def layer(name, outputs, inputs):
        block = 64
        n = outputs * inputs
        table = dict(nf4=NF4, fp4=FP4)[kind]
        q = rng.integers(0, 16, n)
        blocks = n // block
        t = {}
        weight = name + ".weight"
        state = dict(quant_type=kind, blocksize=block, dtype="bfloat16", shape=[outputs, inputs])
        if nested:
            codes = rng.integers(0, 256, blocks).astype(np.uint8)
            inner = np.sort(rng.standard_normal(256)).astype(np.float32)
            outer = (rng.random(-(-blocks // 8)) * 0.05 + 0.05).astype(np.float32)
            offset = 0.3
            scale = inner[codes] * outer[np.arange(blocks) // 8] + np.float32(offset)
            t.update({weight + ".absmax": codes, weight + ".nested_absmax": outer, weight + ".nested_quant_map": inner})
            state.update(nested_blocksize=8, nested_dtype="float32", nested_offset=offset)
        else:
            scale = (rng.random(blocks) * 0.5 + 0.1).astype(np.float32)
            t[weight + ".absmax"] = scale
        w = (table[q] * scale[np.arange(n) // block]).reshape(outputs, inputs).astype(np.float32)
        packed = np.array([q[2 * i] << 4 | q[2 * i + 1] for i in range(n // 2)], np.uint8).reshape(-1, 1)
        t.update({weight: packed, weight + ".quant_map": table, weight + ".quant_state.bitsandbytes__" + kind: np.frombuffer(json.dumps(state).encode(), np.uint8)})
        return t, w
    return layer


def eights(name, outputs, inputs):
    q = rng.integers(-127, 128, (outputs, inputs)).astype(np.int8)
    scb = (rng.random(outputs) * 0.5 + 0.3).astype(np.float32)
    return {name + ".weight": q, name + ".SCB": scb, name + ".weight_format": np.array(0, np.uint8)}, q.astype(np.float32) * scb[:, None] / 127


CASES = {
    "packed-gptq": (gptq(4, False, True, 16), dict(quant_method="gptq", bits=4, group_size=16, desc_act=True, sym=False, damp_percent=0.1)),
    "packed-gptq-v2": (gptq(8, True, False, 32), dict(quant_method="gptq", bits=8, group_size=32, desc_act=False, sym=False, checkpoint_format="gptq_v2")),
    "packed-awq": (awq, dict(quant_method="awq", bits=4, group_size=16, zero_point=True, version="gemm", modules_to_not_convert=None)),
    "packed-nf4": (fours("nf4", True), dict(quant_method="bitsandbytes", load_in_4bit=True, load_in_8bit=False, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)),
    "packed-fp4": (fours("fp4", False), dict(quant_method="bitsandbytes", load_in_4bit=True, load_in_8bit=False, bnb_4bit_quant_type="fp4", bnb_4bit_use_double_quant=False)),
    "packed-int8": (eights, dict(quant_method="bitsandbytes", load_in_4bit=False, load_in_8bit=True, llm_int8_threshold=6.0)),
}


def make(name, layer, quantization, out):
    os.makedirs(out, exist_ok=True)
    torch.manual_seed(3)
    cfg = transformers.LlamaConfig(hidden_size=HIDDEN, num_attention_heads=4, num_key_value_heads=2, num_hidden_layers=2, vocab_size=VOCAB, intermediate_size=WIDTH,
                                   max_position_embeddings=64, bos_token_id=0, eos_token_id=1)
    cfg._attn_implementation = "eager"
    model = transformers.LlamaForCausalLM(cfg).float().eval()
    tensors = {}
    with torch.no_grad():
        for n, p in model.state_dict().items():
            if n.endswith("_proj.weight"):
                t, w = layer(n[:-7], *p.shape)
                tensors.update(t)
                p.copy_(torch.from_numpy(w))
            else:
                p.copy_((torch.randn_like(p) * 0.3 + (1 if p.dim() == 1 else 0)).half().float())
                tensors[n] = p.numpy().astype(np.float16)
    ids = torch.tensor([[0, 5, 33, 17, 60, 2, 2, 41, 9, 28, 50, 12]])
    with torch.no_grad():
        o = model(ids, output_attentions=True, use_cache=False)
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, out + "/model.safetensors", metadata=dict(format="pt"))
    config = dict(model_type="llama", architectures=["LlamaForCausalLM"], hidden_size=HIDDEN, num_attention_heads=4, num_key_value_heads=2, num_hidden_layers=2, vocab_size=VOCAB,
                  intermediate_size=WIDTH, max_position_embeddings=64, rms_norm_eps=cfg.rms_norm_eps, rope_theta=10000.0, tie_word_embeddings=False, torch_dtype="float16",
                  quantization_config=quantization)
    json.dump(config, open(out + "/config.json", "w"), indent=1)
    save_file({"p0.input_ids": ids[0].numpy(), "p1.input_ids": ids[0].numpy(), "p0.logits": np.ascontiguousarray(o.logits[0].numpy()),
               "p0.attentions": np.ascontiguousarray(torch.stack(o.attentions)[:, 0].numpy()),
               "weight.model.layers.1.mlp.down_proj.weight": np.ascontiguousarray(model.state_dict()["model.layers.1.mlp.down_proj.weight"].numpy())}, out + "/golden.safetensors")
    json.dump(dict(case=name, kind="model", description="Llama with packed linear layers", model_type="llama", tensors={
        "p0.input_ids": dict(tolerance=dict(kind="exact")), "p1.input_ids": dict(tolerance=dict(kind="exact")), "p0.logits": dict(tolerance=dict(kind="scaled", tol=2e-4)),
        "p0.attentions": dict(tolerance=dict(kind="absolute", tol=1e-5)), "weight.model.layers.1.mlp.down_proj.weight": dict(tolerance=dict(kind="exact"))}), open(out + "/golden.json", "w"), indent=1)
    print(name, float(o.logits.std()), os.path.getsize(out + "/model.safetensors"))


if __name__ == "__main__":
    a = argparse.ArgumentParser()
    a.add_argument("--out", required=True)
    a = a.parse_args()
    for name, (layer, quantization) in CASES.items():
        make(name, layer, quantization, os.path.join(a.out, name))
