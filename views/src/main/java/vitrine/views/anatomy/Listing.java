package vitrine.views.anatomy;

import java.util.Locale;
import vitrine.core.architecture.Part;

/// Which tensors the table lists, and in which order.
///
/// @param search words that must all stand in a name; a type's or a shape's own words match as well
/// @param part only tensors with values of this part; all where null
record Listing(String search, Part part, Order order, boolean descending) {

    static final Listing ALL = new Listing("", null, Order.MODEL, false);

    boolean filtered() {
        return part != null || !search.isBlank();
    }

    /// Decides tensor by tensor; made once for a list.
    java.util.function.Predicate<TensorLine> filter() {
        String[] words = search.isBlank() ? new String[0] : search.strip().split("\\s+");
        return line -> {
            if (part != null && line.parts().getOrDefault(part, 0L) == 0) {
                return false;
            }
            for (String word : words) {
                if (!containsIgnoringCase(line.name(), word) && !isType(line, word) && !isShape(line, word)) {
                    return false;
                }
            }
            return true;
        };
    }

    private static boolean isType(TensorLine line, String word) {
        return line.dtype().equalsIgnoreCase(word);
    }

    private static boolean isShape(TensorLine line, String word) {
        return line.shape() != null && Character.isDigit(word.charAt(0)) && word.length() > 1
                && Names.tight(line.shape()).equals(word.toLowerCase(Locale.ROOT).replace('x', '×').replace('*', '×'));
    }

    private static boolean containsIgnoringCase(String text, String word) {
        for (int i = 0; i <= text.length() - word.length(); i++) {
            if (text.regionMatches(true, i, word, 0, word.length())) {
                return true;
            }
        }
        return false;
    }
}
