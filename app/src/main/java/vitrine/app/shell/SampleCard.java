package vitrine.app.shell;

import javafx.geometry.Pos;
import javafx.scene.control.Label;
import javafx.scene.input.KeyCode;
import javafx.scene.input.KeyEvent;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.app.program.SampleOffer;
import vitrine.app.services.Services;
import vitrine.app.workspace.Recognised;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.resources.Styles;
import vitrine.views.attention.AttentionPreview;
import vitrine.views.chart.Numbers;

/// A bundled sample: a live picture of one of its heads, what it is, and a click that opens it.
final class SampleCard extends HBox {

    private static final double PICTURE = 72;
    private static final double WIDTH = 380;

    private final Runnable open;

    SampleCard(SampleOffer sample, Services services, Runnable open) {
        this.open = open;
        getStyleClass().add("vt-sample");
        setPrefWidth(WIDTH);
        setMaxWidth(WIDTH);
        setAlignment(Pos.CENTER_LEFT);
        setFocusTraversable(true);
        Label name = new Label(sample.sample().title());
        name.getStyleClass().add(Styles.PANEL_TITLE);
        Label facts = new Label("");
        facts.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
        Label about = new Label(sample.sample().description());
        about.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
        about.setWrapText(true);
        about.setMinHeight(Region.USE_PREF_SIZE);
        Label where = new Label("Opens in Attention");
        where.getStyleClass().addAll(Styles.SMALL, Styles.ACCENT_TEXT);
        AttentionPreview picture = new AttentionPreview(services.board(), PICTURE);
        getChildren().addAll(picture, new VBox(2, name, facts, about, where));
        services.workspace().look(sample.folder()).thenAcceptAsync(found -> {
            if (found instanceof Recognised.Model m) {
                Anatomy a = m.subject().anatomy();
                facts.setText(a.familyName() + ", " + Numbers.si(a.parameters()) + " parameters, " + Numbers.fileSize(a.checkpoint().fileBytes()));
                picture.show(m.subject(), sample.prompt().text());
            } else {
                facts.setText(found.what());
            }
        }, javafx.application.Platform::runLater);
        setOnMouseClicked(e -> this.open.run());
        addEventHandler(KeyEvent.KEY_PRESSED, e -> {
            if (e.getCode() == KeyCode.ENTER || e.getCode() == KeyCode.SPACE) {
                this.open.run();
                e.consume();
            }
        });
    }
}
