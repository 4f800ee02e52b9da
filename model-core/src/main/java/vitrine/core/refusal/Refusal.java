package vitrine.core.refusal;

import java.nio.file.Path;
import java.util.Locale;

/// An input that Vitrine will not use, told in one line: which file, where in it, the numbers that disagree, what helps.
///
/// Texts that come from a file are made visible and short by [Visible] before they enter the line, so a refusal can be
/// printed on a terminal as it is. The line has at most [#MAX_CHARACTERS] characters.
public final class Refusal extends RuntimeException {

    /// The longest line a refusal makes.
    public static final int MAX_CHARACTERS = 500;

    private final Category category;
    private final Path file;
    private final String where;
    private final String problem;
    private final String remedy;

    private Refusal(Category category, Path file, String where, String problem, String remedy, Throwable cause) {
        super(line(file, where, problem, remedy), cause);
        this.category = category;
        this.file = file;
        this.where = where;
        this.problem = problem;
        this.remedy = remedy;
    }

    /// A refusal of `file` (null where no file is meant); `problem` is a format for [String#format] in the root locale,
    /// a clause without a full stop. Text arguments are made visible; numbers are printed as the format says.
    public static Refusal of(Category category, Path file, String problem, Object... arguments) {
        Object[] shown = new Object[arguments.length];
        for (int i = 0; i < arguments.length; i++) {
            shown[i] = arguments[i] instanceof String s ? Visible.name(s) : arguments[i];
        }
        return new Refusal(category, file, null, String.format(Locale.ROOT, problem, shown), null, null);
    }

    /// The same refusal with the place inside the file: a tensor, a field or a line.
    public Refusal where(String place) {
        return new Refusal(category, file, Visible.name(place), problem, remedy, getCause());
    }

    /// The same refusal with a sentence that says what would help.
    public Refusal help(String sentence) {
        return new Refusal(category, file, where, problem, sentence, getCause());
    }

    /// The same refusal with the exception that showed the problem, for the log.
    public Refusal cause(Throwable cause) {
        return new Refusal(category, file, where, problem, remedy, cause);
    }

    /// The same refusal told as another category, where a reader knows more about what the file was meant for.
    public Refusal as(Category other) {
        return new Refusal(other, file, where, problem, remedy, getCause());
    }

    public Category category() {
        return category;
    }

    /// The file or folder, or null.
    public Path file() {
        return file;
    }

    /// The place inside the file, or null.
    public String where() {
        return where;
    }

    /// What is wrong, without the file's name.
    public String problem() {
        return problem;
    }

    /// What would help, or null.
    public String remedy() {
        return remedy;
    }

    private static String line(Path file, String where, String problem, String remedy) {
        StringBuilder text = new StringBuilder();
        if (file != null) {
            Path name = file.getFileName();
            text.append(Visible.name(name == null ? file.toString() : name.toString())).append(": ");
        }
        if (where != null) {
            text.append(where).append(": ");
        }
        text.append(problem);
        if (!problem.endsWith(".")) {
            text.append('.');
        }
        int room = MAX_CHARACTERS - text.length() - 1;
        if (remedy != null && remedy.length() <= room) {
            text.append(' ').append(remedy);
        }
        return text.length() <= MAX_CHARACTERS ? text.toString() : text.substring(0, MAX_CHARACTERS - 1) + "…";
    }
}
