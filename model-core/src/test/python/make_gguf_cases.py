"""Makes the reference cases of GGUF files: values of every block type, and one small model for each architecture.

    pip install torch==2.13.0 transformers==5.18.0 gguf==0.19.0 safetensors==0.8.0 numpy==2.4.6    # Python 3.11, CPU
    python make_gguf_cases.py --out DIR [--only CASE ...]

`gguf-blocks`: random blocks of every type (`TYPE.blocks`, uint8) with the values that the gguf package reads from them (`TYPE.values`, float32).
`gguf-ARCHITECTURE`: a model with random weights, written as llama.cpp's converter writes it: keys by GGUFWriter, names by the package's own table,
matrices as Q8_0, norms and biases as F32. What the converter does to values is repeated here: rows of queries and keys for interleaved rotary
pairs, one added to Gemma's norms, transposed GPT-2 matrices, GPT-NeoX's fused rows by kind, stacked experts, DeepSeek's expansion in two parts.
`golden.safetensors` holds the outputs of transformers with the dequantised weights put back. Where transformers reads the architecture's GGUF files
itself, its logits from the file are compared with them when the case is made; `library_reader_max_logit_difference` says how far they are apart.
"""
import argparse, json, os, re
import numpy as np, torch, transformers, gguf
from gguf import GGMLQuantizationType as Q, MODEL_ARCH as A
from safetensors.numpy import save_file

torch.manual_seed(0)
HIDDEN, HEADS, KV, LAYERS, VOCAB, WIDTH = 32, 4, 2, 2, 64, 32
COMMON = dict(hidden_size=HIDDEN, num_attention_heads=HEADS, num_key_value_heads=KV, num_hidden_layers=LAYERS, vocab_size=VOCAB, intermediate_size=WIDTH,
              max_position_embeddings=64, bos_token_id=0, eos_token_id=1, pad_token_id=None)


def blocks(out):
    rng = np.random.default_rng(1)
    tensors = {}
    # Where the half-precision scales lie in a block; random bytes there would give infinities.
    halves = {Q.Q4_0: [0], Q.Q4_1: [0, 2], Q.Q5_0: [0], Q.Q5_1: [0, 2], Q.Q8_0: [0], Q.Q2_K: [80, 82], Q.Q3_K: [108], Q.Q4_K: [0, 2], Q.Q5_K: [0, 2], Q.Q6_K: [208],
              Q.IQ4_NL: [0], Q.IQ4_XS: [0], Q.MXFP4: []}
    for q, places in halves.items():
        size, nbytes = gguf.GGML_QUANT_SIZES[q]
        n = 8 if size == 32 else 3
        b = rng.integers(0, 256, (n, nbytes), dtype=np.uint8)
        for p in places:
            b[:, p:p + 2] = (rng.standard_normal((n, 1)) * 0.01).astype(np.float16).view(np.uint8)
        if q == Q.MXFP4:
            b[:, 0] = [0, 1, 2, 100, 127, 128, 140, 254][:n]
        tensors[q.name + ".blocks"] = b.reshape(-1)
        tensors[q.name + ".values"] = gguf.quants.dequantize(b, q).astype(np.float32).reshape(-1)
    os.makedirs(out, exist_ok=True)
    save_file(tensors, out + "/blocks.safetensors")


