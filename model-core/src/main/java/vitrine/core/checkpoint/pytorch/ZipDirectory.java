package vitrine.core.checkpoint.pytorch;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// The directory of a zip archive, and where in the file each of its records lies. Nothing is unpacked.
///
/// Source: PKWARE, *.ZIP File Format Specification*, version 6.3.10, sections 4.3 and 4.5.3 (zip64).
final class ZipDirectory {

    /// A record of the archive.
    ///
    /// @param method 0 for bytes that lie in the file as they are
    /// @param stored bytes in the file
    /// @param size bytes once unpacked, as the directory claims
    /// @param header where its local header begins
    record Entry(String name, int method, long stored, long size, long header) {}

    private static final int END_BYTES = 22;
    private static final int MAX_COMMENT = 65_535;
    private static final long MAX_DIRECTORY_BYTES = 64 << 20;
    private static final long UNKNOWN_32 = 0xffffffffL;

    private final FileChannel channel;
    private final Path shown;
    private final long size;
    private final Map<String, Entry> entries = new LinkedHashMap<>();

    private ZipDirectory(FileChannel channel, Path shown, long size) {
        this.channel = channel;
        this.shown = shown;
        this.size = size;
    }

    /// @throws Refusal `truncated` without a directory at the end, `archive-invalid` for one that contradicts itself, `path-escape` for a name that leads away
    static ZipDirectory read(FileChannel channel, Path shown) throws IOException {
        ZipDirectory d = new ZipDirectory(channel, shown, channel.size());
        d.readEntries();
        return d;
    }

    Map<String, Entry> entries() {
        return entries;
    }

    private ByteBuffer at(long position, int bytes) throws IOException {
        if (position < 0 || bytes > size - position) {
            throw invalid("the archive points to byte %s, past its end at %,d", Long.toUnsignedString(position), size);
        }
        ByteBuffer b = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
        while (b.hasRemaining()) {
            if (channel.read(b, position + b.position()) < 0) {
                throw Refusal.of(Category.TRUNCATED, shown, "the archive ended at byte %,d while it was read", position + b.position());
            }
        }
        return b.flip();
    }

    private void readEntries() throws IOException {
        int tail = (int) Math.min(size, END_BYTES + MAX_COMMENT);
        ByteBuffer end = at(size - tail, tail);
        int place = -1;
        for (int i = tail - END_BYTES; i >= 0 && place < 0; i--) {
            if (end.getInt(i) == 0x06054b50 && i + END_BYTES + (end.getShort(i + 20) & 0xffff) == tail) {
                place = i;
            }
        }
        if (place < 0) {
            throw Refusal.of(Category.TRUNCATED, shown, "it begins as a zip archive, and its %,d bytes end before the archive's directory", size).help("Copy or download it again.");
        }
        long count = end.getShort(place + 10) & 0xffff;
        long bytes = Integer.toUnsignedLong(end.getInt(place + 12));
        long from = Integer.toUnsignedLong(end.getInt(place + 16));
        long endAt = size - tail + place;
        if ((count == 0xffff || bytes == UNKNOWN_32 || from == UNKNOWN_32) && endAt >= 20) {
            ByteBuffer locator = at(endAt - 20, 20);
            if (locator.getInt(0) == 0x07064b50) {
                ByteBuffer large = at(locator.getLong(8), 56);
                if (large.getInt(0) != 0x06064b50) {
                    throw invalid("its zip64 directory's end is not where it is said to be");
                }
                count = large.getLong(32);
                bytes = large.getLong(40);
                from = large.getLong(48);
            }
        }
        if (bytes < 0 || bytes > MAX_DIRECTORY_BYTES || from < 0 || bytes > size - from || count < 0 || count > bytes / 46) {
            throw invalid("its directory of %s records and %s bytes from byte %s on does not fit into %,d bytes", Long.toUnsignedString(count), Long.toUnsignedString(bytes),
                    Long.toUnsignedString(from), size);
        }
        ByteBuffer directory = at(from, (int) bytes);
        for (long i = 0; i < count; i++) {
            entry(directory, i);
        }
    }

