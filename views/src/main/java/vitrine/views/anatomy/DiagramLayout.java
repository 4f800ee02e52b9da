package vitrine.views.anatomy;

import java.util.ArrayList;
import java.util.List;
import vitrine.core.architecture.Part;
import vitrine.views.chart.Surface;
import vitrine.views.chart.TextStyle;

/// Where everything in the diagram lies at one width and one distance between boxes.
final class DiagramLayout {

    /// How a box is drawn.
    enum Look {
        /// On the ground, with its part's colour along the left edge.
        BOX,
        /// Small and filled, as a head.
        CELL,
        /// Wide and filled, as a projection over all heads.
        BAR
    }

    /// A box in its place; a tensor of many heads has many places.
    record Place(Box box, double x, double y, double w, double h, Look look, String text, String detail, Part tint) {

        boolean holds(double px, double py) {
            return px >= x && px < x + w && py >= y && py < y + h;
        }
    }

    /// How strong words are.
    enum Tone { STRONG, TEXT, MUTED }

    /// What is no box.
    sealed interface Mark {
        /// A line through points; with an arrow head at its end where it leads into a box.
        record Line(double[] xs, double[] ys, boolean arrow, boolean dashed) implements Mark {}

        record Words(String text, double x, double y, TextStyle style, Tone tone, boolean right) implements Mark {}

        /// Where a block's output joins the residual stream.
        record Plus(double x, double y) implements Mark {}

        /// The frame of the layer, or of a block within it.
        record Frame(double x, double y, double w, double h, boolean block) implements Mark {}

        /// A layer to go to.
        record Step(int layer, double x, double y, double w, double h, String text) implements Mark {
            boolean holds(double px, double py) {
                return px >= x - 2 && px < x + w + 2 && py >= y - 3 && py < y + h + 3;
            }
        }

        /// All layers as a line to point at, for a model of many.
        record Track(double x, double y, double w, double h) implements Mark {
            boolean holds(double px, double py) {
                return px >= x && px <= x + w && py >= y && py <= y + h;
            }

            int layerAt(double px, int layers) {
                return Math.clamp((int) ((px - x) / w * layers), 0, layers - 1);
            }
        }
    }

    static final double PLUS = 8;
    private static final double PAD = 14;
    private static final double INNER = 11;
    private static final double HEADER = 32;
    private static final double NORM_W = 116;
    private static final double NORM_H = 25;
    private static final double EMBED_W = 160;
    private static final double EMBED_H = 40;
    private static final double BAR_H = 21;
    private static final double CELL_H = 22;
    private static final double CELL_GAP = 3;
    private static final double GROUP_GAP = 10;
    private static final double LINK = 9;
    private static final double LINE_H = 15;
    private static final double SPINE = 0.4;
    private static final double MIDDLE_GAP = 30;
    private static final int STEPS_SHOWN = 8;
    private static final double STEP = 18;
    private static final double TRACK = 96;

    private final List<Place> places = new ArrayList<>();
    private final List<Mark> marks = new ArrayList<>();
    private final Wiring wiring;
    private final double width;
    private final double gap;
    private final Surface surface;
    private final double spine;
    private double y;
    private double from = Double.NaN;

    private DiagramLayout(Wiring wiring, double width, double gap, double top, Surface surface) {
        this.wiring = wiring;
        this.width = width;
        this.gap = gap;
        this.surface = surface;
        boolean middle = wiring.block() != null && wiring.block().parallel();
        spine = Math.round(middle ? width / 2 : width * SPINE) + 0.5;
        y = top;
        build();
    }

    /// Lays the diagram out from `top` down.
    ///
    /// @param gap the distance between boxes
    static DiagramLayout of(Wiring wiring, double width, double gap, double top, Surface surface) {
        return new DiagramLayout(wiring, width, gap, top, surface);
    }

    List<Place> places() {
        return places;
    }

    List<Mark> marks() {
        return marks;
    }

    /// Where the last box ends.
    double bottom() {
        return y;
    }

    private void build() {
        embedding();
        normed(wiring.embeddingNorm());
        if (wiring.embeddingProjection() != null) {
            step(gap);
            arrow(y);
            bar(wiring.embeddingProjection(), spine - EMBED_W / 2, EMBED_W);
        }
        if (wiring.block() != null) {
            layer();
        }
        normed(wiring.finalNorm());
        for (Box b : wiring.headSteps()) {
            normed(b);
        }
        head();
    }

    private void step(double by) {
        y += by;
    }

    private void arrow(double to) {
        line(true, spine, from, spine, to);
    }

