"""Makes src/test/resources/chat/*.json: what transformers makes of chat templates, as text and as masks of what is learned.

    python make_chat_cases.py ../resources/chat

The templates are ours, in the manner of well-known families: they use the same parts of the language.
"""

T = {}
T["chatml"] = """{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a careful librarian.<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"""
T["llama3"] = """{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"""
T["mistral"] = """{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- set ns = namespace(index=0) %}
{%- for message in loop_messages %}
    {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
        {{- raise_exception("Roles must take turns, the user first") }}
    {%- endif %}
    {%- set ns.index = ns.index + 1 %}
{%- endfor %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" %}
        {{- " " ~ (message["content"]|trim) ~ eos_token }}
    {%- else %}
        {{- raise_exception("Only user and assistant roles are known, not " ~ message.role) }}
    {%- endif %}
{%- endfor %}
"""
T["gemma"] = """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"""
T["qwen3"] = """{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0].role == 'system' %}
        {{- messages[0].content + '\\n\\n' }}
    {%- endif %}
    {{- "# Tools\\n\\nThe functions:\\n<tools>" }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools><|im_end|>\\n" }}
{%- else %}
    {%- if messages[0].role == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}
        {%- set content = message.content %}
    {%- else %}
        {%- set content = '' %}
    {%- endif %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set reasoning_content = '' %}
        {%- if message.reasoning_content is string %}
            {%- set reasoning_content = message.reasoning_content %}
        {%- else %}
            {%- if '</think>' in content %}
                {%- set reasoning_content = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
                {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
            {%- endif %}
        {%- endif %}
        {%- if loop.index0 > ns.last_query_index %}
            {%- if loop.last or (not loop.last and reasoning_content) %}
                {{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning_content.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
            {%- else %}
                {{- '<|im_start|>' + message.role + '\\n' + content }}
            {%- endif %}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- endif %}
        {%- if message.tool_calls %}
            {%- for tool_call in message.tool_calls %}
                {%- if (loop.first and content) or (not loop.first) %}
                    {{- '\\n' }}
                {%- endif %}
                {%- if tool_call.function %}
                    {%- set tool_call = tool_call.function %}
                {%- endif %}
                {{- '<tool_call>\\n{"name": "' }}
                {{- tool_call.name }}
                {{- '", "arguments": ' }}
                {%- if tool_call.arguments is string %}
                    {{- tool_call.arguments }}
                {%- else %}
                    {{- tool_call.arguments | tojson }}
                {%- endif %}
                {{- '}\\n</tool_call>' }}
            {%- endfor %}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {%- if loop.first or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' }}
        {{- content }}
        {{- '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}
            {{- '<|im_end|>\\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}"""
T["llama31"] = """{{- bos_token }}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{#- The system message, if any, stands first. #}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}
    {{- "Environment: ipython\\n" }}
{%- endif %}
{{- "Cutting Knowledge Date: December 2023\\n" }}
{{- "Today Date: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' }}
        {%- if message['content'] is string %}
            {{- message['content'] | trim }}
        {%- else %}
            {%- for part in message['content'] %}
                {%- if part['type'] == 'text' %}
                    {{- part['text'] | trim }}
                {%- endif %}
            {%- endfor %}
        {%- endif %}
        {{- '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}
            {{- raise_exception("One call at once") }}
        {%- endif %}
        {%- set tool_call = message.tool_calls[0].function %}
        {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}
        {{- '{"name": "' + tool_call.name + '", ' }}
        {{- '"parameters": ' }}
        {{- tool_call.arguments | tojson }}
        {{- "}" }}
        {{- "<|eot_id|>" }}
    {%- else %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\\n\\n" }}
        {%- if message.content is mapping or message.content is iterable and message.content is not string %}
            {{- message.content | tojson }}
        {%- else %}
            {{- message.content }}
        {%- endif %}
        {{- "<|eot_id|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""
T["generation"] = """{% for message in messages %}
{% if message.role == 'assistant' %}
<|assistant|>
{% generation %}{{ message.content }}{{ eos_token }}{% endgeneration %}

