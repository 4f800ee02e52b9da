#!/usr/bin/env python3
"""Prunes a checkpoint by every method at several sparsities and prints the table of docs/benchmarks.md: perplexity, size, speed.

    prune_table.py VITRINE MODEL CALIBRATION HELD_OUT [--shares 0.3 0.5 0.7] [--methods NAME ...] [--against FILE] [--experts 6 4 ...]

VITRINE is the command. With --experts the methods for mixtures, by how many experts of a layer stay, instead of the others. Needs nothing but Python; the runs go into a folder that is removed afterwards.
"""
import argparse
import json
import os
import shutil
import subprocess
import tempfile

METHODS = [("magnitude", []), ("wanda", []), ("wanda", ["--propagation", "sequential"]), ("wanda", ["--allocation", "owl"]), ("wanda", ["--allocation", "dlp"]), ("sparsegpt", []),
           ("sparsegpt", ["--propagation", "sequential"]), ("svd", []), ("whitened_svd", []), ("swift_svd", []), ("swift_svd", ["--allocation", "dynamic"]), ("lorap", []),
           ("taylor", []), ("taylor", ["--parts", "channels"]), ("slimgpt", []), ("slimgpt", ["--parts", "channels"]), ("heads", []), ("shortgpt", []), ("swift_skip", []),
           ("dha", []), ("dha", ["--uneven"]), ("masa", [])]
OF_MIXTURES = [("experts", ["--criterion", "frequency"]), ("experts", ["--criterion", "saliency"]), ("submoe", [])]
FORMS = {"dha": "fused heads", "masa": "shared matrices"}


def main():
    parser = argparse.ArgumentParser()
    for name in ("command", "model", "calibration", "held"):
        parser.add_argument(name)
    parser.add_argument("--shares", nargs="+", default=["0.3", "0.5", "0.7"])
    parser.add_argument("--methods", nargs="+")
    parser.add_argument("--against")
    parser.add_argument("--experts", nargs="+")
    args = parser.parse_args()
    methods = OF_MIXTURES if args.experts else METHODS + ([("contrastive", ["--against", args.against])] if args.against else [])
    amounts = [("--experts", n, n + " experts") for n in args.experts] if args.experts else [("--sparsity", s, "%.0f %%" % (100 * float(s))) for s in args.shares]
    print("| method | asked for | of prunable weights | parameters | bytes on disk | perplexity | KL, nats | speed, of dense |\n| --- | --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for method, options in [m for m in methods if not args.methods or m[0] in args.methods]:
            for option, amount, asked in amounts:
                out = os.path.join(folder, "out")
                run = subprocess.run([args.command, "prune", "--model", args.model, "--method", method, option, amount, *options, "--data", args.calibration, "--eval-data", args.held,
                                      "--sequence-length", "256", "--calibration-sequences", "64", "--threads", "1", "--json", "--out", out],
                                     stdout=subprocess.PIPE, text=True, env=dict(os.environ, VITRINE_HOME=os.path.join(folder, "home")))
                if run.returncode:
                    print("| %s | %s | refused |" % (" ".join([method, *options]), asked), flush=True)
                    continue
                r = json.loads(run.stdout.strip().splitlines()[-1])
                s, e = r["sparsity"], r["evaluations"][0]
                as_factors = s.get("factorised_parameters", s["parameters"]) != s["parameters"]
                print("| %s | %s | %.1f %% | %s%s | %s | %.3f | %.3f | %.2f |" % (
                    ", ".join([method] + [o.removeprefix("--") for o in options if o != args.against and o not in ("--propagation", "--allocation", "--parts", "--criterion")]), asked,
                    100 * s.get("factorised_of_prunable", s["of_prunable"]), "{:,}".format(s["factorised_parameters"] if as_factors else s["parameters"]),
                    " as " + FORMS.get(method, "factors") if as_factors else "", "{:,}".format(s["bytes"]), e["pruned"]["perplexity"], e["kl"],
                    r["speed"]["pruned_tokens_per_second"] / r["speed"]["dense_tokens_per_second"]), flush=True)
                shutil.rmtree(out)
    print("\ndense: perplexity %.3f over %s tokens in pieces of %d; %s parameters, %s bytes; text %s" % (
        e["dense"]["perplexity"], "{:,}".format(e["predicted_tokens"]), e["sequence_length"], "{:,}".format(s["parameters_before"]), "{:,}".format(s["bytes_before"]), e["text_hash"]))


if __name__ == "__main__":
    main()
