package vitrine.core.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class RunExportTest {

    private static Map<String, SortedMap<Long, Double>> figures() {
        Map<String, SortedMap<Long, Double>> out = new LinkedHashMap<>();
        out.put("loss", new TreeMap<>(Map.of(1L, 2.5, 2L, 2.25, 300L, Double.NaN)));
        out.put("seconds", new TreeMap<>(Map.of(1L, 0.5, 2L, 1.0)));
        return out;
    }

    @Test
    void csvHasALinePerStepAndEmptyFieldsForWhatIsNotThere() {
        assertEquals("step,loss,seconds\r\n1,2.5,0.5\r\n2,2.25,1.0\r\n300,,\r\n", RunExport.csv(figures()));
    }

    /// The file that TensorFlow 2 writes first, `Event{wall_time: 1700000000, file_version: "brain.Event:2"}`: lengths, tags and both checksums, computed by
    /// hand with a bitwise CRC-32C (Castagnoli, reflected polynomial 0x82f63b78).
    @Test
    void framesRecordsAsTensorFlowDoes() {
        byte[] file = RunExport.tensorBoard(Map.of(), 1_700_000_000);
        assertEquals(8 + 4 + 24 + 4, file.length);
        ByteBuffer b = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        assertEquals(24, b.getLong(0));
        assertEquals(masked(file, 0, 8), b.getInt(8));
        assertEquals(9, file[12], "field 1, 64 bits");
        assertEquals(1_700_000_000.0, b.getDouble(13));
        assertEquals(0x1a, file[21], "field 3, bytes");
        assertEquals("brain.Event:2", new String(file, 23, file[22], StandardCharsets.UTF_8));
        assertEquals(masked(file, 12, 24), b.getInt(36));
    }

    @Test
    void scalarsReadBackAsTheyWere() {
        List<String> read = new ArrayList<>();
        ByteBuffer b = ByteBuffer.wrap(RunExport.tensorBoard(figures(), 1000)).order(ByteOrder.LITTLE_ENDIAN);
        while (b.hasRemaining()) {
            int length = (int) b.getLong();
            b.getInt();
            byte[] data = new byte[length];
            b.get(data);
            b.getInt();
            ByteBuffer event = ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN);
            event.get();
            double wall = event.getDouble();
            int tag = event.get();
            if (tag == 0x10) {
                long step = varint(event);
                assertEquals(0x2a, event.get(), "field 5, summary");
                varint(event);
                assertEquals(0x0a, event.get(), "its field 1, value");
                varint(event);
                assertEquals(0x0a, event.get(), "its field 1, tag");
                byte[] name = new byte[(int) varint(event)];
                event.get(name);
                assertEquals(0x15, event.get(), "its field 2, 32 bits");
                read.add(new String(name, StandardCharsets.UTF_8) + " " + step + " " + event.getFloat() + " " + wall);
            }
        }
        assertEquals(List.of("loss 1 2.5 1000.5", "loss 2 2.25 1001.0", "loss 300 NaN 1000.0", "seconds 1 0.5 1000.5", "seconds 2 1.0 1001.0"), read);
    }

    private static long varint(ByteBuffer b) {
        long out = 0;
        for (int shift = 0; ; shift += 7) {
            byte v = b.get();
            out |= (long) (v & 127) << shift;
            if (v >= 0) {
                return out;
            }
        }
    }

    private static int masked(byte[] data, int from, int count) {
        int crc = -1;
        for (int i = from; i < from + count; i++) {
            crc ^= data[i] & 255;
            for (int k = 0; k < 8; k++) {
                crc = crc >>> 1 ^ ((crc & 1) == 1 ? 0x82f63b78 : 0);
            }
        }
        int c = ~crc;
        return (c >>> 15 | c << 17) + 0xa282ead8;
    }

    @Test
    void theBitwiseChecksumIsTheKnownOne() {
        // The check value of CRC-32C, as published: 123456789 gives e3069283.
        byte[] digits = "123456789".getBytes(StandardCharsets.US_ASCII);
        int known = 0xe3069283;
        assertEquals((known >>> 15 | known << 17) + 0xa282ead8, masked(digits, 0, 9));
        assertTrue(masked(digits, 0, 8) != masked(digits, 0, 9));
    }
}
