package vitrine.views.anatomy;

import java.util.ArrayList;
import java.util.List;
import vitrine.core.architecture.Part;
import vitrine.views.anatomy.DiagramLayout.Look;
import vitrine.views.anatomy.DiagramLayout.Mark;
import vitrine.views.anatomy.DiagramLayout.Place;
import vitrine.views.anatomy.DiagramLayout.Spacing;
import vitrine.views.anatomy.DiagramLayout.Tone;
import vitrine.views.chart.Surface;
import vitrine.views.chart.TextStyle;

/// Lays a [Wiring] out from top to bottom: boxes keep their heights, distances are given.
final class DiagramBuilder {

    private static final double PAD = 14;
    private static final double INNER = 11;
    private static final double HEADER = 32;
    private static final double NORM_W = 116;
    private static final double NORM_H = 25;
    private static final double EMBED_W = 160;
    private static final double EMBED_H = 40;
    private static final double BAR_H = 21;
    private static final double CELL_H = 22;
    /// Between boxes of one block.
    static final double LINK = 9;
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
    /// Heights of boxes are multiplied with this: below 1 where a window is low.
    private final double squeeze;
    private double y;
    private double from = Double.NaN;

    DiagramBuilder(Wiring wiring, double width, Spacing spacing, double top, Surface surface) {
        this.wiring = wiring;
        this.width = width;
        gap = spacing.gap();
        squeeze = spacing.squeeze();
        this.surface = surface;
        boolean middle = wiring.block() != null && wiring.block().parallel();
        spine = Math.round(middle ? width / 2 : width * SPINE) + 0.5;
        y = top;
    }

    private double high(double usual) {
        return Math.round(usual * squeeze);
    }

