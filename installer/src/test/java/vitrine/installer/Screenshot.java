package vitrine.installer;

import java.awt.Rectangle;
import java.awt.Robot;
import java.awt.Toolkit;
import java.io.File;
import javax.imageio.ImageIO;

/// Writes what is on the screen to a PNG file: a program of its own, since a JVM keeps to the display that it was started with.
public final class Screenshot {

    private Screenshot() {}

    public static void main(String[] args) throws Exception {
        Rectangle screen = new Rectangle(Toolkit.getDefaultToolkit().getScreenSize());
        ImageIO.write(new Robot().createScreenCapture(screen), "png", new File(args[0]));
        System.exit(0);
    }
}
