package vitrine.views.anatomy;

import java.util.function.DoubleFunction;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import javafx.scene.control.OverrunStyle;
import javafx.scene.control.TableCell;
import javafx.scene.control.Tooltip;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Region;
import org.kordamp.ikonli.javafx.FontIcon;
import vitrine.core.artifact.Provenance;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Histogram;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.Palette;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;

/// The cells of the table of tensors. Each says how its figure came about.
final class TensorCells {

    private TensorCells() {}

    /// A cell that shows something of its row.
    abstract static class Cell extends TableCell<TensorRow, TensorRow> {

        private final Tooltip tooltip = new Tooltip();

        @Override
        protected final void updateItem(TensorRow row, boolean empty) {
            super.updateItem(row, empty);
            if (empty || row == null) {
                setText(null);
                setTooltip(null);
                clear();
            } else {
                show(row);
            }
        }

        abstract void show(TensorRow row);

        void clear() {}

        final void tell(String text) {
            tooltip.setText(text);
            setTooltip(text.isEmpty() ? null : tooltip);
        }

        /// Writes a figure with its exact value and its origin.
        final void write(String text, String exact, Provenance provenance) {
            setText(text);
            ProvenanceAudit.tag(this, provenance);
            tell(text.isEmpty() ? "" : exact + "\n" + provenance.sentence());
        }
    }

    /// The name: a mark to open a layer with, or the colour of the tensor's part.
    static final class Name extends Cell {

        private static final double MARK = 14;

        private final Region indent = new Region();
        private final FontIcon open = Icons.UNFOLDED.node();
        private final FontIcon closed = Icons.FOLDED.node();
        private final Region swatch = new Region();
        private final HBox graphic = new HBox(indent);

        Name() {
            setTextOverrun(OverrunStyle.CENTER_ELLIPSIS);
            setEllipsisString("…");
            setGraphicTextGap(6);
            graphic.setAlignment(javafx.geometry.Pos.CENTER_LEFT);
            graphic.setMinWidth(Region.USE_PREF_SIZE);
            ProvenanceAudit.notAFigure(this, "name of a tensor or layer");
        }

        @Override
        void show(TensorRow row) {
            String label = Visible.name(row.label());
            setText(label);
            switch (row) {
                case TensorRow.Group g -> {
                    indent(0);
                    graphic.getChildren().setAll(indent, g.open() ? open : closed);
                    tell(g.isRun() ? "Layers " + g.first() + " to " + g.last() + ": click to list them" : g.open() ? "Click to close" : "Click to open");
                }
                case TensorRow.Leaf l -> {
                    indent(l.depth() * 8 + 5);
                    swatch.getStyleClass().setAll("vt-part", "vt-part-" + (BlockDiagram.kind(l.tensor().part()).ordinal() + 1));
                    graphic.getChildren().setAll(indent, swatch);
                    tell(Visible.name(l.tensor().name()) + (l.tensor().idle() ? "\nNot used by the forward pass." : ""));
                }
            }
            setGraphic(graphic);
        }

        private void indent(double width) {
            indent.setMinWidth(width);
            indent.setPrefWidth(width);
            indent.setMaxWidth(width);
            graphic.setPrefWidth(Math.max(MARK, width + 3));
        }

        @Override
        void clear() {
            setGraphic(null);
        }
    }

    /// A figure of the header.
    static final class Text extends Cell {

        private final Function<TensorRow, String> text;
        private final Function<TensorRow, String> exact;
        private final Function<TensorRow, Provenance> provenance;

        Text(Function<TensorRow, String> text, Function<TensorRow, String> exact, Function<TensorRow, Provenance> provenance) {
            this.text = text;
            this.exact = exact;
            this.provenance = provenance;
            getStyleClass().add("vt-number-column");
        }

        @Override
        void show(TensorRow row) {
            write(text.apply(row), exact.apply(row), provenance.apply(row));
        }
    }

    /// A figure of the tensor's values; empty while they are not read.
    static final class Figure extends Cell {

        private final AnatomyViewModel model;
        private final ToDoubleFunction<TensorValues.Figures> value;
        private final DoubleFunction<String> format;

        Figure(AnatomyViewModel model, ToDoubleFunction<TensorValues.Figures> value, DoubleFunction<String> format) {
            this.model = model;
            this.value = value;
            this.format = format;
            getStyleClass().add("vt-number-column");
        }

        @Override
        void show(TensorRow row) {
            setText("");
            tell("");
            if (row instanceof TensorRow.Leaf l) {
                model.figures(l.tensor().name()).ifPresent(f -> {
                    double v = value.applyAsDouble(f);
                    write(format.apply(v), Double.isFinite(v) ? Numbers.exact(v) : "no finite value", model.valuesProvenance(l.tensor()));
                });
            }
        }

        /// Shows what has become known.
        void renew() {
            if (getItem() != null && !isEmpty()) {
                show(getItem());
            }
        }
    }

    /// The tensor's values as a small histogram.
    static final class Picture extends Cell {

        private static final double WIDTH = 56;
        private static final double HEIGHT = 18;

        private final AnatomyViewModel model;
        private FigureCanvas canvas;

        Picture(AnatomyViewModel model) {
            this.model = model;
            getStyleClass().add("vt-number-column");
        }

        @Override
        void show(TensorRow row) {
            setGraphic(null);
            setText("");
            tell("");
            if (!(row instanceof TensorRow.Leaf l)) {
                return;
            }
            try {
                model.values(l.tensor().name()).ifPresent(v -> {
                    if (v.histogram().length == 0) {
                        write(v.figures().count() == 0 ? "empty" : Numbers.MISSING, v.figures().count() == 0 ? "no values" : "no finite value", v.provenance());
                        return;
                    }
                    Histogram picture = new Histogram(v.figures().min(), v.figures().max(), halved(v.histogram()), Palette::muted);
                    if (canvas == null) {
                        canvas = new FigureCanvas(picture);
                        canvas.setMinSize(WIDTH, HEIGHT);
                        canvas.setMaxSize(WIDTH, HEIGHT);
                        canvas.setMouseTransparent(true);
                        canvas.setFocusTraversable(false);
                    } else {
                        canvas.figureProperty().set(picture);
                        canvas.setFocusTraversable(false);
                    }
                    setGraphic(canvas);
                    ProvenanceAudit.tag(this, v.provenance());
                    tell(v.provenance().sentence());
                });
            } catch (Refusal r) {
                // The artifact was removed under the window: the row stays without its picture and says why.
                tell(r.getMessage());
            }
        }

        private static long[] halved(long[] counts) {
            long[] out = new long[(counts.length + 1) / 2];
            for (int i = 0; i < counts.length; i++) {
                out[i / 2] += counts[i];
            }
            return out;
        }

        void renew() {
            if (getItem() != null && !isEmpty()) {
                show(getItem());
            }
        }

        @Override
        void clear() {
            setGraphic(null);
        }
    }
}
