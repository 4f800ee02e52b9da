package vitrine.views.anatomy;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import javafx.beans.Observable;
import javafx.beans.property.IntegerProperty;
import javafx.beans.property.SimpleIntegerProperty;
import javafx.beans.property.SimpleStringProperty;
import javafx.beans.property.StringProperty;
import javafx.scene.paint.Color;
import vitrine.core.checkpoint.DataFile;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.refusal.Visible;
import vitrine.views.chart.Gesture;
import vitrine.views.chart.Interactive;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.Palette;
import vitrine.views.chart.Pen;
import vitrine.views.chart.Stroke;
import vitrine.views.chart.Surface;
import vitrine.views.chart.Theme;

/// One file from its first byte to its last: the header, then tensors in the colour of their part.
///
/// Tensors narrower than a pixel share one, in the colour of the part that has most of it.
final class FileStrip implements Interactive {

    /// Says that the pointer is over the header.
    static final int HEADER = -2;
    private static final int NOTHING = -1;
    private static final double EDGE = 3;

    private final IntegerProperty hovered = new SimpleIntegerProperty(this, "hovered", NOTHING);
    private final StringProperty selected = new SimpleStringProperty(this, "selected");
    private final IntegerProperty revision = new SimpleIntegerProperty();
    private List<TensorLine> tensors = List.of();
    private long[] starts = {};
    private long[] ends = {};
    private long size = 1;
    private long header;

    /// Shows a file.
    ///
    /// @param lines tensors of this or any file; those of others are left out
    void show(DataFile file, List<TensorLine> lines) {
        size = Math.max(1, file.size());
        header = file.headerBytes();
        tensors = lines.stream().filter(l -> l.item() != null && l.item().entry().file().equals(file.path()) && l.item().entry().bytes() > 0)
                .sorted(Comparator.comparingLong(l -> l.item().entry().offset())).toList();
        starts = tensors.stream().mapToLong(l -> l.item().entry().offset()).toArray();
        ends = tensors.stream().mapToLong(l -> l.item().entry().offset() + l.item().entry().bytes()).toArray();
        hovered.set(NOTHING);
        revision.set(revision.get() + 1);
    }

    /// The index of the tensor under the pointer, [#HEADER], or -1.
    IntegerProperty hoveredProperty() {
        return hovered;
    }

    /// The selected tensor's name, or null.
    StringProperty selectedProperty() {
        return selected;
    }

    /// The tensor of an index.
    TensorLine tensor(int index) {
        return tensors.get(index);
    }

    /// What the pointer is over, in words; empty for nothing.
    String told() {
        if (hovered.get() == HEADER) {
            return "header, " + Numbers.count(header) + " B";
        }
        if (hovered.get() < 0 || hovered.get() >= tensors.size()) {
            return "";
        }
        TensorEntry e = tensors.get(hovered.get()).item().entry();
        return Names.withoutWeight(Visible.name(e.name())) + " · offset " + Numbers.count(e.offset()) + " · " + Numbers.bytes(e.bytes());
    }

    @Override
    public void draw(Pen pen, double width, double height, Theme theme) {
        Palette palette = theme.palette();
        double top = EDGE;
        double high = height - 2 * EDGE;
        double perByte = width / size;
        pen.fillRoundRect(0, top, width, high, 2, palette.empty());
        pen.fillRect(0, top, Math.max(2, pen.snap(header * perByte) - 0.5), high, palette.muted());
        double[] shares = new double[Palette.Kind.values().length];
        int column = -1;
        double ratio = pen.pixelRatio();
        for (int i = 0; i < starts.length; i++) {
            double left = Math.max(starts[i] * perByte, 2);
            double right = ends[i] * perByte;
            int kind = BlockDiagram.kind(tensors.get(i).part()).ordinal();
            if (right - left >= 1.5) {
                column = flush(pen, shares, column, top, high, palette);
                double x = pen.snap(left);
                double w = pen.snap(right) - x;
                pen.fillRect(x, top, Math.max(1 / ratio, w - (w > 3 ? 1 : 0)), high, palette.categorical(kind));
            } else {
                int at = (int) (left * ratio);
                if (at != column) {
                    flush(pen, shares, column, top, high, palette);
                    column = at;
                }
                shares[kind] += ends[i] - starts[i];
            }
        }
        flush(pen, shares, column, top, high, palette);
        mark(pen, hovered.get(), palette.strong(), width, height, palette);
        for (int i = 0; i < starts.length && selected.get() != null; i++) {
            if (tensors.get(i).name().equals(selected.get())) {
                mark(pen, i, palette.accent(), width, height, palette);
                break;
            }
        }
    }

