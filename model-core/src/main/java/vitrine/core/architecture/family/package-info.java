/// One class per model family. Each reads its `config.json` and its tensors' names, and knows nothing of the others.
///
/// How to add one: `docs/adding-a-family.md`.
///
/// Source of names, defaults and wiring: the `configuration_*.py` and `modeling_*.py` of transformers 5.18, read 2026-11.
package vitrine.core.architecture.family;
