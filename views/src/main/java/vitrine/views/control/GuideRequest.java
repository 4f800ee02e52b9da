package vitrine.views.control;

import javafx.event.Event;
import javafx.event.EventType;
import vitrine.resources.Guide;

/// Somebody asked for a section of the guide. It rises from the node that was clicked to the window's scene, whoever shows the guide there.
public final class GuideRequest extends Event {

    /// Of all requests.
    public static final EventType<GuideRequest> ASKED = new EventType<>(Event.ANY, "GUIDE_ASKED");

    private final transient Guide.Section section;

    GuideRequest(Guide.Section section) {
        super(ASKED);
        this.section = section;
    }

    public Guide.Section section() {
        return section;
    }
}
