package vitrine.views.control;

import javafx.scene.control.Label;
import javafx.scene.control.Tooltip;
import javafx.scene.input.KeyCode;
import javafx.scene.input.KeyEvent;
import javafx.scene.input.MouseEvent;
import javafx.scene.layout.HBox;
import vitrine.core.artifact.Provenance;
import vitrine.resources.Guide;
import vitrine.resources.Styles;
import vitrine.views.chart.Figure;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Palette;
import vitrine.views.chart.Pen;
import vitrine.views.chart.Stroke;
import vitrine.views.chart.Theme;

/// A mark and a word that tell how a figure was obtained; hovering names tensor, dtype, sample size and method, a click opens the section of the guide that
/// explains the figure, as [GuideLink#about] has it.
///
/// One stands on a card when all its figures agree, else one in each row.
public final class ProvenanceBadge extends HBox {

    private static final double MARK = 10;

    private final Provenance provenance;

    public ProvenanceBadge(Provenance provenance) {
        this.provenance = provenance;
        getStyleClass().add(Styles.BADGE);
        FigureCanvas mark = new FigureCanvas(new Mark(provenance.kind()));
        mark.setMinSize(MARK, MARK);
        mark.setPrefSize(MARK, MARK);
        mark.setMaxSize(MARK, MARK);
        mark.setMouseTransparent(true);
        Label word = new Label(provenance.kind().label());
        word.setMinWidth(USE_PREF_SIZE);
        getChildren().addAll(mark, word);
        Tooltip tooltip = new Tooltip(provenance.sentence());
        // The badge is made before it is put where a section of the guide holds.
        tooltip.setOnShowing(e -> tooltip.setText(GuideLink.of(this).map(g -> provenance.sentence() + "\nGuide: " + g.words()).orElse(provenance.sentence())));
        Tooltip.install(this, tooltip);
        sceneProperty().addListener((o, old, now) -> setAccessibleHelp(GuideLink.of(this).map(g -> "Guide: " + g.words()).orElse(null)));
        setAccessibleText(provenance.sentence());
        setFocusTraversable(true);
        setMinWidth(USE_PREF_SIZE);
        ProvenanceAudit.tag(this, provenance);
        addEventHandler(MouseEvent.MOUSE_CLICKED, e -> explain());
        addEventHandler(KeyEvent.KEY_PRESSED, e -> {
            if (e.getCode() == KeyCode.ENTER || e.getCode() == KeyCode.SPACE) {
                explain();
                e.consume();
            }
        });
    }

    /// Says which section of the guide explains the figures that this badge stands for.
    public ProvenanceBadge explained(Guide.Section section) {
        return GuideLink.about(this, section);
    }

    private void explain() {
        GuideLink.of(this).ifPresent(section -> GuideLink.ask(this, section));
    }

    public Provenance provenance() {
        return provenance;
    }

    /// The 8-pixel mark: each kind has a shape of its own, so that the colour is not needed to tell them apart.
    private record Mark(Provenance.Kind kind) implements Figure {

        @Override
        public void draw(Pen pen, double width, double height, Theme theme) {
            Palette palette = theme.palette();
            double c = width / 2;
            switch (kind) {
                case MEASURED -> pen.fillCircle(c, c, 4.5, palette.success());
                case DERIVED -> {
                    pen.strokeCircle(c, c, 4, Stroke.of(palette.accent(), 1));
                    pen.save();
                    pen.clip(0, 0, c, height);
                    pen.fillCircle(c, c, 4.5, palette.accent());
                    pen.restore();
                }
                case ESTIMATED -> pen.strokeCircle(c, c, 4, Stroke.dashed(palette.warning(), 1.5, 2.2, 1.9));
                case SAMPLE -> pen.strokeRect(c - 3.5, c - 3.5, 7, 7, Stroke.of(palette.muted(), 1));
            }
        }
    }
}
