/// Pruning that takes whole parts (heads, channels, layers, experts) or shares matrices: one class per method, and the run that they share.
package vitrine.core.work.prune.structure;
