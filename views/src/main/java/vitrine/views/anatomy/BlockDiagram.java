package vitrine.views.anatomy;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.function.IntConsumer;
import javafx.beans.Observable;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.SimpleObjectProperty;
import javafx.beans.property.SimpleStringProperty;
import javafx.beans.property.StringProperty;
import javafx.scene.paint.Color;
import vitrine.core.architecture.Part;
import vitrine.core.refusal.Visible;
import vitrine.views.anatomy.DiagramLayout.Look;
import vitrine.views.anatomy.DiagramLayout.Mark;
import vitrine.views.anatomy.DiagramLayout.Place;
import vitrine.views.anatomy.DiagramLayout.Spacing;
import vitrine.views.chart.Gesture;
import vitrine.views.chart.Interactive;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.Palette;
import vitrine.views.chart.Pen;
import vitrine.views.chart.ReadOut;
import vitrine.views.chart.Stroke;
import vitrine.views.chart.Surface;
import vitrine.views.chart.TextStyle;
import vitrine.views.chart.Theme;

/// The block diagram: a [Wiring] drawn from top to bottom, one layer in full.
///
/// A click on a box selects its tensor, another click its bias; Up and Down walk through the boxes, Left and Right through the layers.
final class BlockDiagram implements Interactive {

    /// Distances between boxes: the least that an arrow needs, one that reads well, and one beyond which the eye gets lost.
    private static final double TIGHT = 5;
    private static final double EASY = 13;
    private static final double WIDEST = 22;
    /// In a low window boxes lose this much of their height before the diagram scrolls.
    private static final double SQUEEZED = 0.82;
    private static final double TINT = 0.26;

    private final ObjectProperty<Wiring> wiring = new SimpleObjectProperty<>(this, "wiring");
    private final StringProperty selected = new SimpleStringProperty(this, "selected");
    private final ObjectProperty<Place> hovered = new SimpleObjectProperty<>(this, "hovered");
    private final IntConsumer goTo;
    private boolean onTrack;

    private Laid laid;

    private record Laid(Wiring wiring, double width, double height, DiagramLayout layout) {}

    /// @param goTo told of the layer that the reader steps to
    BlockDiagram(IntConsumer goTo) {
        this.goTo = goTo;
    }

    ObjectProperty<Wiring> wiringProperty() {
        return wiring;
    }

    /// The selected tensor's name, or null.
    StringProperty selectedProperty() {
        return selected;
    }

    /// The box under the pointer, or null.
    ObjectProperty<Place> hoveredProperty() {
        return hovered;
    }

    /// The height below which boxes would touch.
    double leastHeight(double width, Surface surface) {
        return wiring.get() == null ? 0 : Math.ceil(bottom(width, TIGHT, SQUEEZED, surface)) + 1;
    }

    @Override
    public double heightFor(double width, Surface surface) {
        return wiring.get() == null || width <= 0 ? 0 : Math.ceil(bottom(width, EASY, 1, surface)) + 1;
    }

    private double bottom(double width, double gap, double squeeze, Surface surface) {
        return DiagramLayout.of(wiring.get(), width, new Spacing(gap, squeeze), 0, surface).bottom();
    }

    /// The places at a size: boxes keep theirs, distances take up what there is of room.
    DiagramLayout layout(double width, double height, Surface surface) {
        if (laid == null || laid.wiring != wiring.get() || laid.width != width || laid.height != height) {
            double squeeze = bottom(width, TIGHT + 1, 1, surface) > height ? SQUEEZED : 1;
            double fixed = bottom(width, 0, squeeze, surface);
            double perGap = bottom(width, 1, squeeze, surface) - fixed;
            double gap = perGap > 0 ? Math.clamp((height - 2 - fixed) / perGap, TIGHT, WIDEST) : TIGHT;
            double top = Math.max(0.5, Math.floor((height - fixed - gap * perGap) / 2));
            laid = new Laid(wiring.get(), width, height, DiagramLayout.of(wiring.get(), width, new Spacing(gap, squeeze), Math.min(top, 48), surface));
        }
        return laid.layout;
    }

