package vitrine.core.engine;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;

/// Lines of a stream that nobody vouches for: a line longer than the limit is skipped and told as [#TOO_LONG], whatever its length.
final class BoundedLines {

    /// Stands for a line that was too long to keep.
    static final String TOO_LONG = "\u0000too long";

    private final InputStream in;
    private final byte[] line;
    private final byte[] buffer = new byte[1 << 16];
    private int from;
    private int to;

    BoundedLines(InputStream in, int maxBytes) {
        this.in = in;
        line = new byte[maxBytes];
    }

    /// The next line without its end, [#TOO_LONG], or null at the end of the stream.
    String next() throws IOException {
        int n = 0;
        boolean tooLong = false;
        boolean any = false;
        while (true) {
            if (from == to) {
                from = 0;
                to = Math.max(0, in.read(buffer));
                if (to == 0) {
                    return any ? text(n, tooLong) : null;
                }
            }
            any = true;
            byte b = buffer[from++];
            if (b == '\n') {
                return text(n, tooLong);
            }
            if (n < line.length) {
                line[n++] = b;
            } else {
                tooLong = true;
            }
        }
    }

    private String text(int n, boolean tooLong) {
        return tooLong ? TOO_LONG : new String(line, 0, n, StandardCharsets.UTF_8).stripTrailing();
    }
}
