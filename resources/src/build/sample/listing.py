"""The list of samples that the program reads, `samples.properties`: every recipe writes the lines of its own sample."""

import pathlib

FILE = pathlib.Path(__file__).parents[2] / "main/resources/vitrine/samples/samples.properties"
HEAD = "# Written by the recipe (resources/src/build/sample). The same prompts stand in prompts.json beside the checkpoints."
# The one to show first in front.
ORDER = ["little-stories", "little-experts", "little-letters"]


def _escaped(value):
    return str(value).replace("\\", "\\\\").replace("\n", "\\n")


def write(sample, facts, prompts):
    """Puts a sample's facts, in their order, and its prompts in place of what stood there of it."""
    known = [line for line in FILE.read_text().splitlines() if "=" in line and not line.startswith(("#", "samples=", sample + "."))]
    lines = [f"{sample}.{key}={_escaped(value)}" for key, value in facts.items()]
    if prompts:
        lines.append(f"{sample}.prompts={','.join(p['name'] for p in prompts)}")
        lines += [f"{sample}.prompt.{p['name']}.{key}={_escaped(p[key])}" for p in prompts for key in ("title", "text", "look", "layer", "head")]
    all_lines = known + lines
    there = [name for name in ORDER if any(line.startswith(name + ".") for line in all_lines)]
    FILE.write_text("\n".join([HEAD, "samples=" + ",".join(there)] + [line for name in there for line in all_lines if line.startswith(name + ".")]) + "\n")
