package vitrine.views.control;

import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.resources.Guide;
import vitrine.resources.Styles;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Sparkline;

/// One headline figure: caption, value with unit, and below it a note, a sparkline or a meter.
///
/// A tile whose figure has not been renewed is [#stale]: muted, with its age.
public final class MetricTile extends VBox {

    private final Label caption = new Label();
    private final Label age = new Label();
    private final Label note = new Label();
    private final NumberLabel number;
    private final HBox head;
    private Node picture;

    public MetricTile(String caption, Quantity quantity) {
        this(caption, quantity, Styles.FIGURE_TEXT);
    }

    /// @param size [Styles#FIGURE_TEXT] or, on the tiles of a run, [Styles#FIGURE_LARGE]
    public MetricTile(String caption, Quantity quantity, String size) {
        getStyleClass().addAll(Styles.CARD, Styles.TILE);
        this.caption.setText(caption);
        ProvenanceAudit.notAFigure(this.caption, "name of the figure");
        this.caption.getStyleClass().add(Styles.CAPTION);
        age.getStyleClass().add(Styles.CAPTION);
        age.setVisible(false);
        age.setManaged(false);
        age.setMinWidth(USE_PREF_SIZE);
        note.getStyleClass().add(Styles.CAPTION);
        note.setVisible(false);
        note.setManaged(false);
        Region space = new Region();
        HBox.setHgrow(space, Priority.ALWAYS);
        head = new HBox(6, this.caption, space, age);
        head.setAlignment(Pos.CENTER_LEFT);
        number = new NumberLabel(quantity, size);
        ProvenanceAudit.tag(this, quantity.provenance());
        getChildren().addAll(head, number, note);
    }

    /// Changes what the figure is called.
    public MetricTile caption(String text) {
        caption.setText(text);
        return this;
    }

    /// Shows how the figure came about in the corner; leave it out where the card around tells it.
    public MetricTile badge() {
        head.getChildren().add(new ProvenanceBadge(number.quantity().provenance()));
        return this;
    }

    /// The same, and where the figure is explained: a click on the badge opens it.
    public MetricTile badge(Guide.Section section) {
        GuideLink.about(this, section);
        return badge();
    }

    /// A muted line below the figure.
    public MetricTile note(String text) {
        note.setText(text);
        note.setVisible(!text.isEmpty());
        note.setManaged(!text.isEmpty());
        return this;
    }

    /// The shape of the figure over time.
    public MetricTile sparkline(Sparkline line) {
        FigureCanvas canvas = new FigureCanvas(line);
        canvas.setMinHeight(30);
        canvas.setPrefHeight(30);
        VBox.setMargin(canvas, new javafx.geometry.Insets(4, 0, 0, 0));
        return below(canvas);
    }

    /// The figure's share of a limit.
    public MetricTile meter(double share) {
        Meter meter = new Meter(share);
        VBox.setMargin(meter, new javafx.geometry.Insets(8, 0, 4, 0));
        return below(meter);
    }

    private MetricTile below(Node node) {
        getChildren().remove(picture);
        picture = node;
        getChildren().add(2, node);
        return this;
    }

    /// Shows a newer figure.
    public void show(Quantity quantity) {
        number.show(quantity);
        ProvenanceAudit.tag(this, quantity.provenance());
        stale("");
    }

    /// Mutes the figure and says how old it is, such as `12 s ago`; an empty text makes it current again.
    public void stale(String howOld) {
        age.setText(howOld);
        age.setVisible(!howOld.isEmpty());
        age.setManaged(!howOld.isEmpty());
        getStyleClass().remove("vt-stale");
        if (!howOld.isEmpty()) {
            getStyleClass().add("vt-stale");
        }
    }
}
