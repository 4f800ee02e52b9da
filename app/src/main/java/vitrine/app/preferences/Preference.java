package vitrine.app.preferences;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// Something that a user may prefer, by its name in the file and on the command line. Values are held as the text that is written there.
public enum Preference {

    THEME("theme", "system, dark or light", "system", "the look of the window", Kind.TEXT) {
        @Override
        public Optional<String> problem(String value) {
            return oneOf(value, List.of("system", "dark", "light"));
        }
    },
    LANGUAGE("language", "system, en or zh-CN", "system", "the words of the window", Kind.TEXT) {
        @Override
        public Optional<String> problem(String value) {
            return oneOf(value, List.of("system", "en", "zh-CN"));
        }
    },
    SCALE("scale_percent", "system, or a number from 100 to 200", "system", "the size of everything on the screen, from the next start on", Kind.NUMBER) {
        @Override
        public Optional<String> problem(String value) {
            return value.equals(usual()) ? Optional.empty() : number(value, 100, 200);
        }
    },
    THREADS("threads", "all, or a number from 1 to 1,024", "all", "threads that compute", Kind.NUMBER) {
        @Override
        public Optional<String> problem(String value) {
            return value.equals(usual()) ? Optional.empty() : number(value, 1, 1024);
        }
    },
    MEMORY("memory_limit_mib", "auto, or a number of MiB from 512 to 4,194,304", "auto", "the most memory that a worker may use; auto is 80 % of the machine's", Kind.NUMBER) {
        @Override
        public Optional<String> problem(String value) {
            return value.equals(usual()) ? Optional.empty() : number(value, 512, 1 << 22);
        }
    },
    DATA_FOLDER("data_folder", "default, or an absolute path", "default", "where results, runs and logs are kept, from the next start on; VITRINE_HOME goes before", Kind.TEXT) {
        @Override
        public Optional<String> problem(String value) {
            return value.equals(usual()) ? Optional.empty() : path(value).map(p -> Files.exists(p) && !Files.isDirectory(p) ? "it is a file where a folder belongs" : null);
        }
    },
    PYTHON("python", "auto, or the absolute path of a Python", "auto", "the Python of the pytorch engine; VITRINE_PYTHON goes before", Kind.TEXT) {
        @Override
        public Optional<String> problem(String value) {
            return value.equals(usual()) ? Optional.empty() : path(value).map(p -> Files.isDirectory(p) ? "it is a folder where the program itself belongs"
                    : !Files.exists(p) ? "there is no such file" : !Files.isExecutable(p) ? "it is no program" : null);
        }
    };

    private enum Kind {
        TEXT, NUMBER
    }

    private final String key;
    private final String choices;
    private final String usual;
    private final String meaning;
    private final Kind kind;

    Preference(String key, String choices, String usual, String meaning, Kind kind) {
        this.key = key;
        this.choices = choices;
        this.usual = usual;
        this.meaning = meaning;
        this.kind = kind;
    }

    /// What is wrong with a value, as a clause; empty where nothing is.
    public abstract Optional<String> problem(String value);

    /// The name in the file and on the command line.
    public String key() {
        return key;
    }

    /// Which values there are, in words.
    public String choices() {
        return choices;
    }

    /// The value where none was chosen.
    public String usual() {
        return usual;
    }

    /// What it is about, in words.
    public String meaning() {
        return meaning;
    }

    /// Whether it is written as a JSON number where it is one.
    boolean isNumber(String value) {
        return kind == Kind.NUMBER && !value.equals(usual);
    }

    /// The one with this name.
    public static Optional<Preference> named(String key) {
        return Arrays.stream(values()).filter(p -> p.key.equals(key)).findFirst();
    }

    private static Optional<String> oneOf(String value, List<String> known) {
        return known.contains(value) ? Optional.empty() : Optional.of("it is unknown");
    }

    private static Optional<String> number(String value, int from, int to) {
        if (!value.matches("-?\\d{1,9}")) {
            return Optional.of("it is no such number");
        }
        int n = Integer.parseInt(value);
        return n >= from && n <= to ? Optional.empty() : Optional.of("it is out of range");
    }

    /// A path to be looked at further, or what is wrong with it.
    private static Looked path(String value) {
        try {
            Path path = Path.of(value);
            return path.isAbsolute() ? new Looked(path, null) : new Looked(null, "it is no absolute path");
        } catch (InvalidPathException e) {
            return new Looked(null, "it is no path");
        }
    }

    private record Looked(Path path, String problem) {
        Optional<String> map(java.util.function.Function<Path, String> look) {
            return Optional.ofNullable(path == null ? problem : look.apply(path));
        }
    }
}
