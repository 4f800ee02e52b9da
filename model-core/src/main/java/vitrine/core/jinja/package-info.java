/// The template language of chat templates: what [Jinja](https://jinja.palletsprojects.com/en/stable/templates/) 3.1 does with them, over plain values.
///
/// Start with [vitrine.core.jinja.Template]. Templates come from downloaded checkpoints, so they are foreign programs: the values that they see are
/// text, numbers, truth, None, lists and maps, and nothing else is within reach, no file, no class, no environment. Steps, output, nesting and time are bounded.
///
/// White space is as the transformers library sets it: a block's own line leaves no line (`trim_blocks`, `lstrip_blocks`), and a last line end is dropped.
/// Values behave as Python's do: truth, `==`, `+`, slices, `str` and `repr`, methods of `str` and `dict`. There are `generation` blocks, `break` and
/// `continue`, and no inheritance, includes or imports. Why not a library: `docs/decisions/014-own-chat-templates.md`.
///
/// Source: the documentation of Jinja 3.1 and the behaviour of jinja2 3.1.6 under transformers 5.18, which the tests compare with.
package vitrine.core.jinja;
