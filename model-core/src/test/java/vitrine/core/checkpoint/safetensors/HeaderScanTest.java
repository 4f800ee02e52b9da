package vitrine.core.checkpoint.safetensors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import vitrine.core.checkpoint.safetensors.SafetensorsHeader.Parser;
import vitrine.core.refusal.Bounds;
import vitrine.core.refusal.Refusal;

/// The scanner of plain headers against the strict parser: what it reads must be what the parser reads.
class HeaderScanTest {

    private static final String PLAIN = """
            {"__metadata__":{"format":"pt","by":"hand"},
             "a.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},
             "b":{"shape":[],"dtype":"BF16","data_offsets":[24,26]}, "c" : {"data_offsets":[26,26],"dtype":"I64","shape":[0,7]}}
            """;
    private static final int MUTATIONS = 60_000;

    private static Parser parser(String header) {
        return parser(header.getBytes(StandardCharsets.UTF_8));
    }

    private static Parser parser(byte[] header) {
        Path file = Path.of("x.safetensors");
        return new Parser(file, file, new Bounds(file, header.length + 8L + 26), header);
    }

    private static String read(Parser p) {
        List<String> claims = p.claims.stream().map(c -> c.name() + c.dtype() + Arrays.toString(c.shape()) + c.begin() + "-" + c.end()).toList();
        return claims + " " + p.metadata;
    }

    @Test
    void readsAPlainHeaderAsTheParserDoes() {
        Parser scanned = parser(PLAIN);
        assertTrue(scanned.scan());
        Parser strict = parser(PLAIN);
        strict.parseStrictly();
        assertEquals(read(strict), read(scanned));
        assertEquals("[a.weightF32[2, 3]0-24, bBF16[]24-26, cI64[0, 7]26-26] {format=pt, by=hand}", read(scanned));
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[01],\"data_offsets\":[0,4]}}", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1e0],\"data_offsets\":[0,4]}}", "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,5]}}", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", "{\"a\":{\"dtype\":\"Q9\",\"shape\":[1],\"data_offsets\":[0,4]}}", "{\"a\":{}}", "{} {}", "{", "",
        "{\"\\u0061\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", "{\"ä\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"more\":1}}", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,],\"data_offsets\":[0,4]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},}", "{\"__metadata__\":{\"n\":1}}", "{\"__metadata__\":{\"n\":\"1\",\"n\":\"2\"}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[9999999999999999999],\"data_offsets\":[0,4]}}"})
    void leavesEverythingUnusualToTheParser(String header) {
        Parser p = parser(header);
        assertFalse(p.scan());
        assertEquals("[] {}", read(p), "nothing half-read stays");
    }

    @Test
    void neverReadsMutatedBytesOtherwiseThanTheParser() {
        long seed = Long.getLong("vitrine.test.seed", System.nanoTime());
        Random random = new Random(seed);
        String alphabet = "{}[]:,\"\\ \n0123456789.-+eEtruefalsn\u0000\u001f\u007fä_";
        int accepted = 0;
        for (int i = 0; i < MUTATIONS; i++) {
            StringBuilder s = new StringBuilder(PLAIN);
            for (int edits = 1 + random.nextInt(3); edits > 0; edits--) {
                int where = random.nextInt(s.length());
                switch (random.nextInt(4)) {
                    case 0 -> s.deleteCharAt(where);
                    case 1 -> s.insert(where, alphabet.charAt(random.nextInt(alphabet.length())));
                    case 2 -> s.setCharAt(where, alphabet.charAt(random.nextInt(alphabet.length())));
                    default -> s.insert(where, s.substring(where, Math.min(s.length(), where + random.nextInt(80))));
                }
            }
            Parser scanned = parser(s.toString());
            if (scanned.scan()) {
                accepted++;
                Parser strict = parser(s.toString());
                try {
                    strict.parseStrictly();
                } catch (Refusal r) {
                    throw new AssertionError("seed " + seed + ": the parser refuses (" + r.getMessage() + ") what was scanned: " + s, r);
                }
                assertEquals(read(strict), read(scanned), () -> "seed " + seed + ": " + s);
            }
        }
        assertTrue(accepted > MUTATIONS / 60, "seed " + seed + ": only " + accepted + " mutations were read at all");
    }
}
