package vitrine.core.prune;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;

/// `kept` of every `of` consecutive inputs of a row stay, as in 2:4.
public record NofM(int kept, int of) {

    private static final Pattern FORM = Pattern.compile("(\\d{1,4}):(\\d{1,4})");

    public NofM {
        if (kept < 1 || kept >= of) {
            throw Refusal.of(Category.TASK_INVALID, null, "pattern is %d:%d; fewer than all of a group are kept, and at least one", kept, of);
        }
    }

    /// A pattern as it is written, such as `2:4`.
    ///
    /// @throws Refusal `task-invalid`
    public static NofM of(String text) {
        Matcher m = FORM.matcher(text);
        if (!m.matches()) {
            throw Refusal.of(Category.TASK_INVALID, null, "pattern is %s; something like 2:4 belongs here", Visible.name(text));
        }
        return new NofM(Integer.parseInt(m.group(1)), Integer.parseInt(m.group(2)));
    }

    /// The share of weights that goes.
    public double sparsity() {
        return 1 - (double) kept / of;
    }

    @Override
    public String toString() {
        return kept + ":" + of;
    }
}
