/// Pruning and compression runs (`prune`): what one would leave, a preview before it, the run over single matrices, and recovery after it.
/// Whole parts go in [vitrine.core.work.prune.structure]; what is measured before and after is [vitrine.core.work.prune.report].
package vitrine.core.work.prune;
