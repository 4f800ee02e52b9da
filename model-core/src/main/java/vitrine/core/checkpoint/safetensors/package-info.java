/// The safetensors file format.
///
/// | bytes | meaning |
/// |---|---|
/// | 0 to 7 | N, the header's length, unsigned little-endian 64 bit, at most 100,000,000 |
/// | 8 to 8+N | JSON object, UTF-8, starts with `{`, may end in spaces |
/// | 8+N to the end | the tensors' bytes, without gaps or overlaps |
///
/// The object maps a tensor's name to `dtype`, `shape` and `data_offsets` `[begin, end]`, counted from byte 8+N; the name
/// `__metadata__` maps to an object of strings. Values are row-major and little-endian; no alignment is promised.
///
/// Where two readings are possible (a name twice, overlaps, gaps, bytes left over) a file is refused.
///
/// Source: the format section of the safetensors README and the checks of its reference library 0.8, read 2026-11.
package vitrine.core.checkpoint.safetensors;
