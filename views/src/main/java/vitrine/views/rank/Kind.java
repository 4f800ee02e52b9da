package vitrine.views.rank;

/// What a group of spectra is of: the query matrices of all layers, the keys in the cache, the residual stream.
///
/// @param id unique within an artifact
/// @param label as short as a column head
/// @param words the same in full, as the inspector says it
/// @param category of its colour and marker, counted from 0: that of the matrix kind in all views
/// @param experts whether each layer has one spectrum per routed expert
/// @param heads how many heads of a layer have spectra of their own, 0 for none
/// @param counted whether it counts where a truncation of all is told
record Kind(String id, String label, String words, int category, boolean experts, int heads, boolean counted) {}
