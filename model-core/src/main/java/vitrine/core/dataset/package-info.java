/// Texts and examples that a user gives: reading, checking, tokenising, cutting to a model's length.
///
/// Start with [vitrine.core.dataset.Dataset], which reads a text file or JSONL, and
/// [vitrine.core.dataset.Sequences], which turns examples into token sequences with labels.
package vitrine.core.dataset;
