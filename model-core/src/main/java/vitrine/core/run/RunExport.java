package vitrine.core.run;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.zip.CRC32C;
import vitrine.core.refusal.Visible;

/// A run's figures in the forms that other programs read.
///
/// Source of the second: TFRecord framing and the messages `Event` and `Summary` of TensorFlow (`record_writer.h`, `event.proto`,
/// `summary.proto`), read on 2026-11-26; scalars as `simple_value`, which every version of TensorBoard shows.
public final class RunExport {

    private static final int MASK = 0xa282ead8;
    private static final String VERSION = "brain.Event:2";

    private RunExport() {}

    /// A line per step, a column per figure; what was not measured at a step is an empty field.
    public static String csv(Map<String, SortedMap<Long, Double>> figures) {
        SortedMap<Long, Map<String, Double>> rows = new TreeMap<>();
        figures.forEach((name, values) -> values.forEach((step, v) -> rows.computeIfAbsent(step, s -> new LinkedHashMap<>()).put(name, v)));
        StringBuilder out = new StringBuilder("step");
        figures.keySet().forEach(name -> out.append(',').append(Visible.csv(name)));
        out.append("\r\n");
        rows.forEach((step, row) -> out.append(step).append(',')
                .append(figures.keySet().stream().map(n -> row.get(n) == null || !Double.isFinite(row.get(n)) ? "" : row.get(n).toString()).collect(Collectors.joining(","))).append("\r\n"));
        return out.toString();
    }

    /// An event file: one scalar per figure and step.
    ///
    /// @param beganSeconds when the run began, in seconds since 1970; the figure `seconds`, where there is one, is added to it
    public static byte[] tensorBoard(Map<String, SortedMap<Long, Double>> figures, double beganSeconds) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        record(out, message().fixed64(1, Double.doubleToLongBits(beganSeconds)).bytes(3, VERSION.getBytes(StandardCharsets.UTF_8)).done());
        SortedMap<Long, Double> seconds = figures.getOrDefault("seconds", new TreeMap<>());
        figures.forEach((name, values) -> values.forEach((step, v) -> {
            byte[] value = message().bytes(1, name.getBytes(StandardCharsets.UTF_8)).fixed32(2, Float.floatToIntBits(v.floatValue())).done();
            byte[] summary = message().bytes(1, value).done();
            double wall = beganSeconds + seconds.getOrDefault(step, 0.0);
            record(out, message().fixed64(1, Double.doubleToLongBits(wall)).varint(2, step).bytes(5, summary).done());
        }));
        return out.toByteArray();
    }

    /// Length, its checksum, the bytes, their checksum.
    private static void record(ByteArrayOutputStream out, byte[] data) {
        byte[] length = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(data.length).array();
        out.writeBytes(length);
        out.writeBytes(masked(length));
        out.writeBytes(data);
        out.writeBytes(masked(data));
    }

    private static byte[] masked(byte[] data) {
        CRC32C crc = new CRC32C();
        crc.update(data);
        int c = (int) crc.getValue();
        return ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(Integer.rotateRight(c, 15) + MASK).array();
    }

    private static Message message() {
        return new Message();
    }

    /// The few wire types of protocol buffers that are needed.
    private static final class Message {
        private final ByteArrayOutputStream out = new ByteArrayOutputStream();

        Message varint(int field, long value) {
            number((long) field << 3);
            number(value);
            return this;
        }

        Message fixed64(int field, long bits) {
            number((long) field << 3 | 1);
            out.writeBytes(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(bits).array());
            return this;
        }

        Message bytes(int field, byte[] value) {
            number((long) field << 3 | 2);
            number(value.length);
            out.writeBytes(value);
            return this;
        }

        Message fixed32(int field, int bits) {
            number((long) field << 3 | 5);
            out.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(bits).array());
            return this;
        }

        private void number(long value) {
            for (long rest = value; ; rest >>>= 7) {
                if (rest >>> 7 == 0) {
                    out.write((int) rest);
                    return;
                }
                out.write((int) (rest & 127 | 128));
            }
        }

        byte[] done() {
            return out.toByteArray();
        }
    }
}