    @Override
    public void draw(Pen pen, double width, double height, Theme theme) {
        if (wiring.get() == null) {
            return;
        }
        Palette palette = theme.palette();
        DiagramLayout at = layout(width, height, pen);
        for (Mark mark : at.marks()) {
            draw(pen, mark, palette);
        }
        for (Place place : at.places()) {
            draw(pen, place, palette);
        }
        if (hovered.get() != null && at.places().contains(hovered.get())) {
            Place p = hovered.get();
            readOut(p.box()).drawBeside(pen, p.x() + Math.min(p.w(), 90), p.y() + p.h() - 4, width, height, palette);
        }
    }

    private void draw(Pen pen, Mark mark, Palette palette) {
        switch (mark) {
            case Mark.Frame f -> {
                pen.fillRoundRect(f.x() + 0.5, f.y(), f.w() - 1, f.h(), 6, f.block() ? palette.card() : Palette.over(palette.card(), palette.subtle(), 0.09));
                pen.strokeRoundRect(f.x() + 0.5, Math.floor(f.y()) + 0.5, f.w() - 1, Math.floor(f.h()), 6, Stroke.of(palette.border(), 1));
            }
            case Mark.Line l -> drawLine(pen, l, palette);
            case Mark.Words w -> pen.textMiddle(w.text(), w.x(), w.y(), w.style(), switch (w.tone()) {
                case STRONG -> palette.strong();
                case TEXT -> palette.text();
                case MUTED -> palette.muted();
            }, w.right() ? Pen.Align.RIGHT : Pen.Align.LEFT);
            case Mark.Plus p -> {
                pen.fillCircle(p.x(), p.y(), DiagramLayout.PLUS, palette.background());
                pen.strokeCircle(p.x(), p.y(), DiagramLayout.PLUS - 0.5, Stroke.of(palette.muted(), 1));
                pen.line(p.x() - 4, p.y(), p.x() + 4, p.y(), Stroke.of(palette.text(), 1.5));
                pen.line(p.x(), p.y() - 4, p.x(), p.y() + 4, Stroke.of(palette.text(), 1.5));
            }
            case Mark.Step s -> drawStep(pen, s, palette);
            case Mark.Track t -> drawTrack(pen, t, palette);
        }
    }

    private static void drawLine(Pen pen, Mark.Line l, Palette palette) {
        Color colour = l.dashed() ? palette.subtle() : palette.muted();
        pen.polyline(l.xs(), l.ys(), l.xs().length, l.dashed() ? Stroke.dashed(colour, 1.25, 2.5, 2.5) : Stroke.of(Palette.over(palette.card(), colour, 0.8), 1.25));
        if (l.arrow()) {
            double x = l.xs()[l.xs().length - 1];
            double y = l.ys()[l.ys().length - 1];
            pen.polygon(new double[] {x, x - 3.5, x + 3.5}, new double[] {y, y - 5, y - 5}, 3, colour);
        }
    }

    private void drawStep(Pen pen, Mark.Step s, Palette palette) {
        boolean here = s.layer() == wiring.get().layer();
        boolean there = s.layer() >= 0 && s.layer() < wiring.get().layers();
        pen.fillRoundRect(s.x(), s.y(), s.w(), s.h(), 3, here ? Palette.over(palette.card(), palette.accent(), 0.2) : palette.background());
        pen.strokeRoundRect(s.x() + 0.5, s.y() + 0.5, s.w() - 1, s.h() - 1, 3, Stroke.of(here ? palette.accent() : palette.border(), 1));
        pen.textMiddle(s.text(), s.x() + s.w() / 2, s.y() + s.h() / 2, here ? TextStyle.AXIS_STRONG : TextStyle.AXIS,
                here ? palette.accent() : there ? palette.text() : palette.border(), Pen.Align.CENTRE);
    }

    private void drawTrack(Pen pen, Mark.Track t, Palette palette) {
        double middle = t.y() + t.h() / 2;
        int layers = wiring.get().layers();
        pen.fillRoundRect(t.x(), middle - 2, t.w(), 4, 2, palette.border());
        double each = t.w() / layers;
        double x = t.x() + wiring.get().layer() * each;
        double wide = Math.max(6, each);
        pen.fillRoundRect(Math.clamp(x + each / 2 - wide / 2, t.x(), t.x() + t.w() - wide), middle - 6, wide, 12, 2, palette.accent());
    }

