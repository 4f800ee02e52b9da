"""Serves requests: one JSON object a line on standard input, tasks one after the other, exactly one ending for each."""

import json
import os
import queue
import sys
import threading
import traceback

from .events import Reporter
from .refusals import Cancelled, Refusal


class Worker:

    def __init__(self, events, runner):
        self._events = events
        self._runner = runner
        self._cancelled = set()
        self._tasks = queue.Queue()

    def serve(self):
        """Serves until `stop` or the end of the input, and ends the process then, whatever runs: nobody listens any more."""
        threading.Thread(target=self._work, name="task", daemon=True).start()
        for line in sys.stdin.buffer:
            try:
                request = json.loads(line)
                kind = request.get("request")
            except (ValueError, AttributeError):
                print("not a request", file=sys.stderr)
                continue
            if kind == "run":
                self._tasks.put(request)
            elif kind == "cancel":
                self._cancelled.add(request.get("id"))
            elif kind == "stop":
                break
            else:
                print("unknown request", kind, file=sys.stderr)
        sys.stderr.flush()
        os._exit(0)

    def _work(self):
        while True:
            request = self._tasks.get()
            self.run(request.get("id"), request.get("task"), request.get("artifact"))
            self._cancelled.discard(request.get("id"))

    def run(self, id, task, artifact):
        """Runs a task; says its end and returns the exit code that a batch job has for it."""
        reporter = Reporter(self._events, id, lambda: id in self._cancelled)
        try:
            if not isinstance(artifact, str):
                raise Refusal("task-invalid", None, "the request has no artifact: it does not say where the result belongs")
            reporter.check_cancelled()
            summary = self._runner.run(task, artifact, reporter)
            self._events.say("result", id=id, artifact=artifact, summary=summary)
            return 0
        except Refusal as refusal:
            where = {} if refusal.file is None else {"file": refusal.file}
            self._events.say("error", id=id, category=refusal.category, message=refusal.message, **where)
            return 2
        except Cancelled:
            self._events.say("cancelled", id=id)
            return 1
        except MemoryError:
            self._events.say("fault", id=id, message="Memory ran out.")
        except OSError as failure:
            traceback.print_exc()
            self._events.say("fault", id=id, message="The result could not be written: %s." % one_line(failure.strerror or failure))
        except BaseException as failure:        # whatever a library throws: without a word the task would seem to run for ever
            traceback.print_exc()
            self._events.say("fault", id=id, message=explain(failure))
        finally:
            self._runner.tidy()
        return 1


def one_line(text):
    return " ".join(str(text).split())[:300]


def explain(failure):
    """A sentence about a failure that was not foreseen."""
    if type(failure).__name__ == "OutOfMemoryError":
        return "The GPU ran out of memory: %s" % one_line(str(failure).split(". ")[0])
    if "can't allocate memory" in str(failure):
        return "Memory ran out: %s" % one_line(failure)
    return "%s: %s" % (type(failure).__name__, one_line(failure))
