/// What a pruning run says at its end: sizes, speed, perplexity, ranks, attention and routing before and after, and that the result loads.
package vitrine.core.work.prune.report;
