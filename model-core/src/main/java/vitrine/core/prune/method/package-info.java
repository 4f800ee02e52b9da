/// One class per method of pruning or compressing a weight matrix; see [vitrine.core.prune.MatrixMethod].
package vitrine.core.prune.method;