    private void line(boolean arrow, double... points) {
        add(arrow, false, points);
    }

    private void dashes(double... points) {
        add(false, true, points);
    }

    private void add(boolean arrow, boolean dashed, double... points) {
        double[] xs = new double[points.length / 2];
        double[] ys = new double[xs.length];
        for (int i = 0; i < xs.length; i++) {
            xs[i] = points[2 * i];
            ys[i] = points[2 * i + 1];
        }
        marks.add(new Mark.Line(xs, ys, arrow, dashed));
    }

    private void words(String text, double x, double middle, TextStyle style, Tone tone) {
        if (!text.isEmpty()) {
            marks.add(new Mark.Words(text, x, middle, style, tone, false));
        }
    }

    private void wordsTo(String text, double right, double middle) {
        if (!text.isEmpty()) {
            marks.add(new Mark.Words(text, right, middle, TextStyle.CAPTION, Tone.MUTED, true));
        }
    }

    private void place(Box box, double x, double w, double h, Look look, String text, String detail, Part tint) {
        places.add(new Place(box, x, y, w, h, look, text, detail, tint));
    }

    // --- before and after the layers

    private void embedding() {
        List<Box> boxes = wiring.embeddings();
        if (boxes.size() == 1) {
            Box b = boxes.getFirst();
            place(b, spine - EMBED_W / 2, EMBED_W, EMBED_H, Look.BOX, b.label(), Names.spaced(b.shape()), b.part());
            notes(wiring.embeddingNotes());
            y += EMBED_H;
            from = y;
            return;
        }
        double between = 18;
        double each = (width - between * (boxes.size() - 1)) / boxes.size();
        double join = y + EMBED_H + 8;
        for (int i = 0; i < boxes.size(); i++) {
            Box b = boxes.get(i);
            double x = i * (each + between);
            place(b, x, each, EMBED_H, Look.BOX, surface.shortened(i == 0 && each < 120 ? "Tokens" : b.label(), TextStyle.SMALL, each - 12), Names.spaced(b.shape()), b.part());
            line(false, x + each / 2, y + EMBED_H, x + each / 2, join, spine, join);
            if (i > 0) {
                marks.add(new Mark.Words("+", x - between / 2 - 3.5, y + EMBED_H / 2, TextStyle.SMALL, Tone.MUTED, false));
            }
        }
        if (!wiring.embeddingNotes().isEmpty()) {
            words(String.join(", ", wiring.embeddingNotes()), spine + 10, join + 8, TextStyle.CAPTION, Tone.MUTED);
        }
        y = join;
        from = y;
    }

    /// What stands at the right of a box of the embedding's size at `y`.
    private void notes(List<String> notes) {
        double x = spine + EMBED_W / 2 + 12;
        double middle = y + EMBED_H / 2 - (notes.size() - 1) * LINE_H / 2;
        for (String note : notes) {
            String fitting = surface.textWidth(note, TextStyle.CAPTION) <= width - x ? note : note.replace(" parameters", "");
            words(surface.shortened(fitting, TextStyle.CAPTION, width - x), x, middle, TextStyle.CAPTION, Tone.MUTED);
            middle += LINE_H;
        }
    }

    private void normed(Box norm) {
        if (norm == null) {
            return;
        }
        step(gap);
        arrow(y);
        normAt(norm, spine);
        from = y;
    }

    private void normAt(Box norm, double centre) {
        double text = surface.textWidth(norm.label(), TextStyle.SMALL) + 24;
        double w = Math.max(NORM_W, text);
        place(norm, centre - w / 2, w, NORM_H, Look.BOX, norm.label(), "", norm.part());
        y += NORM_H;
    }

    private void head() {
        step(gap);
        Box head = wiring.head();
        if (head == null) {
            line(true, spine, from, spine, y);
            words("No output head in this checkpoint", spine - EMBED_W / 2, y + 10, TextStyle.CAPTION, Tone.MUTED);
            y += 18;
            return;
        }
        arrow(y);
        place(head, spine - EMBED_W / 2, EMBED_W, EMBED_H, Look.BOX, head.label(), wiring.headDetail(), head.part());
        notes(wiring.headNotes());
        y += EMBED_H;
    }

    private void bar(Box box, double x, double w) {
        String text = box.label() + " " + (box.shape() == null ? "" : Names.spaced(box.shape()));
        place(box, x, w, BAR_H, Look.BAR, surface.textWidth(text, TextStyle.AXIS) <= w - 8 ? text : surface.shortened(box.label(), TextStyle.AXIS, w - 8), "", box.part());
        y += BAR_H;
        from = y;
    }

