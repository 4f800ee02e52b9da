package vitrine.views.chart;

import java.util.List;
import java.util.function.BiFunction;
import javafx.beans.Observable;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.SimpleObjectProperty;
import javafx.scene.paint.Color;

/// A small heat map for every head: layers down, heads across.
///
/// All thumbnails are one image, painted once and then only copied, so that 64 × 64 of them scroll as fast as one.
/// A [Cell] here is a layer (row) and a head (column), whatever order the heads are shown in.
public final class ThumbnailGrid implements Interactive {

    private static final double SMALLEST = 6;
    private static final double LARGEST = 64;
    private static final double GAP = 3;
    /// Between thumbnails that are so small that every pixel counts.
    private static final double NARROW_GAP = 1;
    private static final double NARROW_BELOW = 16;
    private static final double TOP = 20;
    private static final double LABEL_GAP = 10;

    private final ObjectProperty<Cell> hovered = new SimpleObjectProperty<>(this, "hovered");
    private final ObjectProperty<Cell> selected = new SimpleObjectProperty<>(this, "selected");
    private final ObjectProperty<Scale> scale = new SimpleObjectProperty<>(this, "scale", Scale.sqrt(0, 1));
    private final Changes changes = new Changes();
    private final ThumbnailAtlas atlas = new ThumbnailAtlas();

    private int layers;
    private int heads;
    private BiFunction<Integer, Integer, Cells> source = (layer, head) -> null;
    private Cells[] thumbnails = {};
    private int[][] order;
    private Cells measure;
    private Scale measureScale;
    private String measureName = "";

    public ThumbnailGrid() {
        scale.addListener((o, old, now) -> {
            // Thumbnails were reduced for the other kind of scale.
            if (Pooling.suiting(old) != Pooling.suiting(now)) {
                thumbnails = new Cells[thumbnails.length];
                atlas.forget();
            }
        });
    }

    /// Shows heads as small maps.
    ///
    /// @param maps the weights of a layer and head, `[queries, keys]`; null while they are not there. Large ones are
    ///     reduced when they are first asked for; hand over reduced ones ([Pooling#reduce]) where that would take long
    public ThumbnailGrid show(int layerCount, int headCount, BiFunction<Integer, Integer, Cells> maps) {
        layers = layerCount;
        heads = headCount;
        source = maps;
        thumbnails = new Cells[layers * heads];
        order = null;
        measure = null;
        hovered.set(stillThere(hovered.get()));
        selected.set(stillThere(selected.get()));
        atlas.forget();
        changes.tell();
        return this;
    }

    private Cell stillThere(Cell head) {
        return head == null || head.row() >= layers || head.column() >= heads ? null : head;
    }

    /// Asks the source again for a head that has come in or changed.
    public void refresh(int layer, int head) {
        thumbnails[layer * heads + head] = null;
        atlas.forget();
        changes.tell();
    }

    /// Shows the heads of each layer in another order; null for their own.
    ///
    /// @param headsInOrder for each layer its heads from left to right
    public ThumbnailGrid order(int[][] headsInOrder) {
        order = headsInOrder;
        atlas.forget();
        changes.tell();
        return this;
    }

    /// Colours each head by one figure instead of its map; null for maps.
    ///
    /// @param figures `[layers, heads]`
    public ThumbnailGrid colourBy(String name, Cells figures, Scale colours) {
        measureName = name;
        measure = figures;
        measureScale = colours;
        changes.tell();
        return this;
    }

    /// The head under the pointer, or null.
    public ObjectProperty<Cell> hoveredProperty() {
        return hovered;
    }

    /// The head that was chosen, or null.
    public ObjectProperty<Cell> selectedProperty() {
        return selected;
    }

    /// How weights become colours.
    public ObjectProperty<Scale> scaleProperty() {
        return scale;
    }

    int layers() {
        return layers;
    }

    int heads() {
        return heads;
    }