    /// Draws one device pixel of narrow tensors and forgets them.
    private static int flush(Pen pen, double[] shares, int column, double top, double high, Palette palette) {
        if (column >= 0) {
            int most = 0;
            for (int k = 1; k < shares.length; k++) {
                most = shares[k] > shares[most] ? k : most;
            }
            pen.fillRect(column / pen.pixelRatio(), top, 1 / pen.pixelRatio(), high, palette.categorical(most));
            Arrays.fill(shares, 0);
        }
        return -1;
    }

    private void mark(Pen pen, int index, Color colour, double width, double height, Palette palette) {
        if (index == NOTHING || index >= starts.length) {
            return;
        }
        double left = pen.snap((index == HEADER ? 0 : starts[index]) * width / size);
        double right = pen.snap((index == HEADER ? header : ends[index]) * width / size);
        double w = Math.max(4, right - left);
        double x = Math.clamp(left, 1.5, Math.max(1.5, width - w - 1.5));
        pen.strokeRoundRect(x - 0.5, 1.5, Math.min(w, width - 3) + 1, height - 3, 2, Stroke.of(palette.card(), 4));
        pen.strokeRoundRect(x - 0.5, 1.5, Math.min(w, width - 3) + 1, height - 3, 2, Stroke.of(colour, 2));
    }

    private int at(double x, double width) {
        if (x < 0 || x >= width) {
            return NOTHING;
        }
        long position = (long) (x / width * size);
        if (position < header || x < 2) {
            return HEADER;
        }
        int found = Arrays.binarySearch(starts, position);
        int index = found >= 0 ? found : -found - 2;
        return index >= 0 && position < ends[index] ? index : NOTHING;
    }

    @Override
    public List<Observable> inputs() {
        return List.of(revision, hovered, selected);
    }

    @Override
    public boolean handle(Gesture gesture, double width, double height, Surface surface) {
        switch (gesture) {
            case Gesture.Move m -> hovered.set(at(m.x(), width));
            case Gesture.Leave ignored -> hovered.set(NOTHING);
            case Gesture.Click c -> {
                int hit = at(c.x(), width);
                if (hit < 0) {
                    return false;
                }
                selected.set(tensors.get(hit).name());
            }
            case Gesture.Key k -> {
                return key(k);
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private boolean key(Gesture.Key key) {
        int by = switch (key.code()) {
            case LEFT -> -1;
            case RIGHT -> 1;
            default -> 0;
        };
        if (by == 0 || tensors.isEmpty()) {
            return false;
        }
        int now = -1;
        for (int i = 0; i < tensors.size(); i++) {
            now = tensors.get(i).name().equals(selected.get()) ? i : now;
        }
        selected.set(tensors.get(now < 0 ? 0 : Math.clamp(now + by, 0, tensors.size() - 1)).name());
        return true;
    }

    @Override
    public String description() {
        String told = told();
        return told.isEmpty() ? "File of " + Numbers.bytes(size) + ", header and " + Numbers.count(tensors.size()) + " tensors in file order" : told;
    }

    @Override
    public String csv() {
        StringBuilder out = new StringBuilder("tensor,offset,bytes,part\r\n");
        for (TensorLine l : tensors) {
            out.append(Visible.csv(l.name())).append(',').append(l.item().entry().offset()).append(',').append(l.item().entry().bytes()).append(',')
                    .append(l.part().name().toLowerCase(java.util.Locale.ROOT)).append("\r\n");
        }
        return out.toString();
    }
}