    // --- one layer

    private void layer() {
        step(gap);
        double top = y;
        int slot = marks.size();
        header();
        y += HEADER;
        Wiring.Block b = wiring.block();
        if (b.parallel()) {
            parallel(b);
        } else {
            half(b.attentionInput(), () -> attention(b.attention(), PAD, width - 2 * PAD), b.attentionOutput(), b.afterAttention());
            half(b.feedForwardInput(), () -> mlp(b.mlp(), PAD, width - 2 * PAD), b.feedForwardOutput(), b.afterFeedForward());
        }
        y += 8;
        // Behind everything that lies in it.
        marks.add(slot, new Mark.Frame(0, top, width, y - top, false));
    }

    private void header() {
        double middle = y + 17;
        String name = "Layer " + wiring.layer();
        words(name, PAD, middle, TextStyle.SMALL_STRONG, Tone.STRONG);
        double used = PAD + surface.textWidth(name, TextStyle.SMALL_STRONG) + 5;
        String of = wiring.layers() == 1 ? "the only one" : "of 0–" + (wiring.layers() - 1);
        words(of, used, middle, TextStyle.CAPTION, Tone.MUTED);
        if (wiring.layers() > 1) {
            stepper(middle, used + surface.textWidth(of, TextStyle.CAPTION) + 12);
        }
    }

    private void stepper(double middle, double left) {
        double right = width - PAD;
        double each = Math.max(STEP, surface.textWidth(Integer.toString(wiring.layers() - 1), TextStyle.AXIS) + 9);
        if (wiring.layers() <= STEPS_SHOWN && left + wiring.layers() * (each + 4) <= right) {
            for (int l = 0; l < wiring.layers(); l++) {
                marks.add(new Mark.Step(l, right - (wiring.layers() - l) * (each + 4) + 4, middle - STEP / 2, each, STEP, Integer.toString(l)));
            }
            return;
        }
        double track = Math.clamp(right - left - 2 * (STEP + 6), 30, TRACK);
        marks.add(new Mark.Step(wiring.layer() - 1, right - track - 2 * (STEP + 6) + 6, middle - STEP / 2, STEP, STEP, "‹"));
        marks.add(new Mark.Track(right - track - STEP - 6, middle - STEP / 2, track, STEP));
        marks.add(new Mark.Step(wiring.layer() + 1, right - STEP, middle - STEP / 2, STEP, STEP, "›"));
    }

    private void half(Box input, Runnable block, Box output, Box after) {
        step(gap * 0.35);
        double tap = y;
        step(gap * 0.75);
        if (input != null) {
            arrow(y);
            normAt(input, spine);
            from = y;
            step(gap);
        }
        arrow(y);
        block.run();
        from = y;
        normed(output);
        step(gap * 0.75);
        join(tap, PAD / 2);
        normed(after);
    }

    /// The plus where a block's output meets what came by the dashed way at `rail`.
    private void join(double tap, double rail) {
        line(false, spine, from, spine, y);
        double middle = y + PLUS;
        marks.add(new Mark.Plus(spine, middle));
        dashes(spine, tap, rail + 0.5, tap, rail + 0.5, middle, spine - PLUS, middle);
        words(wiring.block().residual(), spine + PLUS + 6, middle, TextStyle.CAPTION, Tone.MUTED);
        y += 2 * PLUS;
        from = y;
    }

    /// Both blocks side by side, the residual stream between them (or around them, where one norm feeds both).
    private void parallel(Wiring.Block b) {
        boolean shared = b.attentionInput() == b.feedForwardInput() && b.attentionInput() != null;
        double column = (width - 2 * PAD - MIDDLE_GAP) / 2;
        double left = PAD + column / 2;
        double right = width - PAD - column / 2;
        step(gap * 0.35);
        double tap = y;
        step(gap * 0.75);
        if (shared) {
            arrow(y);
            normAt(b.attentionInput(), spine);
            from = y;
            step(gap * 0.75);
        }
        double split = shared ? y : tap;
        line(false, spine, from, spine, split);
        double top = shared ? y + gap * 0.75 : y;
        double leftEnd = column(b.attentionInput(), () -> attention(b.attention(), PAD, column), b.attentionOutput(), left, split, top, shared);
        double rightEnd = column(b.feedForwardInput(), () -> mlp(b.mlp(), width - PAD - column, column), b.feedForwardOutput(), right, split, top, shared);
        y = Math.max(leftEnd, rightEnd) + gap * 0.75;
        double middle = y + PLUS;
        line(false, left, leftEnd, left, middle, spine - PLUS, middle);
        line(false, right, rightEnd, right, middle, spine + PLUS, middle);
        marks.add(new Mark.Plus(spine, middle));
        if (shared) {
            dashes(spine, tap, PAD / 2 + 0.5, tap, PAD / 2 + 0.5, middle + PLUS + 3, spine - 3, middle + PLUS + 3, spine - 3, middle + PLUS - 1);
        } else {
            dashes(spine, tap, spine, y);
        }
        words(b.residual(), spine + PLUS + 6, middle + PLUS + 4, TextStyle.CAPTION, Tone.MUTED);
        y += 2 * PLUS;
        from = y;
    }

