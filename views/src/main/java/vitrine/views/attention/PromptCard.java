package vitrine.views.attention;

import java.util.List;
import java.util.Locale;
import javafx.beans.InvalidationListener;
import javafx.geometry.Orientation;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.control.TextArea;
import javafx.scene.control.Tooltip;
import javafx.scene.input.KeyCode;
import javafx.scene.input.KeyEvent;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.resources.Styles;
import vitrine.views.attention.AttentionCapture.PromptToken;
import vitrine.views.chart.Cells;
import vitrine.views.chart.Scale;
import vitrine.views.control.Buttons;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.TokenStrip;

/// The prompt as token chips, coloured by where the locked query attends; or as text to be edited.
final class PromptCard extends VBox {

    private static final double LOWEST_STRIP = 24;
    private static final double HIGHEST_STRIP = 104;

    private final AttentionViewModel model;
    private final TokenStrip strip = new TokenStrip();
    private final TextArea text = new TextArea();
    private final Label count = new Label();
    private final Label hint = new Label();
    private final Button edit;
    private boolean quiet;

    PromptCard(AttentionViewModel model) {
        this.model = model;
        getStyleClass().add(Styles.CARD);
        setSpacing(8);
        text.setWrapText(true);
        text.setPrefRowCount(3);
        text.setId("prompt");
        text.setAccessibleText("Prompt");
        ProvenanceAudit.notAFigure(text, "the prompt");
        ProvenanceAudit.notAFigure(count, "number of tokens of the prompt on screen");
        ProvenanceAudit.notAFigure(hint, "explanation");
        text.textProperty().bindBidirectional(model.promptProperty());
        text.addEventFilter(KeyEvent.KEY_PRESSED, e -> {
            if (e.getCode() == KeyCode.ENTER && e.isShortcutDown()) {
                model.run();
                e.consume();
            } else if (e.getCode() == KeyCode.ESCAPE && model.capture().isPresent()) {
                model.editingProperty().set(false);
                e.consume();
            }
        });
        count.getStyleClass().addAll(Styles.CAPTION);
        hint.getStyleClass().addAll(Styles.CAPTION);
        edit = Buttons.plain("Edit", Icons.EDIT, this::edit);
        edit.getStyleClass().addAll(Styles.COMPACT, "flat");
        strip.selected().addListener((javafx.collections.SetChangeListener<Integer>) c -> selectionToModel());
        model.queryProperty().addListener((o, old, now) -> modelToSelection());
        model.editingProperty().addListener((o, old, now) -> arrange());
        model.captureState().stateProperty().addListener((o, old, now) -> show());
        model.subjectProperty().addListener((o, old, now) -> arrange());
        model.suggestions().addListener((InvalidationListener) o -> arrange());
        for (var p : List.of(model.headProperty(), model.queryProperty(), model.showProperty(), model.scaleKindProperty())) {
            p.addListener((o, old, now) -> colour());
        }
        model.layerMapsState().stateProperty().addListener((o, old, now) -> colour());
        show();
    }

    /// Puts the cursor where the prompt is typed.
    void edit() {
        model.editingProperty().set(true);
        text.requestFocus();
        text.selectAll();
    }

    private void show() {
        model.capture().ifPresent(c -> {
            quiet = true;
            strip.setTokens(c.tokens().stream().map(PromptCard::chip).toList());
            quiet = false;
            count.setText(String.format(Locale.ROOT, "%,d tokens", c.tokens().size()));
            colour();
        });
        arrange();
    }

    private static TokenStrip.Token chip(PromptToken t) {
        String where = t.start() < 0 ? "added by the tokenizer" : "characters " + t.start() + " to " + t.end();
        return new TokenStrip.Token(t.text(), t.special(), "id " + t.id() + ", " + where);
    }

