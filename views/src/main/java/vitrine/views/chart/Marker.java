package vitrine.views.chart;

/// The shape that tells a category apart where its hue cannot.
///
/// Four shapes, then the same four hollow: with the colours of [Palette#categorical], the first eight categories
/// differ in shape and hue.
public enum Marker {
    CIRCLE, SQUARE, TRIANGLE, DIAMOND, RING, HOLLOW_SQUARE, HOLLOW_TRIANGLE, HOLLOW_DIAMOND;

    private static final Marker[] ALL = values();

    /// The shape of a category, counted from 0.
    public static Marker of(int category) {
        return ALL[Math.floorMod(category, ALL.length)];
    }

    /// Whether only the outline is drawn.
    public boolean hollow() {
        return ordinal() >= RING.ordinal();
    }
}