    int headAt(int layer, int place) {
        return order == null ? place : order[layer][place];
    }

    private int placeOf(Cell head) {
        for (int place = 0; place < heads; place++) {
            if (headAt(head.row(), place) == head.column()) {
                return place;
            }
        }
        return -1;
    }

    /// The reduced map of a head, or null while it is not there.
    Cells thumbnail(int layer, int head) {
        int index = layer * heads + head;
        if (thumbnails[index] == null) {
            Cells whole = source.apply(layer, head);
            thumbnails[index] = whole == null ? null : Pooling.suiting(scale.get()).reduce(whole, (int) LARGEST);
        }
        return thumbnails[index];
    }

    private record Layout(double left, double top, double size, double step) {}

    private double labels(Surface surface) {
        return Math.ceil(surface.textWidth(Integer.toString(Math.max(0, layers - 1)), TextStyle.AXIS) + LABEL_GAP);
    }

    private Layout layout(double width, double height, Surface surface) {
        double size = size(width, height, GAP, surface);
        double gap = size < NARROW_BELOW ? NARROW_GAP : GAP;
        size = size < NARROW_BELOW ? size(width, height, NARROW_GAP, surface) : size;
        return new Layout(labels(surface), TOP, size, size + surface.snap(gap));
    }

    /// The size of a thumbnail so that all fit, in whole device pixels; the outline of a selected one takes 3 more.
    private double size(double width, double height, double gap, Surface surface) {
        double across = (width - labels(surface) + gap - 3) / Math.max(1, heads) - gap;
        double down = height <= 0 ? LARGEST : (height - TOP + gap - 3) / Math.max(1, layers) - gap;
        double ratio = surface.pixelRatio();
        return Math.floor(Math.clamp(Math.min(across, down), SMALLEST, LARGEST) * ratio) / ratio;
    }

    @Override
    public double leastWidth(Surface surface) {
        return labels(surface) + heads * (SMALLEST + NARROW_GAP) + 3;
    }

    @Override
    public double heightFor(double width, Surface surface) {
        return TOP + layers * layout(width, 0, surface).step + 3;
    }

    @Override
    public void draw(Pen pen, double width, double height, Theme theme) {
        Palette palette = theme.palette();
        Layout at = layout(width, height, pen);
        if (layers == 0 || heads == 0) {
            return;
        }
        if (measure == null) {
            Raster image = atlas.paint(this, at.size, at.step, pen.pixelRatio(), scale.get(), palette);
            pen.image(image, at.left, at.top, image.width() / pen.pixelRatio(), image.height() / pen.pixelRatio(), false);
        } else {
            drawMeasure(pen, at, palette);
        }
        drawLabels(pen, at, palette);
        outline(pen, at, hovered.get(), 0.5, Stroke.of(palette.muted(), 1), 3);
        // One pixel of ground between the thumbnail and its outline.
        outline(pen, at, selected.get(), 2, Stroke.of(palette.accent(), 2), 4);
    }

    private void drawMeasure(Pen pen, Layout at, Palette palette) {
        for (int layer = 0; layer < layers; layer++) {
            for (int place = 0; place < heads; place++) {
                float value = measure.at(layer, headAt(layer, place));
                double x = at.left + place * at.step;
                double y = at.top + layer * at.step;
                if (!Float.isFinite(value)) {
                    pen.fillRoundRect(x, y, at.size, at.size, 2, palette.empty());
                    if (value != Cells.NONE) {
                        HeatMapDrawing.hatch(pen, x, y, at.size, at.size, palette.danger());
                    }
                    continue;
                }
                pen.fillRoundRect(x, y, at.size, at.size, 2, measureScale.colour(value, palette));
                if (at.size >= 24) {
                    pen.textMiddle(Numbers.inCell(value), x + at.size / 2, y + at.size / 2, TextStyle.CELL,
                            measureScale.textOn(value, palette), Pen.Align.CENTRE);
                }
            }
        }
    }

