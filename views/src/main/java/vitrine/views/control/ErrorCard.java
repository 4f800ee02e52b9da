package vitrine.views.control;

import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javafx.scene.control.Label;
import javafx.scene.input.Clipboard;
import javafx.scene.input.ClipboardContent;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.resources.Styles;

/// A failure, in place of the figure that could not be made; never a dialog.
public final class ErrorCard extends VBox {

    /// Text is read in columns of some 72 characters, however wide the window.
    private static final double WIDEST = 640;

    /// @param what failed, in one sentence
    /// @param details lines that name file, tensor and both numbers
    /// @param help what the reader can do
    /// @param retry tries again; null where that cannot help
    public ErrorCard(String what, List<String> details, String help, Runnable retry) {
        getStyleClass().add(Styles.ERROR_CARD);
        // What an error says was found in a file or told by the system; the text itself names the source.
        ProvenanceAudit.notAFigure(this, "message of a failure");
        Label headline = wrapped(what, "vt-error-what");
        HBox first = new HBox(8, Icons.FAILED.node(), headline);
        getChildren().add(first);
        if (!details.isEmpty()) {
            getChildren().add(wrapped(String.join("\n", details), "vt-error-details"));
        }
        if (!help.isEmpty()) {
            Label head = new Label("What helps");
            head.getStyleClass().add(Styles.SECTION_HEAD);
            getChildren().addAll(head, wrapped(help, Styles.SMALL));
        }
        HBox buttons = new HBox(8);
        if (retry != null) {
            buttons.getChildren().add(Buttons.plain("Retry", Icons.RETRY, retry));
        }
        String all = Stream.concat(Stream.concat(Stream.of(what), details.stream()), Stream.of(help)).filter(s -> !s.isEmpty()).collect(Collectors.joining("\n"));
        buttons.getChildren().add(Buttons.plain("Copy details", Icons.COPY, () -> copy(all)));
        getChildren().add(buttons);
        setMaxSize(WIDEST, USE_PREF_SIZE);
    }

    /// Heads the card with the kind of the failure, such as `Missing shard`.
    public ErrorCard kind(String label) {
        Label kind = new Label(label);
        kind.getStyleClass().addAll(Styles.CAPTION, "vt-error-kind");
        getChildren().addFirst(kind);
        return this;
    }

    private static Label wrapped(String text, String styleClass) {
        Label label = new Label(text);
        label.getStyleClass().add(styleClass);
        label.setWrapText(true);
        label.setMinHeight(Region.USE_PREF_SIZE);
        return label;
    }

    private static void copy(String text) {
        ClipboardContent content = new ClipboardContent();
        content.putString(text);
        Clipboard.getSystemClipboard().setContent(content);
    }
}
