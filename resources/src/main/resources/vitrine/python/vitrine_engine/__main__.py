"""The engine's process; see the package."""

import argparse
import json
import os
import sys
from importlib.metadata import version

from . import ENGINE, PROTOCOL, VERSION
from .events import Events, Silent


def arguments():
    parser = argparse.ArgumentParser(prog="python -m vitrine_engine", description="Vitrine's pytorch engine.")
    parser.add_argument("--device", default="auto", help="cpu, cuda:N or auto: the first GPU, else the CPU")
    parser.add_argument("--threads", type=int, default=0, help="threads that compute on the CPU; 0 for all cores")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"),
                        help="what the model computes in; trained values are float32 in either")
    parser.add_argument("--compile", action="store_true", help="torch.compile the model for training")
    parser.add_argument("--task", help="run the task in this file and end, instead of serving requests")
    parser.add_argument("--artifact", help="where that task's result belongs")
    return parser.parse_args()


def main():
    # Nothing is fetched, nothing is reported anywhere: said before any library is loaded.
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", DO_NOT_TRACK="1",
                      TRANSFORMERS_VERBOSITY="error", TOKENIZERS_PARALLELISM="false", HF_HUB_DISABLE_PROGRESS_BARS="1")
    args = arguments()
    if (args.task is None) != (args.artifact is None):
        sys.exit("--task and --artifact go together")
    rank = int(os.environ.get("RANK", "0"))
    events = Events() if rank == 0 else Silent()

    # Heartbeats begin before torch is loaded, which can take a minute where the disk is slow.
    events.say("hello", protocol=PROTOCOL, engine=ENGINE, version=VERSION, threads=args.threads or os.cpu_count() or 1, device=args.device, dtype=args.dtype,
               python=sys.version.split()[0], **{name: version(name) for name in ("torch", "transformers", "peft")})
    events.beat()
    from .runner import Runner
    from .worker import Worker
    runner = Runner(args.device, args.threads, args.dtype, args.compile)
    worker = Worker(events, runner)
    if args.task is None:
        worker.serve()
    with open(args.task, encoding="utf-8") as file:
        task = json.load(file)
    code = worker.run(1, task, os.path.abspath(args.artifact))
    runner.close()
    sys.exit(code)


if __name__ == "__main__":
    main()
