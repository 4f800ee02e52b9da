package vitrine.core.checkpoint;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// An opened checkpoint: tensors by name in file order, and the small files beside them.
///
/// @param kind whether the tensors are a model's own or an adapter's
/// @param path what the user opened
/// @param folder where the weights, `config.json` and the tokenizer lie (a snapshot folder for a hub cache)
/// @param name what to call it on screen
/// @param format such as `safetensors` or `safetensors, 3 shards`
/// @param tensors in file order: shard by shard, offset by offset
/// @param embedded the config and the tokenizer that the weights' own file holds, or null where they are files beside it
public record Checkpoint(Kind kind, Path path, CheckpointFolder folder, String name, String format, List<DataFile> files,
                         Map<String, TensorEntry> tensors, Map<String, String> metadata, List<Warning> warnings, Embedded embedded) {

    /// What the tensors are.
    public enum Kind {
        MODEL, ADAPTER
    }

    private static final long MAX_CONFIG_BYTES = 16 << 20;

    private static final long MAX_TOKENIZER_BYTES = 256 << 20;

    /// The file `config.json` (`adapter_config.json` of an adapter) beside the weights, whether it is there or not; the weights' file where it holds the
    /// config itself.
    public Path configFile() {
        if (embedded != null) {
            return path;
        }
        return folder.folder().resolve(kind == Kind.ADAPTER ? "adapter_config.json" : "config.json");
    }

    /// The file `tokenizer.json` beside the weights, whether it is there or not; the weights' file where it holds the tokenizer itself.
    public Path tokenizerFile() {
        return embedded != null ? path : folder.folder().resolve("tokenizer.json");
    }

    /// Whether there is a tokenizer: a file (or a link, wherever it leads) beside the weights, or one inside their file.
    public boolean hasTokenizer() {
        Path file = tokenizerFile();
        return embedded != null ? embedded.hasTokenizer() : Files.exists(file) || Files.isSymbolicLink(file);
    }

    /// What [#tokenizerFile] says, as a `tokenizer.json` says it.
    ///
    /// @throws Refusal `tokenizer-invalid` where it is too large or cannot be told, or what the rule on links says
    public byte[] tokenizer() {
        return embedded != null ? embedded.tokenizer() : Json.readBytes(resolve(tokenizerFile()), MAX_TOKENIZER_BYTES, Category.TOKENIZER_INVALID);
    }

    /// Where a file beside the weights really lies, after the rule on links.
    ///
    /// @throws Refusal where a link leads out of the folder or to nothing
    public Path resolve(Path file) {
        return folder.real(file);
    }

    /// The object in [#configFile].
    ///
    /// @throws Refusal `config-missing` or `config-invalid`
    public ObjectNode config() {
        if (embedded != null) {
            return embedded.config();
        }
        Path file = configFile();
        if (!Files.exists(file) && !Files.isSymbolicLink(file)) {
            throw Refusal.of(Category.CONFIG_MISSING, path, "there is no %s beside the weights", file.getFileName().toString())
                    .help("It says how the tensors are meant; take it from where the weights came from.");
        }
        return Json.readObject(resolve(file), file, MAX_CONFIG_BYTES, Category.CONFIG_INVALID);
    }

    /// Whether the folder has a file of this name beside the weights, were it a link to nothing.
    public boolean hasBeside(String name) {
        return embedded == null && Files.exists(folder.folder().resolve(name), LinkOption.NOFOLLOW_LINKS);
    }

    /// The object in a small JSON file beside the weights.
    ///
    /// @throws Refusal `config-invalid` where it is not one JSON object, and what [#resolve] refuses
    public ObjectNode objectBeside(String name) {
        Path file = folder.folder().resolve(name);
        return Json.readObject(resolve(file), file, MAX_CONFIG_BYTES, Category.CONFIG_INVALID);
    }

    /// The tensor with this name, if the checkpoint has it.
    public Optional<TensorEntry> tensor(String tensorName) {
        return Optional.ofNullable(tensors.get(tensorName));
    }

    /// Bytes of all tensors.
    public long tensorBytes() {
        return tensors.values().stream().mapToLong(TensorEntry::bytes).sum();
    }

    /// Bytes of all files that hold tensors, headers included.
    public long fileBytes() {
        return files.stream().mapToLong(DataFile::size).sum();
    }
}