{% else %}
<|{{ message.role }}|>
{{ message.content }}
{% endif %}
{% endfor %}
{% if add_generation_prompt %}<|assistant|>
{% endif %}"""
T["macros"] = """{%- macro header(role, tail='\\n') -%}
<{{ role|upper }}>{{ tail }}
{%- endmacro -%}
{%- macro body(message) %}{{ message.content | replace("\\t", "  ") }}{% endmacro -%}
{%- set names = {'user': 'Reader', "assistant": "Writer"} -%}
{%- for message in messages if message.role in names -%}
{{ header(names[message.role]) }}
{{- body(message) -}}
{%- if not loop.last %}{{ '\\n---\\n' }}{% endif -%}
{%- else -%}
nobody
{%- endfor -%}
{%- for k, v in names.items() %} {{ k }}={{ v }}{{ "," if not loop.last }}{% endfor %}
{{ messages | map(attribute='role') | join(', ') }}
{{ (messages | selectattr('role', 'equalto', 'user') | list | length) }} of {{ messages|length }}; {{ [1, 2.5, true, none, 'x', "it's"] }} {{ {'a': [1], 'b': {}} }}
{{ messages[-1].content[:5] }}|{{ messages[-1].content[-3:] }}|{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 / 2 }} {{ 7 % 3 }} {{ 2 ** 5 }} {{ 1 == 1.0 }} {{ 'a' < 'b' }} {{ not [] }} {{ [] or 'empty' }} {{ 'x' and 0 }}
{{ missing | default('none given') }} {{ messages[0].nothing is defined }} {{ messages is iterable }} {{ 3 is odd }} {{ 'title case' | title }} {{ '  both '.strip() }}. {{ "%s has %d" | format('it', 3) }} {{ range(1, 8, 3) | list }} {{ "abc"|capitalize }} {{ 'a,b,c'.split(',') | last }} {{ 'a-b'.replace('-', '+') }}
{%- filter upper %} done {% endfilter %}{% raw %}{{ not this }}{% endraw %}"""
C = {
 "two_turns": [{"role":"system","content":"Be brief. "},{"role":"user","content":" Where is the moon?\n"},{"role":"assistant","content":"Up, I think."},{"role":"user","content":"And tonight?"},{"role":"assistant","content":"Behind the clouds — \"somewhere\"."}],
 "no_system": [{"role":"user","content":"Count: 1\t2"},{"role":"assistant","content":"3 4 5\n"}],
 "thinking": [{"role":"user","content":"2+2?"},{"role":"assistant","content":"<think>\nfour\n</think>\n\n4"},{"role":"user","content":"3+3?"},{"role":"assistant","content":"<think>\nsix\n</think>\n\n6"}],
 "tools": [{"role":"user","content":"Weather in Zürich?"},{"role":"assistant","content":"","tool_calls":[{"type":"function","function":{"name":"weather","arguments":{"city":"Zürich","days":2,"exact":True,"x":None,"f":1.5,"l":["<a>",[]]}}}]},{"role":"tool","name":"weather","content":"rain & wind"},{"role":"assistant","content":"Rain."}],
 "parts": [{"role":"user","content":[{"type":"text","text":" Hello "},{"type":"image"},{"type":"text","text":"there"}]},{"role":"assistant","content":[{"type":"text","text":"Hi."}]}],
 "wrong_turns": [{"role":"user","content":"a"},{"role":"user","content":"b"}],
}


import json
import sys

import transformers
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

SPECIALS = ["<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<start_of_turn>", "<end_of_turn>"]


def tokenizer():
    bytes_ = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}, merges=[]))
    bytes_.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_.decoder = decoders.ByteLevel()
    bytes_.add_special_tokens([AddedToken(s, special=True) for s in SPECIALS])
    return PreTrainedTokenizerFast(tokenizer_object=bytes_, bos_token="<s>", eos_token="</s>")


def texts(tok):
    for name, template in T.items():
        for conversation, messages in C.items():
            for asks in (False, True):
                case = {"template": name, "conversation": conversation, "add_generation_prompt": asks}
                more = {"date_string": "05 Mar 2026"} if "strftime_now" in template else {}
                try:
                    case["text"] = tok.apply_chat_template(messages, chat_template=template, tokenize=False, add_generation_prompt=asks, **more)
                except Exception as refused:
                    case["error"] = type(refused).__name__ + ": " + str(refused)
                yield case


def masks(tok):
    """Token ids and what is learned: by transformers where the template has generation blocks; else between the conversation up to a turn and with it,
    where both are beginnings of the whole, without the template's white space behind an end-of-turn token."""
    for name in ("chatml", "llama3", "qwen3", "mistral", "gemma", "generation"):
        for conversation, messages in C.items():
            if all(m["role"] != "assistant" for m in messages):
                continue

            def text(some, asks):
                return tok.apply_chat_template(some, chat_template=T[name], tokenize=False, add_generation_prompt=asks)
            try:
                whole = text(messages, False)
                out = tok.apply_chat_template(messages, chat_template=T[name], return_dict=True, return_assistant_tokens_mask=name == "generation")
            except Exception:
                continue
            if name == "generation":
                yield {"template": name, "conversation": conversation, "ids": out["input_ids"], "learned": "".join(map(str, out["assistant_masks"]))}
                continue
            learned = set()
            try:
                for i, m in enumerate(messages):
                    if m["role"] == "assistant":
                        start, end = text(messages[:i], True), text(messages[:i + 1], False)
                        if not (whole.startswith(start) and whole.startswith(end)):
                            raise ValueError
                        while end and end[-1].isspace() and any(end.rstrip().endswith(s) for s in SPECIALS):
                            end = end[:-1]
                        learned.update(range(len(start), len(end)))
            except ValueError:
                continue
            offsets = tok(whole, add_special_tokens=False, return_offsets_mapping=True)
            assert offsets["input_ids"] == out["input_ids"]
            yield {"template": name, "conversation": conversation, "ids": out["input_ids"],
                   "learned": "".join(str(int(any(c in learned for c in range(a, b)))) for a, b in offsets["offset_mapping"])}


def main(folder):
    tok = tokenizer()
    made = {"made_with": "transformers " + transformers.__version__}
    with open(folder + "/templates.json", "w") as f:
        json.dump({**made, "templates": T, "conversations": C, "cases": list(texts(tok))}, f, ensure_ascii=False, indent=1)
    cases = list(masks(tok))
    print(len(cases), "masks:", ", ".join(c["template"] + " " + c["conversation"] for c in cases))
    with open(folder + "/masks.json", "w") as f:
        json.dump({**made, "cases": cases}, f, ensure_ascii=False)
    tok.backend_tokenizer.save(folder + "/tokenizer.json", pretty=False)


main(sys.argv[1])
