package vitrine.core.refusal;

/// The kinds of refusal. The codes are a public interface: scripts read them from `error` events.
public enum Category {
    NOT_FOUND, UNREADABLE, UNKNOWN_FORMAT, TRUNCATED, INCOMPLETE_DOWNLOAD, HEADER_TOO_LARGE, HEADER_INVALID, LIMIT_EXCEEDED,
    SHAPE_INVALID, OVERFLOW, SIZE_MISMATCH, OFFSETS_INVALID, DTYPE_UNKNOWN, DUPLICATE_NAME, TRAILING_DATA, INDEX_INVALID,
    SHARD_MISSING, PATH_ESCAPE, TENSOR_MISSING, CONFIG_MISSING, CONFIG_INVALID, CONFIG_MISMATCH, FAMILY_UNSUPPORTED,
    VERSION_UNSUPPORTED, PICKLE_FORBIDDEN, PICKLE_INVALID, LEGACY_FORMAT, ARCHIVE_INVALID, ARCHIVE_BOMB, ADAPTER_INVALID,
    ADAPTER_MISMATCH, TOKENIZER_MISSING, TOKENIZER_INVALID, TOKENIZER_MISMATCH, PROMPT_INVALID, PROMPT_TOO_LONG,
    ENCODING_INVALID, DATASET_INVALID, TASK_INVALID, ARTIFACT_INVALID;

    private final String code = name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');

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
