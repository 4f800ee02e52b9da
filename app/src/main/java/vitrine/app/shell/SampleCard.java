package vitrine.app.shell;

import java.util.function.Consumer;
import javafx.application.Platform;
import javafx.geometry.Pos;
import javafx.scene.control.Label;
import javafx.scene.input.KeyCode;
import javafx.scene.input.KeyEvent;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.app.program.SampleOffer;
import vitrine.app.services.Services;
import vitrine.app.workspace.Recognised;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.resources.Styles;
import vitrine.views.attention.AttentionPreview;
import vitrine.views.chart.Numbers;
import vitrine.views.lora.LoraPreview;
import vitrine.views.routing.RoutingPreview;
import vitrine.views.view.Subject;

/// A bundled sample: a live picture of what it shows, what it is, and a click that opens it.
final class SampleCard extends HBox {

    private static final double PICTURE = 72;
    private static final double LOWEST = 142;

    private final Runnable open;

    SampleCard(SampleOffer sample, Services services, Runnable open) {
        this.open = open;
        getStyleClass().add("vt-sample");
        // As high as the others beside it.
        setMinHeight(LOWEST);
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
        Label where = new Label(switch (sample.sample().best()) {
            case ATTENTION -> "Opens in Attention";
            case ROUTING -> "Opens in Routing";
            case LORA -> "Opens in LoRA";
        });
        where.getStyleClass().addAll(Styles.SMALL, Styles.ACCENT_TEXT);
        VBox words = new VBox(2, name, facts, about, where);
        HBox.setHgrow(words, Priority.ALWAYS);
        words.setMinWidth(0);
        getChildren().add(words);
        facts.setWrapText(true);
        facts.setMinHeight(Region.USE_PREF_SIZE);
        Consumer<Subject> picture = picture(sample, services);
        services.workspace().look(sample.folder()).thenAcceptAsync(found -> {
            if (found instanceof Recognised.Model m) {
                facts.setText(facts(m.subject().anatomy()));
                picture.accept(m.subject());
            } else {
                facts.setText(found.what());
            }
        }, Platform::runLater);
        setOnMouseClicked(e -> this.open.run());
        addEventHandler(KeyEvent.KEY_PRESSED, e -> {
            if (e.getCode() == KeyCode.ENTER || e.getCode() == KeyCode.SPACE) {
                this.open.run();
                e.consume();
            }
        });
    }

    private static String facts(Anatomy a) {
        return a.familyName() + ", " + Numbers.si(a.parameters()) + " parameters, " + Numbers.fileSize(a.checkpoint().fileBytes());
    }

    /// Puts the picture in front, empty as yet.
    ///
    /// @return draws it for the sample's subject
    private Consumer<Subject> picture(SampleOffer sample, Services services) {
        switch (sample.sample().best()) {
            case ATTENTION -> {
                AttentionPreview picture = new AttentionPreview(services.board(), PICTURE);
                getChildren().addFirst(picture);
                return s -> picture.show(s, sample.prompt().text());
            }
            case ROUTING -> {
                RoutingPreview picture = new RoutingPreview(services.board(), PICTURE);
                getChildren().addFirst(picture);
                return s -> picture.show(s, sample.texts());
            }
            case LORA -> {
                LoraPreview picture = new LoraPreview(services.board(), PICTURE);
                getChildren().addFirst(picture);
                return s -> services.workspace().look(sample.base().orElseThrow()).thenAcceptAsync(base -> {
                    if (base instanceof Recognised.Model m) {
                        picture.show(s, m.subject());
                    }
                }, Platform::runLater);
            }
        }
        throw new AssertionError("unreachable");
    }
}
