"""Figures of SOLAR storage, computed apart from Vitrine: `python solar_figures.py REFERENCE_FOLDER` prints what AdapterSolarTest expects.

The bases are orth([U_m, U_m + eps N]) with N from SplitMix64 and Box-Muller, left before right, row by row; numpy 2 and safetensors, float64.
"""
import json
import math
import sys

import numpy as np
from safetensors.numpy import load_file

M, EPS, SEED, SHARE = 8, 0.1, 7, 0.25


def gaussians(seed):
    state, mask = seed, (1 << 64) - 1

    def bits():
        nonlocal state
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = state
        z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ z >> 27) * 0x94D049BB133111EB) & mask
        return z ^ z >> 31

    while True:
        u = ((bits() >> 11) + 1) * 2.0**-53
        v = (bits() >> 11) * 2.0**-53
        r = math.sqrt(-2 * math.log(u))
        yield r * math.cos(2 * math.pi * v)
        yield r * math.sin(2 * math.pi * v)


def basis(u, random):
    noise = np.array([next(random) for _ in range(u.size)]).reshape(u.shape)
    both = np.concatenate([u, u + EPS * noise], axis=1)[:, :min(2 * u.shape[1], u.shape[0])]
    return np.linalg.qr(both)[0]


def main(root):
    adapter = f"{root}/lora-llama"
    config = json.load(open(f"{adapter}/adapter_config.json"))
    tensors = load_file(f"{adapter}/adapter_model.safetensors")
    base = load_file(f"{root}/llama-gqa/model.safetensors")
    s = config["lora_alpha"] / config["r"]
    everything, total, values = [], 0, 0
    for name in tensors:
        if ".lora_A." not in name:
            continue
        a, b = tensors[name].astype(float), tensors[name.replace(".lora_A.", ".lora_B.")].astype(float)
        delta = s * b @ a
        w = base[name.replace("base_model.model.", "").replace(".lora_A.weight", ".weight")].astype(float)
        u, _, vt = np.linalg.svd(w, full_matrices=False)
        random = gaussians(SEED)
        p = basis(u[:, :M], random)
        q = basis(vt[:M].T, random)
        z = p.T @ delta @ q
        everything.append((name, z, np.sum(delta**2)))
        total += np.sum(delta**2)
        values += a.size + b.size
    squares = np.sort(np.concatenate([(z**2).ravel() for _, z, _ in everything]))[::-1]
    kept = min(int(SHARE * values), squares.size)
    print("values of factors", values, "coefficients", squares.size, "kept", kept)
    print("relative error", repr(math.sqrt(1 - squares[:kept].sum() / total)), "with all", repr(math.sqrt(1 - squares.sum() / total)))
    name, z, own = everything[0]
    print(name, "largest", repr(float(np.abs(z).max())), "share in the bases", repr(float(np.sum(z**2) / own)))


main(sys.argv[1])
