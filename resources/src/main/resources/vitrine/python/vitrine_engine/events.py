"""Events: one JSON object a line on standard output, which carries nothing else."""

import json
import math
import os
import sys
import threading
import time

from .refusals import Cancelled

HEARTBEAT_SECONDS = 5
PROGRESS_SECONDS = 0.1


class Events:
    """Takes standard output for itself: what libraries print goes to standard error."""

    def __init__(self):
        sys.stdout.flush()
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
        os.dup2(2, 1)
        self._lock = threading.Lock()

    def say(self, event, **fields):
        line = json.dumps({"event": event, **fields}, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
        with self._lock:
            self._out.write(line + "\n")
            self._out.flush()

    def beat(self):
        """Heartbeats from a thread of their own, until the process ends."""
        def forever():
            while True:
                time.sleep(HEARTBEAT_SECONDS)
                self.say("heartbeat")
        threading.Thread(target=forever, name="heartbeat", daemon=True).start()


class Silent:
    """Where the events of a process go to whom nobody listens: all ranks of a distributed run but the first."""

    def say(self, event, **fields):
        pass

    def beat(self):
        pass


class Reporter:
    """What a task says while it runs, and how it learns that it was given up."""

    def __init__(self, events, id, cancelled):
        self._events = events
        self._id = id
        self._cancelled = cancelled
        self._said = 0.0
        self.warnings = []

    def check_cancelled(self):
        if self._cancelled():
            raise Cancelled()

    def progress(self, done, total, unit):
        self.check_cancelled()
        now = time.monotonic()
        if now - self._said > PROGRESS_SECONDS or done == total:
            self._said = now
            self._events.say("progress", id=self._id, done=int(done), total=int(total), unit=unit)

    def warn(self, message):
        self.warnings.append(message)
        self._events.say("warning", id=self._id, message=message)

    def metric(self, step, figures):
        self._events.say("metric", id=self._id, step=step, **{
            name: value if isinstance(value, int) or math.isfinite(value) else None for name, value in figures.items()})

    def log(self, message):
        self._events.say("log", id=self._id, message=message)

    def stage(self, file, seconds):
        """Native code begins to work on a file that came from elsewhere."""
        self._events.say("stage", id=self._id, file=str(file), seconds=int(seconds))

    def stage_over(self):
        self._events.say("stage", id=self._id)
