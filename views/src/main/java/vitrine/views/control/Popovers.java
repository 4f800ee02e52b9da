package vitrine.views.control;

import atlantafx.base.controls.Popover;
import java.util.function.Function;
import javafx.scene.Node;

/// Popovers as the window has them: without a head, and not to be torn off.
public final class Popovers {

    private Popovers() {}

    public static Popover of(Node content, Popover.ArrowLocation arrow) {
        Popover popover = new Popover(content);
        popover.setHeaderAlwaysVisible(false);
        popover.setDetachable(false);
        popover.setArrowLocation(arrow);
        return popover;
    }

    /// Shows a form below a node.
    ///
    /// @param form is given what closes it
    public static void showForm(Node owner, Popover.ArrowLocation arrow, Function<Runnable, Node> form) {
        Popover popover = of(null, arrow);
        popover.setContentNode(form.apply(popover::hide));
        popover.show(owner);
    }
}
