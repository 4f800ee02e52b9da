"""Texts for a model: read, tokenised and cut as Vitrine's embedded engine does it (core.dataset), so that both see the same tokens."""

import json
import os
import stat

from .chats import ChatTemplate, Raised
from .refusals import Refusal, visible
from .tokens import Tokenizer, patience_seconds

IGNORED = -100
DEFAULT_LENGTH = 2048
SEPARATOR = "<|endoftext|>"
MAX_TEXT_BYTES = 1 << 30
MAX_LINE_BYTES = 64 << 20


class Sequence:
    """Token ids with `labels[t]`, the target predicted from the tokens before t (-100: does not count), and the domain's name or None."""

    __slots__ = ("ids", "labels", "label")

    def __init__(self, ids, labels, label):
        self.ids, self.labels, self.label = ids, labels, label

    def predicted(self):
        return sum(label != IGNORED for label in self.labels[1:])


class Example:
    __slots__ = ("line", "label", "text", "prompt", "completion", "ids", "labels", "messages", "tools")

    def __init__(self, line, label=None, text=None, prompt=None, completion=None, ids=None, labels=None, messages=None, tools=None):
        self.line, self.label, self.text, self.prompt, self.completion, self.ids, self.labels = line, label, text, prompt, completion, ids, labels
        self.messages, self.tools = messages, tools

    def characters(self):
        return len(self.text or "") + len(self.prompt or "") + len(self.completion or "") + (len(str(self.messages)) if self.messages else 0)


def read(file, max_length, checkpoint, reporter):
    """The sequences of a data file for a model."""
    examples = read_examples(file)
    length = min(checkpoint.max_positions, DEFAULT_LENGTH if max_length is None else max_length)
    if all(e.ids is not None for e in examples):
        return sequences(file, examples, None, length, checkpoint.vocabulary)
    reporter.stage(checkpoint.tokenizer_file, patience_seconds(checkpoint, sum(e.characters() for e in examples)))
    try:
        return sequences(file, examples, Tokenizer(checkpoint), length, checkpoint.vocabulary, lambda: ChatTemplate(checkpoint), reporter.warn)
    finally:
        reporter.stage_over()


def batches(data, tokens):
    """Sequences in groups of at most so many tokens (or one longer sequence)."""
    batch, filled = [], 0
    for s in data:
        if batch and filled + len(s.ids) > tokens:
            yield batch
            batch, filled = [], 0
        batch.append(s)
        filled += len(s.ids)
    yield batch


# --- files


def read_examples(file):
    if not os.path.exists(file):
        raise Refusal("not-found", file, "there is no such file")
    status = os.stat(file)
    if not stat.S_ISREG(status.st_mode):
        raise Refusal("unreadable", file, "it is a folder where a file belongs" if os.path.isdir(file) else "it is no ordinary file")
    if status.st_size == 0:
        raise Refusal("dataset-invalid", file, "the file is empty: it holds no examples")
    try:
        if is_jsonl(file):
            return read_lines(file)
        if status.st_size > MAX_TEXT_BYTES:
            raise Refusal("limit-exceeded", file, "the text has {:,} bytes; at most {:,} are read".format(status.st_size, MAX_TEXT_BYTES))
        examples = split(read_text(file))
        if not examples:
            raise Refusal("dataset-invalid", file, "no example has two tokens, so nothing can be predicted")
        return examples
    except OSError as failure:
        raise Refusal("unreadable", file, "cannot be read (%s)" % failure.strerror) from failure


