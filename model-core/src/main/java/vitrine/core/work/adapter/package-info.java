/// Adapters: their anatomy and importance of ranks, comparison, cuts, merges and extraction.
package vitrine.core.work.adapter;
