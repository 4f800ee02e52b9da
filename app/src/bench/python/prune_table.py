#!/usr/bin/env python3
"""Prunes a checkpoint by every method at several sparsities and prints the table of docs/benchmarks.md: perplexity, size, speed.

    python app/src/bench/python/prune_table.py VITRINE MODEL CALIBRATION HELD_OUT [SPARSITY ...] [METHOD ...]

VITRINE is the command. Methods that are named are the only ones that run. Needs nothing but Python; the runs go into a folder that is removed afterwards.
"""
import json
import os
import subprocess
import sys
import tempfile

METHODS = [("magnitude", []), ("wanda", []), ("wanda", ["--propagation", "sequential"]), ("wanda", ["--allocation", "owl"]), ("wanda", ["--allocation", "dlp"]),
           ("sparsegpt", ["--propagation", "sequential"]), ("svd", []), ("whitened_svd", []), ("swift_svd", ["--allocation", "dynamic"]),
           ("taylor", ["--parts", "channels"]), ("slimgpt", ["--parts", "channels"]), ("heads", []), ("shortgpt", []),
           ("dha", []), ("dha", ["--uneven"]), ("masa", [])]


def main():
    command, model, calibration, held = sys.argv[1:5]
    only = [s for s in sys.argv[5:] if s in dict(METHODS)]
    shares = [float(s) for s in sys.argv[5:] if s not in only] or [0.3, 0.5, 0.7]
    print("| method | share asked for | of prunable weights | parameters | bytes on disk | perplexity | KL, nats | tokens/s against dense |\n| --- | --- | --- | --- | --- | --- | --- | --- |")
    dense = None
    with tempfile.TemporaryDirectory() as folder:
        for method, options in [m for m in METHODS if not only or m[0] in only]:
            for share in shares:
                out = os.path.join(folder, "out")
                run = subprocess.run([command, "prune", "--model", model, "--method", method, "--sparsity", str(share), *options, "--data", calibration, "--eval-data", held, "--sequence-length", "256", "--calibration-sequences", "64", "--threads", "1",
                                      "--json", "--out", out], capture_output=True, text=True, env=dict(os.environ, VITRINE_HOME=os.path.join(folder, "home")))
                if run.returncode:
                    raise SystemExit(run.stdout + run.stderr)
                r = json.loads(run.stdout.strip().splitlines()[-1])
                s, e = r["sparsity"], r["evaluations"][0]
                dense = e["dense"]["perplexity"]
                gone = s.get("factorised_of_prunable", s["of_prunable"])
                print(f"| {' '.join([method, *options])} | {share:.0%} | {gone:.1%} | {s.get('factorised_parameters', s['parameters']):,}{' as factors' if 'factorised_parameters' in s else ''} | {s['bytes']:,} "
                      f"| {e['pruned']['perplexity']:.3f} | {e['kl']:.3f} | {r['speed']['pruned_tokens_per_second'] / r['speed']['dense_tokens_per_second']:.2f} |", flush=True)
                subprocess.run(["rm", "-r", out], check=True)
        print(f"\ndense: perplexity {dense:.3f} over {e['predicted_tokens']:,} tokens in pieces of {e['sequence_length']}; {s['parameters_before']:,} parameters, {s['bytes_before']:,} bytes; text {e['text_hash']}")


if __name__ == "__main__":
    main()