    DiagramLayout build() {
        embedding();
        normed(wiring.embeddingNorm());
        if (wiring.embeddingProjection() != null && wiring.embeddings().size() == 1) {
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
        return new DiagramLayout(places, marks, y);
    }

    private void step(double by) {
        y += by;
    }

    private void arrow(double to) {
        line(true, spine, from, spine, to);
    }

    void line(boolean arrow, double... points) {
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

    void words(String text, double x, double middle, TextStyle style, Tone tone) {
        if (!text.isEmpty()) {
            marks.add(new Mark.Words(text, x, middle, style, tone, false));
        }
    }

    private void wordsTo(String text, double right, double middle) {
        if (!text.isEmpty()) {
            marks.add(new Mark.Words(text, right, middle, TextStyle.CAPTION, Tone.MUTED, true));
        }
    }

    void cell(Box box, double x, double top, double w, double h, String text, Part tint) {
        places.add(new Place(box, x, top, w, h, Look.CELL, text, "", tint));
    }

    private void place(Box box, double x, double w, double h, Look look, String text, String detail, Part tint) {
        places.add(new Place(box, x, y, w, h, look, text, detail, tint));
    }

    // --- before and after the layers

    private void embedding() {
        List<Box> boxes = wiring.embeddings();
        if (boxes.size() == 1) {
            Box b = boxes.getFirst();
            place(b, spine - EMBED_W / 2, EMBED_W, high(EMBED_H), Look.BOX, b.label(), Names.spaced(b.shape()), b.part());
            notes(wiring.embeddingNotes());
            y += high(EMBED_H);
            from = y;
            return;
        }
        double between = 18;
        double each = (width - between * (boxes.size() - 1)) / boxes.size();
        double join = y + high(EMBED_H) + 8;
        if (wiring.embeddingProjection() != null) {
            // Only tokens are projected; positions have the width of the residual stream already.
            double top = y;
            y += high(EMBED_H) + gap;
            line(true, each / 2, top + high(EMBED_H), each / 2, y);
            bar(wiring.embeddingProjection(), 0, each);
            join = y + 8;
            line(false, each / 2, y, each / 2, join, spine, join);
            y = top;
        }
        for (int i = 0; i < boxes.size(); i++) {
            Box b = boxes.get(i);
            double x = i * (each + between);
            place(b, x, each, high(EMBED_H), Look.BOX, surface.shortened(i == 0 && each < 120 ? "Tokens" : b.label(), TextStyle.SMALL, each - 12), Names.spaced(b.shape()), b.part());
            if (i > 0 || wiring.embeddingProjection() == null) {
                line(false, x + each / 2, y + high(EMBED_H), x + each / 2, join, spine, join);
            }
            if (i > 0) {
                marks.add(new Mark.Words("+", x - between / 2 - 3.5, y + high(EMBED_H) / 2, TextStyle.SMALL, Tone.MUTED, false));
            }
        }
        if (!wiring.embeddingNotes().isEmpty()) {
            words(wiring.embeddingNotes().stream().map(Wiring.Aside::full).collect(java.util.stream.Collectors.joining(", ")), spine + 10, join + 8, TextStyle.CAPTION, Tone.MUTED);
        }
        y = join;
        from = y;
    }

    /// What stands at the right of a box of the embedding's size at `y`.
    private void notes(List<Wiring.Aside> notes) {
        double x = spine + EMBED_W / 2 + 12;
        double middle = y + high(EMBED_H) / 2 - (notes.size() - 1) * high(LINE_H) / 2;
        for (Wiring.Aside note : notes) {
            String fitting = fits(note.full(), width - x) ? note.full() : fits(note.shorter(), width - x) ? note.shorter() : note.shortest();
            words(surface.shortened(fitting, TextStyle.CAPTION, width - x), x, middle, TextStyle.CAPTION, Tone.MUTED);
            middle += high(LINE_H);
        }
    }

    private boolean fits(String text, double room) {
        return surface.textWidth(text, TextStyle.CAPTION) <= room;
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
        place(norm, centre - w / 2, w, high(NORM_H), Look.BOX, norm.label(), "", norm.part());
        y += high(NORM_H);
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
        place(head, spine - EMBED_W / 2, EMBED_W, high(EMBED_H), Look.BOX, head.label(), wiring.headDetail(), head.part());
        notes(wiring.headNotes());
        y += high(EMBED_H);
    }

    private void bar(Box box, double x, double w) {
        String text = box.label() + " " + (box.shape() == null ? "" : Names.spaced(box.shape()));
        place(box, x, w, high(BAR_H), Look.BAR, surface.textWidth(text, TextStyle.AXIS) <= w - 8 ? text : surface.shortened(box.label(), TextStyle.AXIS, w - 8), "", box.part());
        y += high(BAR_H);
        from = y;
    }

    // --- one layer

    private void layer() {
        step(gap);
        double top = y;
        int slot = marks.size();
        header();
        y += high(HEADER);
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
        double middle = y + high(HEADER) / 2 + 1;
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
        double middle = y + DiagramLayout.PLUS;
        marks.add(new Mark.Plus(spine, middle));
        dashes(spine, tap, rail + 0.5, tap, rail + 0.5, middle, spine - DiagramLayout.PLUS, middle);
        words(wiring.block().residual(), spine + DiagramLayout.PLUS + 6, middle, TextStyle.CAPTION, Tone.MUTED);
        y += 2 * DiagramLayout.PLUS;
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
        double middle = y + DiagramLayout.PLUS;
        line(false, left, leftEnd, left, middle, spine - DiagramLayout.PLUS, middle);
        line(false, right, rightEnd, right, middle, spine + DiagramLayout.PLUS, middle);
        marks.add(new Mark.Plus(spine, middle));
        if (shared) {
            dashes(spine, tap, PAD / 2 + 0.5, tap, PAD / 2 + 0.5, middle + DiagramLayout.PLUS + 3, spine - 3, middle + DiagramLayout.PLUS + 3, spine - 3, middle + DiagramLayout.PLUS - 1);
        } else {
            dashes(spine, tap, spine, y);
        }
        words(b.residual(), spine + DiagramLayout.PLUS + 6, middle + DiagramLayout.PLUS + 4, TextStyle.CAPTION, Tone.MUTED);
        y += 2 * DiagramLayout.PLUS;
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

    /// Title at the left, sizes at the right where both fit; features below, and sizes where they have no room above.
    private void title(String full, String sizes, List<String> features, double x, double w) {
        double room = w - 2 * INNER;
        String last = full.substring(full.lastIndexOf(' ') + 1);
        String title = surface.textWidth(full, TextStyle.SMALL) <= room ? full : last.substring(0, 1).toUpperCase(java.util.Locale.ROOT) + last.substring(1);
        y += high(27);
        words(title, x + INNER, y - 12, TextStyle.SMALL, Tone.TEXT);
        boolean beside = surface.textWidth(title, TextStyle.SMALL) + surface.textWidth(sizes, TextStyle.CAPTION) + 14 <= room;
        List<String> below = new ArrayList<>(beside ? List.of() : List.of(sizes.split(", ")));
        below.addAll(features);
        if (beside) {
            wordsTo(sizes, x + w - INNER, y - 12);
        }
        if (!below.isEmpty()) {
            wrapped(below, " · ", x + INNER, room);
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
        words(surface.shortened(text, TextStyle.CAPTION, room), x, y + high(LINE_H) / 2 - 2, TextStyle.CAPTION, Tone.MUTED);
        y += high(LINE_H);
    }

    private void attention(Wiring.Attention a, double x, double w) {
        double top = y;
        int slot = marks.size();
        double room = w - 2 * INNER;
        double left = x + INNER;
        title(a.title(), a.sizes(), a.features(), x, w);
        y += 4;
        if (a.fused() != null) {
            bar(a.fused(), left, room);
            y += LINK - 2;
        }
        y += new HeadCells(this, a, left, room, surface).place(y, high(CELL_H));
        if (!a.norms().isEmpty()) {
            y += 7;
            double each = (room - 8) / 2;
            for (int i = 0; i < a.norms().size(); i++) {
                Box n = a.norms().get(i);
                String label = surface.textWidth(n.label(), TextStyle.SMALL) <= each - 10 ? n.label() : n.label().substring(0, 1);
                place(n, left + i * (each + 8), each, high(BAR_H), Look.BOX, label, "", Part.NORM);
            }
            y += high(BAR_H);
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
        title(m.title(), m.sizes(), List.of(), x, w);
        y += 1;
        double formula = surface.textWidth(m.formula(), TextStyle.CAPTION) + 14;
        int n = m.inputs().size();
        double each = Math.min(n == 1 ? 190 : 102, (room - formula - (n - 1) * 8) / n);
        boolean beside = each >= (n == 1 ? 90 : 74);
        if (!beside) {
            each = (room - (n - 1) * 8) / n;
        }
        double tall = high(25);
        double below = y + tall;
        double labelled = each - 12;
        // All or none: beside "up", "experts gate" would look like another thing.
        boolean brief = m.inputs().stream().anyMatch(b -> surface.textWidth(b.label(), TextStyle.SMALL) > labelled);
        for (int i = 0; i < n; i++) {
            Box b = m.inputs().get(i);
            double bx = left + i * (each + 8);
            if (b.shares().size() > 1) {
                String text = b.label() + " " + Names.spaced(b.shape());
                place(b, bx, each, tall, Look.BAR, surface.textWidth(text, TextStyle.AXIS) <= each - 8 ? text : surface.shortened(b.label(), TextStyle.AXIS, each - 8), "", b.part());
            } else {
                place(b, bx, each, tall, Look.BOX, inputLabel(b, labelled, brief), "", b.part());
            }
            line(false, bx + each / 2, below, bx + each / 2, below + 4, left + room / 2, below + 4, left + room / 2, below + LINK);
        }
        if (beside) {
            words(m.formula(), left + n * (each + 8) + 4, y + tall / 2, TextStyle.CAPTION, Tone.MUTED);
        }
        y = below + LINK;
        if (!beside) {
            formulaBelow(m.formula(), left, room);
        }
        bar(m.down(), left, room);
        y += 9;
        marks.add(slot, new Mark.Frame(x, top, w, y - top, true));
    }

    /// The formula on the way from the inputs to `down`: beside the line where there is room, else between two lines.
    private void formulaBelow(String formula, double left, double room) {
        double centre = left + room / 2;
        double text = surface.textWidth(formula, TextStyle.CAPTION);
        if (text <= room / 2 - 6) {
            line(false, centre, y, centre, y + 10);
            words(formula, centre + 6, y + 2, TextStyle.CAPTION, Tone.MUTED);
            y += 10;
        } else {
            words(surface.shortened(formula, TextStyle.CAPTION, room), left + Math.max(0, (room - text) / 2), y + 7, TextStyle.CAPTION, Tone.MUTED);
            y += high(LINE_H) + 8;
            line(false, centre, y - 7, centre, y);
        }
    }

    /// `gate` for `gate_proj` or, in a mixture, whose title says that these are experts, for `experts gate` where there is no more room. The
    /// router, whose tensor is often called `gate` too, then goes by its own name.
    private String inputLabel(Box box, double room, boolean brief) {
        String fitting = !brief ? box.label() : box.part() == Part.ROUTER ? "router" : box.label().replaceFirst("^experts ", "").replaceFirst("_proj$", "");
        return surface.shortened(fitting, TextStyle.SMALL, room);
    }
}
