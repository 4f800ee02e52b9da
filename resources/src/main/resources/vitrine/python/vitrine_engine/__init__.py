"""Vitrine's `pytorch` engine: a process that runs tasks on torch, transformers and peft as they are published.

    python -m vitrine_engine --device auto --threads 4        requests on standard input, events on standard output
    python -m vitrine_engine --task FILE --artifact FOLDER    one task, as a batch job runs it
    python -m vitrine_engine.probe                            what this Python has, as one line of JSON

The protocol is described in docs/protocol.md of Vitrine. Nothing is fetched, and no code that lies beside a checkpoint is run.
"""

ENGINE = "pytorch"
VERSION = "1"       # changes when results do: Vitrine takes results of another version for unknown
PROTOCOL = 1
