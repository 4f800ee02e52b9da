package vitrine.views.anatomy;

import java.util.List;
import javafx.scene.Cursor;
import javafx.scene.layout.Region;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.artifact.Provenance;
import vitrine.core.checkpoint.DataFile;
import vitrine.core.refusal.Visible;
import vitrine.resources.Guide;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;
import vitrine.views.control.Picker;
import vitrine.views.control.ProvenanceAudit;

/// The bytes of a file in their order: header, then tensor after tensor. Of several files one is shown, that of the selected tensor.
final class LayoutCard {

    private static final double STRIP = 24;

    private final Card card = new Card("File layout").explained(Guide.Section.formula("anatomy", "place in the file"));
    private final AnatomyViewModel model;
    private final FileStrip strip = new FileStrip();
    private final FigureCanvas canvas = new FigureCanvas(strip);
    private final Picker<DataFile> files = new Picker<>("", List.of(), LayoutCard::shortName);
    private boolean quiet;

    LayoutCard(AnatomyViewModel model) {
        this.model = model;
        canvas.setId("file-layout");
        canvas.setMinHeight(STRIP);
        canvas.setPrefHeight(STRIP);
        canvas.setMaxHeight(STRIP);
        files.getStyleClass().add(vitrine.resources.Styles.COMPACT);
        ProvenanceAudit.notAFigure(files, "names of files");
        strip.selectedProperty().bindBidirectional(model.selectedProperty());
        strip.hoveredProperty().addListener((o, old, now) -> {
            canvas.setCursor(now.intValue() >= 0 ? Cursor.HAND : Cursor.DEFAULT);
            tell();
        });
        files.valueProperty().addListener((o, old, now) -> showFile());
        model.indexProperty().addListener((o, old, now) -> show());
        model.selectedProperty().addListener((o, old, now) -> followSelection());
        show();
    }

    Card node() {
        return card;
    }

    FigureCanvas canvas() {
        return canvas;
    }

    private void show() {
        Anatomy a = model.anatomy().orElse(null);
        if (a == null || model.indexProperty().get() == null || a.checkpoint().files().isEmpty()) {
            card.header();
            card.subtitle("");
            card.content(new EmptyState(Icons.FILE, "Where each tensor lies in its file."));
            return;
        }
        List<DataFile> all = a.checkpoint().files();
        ProvenanceAudit.tag(card, Provenance.measured(a.checkpoint().name(), "", "offsets in the header of the file"));
        quiet = true;
        files.valueProperty().set(all.getFirst());
        files.setChoices(all);
        quiet = false;
        if (all.size() > 1) {
            card.header(files);
        } else {
            card.header();
        }
        if (card.content() != canvas) {
            card.content(canvas);
        }
        showFile();
    }

    private void showFile() {
        DataFile file = files.valueProperty().get();
        if (!quiet && file != null && model.indexProperty().get() != null) {
            strip.show(file, model.indexProperty().get().lines());
            tell();
        }
    }

    private void followSelection() {
        model.selection().filter(l -> l.item() != null).flatMap(l -> model.anatomy().orElseThrow().checkpoint().files().stream()
                .filter(f -> f.path().equals(l.item().entry().file())).findFirst()).ifPresent(f -> files.valueProperty().set(f));
    }

    /// What the pointer is over, else what the strip shows.
    private void tell() {
        String told = strip.told();
        DataFile file = files.valueProperty().get();
        card.subtitle(!told.isEmpty() ? told : file == null ? "" : "header " + Numbers.count(file.headerBytes()) + " B, then tensors in file order");
    }

    /// `00001-of-00030`: shards differ in nothing else.
    private static String shortName(DataFile file) {
        String name = Visible.name(String.valueOf(file.path().getFileName()));
        return name.replaceFirst("\\.safetensors$", "").replaceFirst("^(?:model|pytorch_model)-(?=\\d)", "");
    }

    /// The height that the card needs.
    double wantedHeight() {
        return card.content() == canvas ? 24 + 8 + STRIP + 26 : Region.USE_COMPUTED_SIZE;
    }
}