    private void entry(ByteBuffer d, long number) {
        int at = d.position();
        if (d.remaining() < 46 || d.getInt(at) != 0x02014b50) {
            throw invalid("record %,d of its directory is not there", number);
        }
        int flags = d.getShort(at + 8);
        int method = d.getShort(at + 10) & 0xffff;
        long stored = Integer.toUnsignedLong(d.getInt(at + 20));
        long unpacked = Integer.toUnsignedLong(d.getInt(at + 24));
        int nameLength = d.getShort(at + 28) & 0xffff;
        int extra = d.getShort(at + 30) & 0xffff;
        int comment = d.getShort(at + 32) & 0xffff;
        long header = Integer.toUnsignedLong(d.getInt(at + 42));
        if (d.remaining() - 46 < nameLength + extra + comment) {
            throw invalid("record %,d of its directory ends after the directory", number);
        }
        String name = new String(d.array(), at + 46, nameLength, StandardCharsets.UTF_8);
        int e = at + 46 + nameLength;
        for (int end = e + extra; e + 4 <= end; ) {
            int id = d.getShort(e) & 0xffff;
            int length = d.getShort(e + 2) & 0xffff;
            if (id == 1) {
                int p = e + 4;
                int last = Math.min(end, p + length);
                if (unpacked == UNKNOWN_32 && p + 8 <= last) {
                    unpacked = d.getLong(p);
                    p += 8;
                }
                if (stored == UNKNOWN_32 && p + 8 <= last) {
                    stored = d.getLong(p);
                    p += 8;
                }
                if (header == UNKNOWN_32 && p + 8 <= last) {
                    header = d.getLong(p);
                }
            }
            e += 4 + length;
        }
        d.position(at + 46 + nameLength + extra + comment);
        requirePlain(name);
        if ((flags & 1) != 0) {
            throw invalid("its record %s is encrypted", name);
        }
        if (stored < 0 || unpacked < 0 || header < 0 || header > size - 30 || stored > size - header - 30) {
            throw invalid("its record %s of %s bytes at byte %s does not fit into %,d bytes", name, Long.toUnsignedString(stored), Long.toUnsignedString(header), size);
        }
        if (entries.put(name, new Entry(name, method, stored, unpacked, header)) != null) {
            throw Refusal.of(Category.DUPLICATE_NAME, shown, "two records of the archive have the name %s", name);
        }
    }

    private void requirePlain(String name) {
        boolean away = name.startsWith("/") || name.indexOf('\\') >= 0 || name.indexOf('\0') >= 0 || name.matches("^[A-Za-z]:.*");
        for (String part : name.split("/", -1)) {
            away |= part.equals("..");
        }
        if (away) {
            throw Refusal.of(Category.PATH_ESCAPE, shown, "a record of the archive has the name %s, which leads out of it", name).help("Nothing is unpacked; the file is not to be trusted.");
        }
    }

    /// Where a record's bytes begin, for one that is stored as it is.
    ///
    /// @throws Refusal `archive-bomb` or `archive-invalid` for a compressed record, `archive-invalid` where its header is another's
    long data(Entry e) throws IOException {
        if (e.method != 0) {
            boolean bomb = e.size > 100 * Math.max(1, e.stored);
            throw Refusal.of(bomb ? Category.ARCHIVE_BOMB : Category.ARCHIVE_INVALID, shown, "its record %s is compressed, %,d bytes into %,d; PyTorch stores records as they are",
                    e.name, e.size, e.stored).help("Nothing is unpacked.");
        }
        if (e.size != e.stored) {
            throw invalid("its record %s is stored as it is, with %,d bytes in the archive and %,d outside it", e.name, e.stored, e.size);
        }
        ByteBuffer h = at(e.header, 30);
        int nameLength = h.getShort(26) & 0xffff;
        int extra = h.getShort(28) & 0xffff;
        if (h.getInt(0) != 0x04034b50 || (h.getShort(8) & 0xffff) != 0 || !new String(at(e.header + 30, nameLength).array(), StandardCharsets.UTF_8).equals(e.name)) {
            throw invalid("the header of its record %s is not where the directory says", e.name);
        }
        long begin = e.header + 30 + nameLength + extra;
        if (e.stored > size - begin) {
            throw Refusal.of(Category.TRUNCATED, shown, "its record %s of %,d bytes ends after the archive", e.name, e.stored);
        }
        return begin;
    }

    private Refusal invalid(String problem, Object... arguments) {
        return Refusal.of(Category.ARCHIVE_INVALID, shown, problem, arguments);
    }
}
