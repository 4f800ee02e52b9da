package vitrine.views.chart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

class HeatMapGeometryTest {

    private record Pixels(double pixelRatio) implements Surface {
        @Override
        public double textWidth(String text, TextStyle style) {
            return 7 * text.length();
        }
    }

    private static HeatMapGeometry fit(int rows, int columns, double cap, double zoom, double firstRow, double firstColumn, double ratio) {
        return HeatMapGeometry.fit(50, 20, 400, 300, rows, columns, cap, true, zoom, firstRow, firstColumn, new Pixels(ratio));
    }

    @Test
    void aSmallMapHasCellsOfTheCapAndStandsInTheMiddle() {
        HeatMapGeometry g = fit(4, 5, 24, 1, 0, 0, 1);
        assertEquals(24, g.cellWidth());
        assertEquals(24, g.cellHeight());
        assertEquals(120, g.width());
        assertEquals(96, g.height());
        assertEquals(50 + (400 - 120) / 2.0, g.left());
        assertEquals(20, g.top());
    }

    @Test
    void cellsAreSquareAndWholePixelsUnlessTheyAreTiny() {
        // 300 / 70 = 4.28: four pixels each, of which 70 rows take 280.
        HeatMapGeometry g = fit(70, 70, 24, 1, 0, 0, 1);
        assertEquals(4, g.cellHeight());
        assertEquals(280, g.height());
        // On a screen of two pixels per pixel half pixels are whole: 4.28 becomes 4.0; 300 / 65 = 4.6 becomes 4.5.
        assertEquals(4.5, fit(65, 65, 24, 1, 0, 0, 2).cellHeight());
        // Below two device pixels there is no room to round.
        assertEquals(300.0 / 2048, fit(2048, 2048, 24, 1, 0, 0, 1).cellHeight(), 1e-12);
    }

    @Test
    void stretchedCellsFillTheArea() {
        HeatMapGeometry g = HeatMapGeometry.fit(0, 0, 400, 300, 3, 4, 200, false, 1, 0, 0, new Pixels(1));
        assertEquals(100, g.cellWidth());
        assertEquals(100, g.cellHeight());
        HeatMapGeometry wide = HeatMapGeometry.fit(0, 0, 400, 300, 10, 4, 200, false, 1, 0, 0, new Pixels(1));
        assertEquals(100, wide.cellWidth());
        assertEquals(30, wide.cellHeight());
    }

    @Test
    void pointsAndCellsAgree() {
        HeatMapGeometry g = fit(10, 10, 24, 1, 0, 0, 1);
        assertEquals(new Cell(0, 0), g.cellAt(g.left(), g.top()));
        assertEquals(new Cell(9, 9), g.cellAt(g.left() + 239.9, g.top() + 239.9));
        assertNull(g.cellAt(g.left() - 0.1, g.top() + 5));
        assertNull(g.cellAt(g.left() + 5, g.top() - 0.1));
        assertNull(g.cellAt(g.left() + 240, g.top() + 5));
        assertNull(g.cellAt(g.left() + 5, g.top() + 240));
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int i = 0; i < 2000; i++) {
            HeatMapGeometry any = fit(1 + random.nextInt(100), 1 + random.nextInt(100), 36, 1 + random.nextInt(5), random.nextInt(100), random.nextInt(100), 1);
            double x = any.left() + random.nextDouble() * any.width();
            double y = any.top() + random.nextDouble() * any.height();
            Cell cell = any.cellAt(x, y);
            String where = "seed " + seed + ": " + any + " at " + x + ", " + y;
            assertTrue(x >= any.x(cell.column()) - 1e-6 && x <= any.x(cell.column() + 1) + 1e-6, where);
            assertTrue(y >= any.y(cell.row()) - 1e-6 && y <= any.y(cell.row() + 1) + 1e-6, where);
            assertTrue(cell.row() >= any.rowFrom() && cell.row() < any.rowTo(), where);
            assertTrue(cell.column() >= any.columnFrom() && cell.column() < any.columnTo(), where);
        }
    }

    @Test
    void zoomingMagnifiesUpTo96AndScrollingStaysWithinTheMap() {
        assertEquals(48, fit(10, 10, 24, 2, 0, 0, 1).cellWidth());
        assertEquals(96, fit(10, 10, 24, 100, 0, 0, 1).cellWidth());
        HeatMapGeometry g = fit(10, 10, 24, 4, 99, -5, 1);
        assertEquals(96, g.cellHeight());
        // 300 of 960 pixels are seen: the last row that can be on top is 10 − 300 / 96.
        assertEquals(10 - 300.0 / 96, g.firstRow(), 1e-2);
        assertEquals(0, g.firstColumn());
        assertEquals(10, g.rowTo());
        assertEquals(6, g.rowFrom());
    }

    @Test
    void theUpperEdgeLiesOnAWholePixel() {
        for (double ratio : new double[] {1, 1.5, 2}) {
            HeatMapGeometry g = fit(50, 50, 24, 3, 7.123, 3.777, ratio);
            double pixels = g.firstRow() * g.cellHeight() * ratio;
            assertEquals(Math.rint(pixels), pixels, 1e-6, "at ratio " + ratio);
        }
    }

    @Test
    void gapsStartAtEightPixels() {
        Pixels one = new Pixels(1);
        assertEquals(0, fit(43, 43, 24, 1, 0, 0, 1).gap(one), "cells of 6 pixels");
        assertEquals(1, fit(37, 37, 24, 1, 0, 0, 1).gap(one), "cells of 8 pixels");
        assertEquals(0.5, fit(37, 37, 24, 1, 0, 0, 2).gap(new Pixels(2)), "cells of 8 pixels, finer screen");
        assertEquals(2, fit(3, 3, 90, 1, 0, 0, 1).gap(one), "cells of 90 pixels");
    }
}
