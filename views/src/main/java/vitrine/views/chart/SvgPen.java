package vitrine.views.chart;

import java.util.Locale;
import org.jfree.svg.SVGGraphics2D;
import org.jfree.svg.SVGHints;
import org.jfree.svg.SVGUnits;
import org.jfree.svg.SVGUtils;
import org.jfree.svg.ViewBox;
import vitrine.core.refusal.Visible;

/// A pen that writes an SVG file. Text is outlined, so the file needs no fonts.
final class SvgPen extends AwtPen {

    private final SVGGraphics2D svg;
    private final double width;
    private final double height;

    /// @param width of the picture in logical pixels, which become CSS pixels
    SvgPen(double width, double height, OutlineFonts fonts) {
        this(new SVGGraphics2D(width, height, SVGUnits.PX), width, height, fonts);
    }

    private SvgPen(SVGGraphics2D svg, double width, double height, OutlineFonts fonts) {
        // Rasters are made at four pixels for one, so that they hold up in print.
        super(svg, fonts, 4);
        this.svg = svg;
        this.width = width;
        this.height = height;
        svg.setGeomDoubleConverter(SVGUtils.createDoubleConverter(3));
        svg.setTransformDoubleConverter(SVGUtils.createDoubleConverter(5));
        // Otherwise the ids of clips hold the time, and no two exports are alike.
        svg.setDefsKeyPrefix("d");
    }

    /// Groups what follows under an id until [#endGroup].
    void beginGroup(String id) {
        svg.setRenderingHint(SVGHints.KEY_BEGIN_GROUP, id);
    }

    void endGroup() {
        svg.setRenderingHint(SVGHints.KEY_END_GROUP, "");
    }

    /// The whole file.
    ///
    /// @param title what a reader or a screen reader calls the picture
    String document(String title) {
        String element = svg.getSVGElement(null, true, new ViewBox(0, 0, (int) Math.ceil(width), (int) Math.ceil(height)), null, null);
        int end = element.indexOf('>') + 1;
        String body = element.substring(end).replace("<image ", "<image style=\"image-rendering:pixelated\" ");
        return String.format(Locale.ROOT, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>%n%s%n<title>%s</title>%s%n",
                element.substring(0, end), escaped(title), body);
    }

    /// Text as XML may hold it, whatever a token holds.
    private static String escaped(String text) {
        return Visible.escape(text).replace('\ufffe', '\ufffd').replace('\uffff', '\ufffd').replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }
}