    private void draw(Pen pen, Place p, Palette palette) {
        Box box = p.box();
        boolean chosen = box.has(selected.get());
        boolean hot = hovered.get() != null && hovered.get().box() == box;
        double x = pen.snap(p.x());
        double y = pen.snap(p.y());
        double w = pen.snap(p.x() + p.w()) - x;
        double h = pen.snap(p.y() + p.h()) - y;
        Color ground = palette.theme() == Theme.DARK ? palette.background() : palette.card();
        double radius = p.look() == Look.BOX ? 4 : 3;
        if (p.look() == Look.BOX) {
            pen.fillRoundRect(x, y, w, h, radius, chosen ? Palette.over(ground, palette.accent(), 0.2) : ground);
        } else {
            fill(pen, p, x, y, w, h, ground, palette);
        }
        Color edge = box.missing() ? palette.danger() : hot ? palette.strong() : p.look() == Look.BOX ? palette.border()
                : Palette.over(ground, palette.kind(kind(p.tint())), 0.85);
        pen.strokeRoundRect(x + 0.5, y + 0.5, w - 1, h - 1, radius, box.missing() ? Stroke.dashed(edge, 1.25, 3, 2) : Stroke.of(edge, 1));
        if (p.look() == Look.BOX) {
            pen.fillRoundRect(x, y, 3, h, 1.5, palette.kind(kind(p.tint())));
        }
        if (chosen) {
            pen.strokeRoundRect(x + 0.5, y + 0.5, w - 1, h - 1, radius, Stroke.of(palette.accent(), 2));
        }
        texts(pen, p, x + w / 2, y + h / 2, palette);
    }

    /// One colour, or one beside the other for a fused projection.
    private static void fill(Pen pen, Place p, double x, double y, double w, double h, Color ground, Palette palette) {
        if (p.box().shares().size() == 1 || p.look() == Look.CELL) {
            pen.fillRoundRect(x, y, w, h, 3, Palette.over(ground, palette.kind(kind(p.tint())), TINT));
            return;
        }
        pen.save();
        pen.clip(x, y, w, h);
        double at = x;
        for (Box.Share s : p.box().shares()) {
            pen.fillRect(at, y, s.share() * w, h, Palette.over(ground, palette.kind(kind(s.part())), TINT + 0.06));
            at += s.share() * w;
        }
        pen.restore();
    }

    private static void texts(Pen pen, Place p, double x, double middle, Palette palette) {
        Color text = p.box().missing() ? palette.danger() : palette.strong();
        TextStyle style = p.look() == Look.BOX ? TextStyle.SMALL : p.look() == Look.BAR ? TextStyle.AXIS : TextStyle.CELL;
        if (p.detail().isEmpty()) {
            pen.textMiddle(p.text(), x, middle, style, text, Pen.Align.CENTRE);
        } else {
            pen.textMiddle(p.text(), x, middle - 7.5, style, text, Pen.Align.CENTRE);
            pen.textMiddle(p.detail(), x, middle + 8.5, TextStyle.AXIS, palette.muted(), Pen.Align.CENTRE);
        }
    }

    static Palette.Kind kind(Part part) {
        return Palette.Kind.valueOf(part.name());
    }

    private static ReadOut readOut(Box box) {
        String name = box.tensors().isEmpty() ? box.label() : Names.title(Visible.name(box.tensors().getFirst()));
        ReadOut out = new ReadOut().add(ReadOut.Role.NAME, name);
        if (box.shape() != null) {
            out.line().add(ReadOut.Role.NUMBER, Names.spaced(box.shape())).add(ReadOut.Role.CONTEXT, Numbers.count(box.parameters()) + " parameters");
        } else {
            out.line().add(ReadOut.Role.CONTEXT, "no weights");
        }
        if (box.missing()) {
            out.line().add(ReadOut.Role.CONTEXT, "missing in this checkpoint");
        } else if (box.tensors().size() == 2) {
            out.line().add(ReadOut.Role.CONTEXT, "and a bias");
        } else if (box.tensors().size() > 2) {
            out.line().add(ReadOut.Role.CONTEXT, "one of " + box.tensors().size() + " tensors");
        }
        return out;
    }

    @Override
    public List<Observable> inputs() {
        return List.of(wiring, selected, hovered);
    }

