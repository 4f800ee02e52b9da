"""What this Python has, as one line of JSON on standard output: for Vitrine, which looks at every Python that it finds. With --quick
versions only: loading torch to see its devices takes seconds.

Uses nothing outside the standard library until it is known to be there, and runs on Pythons that are too old for the engine.
"""

import json
import os
import sys

NEEDED = (("torch", "2.4"), ("transformers", "5.0"), ("peft", "0.15"), ("safetensors", "0.4"), ("tokenizers", "0.20"), ("numpy", "1.26"))
OLDEST = (3, 10)


def numbers(version):
    out = []
    for part in version.split("+")[0].split("."):
        digits = ""
        for c in part:
            if not c.isdigit():
                break
            digits += c
        out.append(int(digits or 0))
    return out


def versions():
    """Versions of what the engine needs, and one line about what is missing or too old (or None)."""
    try:
        from importlib.metadata import PackageNotFoundError, version
    except ImportError:
        return {}, "Python %d.%d is too old; the engine needs %d.%d" % (sys.version_info[:2] + OLDEST)
    found, missing, old = {}, [], []
    for name, least in NEEDED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            missing.append(name)
            continue
        if numbers(found[name])[:2] < numbers(least):
            old.append("%s %s (needs %s)" % (name, found[name], least))
    problems = []
    if sys.version_info[:2] < OLDEST:
        problems.append("Python %d.%d is too old; the engine needs %d.%d" % (sys.version_info[:2] + OLDEST))
    if missing:
        problems.append("missing: " + ", ".join(missing))
    if old:
        problems.append("too old: " + ", ".join(old))
    return found, "; ".join(problems) or None


def devices():
    """The devices that torch can compute on, with their memory."""
    import torch
    out = [{"name": "cpu", "description": "%d threads" % (os.cpu_count() or 1)}]
    if torch.cuda.is_available():
        for i in range(torch.cuda.device_count()):
            p = torch.cuda.get_device_properties(i)
            entry = {"name": "cuda:%d" % i, "description": p.name, "memory_bytes": p.total_memory}
            try:
                entry["free_bytes"] = torch.cuda.mem_get_info(i)[0]
            except RuntimeError:
                pass        # a GPU that others have for themselves says nothing of its memory
            out.append(entry)
    return out


def main():
    quiet = os.dup(1)
    os.dup2(2, 1)
    found, problem = versions()
    answer = {"python": ".".join(str(n) for n in sys.version_info[:3]), "executable": sys.executable, "packages": found, "problem": problem, "devices": []}
    if problem is None and "--quick" not in sys.argv:
        try:
            answer["devices"] = devices()
        except Exception as failure:        # a torch that does not load: its libraries do not fit the machine
            answer["problem"] = "torch does not load: " + " ".join(str(failure).split())[:200]
    os.write(quiet, (json.dumps(answer) + "\n").encode())


if __name__ == "__main__":
    main()
