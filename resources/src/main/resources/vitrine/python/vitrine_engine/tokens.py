"""A checkpoint's tokenizer, by the library that Vitrine's embedded engine uses as well, and legible texts of tokens."""

import json
import os
import re

from .refusals import Refusal

BASE_SECONDS = 8
SECONDS_PER_MEGABYTE_OF_FILE = 10
SECONDS_PER_MILLION_CHARACTERS = 60
MAX_SECONDS = 24 * 3600


class Token:
    __slots__ = ("id", "text", "start", "end", "special")

    def __init__(self, id, text, start, end, special):
        self.id, self.text, self.start, self.end, self.special = id, text, start, end, special

    def json(self):
        out = {"id": self.id, "text": self.text}
        if self.start >= 0:
            out.update(start=self.start, end=self.end)
        if self.special:
            out["special"] = True
        return out


class Tokenizer:

    def __init__(self, checkpoint):
        from tokenizers import Tokenizer as Library
        self.file = checkpoint.tokenizer_file
        if not os.path.exists(self.file):
            raise Refusal("tokenizer-missing", checkpoint.path, "there is no tokenizer.json beside the weights, and text needs one",
                          help="Give token ids instead (--ids), or add the file.")
        try:
            with open(self.file, encoding="utf-8") as file:
                text = file.read()
            content = json.loads(text)
            self._library = Library.from_str(text)
        except Exception as failure:
            raise Refusal("tokenizer-invalid", self.file, "the tokenizer cannot be used (%s)" % failure) from failure
        self._library.no_truncation()
        self._library.no_padding()
        self._special = {t["id"] for t in content.get("added_tokens") or [] if t.get("special")}
        self._byte_level = '"ByteLevel"' in json.dumps({k: v for k, v in content.items() if k not in ("added_tokens", "model")})

    def encode(self, text, add_special=True):
        """The tokens of a text, with or without the special tokens that the tokenizer puts around it; start and end count characters."""
        e = self._encoded(text, add_special)
        out = []
        # each of these is a list that the library makes anew when asked
        for id, entry, added, sequence, span in zip(e.ids, e.tokens, e.special_tokens_mask, e.sequence_ids, e.offsets):
            special = added == 1 or id in self._special
            start, end = (-1, -1) if added == 1 or sequence is None else span
            out.append(Token(id, self._text(entry, special), start, end, special))
        return out

    def ids(self, text):
        """The ids alone, of texts that may be long."""
        return self._encoded(text).ids

    def _encoded(self, text, add_special=True):
        try:
            return self._library.encode(text, add_special_tokens=add_special)
        except Exception as failure:
            raise Refusal("tokenizer-invalid", self.file, "the text cannot be tokenised (%s)" % failure) from failure

    def describe(self, ids):
        out = []
        for id in ids:
            entry = self._library.id_to_token(id)
            special = id in self._special
            out.append(Token(id, "#%d" % id if entry is None else self._text(entry, special), -1, -1, special))
        return out

    def special(self, id):
        return id in self._special

    def size(self):
        return self._library.get_vocab_size(with_added_tokens=True)

    def _text(self, entry, special):
        if special:
            return entry
        if self._byte_level:
            raw = [BYTES.get(c) for c in entry]
            if None in raw:
                return entry
            try:
                return bytes(raw).decode("utf-8")
            except UnicodeDecodeError:
                return "".join(chr(b) if 0x20 <= b < 0x7F else "<0x%02X>" % b for b in raw)
        if re.fullmatch("<0x[0-9A-Fa-f]{2}>", entry):
            value = int(entry[3:5], 16)
            return chr(value) if value in (10, 9) or 0x20 <= value < 0x7F else entry
        return entry.replace("\u2581", " ")


def byte_level_table():
    """GPT-2's table: printable bytes stand for themselves, the others for characters from U+0100 on."""
    table, following = {}, 0x100
    for b in range(256):
        itself = 0x21 <= b <= 0x7E or 0xA1 <= b <= 0xAC or b >= 0xAE
        table[chr(b if itself else following)] = b
        following += not itself
    return table


BYTES = byte_level_table()


def patience_seconds(checkpoint, characters):
    """How long loading and encoding may take at the very most: rules in a tokenizer's file can keep the library busy for ever."""
    try:
        size = os.path.getsize(checkpoint.tokenizer_file)
    except OSError:
        size = 0
    return int(min(MAX_SECONDS, BASE_SECONDS + SECONDS_PER_MEGABYTE_OF_FILE * size // 1_000_000 + SECONDS_PER_MILLION_CHARACTERS * characters // 1_000_000))
