/// Files that `torch.save` writes (`.bin`, `.pt`, `.pth`): a pickle of a dictionary, and the bytes of its tensors.
///
/// Since PyTorch 1.6 such a file is a zip archive: `NAME/data.pkl`, the pickle, and a record `NAME/data/KEY` for each storage, stored without
/// compression, so that a tensor lies in the file as it is. Before, it was five pickles one after the other (a magic number, the protocol, facts of the
/// machine, the object, the list of storages' keys), then for each storage the number of its values (i64) and their bytes.
///
/// A pickle is a program. [vitrine.core.checkpoint.pytorch.Pickle] runs none: it knows the opcodes that build numbers, texts and containers, and of
/// the names that a pickle may call only those that a tensor is made with, each of which it does itself. Any other name is refused and said; no class is
/// looked up, nothing is imported. Opcodes that can only call (`INST`, `OBJ`, `NEWOBJ_EX`, `EXT`) are refused.
///
/// Source: CPython, `Lib/pickletools.py`; PyTorch, `torch/serialization.py` and `torch/_utils.py`.
package vitrine.core.checkpoint.pytorch;
