package vitrine.resources;

import java.io.InputStream;

/// The five typefaces, each with the family name that addresses it.
///
/// Weights are families of their own, because JavaFX cannot pick 500 or 600 by number. Always address a font by its
/// family: a font object that comes straight from loading a file has no fallback, so that a character missing from
/// it (`█ ▸` in Inter, `‖ ⁻ ✓` in JetBrains Mono) would show as a box.
///
/// All five must be loaded before the first text is laid out.
public enum Fonts {
    /// Text of the window.
    INTER("Inter", "Inter-Regular.ttf"),
    /// Buttons.
    INTER_MEDIUM("Inter Medium", "Inter-Medium.ttf"),
    /// Titles and headline figures.
    INTER_SEMIBOLD("Inter SemiBold", "Inter-SemiBold.ttf"),
    /// Tokens, tensor names, numbers in columns.
    MONO("JetBrains Mono", "JetBrainsMono-Regular.ttf"),
    /// The same where it is locked or selected.
    MONO_MEDIUM("JetBrains Mono Medium", "JetBrainsMono-Medium.ttf");

    private final String family;
    private final String file;

    Fonts(String family, String file) {
        this.family = family;
        this.file = file;
    }

    /// The family name, as CSS and font look-up want it.
    public String family() {
        return family;
    }

    /// The TrueType file, from its start; the caller closes it.
    public InputStream open() {
        return Fonts.class.getResourceAsStream("/vitrine/fonts/" + file);
    }
}