    private void arrange() {
        boolean hasTokens = model.capture().isPresent();
        boolean editing = model.editingProperty().get() || !hasTokens;
        String obstacle = model.obstacle();
        getChildren().clear();
        if (!obstacle.isEmpty()) {
            setVisible(false);
            setManaged(false);
            return;
        }
        setVisible(true);
        setManaged(true);
        if (editing) {
            text.setPromptText(model.takesText() ? "Type or paste a prompt" : "Token ids, parted by spaces: this checkpoint has no tokenizer");
            hint.setText(model.takesText() ? String.format(Locale.ROOT, "2 to %,d tokens", model.maxTokens()) : "Token ids, such as 1 403 407");
            Button run = Buttons.primary("Show attention", model::run);
            run.disableProperty().bind(model.promptProperty().isEmpty());
            Region space = new Region();
            HBox.setHgrow(space, Priority.ALWAYS);
            HBox row = new HBox(8, hint, space, run);
            if (hasTokens) {
                row.getChildren().add(2, Buttons.plain("Cancel", () -> model.editingProperty().set(false)));
            }
            row.setAlignment(Pos.CENTER_LEFT);
            getChildren().addAll(text, row);
            if (!model.suggestions().isEmpty()) {
                getChildren().add(suggestions());
            }
        } else {
            HBox end = new HBox(8, count);
            if (model.subjectProperty().get() != null) {
                end.getChildren().add(edit);
            }
            end.setAlignment(Pos.CENTER_RIGHT);
            end.setMinWidth(Region.USE_PREF_SIZE);
            getChildren().add(new ChipsRow(strip, end));
        }
    }

    private Node suggestions() {
        Label head = new Label("Try");
        head.getStyleClass().add(Styles.CAPTION);
        HBox row = new HBox(6, head);
        row.setAlignment(Pos.CENTER_LEFT);
        for (AttentionViewModel.Suggestion s : model.suggestions()) {
            Button button = Buttons.plain(s.title(), () -> model.take(s));
            button.getStyleClass().add(Styles.COMPACT);
            button.setTooltip(new Tooltip(s.look()));
            row.getChildren().add(button);
        }
        return row;
    }

    /// Chips at the left, as high as their lines need, and what belongs to them at the right end of the last line.
    private static final class ChipsRow extends Region {
        private static final double GAP = 12;
        private final Region chips;
        private final Region end;

        ChipsRow(Region chips, Region end) {
            this.chips = chips;
            this.end = end;
            getChildren().addAll(chips, end);
        }

        @Override
        public Orientation getContentBias() {
            return Orientation.HORIZONTAL;
        }

        @Override
        protected double computePrefHeight(double width) {
            double w = width < 0 ? 600 : width - end.prefWidth(-1) - GAP;
            return Math.clamp(chips.prefHeight(w), Math.max(LOWEST_STRIP, end.prefHeight(-1)), HIGHEST_STRIP);
        }

        @Override
        protected void layoutChildren() {
            double right = end.prefWidth(-1);
            double low = end.prefHeight(-1);
            chips.resizeRelocate(0, 0, getWidth() - right - GAP, getHeight());
            end.resizeRelocate(getWidth() - right, getHeight() - low, right, low);
        }
    }

    private void selectionToModel() {
        if (quiet) {
            return;
        }
        quiet = true;
        if (strip.selected().size() == 1) {
            model.isolated().clear();
            model.queryProperty().set(strip.selected().iterator().next());
        } else if (strip.selected().isEmpty()) {
            model.release();
        } else {
            model.isolated().clear();
            model.isolated().addAll(strip.selected());
            model.queryProperty().set(-1);
        }
        quiet = false;
        colour();
    }

    private void modelToSelection() {
        if (quiet) {
            return;
        }
        quiet = true;
        int q = model.queryProperty().get();
        strip.selected().clear();
        if (q >= 0) {
            strip.selected().add(q);
        }
        quiet = false;
    }

    /// Colours the chips by the weights of the locked query, or by their mean over the isolated ones.
    private void colour() {
        Cells map = model.map(model.headProperty().get());
        List<Integer> queries = model.queryProperty().get() >= 0 ? List.of(model.queryProperty().get()) : List.copyOf(model.isolated());
        if (map == null || queries.isEmpty() || queries.stream().anyMatch(q -> q >= map.rows())) {
            strip.setValues(null, Scale.sqrt(0, 1));
            return;
        }
        strip.setValues(Weights.meanRow(map, queries), model.show() == AttentionViewModel.Show.DIFFERENCE ? Scale.sqrt(0, 1) : model.scale());
    }
}
