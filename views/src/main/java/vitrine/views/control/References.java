package vitrine.views.control;

import java.util.List;
import java.util.regex.Pattern;
import javafx.geometry.Pos;
import javafx.scene.control.Hyperlink;
import javafx.scene.control.TextField;
import javafx.scene.control.Tooltip;
import javafx.scene.input.Clipboard;
import javafx.scene.input.ClipboardContent;
import javafx.scene.layout.HBox;

/// Papers that a text names by their arXiv number: the number to select, and a button that copies the paper's address. No address is ever opened from here.
public final class References {

    private static final Pattern NUMBER = Pattern.compile("arXiv[ :](\\d{4}\\.\\d{4,5})");
    private static final int COLUMNS = 17;

    private References() {}

    /// The numbers in a text, each once.
    public static List<String> in(String text) {
        return NUMBER.matcher(text).results().map(m -> m.group(1)).distinct().toList();
    }

    /// The address of a paper.
    public static String address(String number) {
        return "https://arxiv.org/abs/" + number;
    }

    /// A row for each paper in a text.
    public static List<HBox> rows(String text) {
        return in(text).stream().map(References::row).toList();
    }

    private static HBox row(String number) {
        TextField name = new TextField("arXiv:" + number);
        name.setEditable(false);
        name.setMinWidth(TextField.USE_PREF_SIZE);
        name.setPrefColumnCount(COLUMNS);
        name.getStyleClass().add("vt-reference");
        name.setAccessibleText("Paper's number");
        Hyperlink copy = new Hyperlink("Copy link");
        copy.setTooltip(new Tooltip("Copies " + address(number)));
        copy.setMinWidth(Hyperlink.USE_PREF_SIZE);
        copy.setOnAction(e -> {
            ClipboardContent content = new ClipboardContent();
            content.putString(address(number));
            Clipboard.getSystemClipboard().setContent(content);
            copy.setText("Copied");
        });
        HBox row = new HBox(8, name, copy);
        row.setAlignment(Pos.CENTER_LEFT);
        return ProvenanceAudit.notAFigure(row, "a paper's number");
    }
}
