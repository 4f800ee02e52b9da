"""What a GPU is doing, by NVIDIA's own program, once a second and beside the training; where there is no such program, nothing is said."""

import math
import subprocess
import threading

FIELDS = (("gpu_load_percent", "utilization.gpu"), ("gpu_used_bytes", "memory.used"), ("gpu_total_bytes", "memory.total"), ("gpu_celsius", "temperature.gpu"),
          ("gpu_watts", "power.draw"))
MEBI = 1 << 20


class Meter:
    """Reads what a device of torch's does, until it is closed."""

    def __init__(self, device, program="nvidia-smi"):
        self._newest, self._process = {}, None
        try:
            self._process = subprocess.Popen([program, "--id=" + name_of(device), "--query-gpu=" + ",".join(query for _, query in FIELDS), "--format=csv,noheader,nounits", "--loop-ms=1000"],
                                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8", errors="replace")
        except OSError:
            return
        threading.Thread(target=self._read, name="gpu meter", daemon=True).start()

    def take(self):
        """The newest figures that nobody has taken yet."""
        newest, self._newest = self._newest, {}
        return newest

    def close(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _read(self):
        for line in self._process.stdout:
            self._newest = parsed(line) or self._newest


def parsed(line):
    """The figures of a line; what a GPU does not tell ("[N/A]") is not among them."""
    parts, out = line.split(","), {}
    if len(parts) != len(FIELDS):
        return out
    for (name, _), text in zip(FIELDS, parts):
        try:
            value = float(text)
        except ValueError:
            continue
        if math.isfinite(value):
            out[name] = value * MEBI if name.endswith("_bytes") else value
    return out


def name_of(device):
    """How the driver calls a device of torch's, whatever CUDA_VISIBLE_DEVICES says."""
    import torch
    properties = torch.cuda.get_device_properties(device)
    return "GPU-%s" % properties.uuid if hasattr(properties, "uuid") else str(device.index or 0)
