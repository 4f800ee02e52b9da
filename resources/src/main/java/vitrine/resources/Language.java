package vitrine.resources;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/// A language that the window speaks.
public enum Language {

    ENGLISH("en", "English"), CHINESE("zh-CN", "简体中文");

    private final String tag;
    private final String label;

    Language(String tag, String label) {
        this.tag = tag;
        this.label = label;
    }

    /// The language tag, such as `zh-CN`.
    public String tag() {
        return tag;
    }

    /// Its name in itself, for those who read it.
    public String label() {
        return label;
    }

    /// The one with this tag.
    public static Optional<Language> ofTag(String tag) {
        return Arrays.stream(values()).filter(l -> l.tag.equals(tag)).findFirst();
    }

    /// The language of a locale: Chinese where its characters are the simplified ones, else English.
    public static Language of(Locale locale) {
        boolean traditional = locale.getScript().equals("Hant") || locale.getScript().isEmpty() && Arrays.asList("TW", "HK", "MO").contains(locale.getCountry());
        return locale.getLanguage().equals("zh") && !traditional ? CHINESE : ENGLISH;
    }
}
