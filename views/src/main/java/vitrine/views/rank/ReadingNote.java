package vitrine.views.rank;

import javafx.scene.control.Label;
import javafx.scene.control.Tooltip;
import javafx.scene.layout.Region;
import vitrine.resources.Styles;

/// A line or two below a figure: how to read it, and who found that. Figures in it are of the card's, and so is their provenance.
final class ReadingNote extends Label {

    /// Text columns are no wider than 72 characters of this size.
    private static final double WIDEST = 560;

    ReadingNote() {
        getStyleClass().add(Styles.CAPTION);
        setWrapText(true);
        setMinHeight(Region.USE_PREF_SIZE);
        setMaxWidth(WIDEST);
    }

    ReadingNote say(String words, String source) {
        setText(source.isEmpty() ? words : words + " (" + shortened(source) + ")");
        setTooltip(source.isEmpty() ? null : new Tooltip(words + "\nSource: " + source));
        return this;
    }

    /// Authors and year: the whole title stands in the tooltip and in the help.
    private static String shortened(String source) {
        java.util.regex.Matcher year = java.util.regex.Pattern.compile("\\b(1[89]|20)\\d\\d\\b").matcher(source);
        int comma = source.indexOf(',');
        return comma > 0 && year.find() && year.start() > comma ? source.substring(0, comma) + ", " + year.group() : source;
    }
}
