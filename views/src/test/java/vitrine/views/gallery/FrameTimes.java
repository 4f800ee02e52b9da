package vitrine.views.gallery;

import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import javafx.application.Platform;
import javafx.scene.Scene;
import javafx.scene.image.WritableImage;
import javafx.scene.layout.StackPane;
import vitrine.views.chart.Axis;
import vitrine.views.chart.Cell;
import vitrine.views.chart.Cells;
import vitrine.views.chart.Figure;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Gesture;
import vitrine.views.chart.HeatMap;
import vitrine.views.chart.LineChart;
import vitrine.views.chart.LineSeries;
import vitrine.views.chart.Strip;
import vitrine.views.chart.Theme;
import vitrine.views.chart.ThumbnailGrid;
import vitrine.views.control.Themes;
import vitrine.views.control.TokenStrip;

/// How long a frame takes: drawing onto the canvas, and drawing plus software rendering.
///
/// Rendering is timed by a snapshot, which also copies the picture, so it errs upwards. Prints medians and 95th
/// percentiles of many frames in milliseconds.
public final class FrameTimes {

    private static final int FRAMES = 120;
    private static final int WARM_UP = 40;

    private FrameTimes() {}

    public static void main(String[] args) throws InterruptedException {
        CountDownLatch done = new CountDownLatch(1);
        Platform.startup(() -> {
            try {
                measureAll();
            } finally {
                done.countDown();
            }
        });
        done.await();
        Platform.exit();
    }

    private static void measureAll() {
        new Themes(Theme.DARK);
        measure("nothing, 900 x 900", canvas((pen, w, h, theme) -> pen.fillRect(0, 0, w, h, javafx.scene.paint.Color.BLACK), 900, 900), i -> { });
        for (int[] size : new int[][] {{900, 900}, {1500, 1200}}) {
            heatMap("2,048 x 2,048 dense", dense(2048), size);
            heatMap("2,048 x 2,048 causal", dense(2048).causal(), size);
        }
        heatMap("cells of 8 px and gaps", dense(110), new int[] {900, 980});
        FigureCanvas thumbnails = canvas(new ThumbnailGrid().show(64, 64, (l, h) -> SMALL[(l * 7 + h) % SMALL.length]), 64 * 35 + 40, 64 * 35 + 40);
        measure("64 x 64 thumbnails of 32 px, hover", thumbnails,
                i -> ((ThumbnailGrid) thumbnails.getFigure()).hoveredProperty().set(new Cell(i % 64, i % 63)));
        int n = 1_000_000;
        Random random = new Random(1);
        double[] ys = IntStream.range(0, n).mapToDouble(i -> Math.sin(i / 90_000.0) + 0.2 * random.nextGaussian()).toArray();
        FigureCanvas line = canvas(new LineChart().axes(Axis.of("step"), Axis.of("y"))
                .series(java.util.List.of(LineSeries.of("signal", SampleData.steps(n), ys, 0).withoutMarkers())), 900, 400);
        measure("curve of 1,000,000 points, cursor", line, i -> ((LineChart) line.getFigure()).hoveredIndexProperty().set(i * 1000));
        TokenStrip strip = new TokenStrip();
        strip.setTokens(IntStream.range(0, 4096).mapToObj(i -> new TokenStrip.Token(SampleData.TOKENS.get(i % 30), false, "")).toList());
        place(strip, 848, 400);
        measure("4,096 tokens, scrolling", strip, i -> strip.selected().add(i));
    }

    private static final Cells[] SMALL = IntStream.range(0, 16).mapToObj(i -> SampleData.attention(64, i, i % 7)).toArray(Cells[]::new);

    private static Cells dense(int n) {
        Random random = new Random(n);
        float[] values = new float[n * n];
        for (int i = 0; i < values.length; i++) {
            float v = random.nextFloat();
            values[i] = v * v * v;
        }
        return Cells.of(n, n, values);
    }

    private static void heatMap(String name, Cells cells, int[] size) {
        long start = System.nanoTime();
        double[] ones = new double[cells.rows()];
        Arrays.fill(ones, 0.5);
        HeatMap map = new HeatMap().show(cells).rowLabels(IntStream.range(0, cells.rows()).mapToObj(i -> "tok" + i).toList())
                .columnLabels(IntStream.range(0, cells.columns()).mapToObj(i -> "tok" + i).toList()).rowStrip(new Strip("ones", "1", ones, 1));
        double setUp = (System.nanoTime() - start) / 1e6;
        FigureCanvas canvas = canvas(map, size[0], size[1]);
        String at = name + ", " + size[0] + " x " + size[1];
        System.out.printf("%-58s %6.1f ms once%n", at + ", pyramid", setUp);
        measure(at + ", whole, hover", canvas, i -> map.hoveredCellProperty().set(new Cell(i % cells.rows(), 3)));
        double middle = size[0] / 2.0;
        measure(at + ", zooming", canvas, i -> map.handle(new Gesture.Wheel(middle, middle, i % 20 < 10 ? 1 : -1, false), size[0], size[1], canvas.surface()));
        map.fit();
        map.handle(new Gesture.Wheel(middle, middle, 5, false), size[0], size[1], canvas.surface());
        measure(at + ", panning", canvas,
                i -> map.handle(new Gesture.Drag(0, 0, middle, middle, i % 20 < 10 ? 9 : -9, 5), size[0], size[1], canvas.surface()));
    }

    private static FigureCanvas canvas(Figure figure, double width, double height) {
        return place(new FigureCanvas(figure), width, height);
    }

    private static FigureCanvas place(FigureCanvas canvas, double width, double height) {
        new Scene(new StackPane(canvas), width, height);
        canvas.getScene().getRoot().resize(width, height);
        canvas.resize(width, height);
        canvas.layout();
        return canvas;
    }

    private static void measure(String name, FigureCanvas canvas, IntConsumer change) {
        double[] draw = new double[FRAMES];
        double[] frame = new double[FRAMES];
        WritableImage image = new WritableImage((int) canvas.getWidth(), (int) canvas.getHeight());
        for (int i = -WARM_UP; i < FRAMES; i++) {
            change.accept(Math.abs(i));
            long start = System.nanoTime();
            canvas.requestLayout();
            canvas.layout();
            long drawn = System.nanoTime();
            canvas.snapshot(null, image);
            long end = System.nanoTime();
            if (i >= 0) {
                draw[i] = (drawn - start) / 1e6;
                frame[i] = (end - start) / 1e6;
            }
        }
        Arrays.sort(draw);
        Arrays.sort(frame);
        System.out.printf("%-58s draw %5.1f (p95 %5.1f)  frame %5.1f (p95 %5.1f)%n", name, draw[FRAMES / 2], draw[FRAMES * 95 / 100],
                frame[FRAMES / 2], frame[FRAMES * 95 / 100]);
    }
}
