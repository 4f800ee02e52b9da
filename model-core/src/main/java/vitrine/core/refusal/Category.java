package vitrine.core.refusal;

/// The kinds of refusal. The codes are a public interface: scripts read them from `error` events.
public enum Category {
    NOT_FOUND("Not found"),
    UNREADABLE("Unreadable"),
    UNKNOWN_FORMAT("Unknown format"),
    TRUNCATED("Cut short"),
    INCOMPLETE_DOWNLOAD("Incomplete download"),
    HEADER_TOO_LARGE("Header too large"),
    HEADER_INVALID("Invalid header"),
    LIMIT_EXCEEDED("Beyond a limit"),
    SHAPE_INVALID("Invalid shape"),
    OVERFLOW("Sizes beyond 64 bits"),
    SIZE_MISMATCH("Sizes disagree"),
    OFFSETS_INVALID("Invalid offsets"),
    DTYPE_UNKNOWN("Unknown number type"),
    DUPLICATE_NAME("Duplicate name"),
    TRAILING_DATA("Data after the end"),
    INDEX_INVALID("Invalid index"),
    SHARD_MISSING("Missing shard"),
    PATH_ESCAPE("Path out of the folder"),
    TENSOR_MISSING("Missing tensor"),
    CONFIG_MISSING("Missing config"),
    CONFIG_INVALID("Invalid config"),
    CONFIG_MISMATCH("Config and tensors disagree"),
    FAMILY_UNSUPPORTED("Unsupported family"),
    VERSION_UNSUPPORTED("Unsupported version"),
    PICKLE_FORBIDDEN("Forbidden pickle"),
    PICKLE_INVALID("Invalid pickle"),
    LEGACY_FORMAT("Legacy format"),
    ARCHIVE_INVALID("Invalid archive"),
    ARCHIVE_BOMB("Compressed archive"),
    ADAPTER_INVALID("Invalid adapter"),
    ADAPTER_MISMATCH("Adapter of another base"),
    TOKENIZER_MISSING("Missing tokenizer"),
    TOKENIZER_INVALID("Invalid tokenizer"),
    TOKENIZER_MISMATCH("Tokenizer of another checkpoint"),
    PROMPT_INVALID("Invalid prompt"),
    PROMPT_TOO_LONG("Prompt too long"),
    ENCODING_INVALID("Not UTF-8"),
    DATASET_INVALID("Invalid text"),
    TASK_INVALID("Invalid task"),
    ARTIFACT_INVALID("Invalid result");

    private final String code = name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
    private final String label;

    Category(String label) {
        this.label = label;
    }

    /// A few words that head a card, such as `Missing shard`.
    public String label() {
        return label;
    }

    /// The public code, such as `shard-missing`.
    public String code() {
        return code;
    }

    /// The category with this code, or null where there is none.
    public static Category ofCodeOrNull(String code) {
        for (Category c : values()) {
            if (c.code.equals(code)) {
                return c;
            }
        }
        return null;
    }
}