    private void drawLabels(Pen pen, Layout at, Palette palette) {
        Cell strong = selected.get();
        int every = (int) Math.ceil(13 / at.step);
        for (int layer = 0; layer < layers; layer += every) {
            boolean chosen = strong != null && strong.row() == layer;
            pen.textMiddle(Integer.toString(layer), at.left - LABEL_GAP, at.top + layer * at.step + at.size / 2,
                    chosen ? TextStyle.AXIS_STRONG : TextStyle.AXIS, chosen ? palette.strong() : palette.muted(), Pen.Align.RIGHT);
        }
        if (order != null) {
            // A column then holds another head in every layer.
            pen.textMiddle("sorted within each layer", at.left, 8, TextStyle.CAPTION, palette.muted(), Pen.Align.LEFT);
            return;
        }
        int everyHead = (int) Math.ceil((pen.textWidth(Integer.toString(heads), TextStyle.AXIS) + 4) / at.step);
        for (int head = 0; head < heads; head += everyHead) {
            boolean chosen = strong != null && strong.column() == head;
            Color colour = chosen ? palette.strong() : palette.muted();
            pen.textMiddle(Integer.toString(head), at.left + head * at.step + at.size / 2, 8,
                    chosen ? TextStyle.AXIS_STRONG : TextStyle.AXIS, colour, Pen.Align.CENTRE);
        }
    }

    private void outline(Pen pen, Layout at, Cell head, double outside, Stroke stroke, double radius) {
        int place = head == null || head.row() >= layers ? -1 : placeOf(head);
        if (place >= 0) {
            pen.strokeRoundRect(at.left + place * at.step - outside, at.top + head.row() * at.step - outside, at.size + 2 * outside,
                    at.size + 2 * outside, radius, stroke);
        }
    }

    @Override
    public List<Observable> inputs() {
        return List.of(changes, hovered, selected, scale);
    }

    @Override
    public boolean handle(Gesture gesture, double width, double height, Surface surface) {
        switch (gesture) {
            case Gesture.Move m -> hovered.set(at(layout(width, height, surface), m.x(), m.y()));
            case Gesture.Leave l -> hovered.set(null);
            case Gesture.Click c -> {
                Cell hit = at(layout(width, height, surface), c.x(), c.y());
                if (hit == null) {
                    return false;
                }
                selected.set(hit);
            }
            case Gesture.Key k -> {
                return switch (k.code()) {
                    case UP -> move(-1, 0);
                    case DOWN -> move(1, 0);
                    case LEFT -> move(0, -1);
                    case RIGHT -> move(0, 1);
                    default -> false;
                };
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private boolean move(int down, int across) {
        if (layers > 0 && heads > 0) {
            Cell from = selected.get();
            int layer = from == null ? 0 : Math.clamp(from.row() + down, 0, layers - 1);
            int place = from == null ? 0 : Math.clamp(placeOf(from) + across, 0, heads - 1);
            selected.set(new Cell(layer, headAt(layer, place)));
        }
        return true;
    }

    private Cell at(Layout layout, double x, double y) {
        int place = (int) Math.floor((x - layout.left) / layout.step);
        int layer = (int) Math.floor((y - layout.top) / layout.step);
        return layer >= 0 && layer < layers && place >= 0 && place < heads ? new Cell(layer, headAt(layer, place)) : null;
    }

    @Override
    public String description() {
        Cell told = hovered.get() != null ? hovered.get() : selected.get();
        if (told == null) {
            return layers + " layers of " + heads + " heads";
        }
        String name = "layer " + told.row() + ", head " + told.column();
        if (measure == null) {
            return name;
        }
        float value = measure.at(told.row(), told.column());
        return name + ", " + measureName + " " + (value == Cells.NONE ? Numbers.MISSING : Numbers.orReason(value, Numbers::general));
    }

    @Override
    public String csv() {
        return measure == null ? "" : Csv.matrix(measure, List.of(), List.of());
    }
}
