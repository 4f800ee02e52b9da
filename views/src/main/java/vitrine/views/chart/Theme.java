package vitrine.views.chart;

/// The two looks. Exports are [#LIGHT] unless the reader asks otherwise.
public enum Theme {
    DARK, LIGHT;

    /// The colours of this look.
    public Palette palette() {
        return Palette.of(this);
    }
}