    @Override
    public boolean handle(Gesture gesture, double width, double height, Surface surface) {
        if (wiring.get() == null) {
            return false;
        }
        DiagramLayout at = layout(width, height, surface);
        return switch (gesture) {
            case Gesture.Move m -> {
                hovered.set(placeAt(at, m.x(), m.y()));
                yield true;
            }
            case Gesture.Leave ignored -> {
                hovered.set(null);
                yield true;
            }
            case Gesture.Press p -> {
                onTrack = track(at, p.x(), p.y()) != null;
                yield onTrack;
            }
            case Gesture.Click c -> click(at, c.x(), c.y());
            case Gesture.Drag d when onTrack -> {
                Mark.Track t = track(at, d.startX(), d.startY());
                if (t != null) {
                    goTo.accept(t.layerAt(d.x(), wiring.get().layers()));
                }
                yield true;
            }
            case Gesture.Wheel w when track(at, w.x(), w.y()) != null -> {
                step(w.notches() > 0 ? -1 : 1);
                yield true;
            }
            case Gesture.Key k -> key(k, at);
            default -> false;
        };
    }

    private static Place placeAt(DiagramLayout at, double x, double y) {
        return at.places().stream().filter(p -> p.holds(x, y)).findFirst().orElse(null);
    }

    private static Mark.Track track(DiagramLayout at, double x, double y) {
        for (Mark m : at.marks()) {
            if (m instanceof Mark.Track t && t.holds(x, y)) {
                return t;
            }
        }
        return null;
    }

    private boolean click(DiagramLayout at, double x, double y) {
        for (Mark m : at.marks()) {
            if (m instanceof Mark.Step s && s.holds(x, y)) {
                if (s.layer() >= 0 && s.layer() < wiring.get().layers()) {
                    goTo.accept(s.layer());
                }
                return true;
            }
        }
        Mark.Track t = track(at, x, y);
        if (t != null) {
            goTo.accept(t.layerAt(x, wiring.get().layers()));
            return true;
        }
        Place hit = placeAt(at, x, y);
        if (hit == null) {
            return false;
        }
        choose(hit.box());
        return true;
    }

    /// Selects a box's tensor; where it is selected already, the next one of the box, such as its bias.
    private void choose(Box box) {
        if (!box.tensors().isEmpty()) {
            int now = box.has(selected.get()) ? box.tensors().indexOf(selected.get()) : -1;
            selected.set(box.tensors().get((now + 1) % box.tensors().size()));
        }
    }

    private void step(int by) {
        goTo.accept(Math.clamp(wiring.get().layer() + by, 0, Math.max(0, wiring.get().layers() - 1)));
    }

    private boolean key(Gesture.Key key, DiagramLayout at) {
        switch (key.code()) {
            case UP -> walk(at, -1);
            case DOWN -> walk(at, 1);
            case LEFT -> step(-1);
            case RIGHT -> step(1);
            default -> {
                return false;
            }
        }
        return true;
    }

    private void walk(DiagramLayout at, int by) {
        LinkedHashSet<Box> distinct = new LinkedHashSet<>();
        at.places().forEach(p -> distinct.add(p.box()));
        List<Box> boxes = new ArrayList<>(distinct);
        boxes.removeIf(b -> b.tensors().isEmpty());
        int now = -1;
        for (int i = 0; i < boxes.size(); i++) {
            now = boxes.get(i).has(selected.get()) ? i : now;
        }
        int next = now < 0 ? (by > 0 ? 0 : boxes.size() - 1) : Math.clamp(now + by, 0, boxes.size() - 1);
        if (!boxes.isEmpty() && next != now) {
            selected.set(boxes.get(next).tensors().getFirst());
        }
    }

    @Override
    public String description() {
        Wiring w = wiring.get();
        if (w == null) {
            return "No diagram";
        }
        Place p = hovered.get();
        Box told = p != null ? p.box() : w.boxOf(selected.get()).orElse(null);
        String layer = "Layer " + w.layer() + " of " + w.layers();
        return told == null ? layer + ", " + w.boxes().size() + " boxes" : layer + "; " + readOut(told).text() + "; " + told.role();
    }

    @Override
    public String csv() {
        if (wiring.get() == null) {
            return "";
        }
        StringBuilder out = new StringBuilder("box,tensor,shape,parameters\r\n");
        for (Box b : wiring.get().boxes()) {
            out.append(Visible.csv(b.label())).append(',').append(b.tensors().isEmpty() ? "" : Visible.csv(b.tensors().getFirst())).append(',')
                    .append(b.shape() == null ? "" : Names.tight(b.shape()).replace('×', 'x')).append(',').append(b.parameters()).append("\r\n");
        }
        return out.toString();
    }
}
