package vitrine.app.shell;

import java.util.ArrayList;
import java.util.List;
import javafx.geometry.Insets;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import atlantafx.base.controls.Popover;
import vitrine.resources.Styles;
import vitrine.views.control.IconButton;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;

/// The line above a view: its subject, its modes, and at the right end what one can do with what is shown. Controls that have no room
/// move into a menu.
final class ViewHeader extends Region {

    private static final double PAD = 16;
    private static final double GAP = 8;

    private final List<Region> controls = new ArrayList<>();
    private final HBox actions = new HBox(4);
    private final IconButton more = new IconButton(Icons.MORE, "More controls", "", this::showMore);
    private final VBox rest = new VBox(GAP);
    private final Popover popover = new Popover(rest);

    ViewHeader() {
        getStyleClass().add(Styles.VIEW_HEADER);
        ProvenanceAudit.notAFigure(this, "names of modes and subjects");
        actions.setAlignment(Pos.CENTER_RIGHT);
        rest.getStyleClass().add(Styles.POPOVER);
        rest.setPadding(new Insets(12));
        popover.setHeaderAlwaysVisible(false);
        popover.setDetachable(false);
        popover.setArrowLocation(Popover.ArrowLocation.TOP_CENTER);
        popover.setOnHidden(e -> bringBack());
        setMinWidth(0);
    }

    /// Shows a view's controls, first those that must stay.
    void show(List<Node> newControls, List<? extends Node> newActions) {
        popover.hide();
        controls.clear();
        for (Node n : newControls) {
            controls.add(n instanceof Region r ? r : new HBox(n));
        }
        actions.getChildren().setAll(newActions);
        bringBack();
    }

    private void bringBack() {
        rest.getChildren().clear();
        getChildren().setAll(controls);
        getChildren().addAll(more, actions);
        requestLayout();
    }

    private void showMore() {
        List<Region> hidden = controls.stream().filter(c -> !c.isVisible() && !optional(c)).toList();
        getChildren().removeAll(hidden);
        hidden.forEach(c -> c.setVisible(true));
        rest.getChildren().setAll(hidden);
        Label none = new Label("All controls are shown.");
        if (hidden.isEmpty()) {
            rest.getChildren().setAll(none);
        }
        popover.show(more);
    }

    @Override
    protected void layoutChildren() {
        double h = getHeight();
        double right = getWidth() - PAD;
        double wide = actions.prefWidth(-1);
        actions.resizeRelocate(Math.round(right - wide), 0, Math.ceil(wide), h);
        right -= wide + GAP;
        double needed = controls.stream().filter(c -> c.getParent() == this).mapToDouble(c -> c.prefWidth(-1) + GAP).sum();
        // What only tells gives way before what one can do.
        boolean tight = PAD + needed > right;
        if (tight) {
            needed -= controls.stream().filter(c -> c.getParent() == this && optional(c)).mapToDouble(c -> c.prefWidth(-1) + GAP).sum();
        }
        // A spring takes what room is left, so that what follows stands at the right.
        double spring = Math.max(0, right - PAD - needed);
        boolean all = PAD + needed <= right && rest.getChildren().isEmpty();
        double room = all ? right : right - 28 - GAP;
        double x = PAD;
        boolean full = false;
        for (Region c : controls) {
            if (c.getParent() != this) {
                continue;
            }
            if (tight && optional(c)) {
                c.setVisible(false);
                continue;
            }
            double w = c.prefWidth(-1) + (c.getStyleClass().contains(Styles.SPRING) ? spring : 0);
            full |= x + w > room;
            c.setVisible(!full);
            if (!full) {
                double ch = Math.min(h, c.prefHeight(w));
                c.resizeRelocate(Math.round(x), Math.round((h - ch) / 2), Math.ceil(w), ch);
                x += w + GAP;
            }
        }
        more.setVisible(!all);
        if (!all) {
            more.resizeRelocate(Math.round(x), Math.round((h - 28) / 2), 28, 28);
        }
    }

    private static boolean optional(Region control) {
        return control.getStyleClass().contains("vt-optional");
    }

    @Override
    protected double computePrefHeight(double width) {
        return 44;
    }

    @Override
    protected double computeMinWidth(double height) {
        return 0;
    }
}
