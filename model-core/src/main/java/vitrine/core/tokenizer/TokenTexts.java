package vitrine.core.tokenizer;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/// Turns vocabulary entries into legible text: byte-level entries (`Ġthe`), sentencepiece ones (`▁the`, `<0x0A>`), and others.
final class TokenTexts {

    private static final Map<Integer, Integer> BYTE_OF_CHAR = byteLevelTable();

    private final boolean byteLevel;

    TokenTexts(boolean byteLevel) {
        this.byteLevel = byteLevel;
    }

    /// The text that an entry stands for.
    String of(String entry, boolean special) {
        if (special) {
            return entry;
        }
        if (byteLevel) {
            return ofByteLevel(entry);
        }
        if (entry.matches("<0x[0-9A-Fa-f]{2}>")) {
            int value = Integer.parseInt(entry.substring(3, 5), 16);
            return value == '\n' || value == '\t' || value >= 0x20 && value < 0x7f ? String.valueOf((char) value) : entry;
        }
        return entry.replace('\u2581', ' ');
    }

    private static String ofByteLevel(String entry) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int i = 0; i < entry.length(); i++) {
            Integer b = BYTE_OF_CHAR.get((int) entry.charAt(i));
            if (b == null) {
                return entry;
            }
            bytes.write(b);
        }
        byte[] raw = bytes.toByteArray();
        try {
            return StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPORT)
                    .decode(ByteBuffer.wrap(raw)).toString();
        } catch (CharacterCodingException e) {
            StringBuilder hex = new StringBuilder();
            for (byte b : raw) {
                hex.append(b >= 0x20 && b < 0x7f ? String.valueOf((char) b) : String.format("<0x%02X>", b & 0xff));
            }
            return hex.toString();
        }
    }

    /// GPT-2's table: printable bytes stand for themselves, the others for characters from U+0100 on.
    private static Map<Integer, Integer> byteLevelTable() {
        Map<Integer, Integer> table = new HashMap<>();
        int next = 0x100;
        for (int b = 0; b < 256; b++) {
            boolean itself = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
            table.put(itself ? b : next++, b);
        }
        return table;
    }
}
