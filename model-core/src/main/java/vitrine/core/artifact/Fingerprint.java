package vitrine.core.artifact;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// A short text that changes when a file does.
///
/// Small files are hashed whole, so that a copy has the same fingerprint. Of large ones the size, the time of the last change,
/// the first megabyte (which holds the header) and 64 blocks spread over the rest are: reading 140 GB to see whether a result is
/// known would take longer than computing it.
public final class Fingerprint {

    private static final long WHOLE_BYTES = 32L << 20;
    private static final int HEAD_BYTES = 1 << 20;
    private static final int BLOCKS = 64;
    private static final int BLOCK_BYTES = 4096;

    private Fingerprint() {}

    /// The fingerprint of a file, `absent` where there is none, and `unreadable` for a folder, a pipe or a device: whoever needs the
    /// file refuses it.
    public static String of(Path file) {
        if (!Files.isRegularFile(file)) {
            return Files.exists(file) ? "unreadable" : "absent";
        }
        MessageDigest digest = sha256();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            long size = channel.size();
            if (size <= WHOLE_BYTES) {
                add(digest, channel, 0, size);
                return "sha256:" + HexFormat.of().formatHex(digest.digest());
            }
            digest.update(ByteBuffer.allocate(16).putLong(size).putLong(Files.getLastModifiedTime(file).toMillis()).flip());
            add(digest, channel, 0, HEAD_BYTES);
            for (int b = 0; b < BLOCKS; b++) {
                long at = HEAD_BYTES + (size - HEAD_BYTES - BLOCK_BYTES) / BLOCKS * b;
                add(digest, channel, at, BLOCK_BYTES);
            }
            return "sampled:" + HexFormat.of().formatHex(digest.digest());
        } catch (IOException e) {
            throw Refusal.of(Category.UNREADABLE, file, "cannot be read (%s)", Json.reason(e)).cause(e);
        }
    }

    /// The SHA-256 of a text, in hexadecimal.
    public static String ofText(String text) {
        return HexFormat.of().formatHex(sha256().digest(text.getBytes(java.nio.charset.StandardCharsets.UTF_8)));
    }

    private static void add(MessageDigest digest, FileChannel channel, long from, long count) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate((int) Math.min(count, 1 << 20));
        long at = from;
        long end = from + count;
        while (at < end) {
            buffer.clear().limit((int) Math.min(buffer.capacity(), end - at));
            int n = channel.read(buffer, at);
            if (n < 0) {
                return;
            }
            digest.update(buffer.flip());
            at += n;
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
