package vitrine.core.json;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/// Reads JSON of the plainest kind, byte by byte: ASCII, strings without escapes, whole numbers of at most 18 digits.
///
/// Headers and indexes of large checkpoints are megabytes of this. The scanner has no messages: at the first byte that is anything
/// else it throws [NotPlain], and the caller has the strict parser ([Json#parser]) read the same bytes, which accepts them or says
/// what is wrong. So it must never accept what the strict parser would not, nor read it differently.
public final class PlainScanner {

    private static final int MAX_STRING = 1 << 14;
    private static final int MAX_DIGITS = 18;

    /// The bytes are not of the plainest kind: they may be wrong or only unusual.
    public static final class NotPlain extends Exception {
        private static final NotPlain INSTANCE = new NotPlain();

        private NotPlain() {
            super("not plain", null, false, false);
        }
    }

    private final byte[] bytes;
    private int at;

    public PlainScanner(byte[] bytes) {
        this.bytes = bytes;
    }

    /// What to throw at something that only the caller knows to be unusual.
    public NotPlain notPlain() {
        return NotPlain.INSTANCE;
    }

    /// Gives up where `plain` is false.
    public void require(boolean plain) throws NotPlain {
        if (!plain) {
            throw NotPlain.INSTANCE;
        }
    }

    /// Steps over white space and the byte `c`.
    public void expect(char c) throws NotPlain {
        if (!take(c)) {
            throw NotPlain.INSTANCE;
        }
    }

    /// Steps over white space and, where it comes next, the byte `c`; says whether it came.
    public boolean take(char c) {
        while (at < bytes.length && isSpace(bytes[at])) {
            at++;
        }
        if (at < bytes.length && bytes[at] == c) {
            at++;
            return true;
        }
        return false;
    }

    private static boolean isSpace(byte b) {
        return b == ' ' || b == '\n' || b == '\r' || b == '\t';
    }

    /// A string.
    public String string() throws NotPlain {
        expect('"');
        int start = at;
        while (at < bytes.length && bytes[at] != '"') {
            // Bytes beyond ASCII are negative.
            if (bytes[at] < ' ' || bytes[at] == 0x7f || bytes[at] == '\\') {
                throw NotPlain.INSTANCE;
            }
            at++;
        }
        if (at == bytes.length || at - start > MAX_STRING) {
            throw NotPlain.INSTANCE;
        }
        return new String(bytes, start, at++ - start, StandardCharsets.ISO_8859_1);
    }

    /// A key and the colon behind it.
    public String key() throws NotPlain {
        String key = string();
        expect(':');
        return key;
    }

    /// A whole number from 0.
    public long number() throws NotPlain {
        while (at < bytes.length && isSpace(bytes[at])) {
            at++;
        }
        int start = at;
        long value = 0;
        while (at < bytes.length && bytes[at] >= '0' && bytes[at] <= '9') {
            if (at - start == MAX_DIGITS) {
                throw NotPlain.INSTANCE;
            }
            value = 10 * value + bytes[at++] - '0';
        }
        boolean leadingZero = at - start > 1 && bytes[start] == '0';
        // A fraction or an exponent would follow at once.
        boolean ends = at < bytes.length && (isSpace(bytes[at]) || bytes[at] == ',' || bytes[at] == ']' || bytes[at] == '}');
        if (at == start || leadingZero || !ends) {
            throw NotPlain.INSTANCE;
        }
        return value;
    }

    /// A list of at most `limit` whole numbers from 0.
    public long[] numbers(int limit) throws NotPlain {
        expect('[');
        if (take(']')) {
            return new long[0];
        }
        long[] out = new long[Math.min(4, limit)];
        int n = 0;
        do {
            require(n < limit);
            if (n == out.length) {
                out = Arrays.copyOf(out, Math.min(2 * n, limit));
            }
            out[n++] = number();
        } while (more(']'));
        return n == out.length ? out : Arrays.copyOf(out, n);
    }

    /// Whether another member follows: a comma says yes, `close` no.
    public boolean more(char close) throws NotPlain {
        if (take(',')) {
            return true;
        }
        expect(close);
        return false;
    }

    /// Nothing but white space may follow.
    public void expectEnd() throws NotPlain {
        while (at < bytes.length) {
            if (!isSpace(bytes[at++])) {
                throw NotPlain.INSTANCE;
            }
        }
    }
}