def permute(w, heads):
    return w.reshape(heads, 2, w.shape[0] // heads // 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


class Case:
    def __init__(self, arch, config, keys, change=lambda name, w: {name: w}, reads=True, tokens="gpt2", pre="gpt-2", tweak=None):
        self.arch, self.config, self.keys, self.change, self.reads, self.tokens, self.pre, self.tweak = arch, config, keys, change, reads, tokens, pre, tweak


def llama(name, w):
    if re.search(r"q_proj\.(weight|bias)$", name):
        return {name: permute(w, HEADS)}
    if re.search(r"k_proj\.(weight|bias)$", name):
        return {name: permute(w, KV)}
    return {name: w}


def gemma(name, w):
    return {name: w + 1 if name.endswith("norm.weight") else w}


def gpt2(name, w):
    return {name: w.T if re.search(r"(c_attn|c_proj|c_fc)\.weight$", name) else w}


def neox(name, w):
    if "query_key_value" in name:
        d = HIDDEN // HEADS
        return {name: w.reshape(HEADS, 3, d, -1).swapaxes(0, 1).reshape(w.shape)}
    return {name: w}


def deepseek(name, w):
    if name.endswith("kv_b_proj.weight"):
        both = w.reshape(HEADS, 8 + 12, -1)
        k, v = both[:, :8], both[:, 8:]
        return {name.replace("kv_b_proj", "k_b_proj"): k.swapaxes(1, 2), name.replace("kv_b_proj", "v_b_proj"): v}
    return {name: w}


def cases():
    T = transformers
    c = COMMON
    moe = dict(num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32)
    yield "llama", Case(A.LLAMA, T.LlamaConfig(**c, rope_theta=5000.0, tie_word_embeddings=True), dict(), llama, tokens="llama")
    yield "llama3-factors", Case(A.LLAMA, T.LlamaConfig(**{**c, "max_position_embeddings": 256}, rope_parameters=dict(rope_type="llama3", rope_theta=10000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                                                                        original_max_position_embeddings=32)), dict(), llama, reads=False, pre="llama-bpe")
    yield "mixtral", Case(A.LLAMA, T.MixtralConfig(**c, num_local_experts=4, num_experts_per_tok=2, sliding_window=None), dict(experts=4, used=2), llama, reads=False)
    yield "qwen2", Case(A.QWEN2, T.Qwen2Config(**c), dict(), pre="qwen2")
    yield "qwen3", Case(A.QWEN3, T.Qwen3Config(**c, head_dim=16), dict(key_length=16), pre="qwen2", reads=dict(head_dim=16))
    yield "qwen2moe", Case(A.QWEN2MOE, T.Qwen2MoeConfig(**c, **moe, shared_expert_intermediate_size=32), dict(experts=4, used=2, expert_width=32, shared_width=32), pre="qwen2", reads=False)
    yield "qwen3moe", Case(A.QWEN3MOE, T.Qwen3MoeConfig(**c, **moe, head_dim=16, norm_topk_prob=True), dict(experts=4, used=2, expert_width=32, key_length=16), pre="qwen2", reads=False)
    yield "olmoe", Case(A.OLMOE, T.OlmoeConfig(**c, num_experts=4, num_experts_per_tok=2), dict(experts=4, used=2), pre="olmo", reads=False)
    yield "olmo2", Case(A.OLMO2, T.Olmo2Config(**c), dict(), reads=False)
    yield "gemma2", Case(A.GEMMA2, T.Gemma2Config(**c, head_dim=8, query_pre_attn_scalar=8, sliding_window=6), dict(key_length=8, window=6, caps=True), gemma, tokens="llama", reads=dict(query_pre_attn_scalar=8))
    yield "gemma3", Case(A.GEMMA3, T.Gemma3TextConfig(**{**c, "num_hidden_layers": 6}, head_dim=8, query_pre_attn_scalar=8, sliding_window=6), dict(key_length=8, window=6, base=1e6, layers=6), gemma, tokens="llama", reads=dict(query_pre_attn_scalar=8))
    yield "phi3", Case(A.PHI3, T.Phi3Config(**c, sliding_window=None), dict(), pre="gpt-2", reads=dict(pad_token_id=0))
    yield "gpt2", Case(A.GPT2, T.GPT2Config(n_embd=HIDDEN, n_head=HEADS, n_layer=LAYERS, vocab_size=VOCAB, n_positions=64, n_inner=WIDTH), dict(), gpt2, reads=dict(n_inner=WIDTH, n_positions=64))
    yield "gptneox", Case(A.GPTNEOX, T.GPTNeoXConfig(**{k: v for k, v in c.items() if k != "num_key_value_heads"}, rotary_pct=0.5), dict(rope_dims=4), neox, reads=False)
    yield "starcoder2", Case(A.STARCODER2, T.Starcoder2Config(**c, sliding_window=None, use_bias=True), dict(), pre="starcoder")
    yield "stablelm", Case(A.STABLELM, T.StableLmConfig(**c, partial_rotary_factor=0.5, use_qkv_bias=True), dict(rope_dims=4), reads=False)
    yield "granite", Case(A.GRANITE, T.GraniteConfig(**c, embedding_multiplier=6.0, attention_multiplier=0.3, residual_multiplier=0.4, logits_scaling=2.0), dict(granite=True), llama, pre="starcoder", reads=False)
    ds = dict(n_routed_experts=4, num_experts_per_tok=2, moe_intermediate_size=32, n_shared_experts=1, first_k_dense_replace=1, q_lora_rank=None, kv_lora_rank=32, qk_nope_head_dim=8,
              qk_rope_head_dim=8, v_head_dim=12, routed_scaling_factor=1.5, topk_method="greedy", n_group=None, topk_group=None)
    yield "deepseek2", Case(A.DEEPSEEK2, T.DeepseekV2Config(**{**c, "num_key_value_heads": HEADS}, **ds), dict(experts=4, used=2, expert_width=32, deepseek=True), deepseek, pre="deepseek-v3", reads=False)


def tokenizer(w, kind, pre):
    if kind == "gpt2":
        # The byte-level letters of single bytes, then pairs.
        letters = ["<s>", "</s>"] + [chr(b) for b in range(ord("a"), ord("z") + 1)] + ["\u0120", ".", ",", "\u010a", "0", "1"]
        merges = ["t h", "th e", "\u0120 the", "i n", "a n", "an d", "\u0120 and", "e r", "o n", "\u0120 w", "\u0120w a", "l l", "0 1"]
        tokens = letters + [m.replace(" ", "") for m in merges]
        tokens += ["<unused%d>" % i for i in range(VOCAB - len(tokens))]
        w.add_tokenizer_model("gpt2")
        w.add_tokenizer_pre(pre)
        w.add_token_list(tokens)
        w.add_token_types([3, 3] + [1] * (len(letters) - 2 + len(merges)) + [5] * (VOCAB - len(letters) - len(merges)))
        w.add_token_merges(merges)
    else:
        tokens = ["<unk>", "<s>", "</s>"] + ["<0x%02X>" % b for b in (0x0A, 0xC3, 0xA9, 0x41)] + ["\u2581"] + [chr(b) for b in range(ord("a"), ord("z") + 1)] + [".", ","]
        pairs = ["\u2581t", "he", "\u2581the", "in", "an", "\u2581a", "\u2581and", "er", "on", "\u2581w"]
        scores = [0.0] * 7 + [-1000.0 - i for i in range(len(tokens) - 7)] + [-float(i) for i in range(len(pairs))]
        tokens += pairs
        types = [2, 3, 3] + [6] * 4 + [1] * (len(tokens) - 7)
        fill = VOCAB - len(tokens)
        tokens += ["<unused%d>" % i for i in range(fill)]
        w.add_tokenizer_model("llama")
        w.add_tokenizer_pre("default")
        w.add_token_list(tokens)
        w.add_token_scores(scores + [-2000.0] * fill)
        w.add_token_types(types + [5] * fill)
        w.add_unk_token_id(0)
    w.add_bos_token_id(0 if kind == "gpt2" else 1)
    w.add_eos_token_id(1 if kind == "gpt2" else 2)


def make(name, case, out):
    os.makedirs(out, exist_ok=True)
    torch.manual_seed(sum(map(ord, name)))
    cfg = case.config
    cfg._attn_implementation = "eager"
    model = transformers.AutoModelForCausalLM.from_config(cfg, attn_implementation="eager").float().eval()
    with torch.no_grad():
        for n, p in model.named_parameters():
            if p.dim() == 1:
                p.copy_(torch.randn_like(p) * 0.3 + (1 if "norm" in n.lower() or "ln_" in n else 0) * (n.endswith("weight") and "emma" not in name))
            else:
                p.copy_(torch.randn_like(p) * 1.5 / p.shape[-1] ** 0.5)
    file = out + "/model.gguf"
    w = gguf.GGUFWriter(file, gguf.MODEL_ARCH_NAMES[case.arch])
    w.add_name("tiny " + name)
    k = case.keys
    layers = k.get("layers", LAYERS)
    w.add_context_length(cfg.max_position_embeddings)
    w.add_embedding_length(HIDDEN)
    w.add_block_count(layers)
    w.add_feed_forward_length(WIDTH)
    w.add_head_count(HEADS)
    if case.arch not in (A.GPT2, A.GPTNEOX):
        w.add_head_count_kv(1 if "deepseek" in k else getattr(cfg, "num_key_value_heads", HEADS))
    if case.arch in (A.GPT2, A.GPTNEOX, A.STARCODER2, A.STABLELM):
        w.add_layer_norm_eps(getattr(cfg, "layer_norm_epsilon", getattr(cfg, "layer_norm_eps", getattr(cfg, "norm_epsilon", None))))
    else:
        w.add_layer_norm_rms_eps(cfg.rms_norm_eps)
    if case.arch != A.GPT2:
        rp = getattr(cfg, "rope_parameters", None) or {}
        rp = rp.get("full_attention", rp)
        w.add_rope_freq_base(float(rp.get("rope_theta", 10000.0)))
    head = k.get("key_length", HIDDEN // HEADS)
    if "key_length" in k:
        w.add_key_length(head)
        w.add_value_length(head)
    if case.arch not in (A.GPT2, A.DEEPSEEK2) and not name.startswith("gemma"):
        w.add_rope_dimension_count(k.get("rope_dims", head))
    if case.arch == A.GPTNEOX:
        w.add_parallel_residual(True)
    if "experts" in k:
        w.add_expert_count(k["experts"])
        w.add_expert_used_count(k["used"])
    if "expert_width" in k:
        w.add_expert_feed_forward_length(k["expert_width"])
    if "shared_width" in k:
        w.add_expert_shared_feed_forward_length(k["shared_width"])
    if "window" in k:
        w.add_sliding_window(k["window"])
    if "caps" in k:
        w.add_attn_logit_softcapping(cfg.attn_logit_softcapping)
        w.add_final_logit_softcapping(cfg.final_logit_softcapping)
    if "granite" in k:
        w.add_attention_scale(cfg.attention_multiplier)
        w.add_embedding_scale(cfg.embedding_multiplier)
        w.add_residual_scale(cfg.residual_multiplier)
        w.add_logit_scale(cfg.logits_scaling)
    if "deepseek" in k:
        w.add_kv_lora_rank(32)
        w.add_key_length(32 + 8)
        w.add_value_length(32)
        w.add_key_length_mla(16)
        w.add_value_length_mla(12)
        w.add_rope_dimension_count(8)
        w.add_leading_dense_block_count(1)
        w.add_expert_shared_count(1)
        w.add_expert_weights_scale(1.5)
        w.add_expert_weights_norm(False)
        w.add_expert_gating_func(gguf.ExpertGatingFuncType.SOFTMAX)
    tokenizer(w, case.tokens, case.pre)
    w.add_vocab_size(VOCAB)

    names = gguf.get_tensor_name_map(case.arch, layers)
    state = {n: p.detach().numpy() for n, p in model.state_dict().items()}
    if getattr(cfg, "tie_word_embeddings", False):
        state = {n: v for n, v in state.items() if n not in ("lm_head.weight", "embed_out.weight")}
    # transformers 5 holds experts stacked; published files do not.
    flat = {}
    for n, v in state.items():
        m = re.match(r"(.*\.experts)\.(gate_up_proj|down_proj)$", n)
        if m:
            for e in range(v.shape[0]):
                if m[2] == "down_proj":
                    flat[f"{m[1]}.{e}.down_proj.weight"] = v[e]
                else:
                    half = v.shape[1] // 2
                    flat[f"{m[1]}.{e}.gate_proj.weight"] = v[e][:half]
                    flat[f"{m[1]}.{e}.up_proj.weight"] = v[e][half:]
        else:
            flat[n] = v
    stacks, back = {}, {}
    if name == "llama3-factors":
        inv = model.model.rotary_emb.inv_freq.numpy()
        plain = 1.0 / (10000.0 ** (np.arange(0, head, 2, dtype=np.float32) / head))
        w.add_tensor("rope_freqs.weight", (plain / inv).astype(np.float32), raw_dtype=Q.F32)

    def put(gg, value, remember):
        value = np.ascontiguousarray(value, dtype=np.float32)
        if value.ndim >= 2 and value.shape[-1] % 32 == 0 and "ffn_gate_inp" not in gg:
            data = gguf.quants.quantize(value, Q.Q8_0)
            w.add_tensor(gg, data, raw_dtype=Q.Q8_0)
            remember(gguf.quants.dequantize(data, Q.Q8_0).reshape(value.shape))
        else:
            w.add_tensor(gg, value, raw_dtype=Q.F32)
            remember(value)

    stored = {}
    for n, v in flat.items():
        for m, x in case.change(n, v).items():
            e = re.match(r"(.*)\.experts\.(\d+)\.(\w+)\.weight$", m)
            if e:
                stacks.setdefault((e[1], e[3]), {})[int(e[2])] = x
                continue
            if m.endswith("shared_expert_gate.weight"):
                x = x.reshape(-1)
            gg = names.get_name(m, try_suffixes=(".weight", ".bias"))
            assert gg, (name, m)
            put(gg, x, lambda y, m=m: stored.__setitem__(m, y))
    for (p, which), parts in stacks.items():
        m = f"{p}.experts.{which}.weight"
        gg = names.get_name(m, try_suffixes=(".weight",)) or names.get_name(f"{p}.experts.{dict(w1='gate_proj', w2='down_proj', w3='up_proj')[which]}.weight", try_suffixes=(".weight",))
        assert gg, (name, m)
        put(gg, np.stack([parts[i] for i in range(len(parts))]), lambda y, m=m: stored.__setitem__(m, y))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()

    # The stored values, put back into the model: each change undone by searching for the inverse on a tensor of positions.
    with torch.no_grad():
        for n, p in model.state_dict().items():
            m = re.match(r"(.*)\.experts\.(gate_up_proj|down_proj)$", n)
            if m:
                if m[2] == "down_proj":
                    p.copy_(torch.from_numpy(stored[m[1] + ".experts.down_proj.weight"]))
                else:
                    p.copy_(torch.from_numpy(np.concatenate([stored[m[1] + ".experts.gate_proj.weight"], stored[m[1] + ".experts.up_proj.weight"]], 1)))
                continue
            if n not in flat:
                continue
            v = flat[n]
            if n.endswith("kv_b_proj.weight") and "deepseek" in k:
                kb = stored[n.replace("kv_b_proj", "k_b_proj")].swapaxes(1, 2)
                vb = stored[n.replace("kv_b_proj", "v_b_proj")]
                p.copy_(torch.from_numpy(np.concatenate([kb, vb], 1).reshape(v.shape).copy()))
                continue
            x = stored[n].reshape(v.shape if not (name == "gpt2" and v.ndim == 2) else stored[n].shape)
            if name.startswith("gemma") and n.endswith("norm.weight"):
                x = x - 1
            elif case.change is gpt2 and re.search(r"(c_attn|c_proj|c_fc)\.weight$", n):
                x = x.T
            elif case.change in (llama, neox):
                # A permutation of rows: find where each row went.
                places = list(case.change(n, np.arange(v.shape[0], dtype=np.float64).reshape(-1, *[1] * (v.ndim - 1)) * np.ones_like(v, dtype=np.float64)).values())[0]
                order = places.reshape(v.shape[0], -1)[:, 0].astype(int)
                y = np.empty_like(x)
                y[order] = x
                x = y
            p.copy_(torch.from_numpy(np.ascontiguousarray(x)))
    ids = torch.tensor([[0, 5, 33, 17, 60, 2, 2, 41, 9, 28, 50, 12]])
    with torch.no_grad():
        o = model(ids, output_hidden_states=True, output_attentions=True, use_cache=False)
    golden = {"p0.input_ids": ids[0].numpy(), "p0.logits": o.logits[0].numpy(),
              "p0.attentions": torch.stack(o.attentions)[:, 0].numpy(), "p1.input_ids": ids[0].numpy()}
    save_file({a: np.ascontiguousarray(b) for a, b in golden.items()}, out + "/golden.safetensors")
    apart = None
    if case.reads:
        other = transformers.AutoModelForCausalLM.from_pretrained(out, gguf_file="model.gguf", dtype=torch.float32, attn_implementation="eager",
                                                                     **(case.reads if isinstance(case.reads, dict) else {})).eval()
        with torch.no_grad():
            apart = float((other(ids).logits - o.logits).abs().max())
        print(name, "transformers reads the file; logits differ by", apart)
    scaled = dict(kind="scaled", tol=2e-4)
    json.dump(dict(case="gguf-" + name, kind="model", description="GGUF of architecture %s, matrices as Q8_0" % gguf.MODEL_ARCH_NAMES[case.arch], model_type=cfg.model_type,
                   library_reader_max_logit_difference=apart, versions=dict(torch=torch.__version__, transformers=transformers.__version__, gguf="0.19.0"),
                   tensors={"p0.input_ids": dict(tolerance=dict(kind="exact")), "p1.input_ids": dict(tolerance=dict(kind="exact")), "p0.logits": dict(tolerance=scaled),
                            "p0.attentions": dict(tolerance=dict(kind="absolute", tol=1e-5))}), open(out + "/golden.json", "w"), indent=1)
    print(name, os.path.getsize(file), os.path.getsize(out + "/golden.safetensors"))


if __name__ == "__main__":
    a = argparse.ArgumentParser()
    a.add_argument("--out", required=True)
    a.add_argument("--only", nargs="*")
    a = a.parse_args()
    if not a.only or "blocks" in a.only:
        blocks(a.out + "/gguf-blocks")
    for name, case in cases():
        if not a.only or name in a.only:
            try:
                make(name, case, a.out + "/gguf-" + name)
            except Exception as e:
                print(name, "FAILED", repr(e)[:300], flush=True)
