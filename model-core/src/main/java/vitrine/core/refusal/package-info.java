/// How Vitrine says no: one type for a refused input and one for the bounds that every reader checks.
///
/// A [vitrine.core.refusal.Refusal] is an answer, not a fault: the input is broken, hostile or simply not something that
/// can be opened. It becomes one line for a person, or an `error` event with a category for a script. Everything else
/// that is thrown is a fault of ours.
package vitrine.core.refusal;