    /// One of two columns; returns where it ends.
    private double column(Box input, Runnable block, Box output, double centre, double split, double top, boolean shared) {
        y = top;
        line(true, spine, split, centre, split, centre, y);
        if (input != null && !shared) {
            normAt(input, centre);
            double under = y;
            step(gap);
            line(true, centre, under, centre, y);
        }
        block.run();
        if (output != null) {
            double under = y;
            step(gap);
            line(true, centre, under, centre, y);
            normAt(output, centre);
        }
        return y;
    }

    // --- the two blocks

    /// Title at the left, sizes at the right where both fit; else sizes below.
    private void title(String title, String sizes, double x, double w) {
        double room = w - 2 * INNER;
        words(title, x + INNER, y + 16, TextStyle.SMALL, Tone.TEXT);
        y += 25;
        if (surface.textWidth(title, TextStyle.SMALL) + surface.textWidth(sizes, TextStyle.CAPTION) + 14 <= room) {
            wordsTo(sizes, x + w - INNER, y - 9);
        } else {
            wrapped(List.of(sizes.split("(?<=,) ")), " ", x + INNER, room);
        }
    }

    /// Pieces on as many lines as they need.
    private void wrapped(List<String> pieces, String between, double x, double room) {
        StringBuilder line = new StringBuilder();
        for (String piece : pieces) {
            String longer = line.isEmpty() ? piece : line + between + piece;
            if (!line.isEmpty() && surface.textWidth(longer, TextStyle.CAPTION) > room) {
                captionLine(line.toString(), x, room);
                line.setLength(0);
                line.append(piece);
            } else {
                line.setLength(0);
                line.append(longer);
            }
        }
        captionLine(line.toString(), x, room);
    }

    private void captionLine(String text, double x, double room) {
        words(surface.shortened(text, TextStyle.CAPTION, room), x, y + 5, TextStyle.CAPTION, Tone.MUTED);
        y += LINE_H;
    }

    private void attention(Wiring.Attention a, double x, double w) {
        double top = y;
        int slot = marks.size();
        double room = w - 2 * INNER;
        double left = x + INNER;
        title(a.title(), a.sizes(), x, w);
        wrapped(a.features(), " · ", left, room);
        y += 4;
        if (a.fused() != null) {
            bar(a.fused(), left, room);
            y += LINK - 2;
        }
        new HeadCells(a, left, room).place();
        if (!a.norms().isEmpty()) {
            y += 7;
            double each = (room - 8) / 2;
            for (int i = 0; i < a.norms().size(); i++) {
                Box n = a.norms().get(i);
                place(n, left + i * (each + 8), each, BAR_H, Look.BOX, n.label(), "", Part.NORM);
            }
            y += BAR_H;
        }
        y += 7;
        bar(a.output(), left, room);
        y += 9;
        marks.add(slot, new Mark.Frame(x, top, w, y - top, true));
    }

