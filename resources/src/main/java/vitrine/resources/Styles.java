package vitrine.resources;

import java.util.Objects;

/// The stylesheet and the style classes that it defines.
///
/// The sheet lies on top of AtlantaFX's Primer Dark and Primer Light. It reads dark unless the root of the scene
/// carries [#LIGHT]. A class named here is one recipe of the design language; combine them freely with AtlantaFX's own.
public final class Styles {

    /// On the root of a scene or pop-up: the light variants of our own colours.
    public static final String LIGHT = "light";

    /// The grey frame around the views: toolbar, navigator, tab strip, inspector, status bar.
    public static final String FRAME = "vt-frame";
    /// The ground that cards lie on.
    public static final String CANVAS = "vt-canvas";
    public static final String CARD = "vt-card";
    public static final String CARD_HEADER = "vt-card-header";
    /// A card without padding, for content that has its own.
    public static final String FLUSH = "vt-flush";
    /// A spacer in a header: takes what room is left.
    public static final String SPRING = "vt-spring";
    public static final String TOOLBAR = "vt-toolbar";
    public static final String STATUS_BAR = "vt-status-bar";
    public static final String VIEW_HEADER = "vt-view-header";
    public static final String NAVIGATOR = "vt-navigator";
    public static final String INSPECTOR = "vt-inspector";
    /// One section of the inspector, with a line below.
    public static final String SECTION = "vt-section";
    public static final String TAB_STRIP = "vt-tab-strip";
    public static final String TAB = "vt-tab";
    /// A small count beside a name, as on a tab.
    public static final String COUNT = "vt-count";

    public static final String HERO = "vt-hero";
    public static final String FIGURE_TEXT = "vt-figure-text";
    /// The largest figures, on the tiles of a run.
    public static final String FIGURE_LARGE = "vt-figure-large";
    public static final String PANEL_TITLE = "vt-panel-title";
    public static final String INSPECTOR_TITLE = "vt-inspector-title";
    public static final String SMALL = "vt-small";
    public static final String CAPTION = "vt-caption";
    /// The name over a section of the navigator or inspector.
    public static final String SECTION_HEAD = "vt-section-head";
    public static final String MONO = "vt-mono";
    public static final String MUTED = "vt-muted";
    public static final String STRONG = "vt-strong";
    public static final String ACCENT_TEXT = "vt-accent-text";
    public static final String SUCCESS_TEXT = "vt-success-text";
    public static final String WARNING_TEXT = "vt-warning-text";
    public static final String DANGER_TEXT = "vt-danger-text";
    public static final String UNIT = "vt-unit";

    /// A button of 28 pixels; with [#PRIMARY] or [#DANGER].
    public static final String BUTTON = "vt-button";
    public static final String PRIMARY = "vt-primary";
    public static final String DANGER = "vt-danger";
    /// A danger button of a confirmation: filled.
    public static final String CONFIRM = "vt-confirm";
    /// 32 high, on the start page.
    public static final String LARGE = "vt-large";
    /// 24 high, inside cards.
    public static final String COMPACT = "vt-compact";
    public static final String ICON_BUTTON = "vt-icon-button";
    public static final String PICKER = "vt-picker";
    public static final String SEGMENTS = "vt-segments";
    public static final String SEARCH = "vt-search";
    public static final String KEY_CAP = "vt-key";

    public static final String PILL = "vt-pill";
    public static final String BADGE = "vt-badge";
    public static final String SWATCH = "vt-swatch";
    public static final String TILE = "vt-tile";
    public static final String METER = "vt-meter";
    public static final String KEY_VALUE = "vt-key-value";
    public static final String NAV_ROW = "vt-nav-row";
    public static final String NAV_HEAD = "vt-nav-head";
    public static final String RUN_ROW = "vt-run-row";
    public static final String PROGRESS_ROW = "vt-progress-row";
    public static final String EMPTY_STATE = "vt-empty";
    public static final String ERROR_CARD = "vt-error";
    public static final String FIGURE = "vt-figure";
    public static final String TOKEN = "vt-token";
    public static final String DROP_TARGET = "vt-drop-target";
    public static final String DROP_SCRIM = "vt-drop-scrim";
    public static final String DROP_CARD = "vt-drop-card";
    public static final String PALETTE = "vt-palette";
    public static final String PALETTE_ROW = "vt-palette-row";
    public static final String POPOVER = "vt-popover";

    private Styles() {}

    /// The address of the stylesheet, as a scene wants it.
    public static String stylesheet() {
        return Objects.requireNonNull(Styles.class.getResource("/vitrine/css/vitrine.css")).toExternalForm();
    }
}
