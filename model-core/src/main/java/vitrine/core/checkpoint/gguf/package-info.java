/// GGUF files, versions 2 and 3: one file that holds a model's weights, its config and its tokenizer.
///
/// All numbers are little-endian. A string is a length (u64) and that many bytes of UTF-8.
///
/// | place | holds |
/// | --- | --- |
/// | 0 | `GGUF` |
/// | 4 | version, u32 |
/// | 8 | number of tensors, u64; number of keys, u64 |
/// | 24 | for each key: name, type of value (u32), value. Types: 0-5 u8, i8, u16, i16, u32, i32; 6 f32; 7 bool; 8 string; 9 array (type u32, count u64, values); 10-12 u64, i64, f64 |
/// | then | for each tensor: name, number of axes (u32, 1-4), sizes (u64 each, the fastest axis first), type (u32), offset into the data (u64) |
/// | then | up to the next multiple of `general.alignment` (32 where it is not said), the data; each tensor begins at such a multiple |
///
/// Types of tensors are plain or in blocks; the blocks are told in [vitrine.core.tensor.BlockValues].
///
/// The converters that make these files (llama.cpp's `convert_hf_to_gguf.py`) rename every tensor, put the rows of some in another order, add one to
/// some norms and stack experts. [vitrine.core.checkpoint.gguf.GgufModel] undoes that, so that a tensor has the name, the shape and the values
/// that it has in the checkpoint it was made from, and the metadata read as the `config.json` of that checkpoint. What a file of an architecture
/// that is not in its list holds is shown under the names of the file.
///
/// Source: ggml, *GGUF* (docs/gguf.md); `gguf-py/gguf/constants.py` for keys and names.
package vitrine.core.checkpoint.gguf;
