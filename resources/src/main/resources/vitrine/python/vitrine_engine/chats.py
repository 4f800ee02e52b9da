"""Conversations as texts, by the checkpoint's chat template, and what is learned of them: as Vitrine's embedded engine has it (core.tokenizer.ChatTemplate).

The template runs in jinja2's sandbox, set as transformers sets it. Marks around generation blocks and around each turn of every loop tell where they printed.
"""

import datetime
import json
import os
import re

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from .checkpoint import read_object
from .refusals import Refusal

TODAY = datetime.datetime(2024, 7, 26, 12, 0)
MAX_BYTES = 1 << 20
MARK = re.compile("\ue0f0([tge])(\\d*)\ue0f1")


class Raised(Exception):
    """What a template says by raise_exception."""


class Unclear(Exception):
    """A template that does not tell its turns apart."""


class Generation(Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return [mark("g", line), *body, mark("e", line)]


def mark(kind, line):
    return nodes.Output([nodes.TemplateData("\ue0f0%s\ue0f1" % kind)], lineno=line)


class ChatTemplate:
    """A checkpoint's template."""

    def __init__(self, checkpoint):
        own = os.path.join(checkpoint.folder, "chat_template.jinja")
        configured = os.path.join(checkpoint.folder, "tokenizer_config.json")
        legacy = os.path.join(checkpoint.folder, "chat_template.json")
        config = read_object(configured, "tokenizer-invalid") if os.path.exists(configured) else {}
        if os.path.exists(own):
            self.file = own
            if os.path.getsize(own) > MAX_BYTES:
                raise Refusal("limit-exceeded", own, "has {:,} bytes; at most {:,} are read".format(os.path.getsize(own), MAX_BYTES))
            with open(own, encoding="utf-8", errors="replace") as file:
                found = {"default": file.read()}
        elif config.get("chat_template") is not None:
            self.file, found = configured, named(config["chat_template"])
        elif os.path.exists(legacy):
            self.file, found = legacy, named(read_object(legacy, "tokenizer-invalid").get("chat_template"))
        else:
            raise Refusal("tokenizer-missing", checkpoint.path, "there is no chat template beside the weights (chat_template.jinja, or in tokenizer_config.json), and messages need one",
                          help="Add the file, or give prompt with completion instead of messages.")
        if not found:
            raise Refusal("tokenizer-invalid", self.file, "its chat_template is no template", where="field chat_template")
        self._templates = {name: self._read(name, source) for name, source in found.items()}
        self._specials = {}
        special = os.path.join(checkpoint.folder, "special_tokens_map.json")
        for source in ([read_object(special, "tokenizer-invalid")] if os.path.exists(special) else []) + [config]:
            for key, value in source.items():
                value = value.get("content") if isinstance(value, dict) else value
                if key.endswith("_token") and isinstance(value, str):
                    self._specials[key] = value

    def _read(self, name, source):
        env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
        env.filters["tojson"] = to_json
        env.globals["raise_exception"] = raise_exception
        env.globals["strftime_now"] = TODAY.strftime
        try:
            tree = env.parse(source)
            marked(tree)
            return env.from_string(tree)
        except TemplateError as failure:
            raise Refusal("tokenizer-invalid", self.file, "the chat template cannot be read (%s)" % failure, where="template " + name) from failure

    def apply(self, messages, tools):
        """The text, the (start, end) that are learned, and whether the template itself says so."""
        template = self._templates.get("tool_use" if tools is not None and "tool_use" in self._templates else "default")
        template = template or next(iter(self._templates.values()))
        text, generated, turns = self._render(template, messages, tools, False)
        if generated:
            return text, generated, True
        asking = self._asking(template, messages, tools)
        learned, found = [], False
        for i, message in enumerate(messages):
            if message.get("role") != "assistant":
                continue
            for start, end in turns.get(i, []):
                found = True
                begun = start + len(os.path.commonprefix([asking, text[start:end]]))
                if begun < end:
                    learned.append((begun, end))
        if not found and any(m.get("role") == "assistant" for m in messages):
            learned = self._by_beginnings(template, messages, tools, text)
        return text, learned, False

    def _asking(self, template, messages, tools):
        first = next((i for i, m in enumerate(messages) if m.get("role") == "assistant"), 0)
        before = messages[:first] or messages
        without, _, _ = self._render(template, before, tools, False)
        asked, _, _ = self._render(template, before, tools, True)
        return asked[len(without):] if asked.startswith(without) else ""

    def _by_beginnings(self, template, messages, tools, whole):
        learned = []
        for i, message in enumerate(messages):
            if message.get("role") == "assistant":
                before, _, _ = self._render(template, messages[:i], tools, True)
                until, _, _ = self._render(template, messages[:i + 1], tools, False)
                if not whole.startswith(before) or not whole.startswith(until) or len(until) < len(before):
                    raise Unclear("the template does not tell where the assistant's turns are; generation blocks in it would")
                learned.append((len(before), len(until)))
        return learned

    def _render(self, template, messages, tools, asks):
        places = {id(m): i for i, m in enumerate(messages)}
        printed = template.render(messages=messages, tools=tools, documents=None, add_generation_prompt=asks, **self._specials,
                                  **{TURN: lambda item: "\ue0f0t%s\ue0f1" % places.get(id(item), "")})
        text, generated, turns, opened = [], [], {}, []
        at = length = 0
        for m in MARK.finditer(printed):
            text.append(printed[at:m.start()])
            length += m.start() - at
            at = m.end()
            if m[1] == "e":
                kind, index, start = opened.pop()
                if kind == "g":
                    generated.append((start, length))
                elif index and length > start:
                    turns.setdefault(int(index), []).append((start, length))
            else:
                opened.append((m[1], m[2], length))
        text.append(printed[at:])
        return "".join(text), generated, turns


TURN = "__vitrine_turn"


def marked(tree):
    """Puts marks around the body of every loop whose target is one name. A body that is left early gets its end mark first."""
    for loop in tree.find_all(nodes.For):
        if isinstance(loop.target, nodes.Name):
            begin = nodes.Output([nodes.Call(nodes.Name(TURN, "load"), [nodes.Name(loop.target.name, "load")], [], None, None)], lineno=loop.lineno)
            leaving(loop.body)
            loop.body = [begin, *loop.body, mark("e", loop.lineno)]
    for node in tree.find_all(nodes.Node):
        node.environment = tree.environment


def leaving(body):
    for i in range(len(body) - 1, -1, -1):
        node = body[i]
        if isinstance(node, (nodes.Break, nodes.Continue)):
            body.insert(i, mark("e", node.lineno))
        elif isinstance(node, nodes.If):
            leaving(node.body)
            leaving(node.else_)
            for other in node.elif_:
                leaving(other.body)


def named(value):
    if isinstance(value, str):
        return {"default": value}
    if isinstance(value, list):
        return {str(v.get("name", "?")): str(v.get("template", "")) for v in value if isinstance(v, dict)}
    return {k: str(v) for k, v in value.items()} if isinstance(value, dict) else {}


def raise_exception(message=""):
    raise Raised(message)


def to_json(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