    private void mlp(Wiring.Mlp m, double x, double w) {
        double top = y;
        int slot = marks.size();
        double room = w - 2 * INNER;
        double left = x + INNER;
        title(m.title(), m.sizes(), x, w);
        y += 1;
        double formula = surface.textWidth(m.formula(), TextStyle.CAPTION) + 14;
        int n = m.inputs().size();
        double each = Math.min(n == 1 ? 190 : 102, (room - formula - (n - 1) * 8) / n);
        boolean beside = each >= (n == 1 ? 90 : 74);
        if (!beside) {
            each = (room - (n - 1) * 8) / n;
        }
        double below = y + 25;
        for (int i = 0; i < n; i++) {
            Box b = m.inputs().get(i);
            double bx = left + i * (each + 8);
            if (b.shares().size() > 1) {
                String text = b.label() + " " + Names.spaced(b.shape());
                place(b, bx, each, 25, Look.BAR, surface.textWidth(text, TextStyle.AXIS) <= each - 8 ? text : surface.shortened(b.label(), TextStyle.AXIS, each - 8), "", b.part());
            } else {
                place(b, bx, each, 25, Look.BOX, surface.shortened(b.label(), TextStyle.SMALL, each - 14), "", b.part());
            }
            line(false, bx + each / 2, below, bx + each / 2, below + 4, left + room / 2, below + 4, left + room / 2, below + LINK);
        }
        if (beside) {
            words(m.formula(), left + n * (each + 8) + 4, y + 12.5, TextStyle.CAPTION, Tone.MUTED);
        }
        y = below + LINK;
        if (!beside) {
            y += 2;
            words(m.formula(), left + room / 2 + 6, y, TextStyle.CAPTION, Tone.MUTED);
            line(false, left + room / 2, y - 2, left + room / 2, y + 8);
            y += 8;
        }
        bar(m.down(), left, room);
        y += 9;
        marks.add(slot, new Mark.Frame(x, top, w, y - top, true));
    }

    /// Query heads over the key/value heads that they read: one by one where there is room, else in groups, else the first and the last.
    private final class HeadCells {

        private final Wiring.Attention a;
        private final double left;
        private final double room;
        private final int groups;
        private final int size;
        private final double queryCell;
        private final double rangeCell;
        private final double pair;

        HeadCells(Wiring.Attention a, double left, double room) {
            this.a = a;
            this.left = left;
            this.room = room;
            groups = a.keyValueHeads();
            size = a.heads() / groups;
            queryCell = Math.max(18, surface.textWidth("q" + (a.heads() - 1), TextStyle.CELL) + 6);
            rangeCell = surface.textWidth("q" + (a.heads() - size) + "–" + (a.heads() - 1), TextStyle.CELL) + 8;
            pair = 2 * Math.max(18, surface.textWidth("k" + (groups - 1), TextStyle.CELL) + 6) + CELL_GAP;
        }

        void place() {
            double each = (room - (groups - 1) * GROUP_GAP) / groups;
            double single = Math.max(size * queryCell + (size - 1) * CELL_GAP, pair);
            double ranged = Math.max(rangeCell, pair);
            boolean singly = each >= single;
            if (singly || size > 1 && each >= ranged) {
                for (int g = 0; g < groups; g++) {
                    group(g, left + g * (each + GROUP_GAP), each, singly);
                }
            } else {
                abbreviated(size <= 2 ? single : ranged, size <= 2);
            }
            y += 2 * CELL_H + LINK;
        }

        private void abbreviated(double each, boolean singly) {
            double dots = 24;
            int shown = Math.max(1, (int) ((room - dots - each) / (each + GROUP_GAP)));
            double wide = (room - dots - shown * GROUP_GAP) / (shown + 1);
            for (int g = 0; g < shown; g++) {
                group(g, left + g * (wide + GROUP_GAP), wide, singly);
            }
            group(groups - 1, left + room - wide, wide, singly);
            double x = left + shown * (wide + GROUP_GAP) + dots / 2 - GROUP_GAP / 2;
            words("…", x - 5, y + CELL_H + LINK / 2, TextStyle.SMALL, Tone.MUTED);
        }

        private void group(int g, double x, double w, boolean singly) {
            int first = g * size;
            double under = y + CELL_H;
            double link = under + LINK / 2;
            if (singly) {
                double each = (w - (size - 1) * CELL_GAP) / size;
                for (int i = 0; i < size; i++) {
                    double qx = x + i * (each + CELL_GAP);
                    cell(a.query(), qx, 0, each, "q" + (first + i), Part.QUERY);
                    line(false, qx + each / 2, under, qx + each / 2, link, x + w / 2, link);
                }
            } else {
                cell(a.query(), x, 0, w, "q" + first + "–" + (first + size - 1), Part.QUERY);
                line(false, x + w / 2, under, x + w / 2, link);
            }
            double half = (w - CELL_GAP) / 2;
            double below = under + LINK;
            line(false, x + half / 2, below, x + half / 2, link, x + w - half / 2, link, x + w - half / 2, below);
            cell(a.key(), x, CELL_H + LINK, half, "k" + g, Part.KEY);
            cell(a.value(), x + half + CELL_GAP, CELL_H + LINK, half, "v" + g, Part.VALUE);
        }

        private void cell(Box box, double x, double down, double w, String text, Part tint) {
            places.add(new Place(box, x, y + down, w, CELL_H, Look.CELL, text, "", tint));
        }
    }
}
