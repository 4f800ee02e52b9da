/// Effective ranks of hidden states, keys, values and attention over texts (`rank`).
package vitrine.core.work.rank;