def read_text(file):
    """A text file as its user means it: UTF-8, without a byte order mark, with \\n line ends."""
    with open(file, "rb") as opened:
        raw = opened.read()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as bad:
        raise Refusal("encoding-invalid", file, "byte {:,} (0x{:02X}) is not UTF-8".format(bad.start, raw[bad.start]), help="Save the text as UTF-8.") from bad
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def is_jsonl(file):
    with open(file, "rb") as opened:
        start = opened.read(65536)
    return start.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n").startswith(b"{") or str(file).endswith(".jsonl")


def split(text):
    """Texts between lines `<|endoftext|>`; a lone text is taken to the letter."""
    out, part, start = [], [], 1
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if line.strip() == SEPARATOR:
            add_text(out, "".join(l + "\n" for l in part), start)
            part, start = [], number + 1
        else:
            part.append(line)
    add_text(out, "\n".join(part), start)
    if not (len(out) == 1 and start == 1):
        for e in out:
            e.text = e.text.strip()
    return out


def add_text(out, text, line):
    if text.strip():
        out.append(Example(line, text=text))


def read_lines(file):
    out = []
    with open(file, "rb") as opened:
        for number, line in enumerate(iter(lambda: opened.readline(MAX_LINE_BYTES + 2), b""), 1):
            where = "line %d" % number
            if len(line.rstrip(b"\n")) > MAX_LINE_BYTES:
                raise Refusal("limit-exceeded", file, "it has more than {:,} bytes".format(MAX_LINE_BYTES), where=where)
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if not line.strip(b" \t\r\n"):
                continue
            out.append(read_line(file, number, where, line))
    if not out:
        raise Refusal("dataset-invalid", file, "the file is empty: it holds no examples")
    return out


def read_line(file, number, where, line):
    try:
        fields = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as bad:
        raise Refusal("encoding-invalid", file, "byte {:,} of the line (0x{:02X}) is not UTF-8".format(bad.start + 1, line[bad.start]), where=where) from bad
    except ValueError as bad:
        raise Refusal("dataset-invalid", file, "it is not valid JSON at column %d" % getattr(bad, "colno", 0), where=where) from bad
    if not isinstance(fields, dict):
        raise Refusal("dataset-invalid", file, "it is no JSON object", where=where)
    for key in ("text", "prompt", "completion", "label"):
        if key in fields and not isinstance(fields[key], str):
            raise Refusal("dataset-invalid", file, "the field %s holds %s where a text belongs" % (key, described(fields[key])), where=where)
    for key in ("input_ids", "labels"):
        if key in fields and not (isinstance(fields[key], list) and all(type(i) is int and -2**31 <= i < 2**31 for i in fields[key])):
            raise Refusal("dataset-invalid", file, "the field %s is no list of whole numbers" % key, where=where)
    label = fields.get("label")
    if "input_ids" in fields:
        ids, labels = fields["input_ids"], fields.get("labels")
        if labels is not None and len(labels) != len(ids):
            raise Refusal("dataset-invalid", file, "it has {:,} input_ids and {:,} labels".format(len(ids), len(labels)), where=where)
        return Example(number, label, ids=ids, labels=labels)
    if "text" in fields:
        return Example(number, label, text=fields["text"])
    if "prompt" in fields and "completion" in fields:
        return Example(number, label, prompt=fields["prompt"], completion=fields["completion"])
    if "messages" in fields:
        return Example(number, label, messages=messages(file, where, fields["messages"]), tools=fields.get("tools"))
    raise Refusal("dataset-invalid", file, "it has no field text (nor prompt with completion, messages, nor input_ids)", where=where)


def messages(file, where, value):
    if not isinstance(value, list) or not value:
        raise Refusal("dataset-invalid", file, "its messages are no list of messages", where=where)
    for i, message in enumerate(value, 1):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise Refusal("dataset-invalid", file, "message {:,} has no role".format(i), where=where)
    return value


def described(value):
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "an object"
    return json.dumps(value) if isinstance(value, bool) or value is None else "the number " + visible(value)


# --- tokens


def sequences(file, examples, tokenizer, max_length, vocabulary, template=None, warn=None):
    out, front, chats = [], None, None
    cut_examples = lost = unlearned = 0
    for e in examples:
        before = len(out)
        if e.ids is not None:
            if len(e.ids) > max_length:
                raise Refusal("dataset-invalid", file, "it has {:,} tokens; at most {:,} are taken".format(len(e.ids), max_length), where="line %d" % e.line)
            out.append(Sequence(e.ids, e.ids if e.labels is None else e.labels, e.label))
        elif e.text is not None:
            if front is None:
                front = leading(tokenizer, file, max_length)
            cut(tokenizer.ids(e.text), front, max_length, e.label, out)
        elif e.messages is not None:
            chats = chats or template()
            whole = conversation(file, e, tokenizer, chats)
            if len(whole.ids) > max_length:
                cut_examples, lost = cut_examples + 1, lost + len(whole.ids) - max_length
                whole = Sequence(whole.ids[:max_length], whole.labels[:max_length], e.label)
            out.append(whole)
        else:
            out.append(completion(file, e, tokenizer, max_length))
        for s in out[before:]:
            require_known(file, "line %d" % e.line, s.ids, vocabulary)
            for i, label in enumerate(s.labels):
                if label != IGNORED and not 0 <= label < vocabulary:
                    raise Refusal("dataset-invalid", file, "label {:,} is {}; a token id from 0 to {:,}, or {} for none, belongs here".format(
                        i, label, vocabulary - 1, IGNORED), where="line %d" % e.line)
        out[before:] = [s for s in out[before:] if s.predicted() > 0]
        unlearned += len(out) == before
    if warn is not None and (cut_examples or unlearned):
        told = ["{:,} of {:,} examples did not fit in and were cut: {:,} tokens at their ends are not seen.".format(cut_examples, len(examples), lost)] if cut_examples else []
        told += ["{:,} of {:,} examples hold nothing to learn and were left out.".format(unlearned, len(examples))] if unlearned else []
        warn(os.path.basename(file) + ": " + " ".join(told))
    if not out and any(e.messages is not None for e in examples):
        raise Refusal("dataset-invalid", file, "no example has an assistant's turn among its first {:,} tokens, so nothing can be learned".format(max_length))
    if not out:
        raise Refusal("dataset-invalid", file, "no example has two tokens, so nothing can be predicted")
    return out


def require_known(file, where, ids, vocabulary):
    for i, id in enumerate(ids):
        if not 0 <= id < vocabulary:
            raise Refusal("tokenizer-mismatch", file, "token {:,} has the id {}; the embedding has {} rows".format(i, id, vocabulary), where=where,
                          help="The tokenizer or the ids belong to another checkpoint.")


def leading(tokenizer, file, max_length):
    """The special tokens that the tokenizer puts before a text: not those that it puts behind one."""
    front = []
    for t in tokenizer.encode("a"):
        if t.start >= 0:
            break
        front.append(t.id)
    if len(front) >= max_length:
        raise Refusal("dataset-invalid", file, "sequences of {:,} tokens have no room beside the tokenizer's {:,} special ones".format(max_length, len(front)))
    return front


def cut(ids, front, max_length, label, out):
    """A long text in pieces that follow each other, each with the leading special tokens: every token is predicted once."""
    out.append(Sequence(ids[:max_length], ids[:max_length], label))
    step = max_length - len(front)
    for start in range(max_length, len(ids), step):
        piece = front + ids[start:start + step]
        out.append(Sequence(piece, piece, label))


def completion(file, e, tokenizer, max_length):
    """Prompt and completion as the one text that they are; a token that holds a character of the completion counts, and what follows it."""
    tokens = tokenizer.encode(e.prompt + e.completion)
    if len(tokens) > max_length:
        raise Refusal("dataset-invalid", file, "prompt and completion have {:,} tokens; at most {:,} are taken".format(len(tokens), max_length), where="line %d" % e.line)
    labels = [t.id for t in tokens]
    for i, t in enumerate(tokens):
        if t.end > len(e.prompt):
            break
        labels[i] = IGNORED
    return Sequence([t.id for t in tokens], labels, e.label)


def conversation(file, e, tokenizer, template):
    """A token that lies in a learned part with a character counts. Behind an end-of-turn token white space is the template's, unless it says otherwise."""
    try:
        text, learned, exact = template.apply(e.messages, e.tools)
    except Raised as refused:
        raise Refusal("dataset-invalid", file, "the checkpoint's chat template refuses its messages (%s)" % refused, where="line %d" % e.line) from refused
    except Exception as failure:
        raise Refusal("dataset-invalid", file, "the checkpoint's chat template cannot be applied (%s)" % failure, where="line %d" % e.line) from failure
    tokens = tokenizer.encode(text, add_special=False)
    labels = [IGNORED] * len(tokens)
    for start, end in learned:
        last = -1
        for i, t in enumerate(tokens):
            if t.end > start and t.start < end:
                labels[i], last = t.id, i
        kept = last
        while kept >= 0 and labels[kept] != IGNORED and not tokens[kept].special and text[tokens[kept].start:tokens[kept].end].isspace():
            kept -= 1
        if not exact and 0 <= kept < last and labels[kept] != IGNORED and tokens[kept].special:
            labels[kept + 1:last + 1] = [IGNORED] * (last - kept)
    return Sequence([t.id for t in tokens], labels, e.label)
