"""Files that appear whole or not at all, and fingerprints of files."""

import hashlib
import os
import re
import secrets
import shutil
import stat

STAGING = re.compile(r"\.(.+)\.(\d+)-([0-9a-f]+)\.partial")
STAGED_NAME = 40

WHOLE_BYTES = 32 << 20
HEAD_BYTES = 1 << 20
BLOCKS = 64
BLOCK_BYTES = 4096


class WholeFolder:
    """A folder that gets its name when everything in it is on the disk.

        with WholeFolder(target) as out:
            write(out.staging)
            out.commit()
    """

    def __init__(self, target):
        self.target = os.path.abspath(target)
        parent, name = os.path.split(self.target)
        os.makedirs(parent, exist_ok=True)
        self.staging = os.path.join(parent, ".%s.%d-%s.partial" % (name[:STAGED_NAME], os.getpid(), secrets.token_hex(5)))
        self._committed = False

    def __enter__(self):
        os.makedirs(self.staging)
        return self

    def commit(self):
        """Forces everything to the disk and renames; the target is as it was where that fails."""
        for folder, _, names in os.walk(self.staging, topdown=False):
            for name in names:
                force(os.path.join(folder, name))
            force(folder)
        if os.path.isdir(self.target):
            os.rmdir(self.target)
        os.rename(self.staging, self.target)
        self._committed = True
        force(os.path.dirname(self.target))

    def __exit__(self, *failure):
        if not self._committed:
            shutil.rmtree(self.staging, ignore_errors=True)


def force(path):
    """Forces a file or folder to the disk; Windows knows no such thing of folders."""
    folder = os.path.isdir(path)
    if folder and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY if folder or os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_leftovers(parent):
    """Removes what ended processes left in a folder under staging names."""
    if not os.path.isdir(parent):
        return
    for name in os.listdir(parent):
        match = STAGING.fullmatch(name)
        if match and not alive(int(match.group(2))):
            shutil.rmtree(os.path.join(parent, name), ignore_errors=True)


def alive(pid):
    if os.name == "nt":
        return True         # signal 0 would end it there: leave the folder to Vitrine, which knows processes
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def fingerprint(path):
    """A short text that changes when a file does: the same as Vitrine's own (core.artifact.Fingerprint)."""
    try:
        status = os.stat(path)
    except OSError:
        return "absent"
    if not stat.S_ISREG(status.st_mode):
        return "unreadable"
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        if status.st_size <= WHOLE_BYTES:
            for part in iter(lambda: file.read(1 << 20), b""):
                digest.update(part)
            return "sha256:" + digest.hexdigest()
        digest.update(status.st_size.to_bytes(8, "big") + (status.st_mtime_ns // 1_000_000).to_bytes(8, "big"))
        digest.update(file.read(HEAD_BYTES))
        for block in range(BLOCKS):
            file.seek(HEAD_BYTES + (status.st_size - HEAD_BYTES - BLOCK_BYTES) // BLOCKS * block)
            digest.update(file.read(BLOCK_BYTES))
    return "sampled:" + digest.hexdigest()
