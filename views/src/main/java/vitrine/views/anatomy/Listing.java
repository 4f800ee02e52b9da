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
        // Both cases of a first letter are looked for before anything is compared: names are many and long.
        Word[] words = search.isBlank() ? new Word[0] : java.util.Arrays.stream(search.strip().split("\\s+")).map(Word::of).toArray(Word[]::new);
        return line -> {
            if (part != null && line.parts().getOrDefault(part, 0L) == 0) {
                return false;
            }
            for (Word word : words) {
                if (!word.isIn(line.name()) && !isType(line, word.text) && !isShape(line, word.text)) {
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

    private record Word(String text, char lower, char upper) {

        static Word of(String text) {
            return new Word(text, Character.toLowerCase(text.charAt(0)), Character.toUpperCase(text.charAt(0)));
        }

        boolean isIn(String name) {
            for (int i = 0; i <= name.length() - text.length(); i++) {
                char c = name.charAt(i);
                if ((c == lower || c == upper) && name.regionMatches(true, i, text, 0, text.length())) {
                    return true;
                }
            }
            return false;
        }
    }
}
