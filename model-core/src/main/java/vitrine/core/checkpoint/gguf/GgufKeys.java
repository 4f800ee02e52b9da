package vitrine.core.checkpoint.gguf;

import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// The keys of a file, asked under its architecture's name.
final class GgufKeys {

    private final GgufHeader header;
    private final String architecture;

    GgufKeys(GgufHeader header) {
        this.header = header;
        architecture = header.values().get("general.architecture") instanceof GgufValue.Text t ? t.value() : "";
    }

    /// Its name, or an empty text where the file does not say.
    String architecture() {
        return architecture;
    }

    GgufValue get(String key) {
        return header.values().get(architecture + "." + key);
    }

    boolean has(String key) {
        return get(key) != null;
    }

    /// A whole number that a config can hold.
    ///
    /// @throws Refusal `config-invalid` where it is something else
    int wholeOr(String key, int otherwise) {
        return switch (get(key)) {
            case null -> otherwise;
            case GgufValue.Whole w when w.value() >= 0 && w.value() <= Integer.MAX_VALUE -> (int) w.value();
            case GgufValue.Whole w -> throw refuse(key, "is %s; a whole number up to %,d belongs here", Long.toUnsignedString(w.value()), Integer.MAX_VALUE);
            case GgufValue.List l -> throw refuse(key, "is a list of %,d values, one for each layer; layers that differ in it are not understood", l.count());
            default -> throw refuse(key, "is no whole number");
        };
    }

    /// @throws Refusal `config-invalid` where it is missing
    int whole(String key) {
        if (!has(key)) {
            throw refuse(key, "is missing");
        }
        return wholeOr(key, 0);
    }

    double realOr(String key, double otherwise) {
        return switch (get(key)) {
            case null -> otherwise;
            case GgufValue.Real r when Double.isFinite(r.value()) -> r.value();
            case GgufValue.Whole w -> w.value();
            default -> throw refuse(key, "is no finite number");
        };
    }

    boolean flagOr(String key, boolean otherwise) {
        return switch (get(key)) {
            case null -> otherwise;
            case GgufValue.Flag f -> f.value();
            default -> throw refuse(key, "is neither true nor false");
        };
    }

    String textOr(String key, String otherwise) {
        return switch (get(key)) {
            case null -> otherwise;
            case GgufValue.Text t -> t.value();
            default -> throw refuse(key, "is no text");
        };
    }

    Refusal refuse(String key, String problem, Object... arguments) {
        return Refusal.of(Category.CONFIG_INVALID, header.shown(), problem, arguments).where(architecture + "." + key);
    }
}
