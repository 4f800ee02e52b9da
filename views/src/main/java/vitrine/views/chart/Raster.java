package vitrine.views.chart;

import java.awt.image.BufferedImage;
import java.nio.IntBuffer;
import javafx.scene.image.Image;
import javafx.scene.image.PixelBuffer;
import javafx.scene.image.PixelFormat;
import javafx.scene.image.WritableImage;

/// A picture of ARGB pixels, made by code. Pixels are opaque, or 0 for nothing.
public final class Raster {

    private final int width;
    private final int height;
    private final int[] pixels;
    private PixelBuffer<IntBuffer> buffer;
    private WritableImage image;

    public Raster(int width, int height) {
        this.width = width;
        this.height = height;
        this.pixels = new int[width * height];
    }

    public int width() {
        return width;
    }

    public int height() {
        return height;
    }

    /// The pixels, row by row from the top; call [#changed] after writing to them.
    public int[] pixels() {
        return pixels;
    }

    /// Shows pixels that were written since the raster was drawn. On the drawing thread only.
    public void changed() {
        if (buffer != null) {
            buffer.updateBuffer(b -> null);
        }
    }

    /// The same pixels for the screen, not copied.
    Image image() {
        if (image == null) {
            buffer = new PixelBuffer<>(width, height, IntBuffer.wrap(pixels), PixelFormat.getIntArgbPreInstance());
            image = new WritableImage(buffer);
        }
        return image;
    }

    /// A copy for files.
    BufferedImage bufferedImage() {
        BufferedImage copy = new BufferedImage(width, height, BufferedImage.TYPE_INT_ARGB);
        copy.setRGB(0, 0, width, height, pixels, 0, width);
        return copy;
    }
}
