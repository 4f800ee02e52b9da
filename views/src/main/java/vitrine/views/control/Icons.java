package vitrine.views.control;

import org.kordamp.ikonli.feather.Feather;
import org.kordamp.ikonli.javafx.FontIcon;

/// Every icon in use, named by what it means: one icon, one meaning.
public enum Icons {
    // The views.
    ANATOMY(Feather.BOX), ATTENTION(Feather.GRID), ROUTING(Feather.SHUFFLE), RANK(Feather.TRENDING_DOWN), LORA(Feather.SLIDERS),
    RUNS(Feather.ACTIVITY), COMPARE(Feather.COLUMNS),
    // What can be open.
    CHECKPOINT(Feather.BOX), ADAPTER(Feather.SLIDERS), TEXT(Feather.FILE_TEXT), FILE(Feather.FILE), FOLDER(Feather.FOLDER),
    SAVED_STEP(Feather.BOOKMARK),
    // States.
    DONE(Feather.CHECK), STOPPED(Feather.X), PAUSED(Feather.PAUSE), WARNING(Feather.ALERT_TRIANGLE), FAILED(Feather.ALERT_CIRCLE),
    INFORMATION(Feather.INFO),
    // Actions.
    SEARCH(Feather.SEARCH), FILTER(Feather.FILTER), EXPORT(Feather.DOWNLOAD), COPY(Feather.COPY), COMMAND_LINE(Feather.TERMINAL),
    HELP(Feather.HELP_CIRCLE), GUIDE(Feather.BOOK_OPEN), SETTINGS(Feather.SETTINGS), TO_LIGHT(Feather.SUN), TO_DARK(Feather.MOON), RECENT(Feather.ROTATE_CCW),
    ADD(Feather.PLUS), CLOSE(Feather.X), EDIT(Feather.EDIT_2), ENLARGE(Feather.MAXIMIZE_2), PRUNE(Feather.SCISSORS), SAVE(Feather.SAVE),
    SWAP(Feather.REPEAT), RETRY(Feather.REFRESH_CW), OPEN_MENU(Feather.CHEVRON_DOWN), FOLDED(Feather.CHEVRON_RIGHT), BACK(Feather.CHEVRON_LEFT), FORTH(Feather.CHEVRON_RIGHT), UNFOLDED(Feather.CHEVRON_DOWN),
    MORE(Feather.MORE_HORIZONTAL), ENGINE(Feather.CPU), DROP(Feather.DOWNLOAD), LINK(Feather.EXTERNAL_LINK), PIN(Feather.MAP_PIN),
    TABLE(Feather.LIST);

    private final Feather glyph;

    Icons(Feather glyph) {
        this.glyph = glyph;
    }

    /// A node that shows the icon; its size and colour are those of the row or button that it stands in.
    public FontIcon node() {
        FontIcon icon = new FontIcon(glyph);
        icon.setMouseTransparent(true);
        return icon;
    }
}
