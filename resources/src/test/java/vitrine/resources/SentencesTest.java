package vitrine.resources;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Locale;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class SentencesTest {

    private final Sentences chinese = Sentences.of(Language.CHINESE);

    @Test
    void findsAWholeSentence() {
        assertEquals("注意力", chinese.of("Attention"));
        assertEquals("有效秩", chinese.of("Effective rank"));
    }

    @Test
    void takesNumbersAndPartsAsTheyStand() {
        assertEquals("第 2 层，头 4", chinese.of("Layer 2, head 4"));
        assertEquals("剩余 4 min 10 s", chinese.of("4 min 10 s left"));
        assertEquals("转到路由", chinese.of("Go to Routing"));
    }

    @Test
    void translatesPartsBetweenSeams() {
        assertEquals("注意力\n有效秩", chinese.of("Attention\nEffective rank"));
    }

    /// A refusal: file and tensor stay, what is wrong and what helps is said, at every seam of the line and with the capital of a card's head.
    @Test
    void translatesRefusalsByTheirForm() {
        assertEquals("a.safetensors: 文件头声明 400 字节；长度字段之后文件只有 53 字节。请重新复制或下载。",
                chinese.of("a.safetensors: the header declares 400 bytes; the file holds 53 after its length field. Copy or download it again."));
        assertEquals("文件头声明 400 字节；长度字段之后文件只有 53 字节", chinese.of("The header declares 400 bytes; the file holds 53 after its length field"));
        assertEquals("x.gguf: 张量 a.b：它有 9 个轴；该格式允许 1 至 4 个。", chinese.of("x.gguf: tensor a.b: it has 9 axes; the format has 1 to 4."));
        assertEquals("config.json: r：其值为 0；此处应为 1 至 1,048,576 的整数。".replace("r：", "r: "), chinese.of("config.json: r: it is 0; a whole number from 1 to 1,048,576 belongs here."));
    }

    @Test
    void leavesWhatItDoesNotKnow() {
        for (String s : new String[] {"model.layers.0.mlp.up_proj.weight", "vitrine open PATH", "0.6673", "", "A sentence that nobody wrote."}) {
            assertEquals(s, chinese.of(s));
        }
        assertFalse(chinese.knows("A sentence that nobody wrote."));
    }

    @Test
    void englishIsTheCodesOwn() {
        assertEquals("Attention", Sentences.of(Language.ENGLISH).of("Attention"));
    }

    @Test
    void everyEntryIsChineseOrAName() {
        // Names, abbreviations and formulas that are written alike in both languages.
        Pattern alike = Pattern.compile("Vitrine|LoRA|JS|Alpha|Alpha-hat|Frobenius|Log|Dropout|SwiGLU MLP|GeGLU MLP|ReGLU MLP|PNG, \\d×|PyTorch .*|txt, jsonl|Python|r, alpha|‖.*");
        for (String english : chinese.keySet()) {
            String said = chinese.getString(english);
            assertTrue(said.codePoints().anyMatch(c -> Character.UnicodeScript.of(c) == Character.UnicodeScript.HAN) || alike.matcher(english).matches(), english);
        }
        assertTrue(chinese.keySet().size() > 700);
    }

    /// Every sentence that stands whole in the code of the window, wherever it is shown (tooltips, empty states, help, questions), has its Chinese. Sentences that are put together
    /// of parts are looked at on screen, by FirstMinutesTest.
    @Test
    void everySentenceInTheCodeOfTheWindowHasItsChinese() throws java.io.IOException {
        Pattern joined = Pattern.compile("\"\\s*\\n\\s*\\+ \"");
        Pattern whole = Pattern.compile("(?<![+\\w] )(?<!\\+)\"([A-Z](?:[^\"\\\\%]|\\\\\")*[.])\"(?! ?\\+|\\s*\\+)");
        // Not shown to anyone: faults of the program, and what a figure's origin is called.
        Pattern apart = Pattern.compile("(IllegalState|IllegalArgument|LOG\\.|notAFigure|Provenance\\.|provenance\\()[^;]*$");
        Pattern left = Pattern.compile("\\b[a-z]{2,}(,? [a-z]{2,}){2,}\\b");
        java.util.Set<String> missing = new java.util.TreeSet<>();
        int seen = 0;
        for (String root : new String[] {"../views/src/main/java", "../app/src/main/java/vitrine/app/shell"}) {
            try (java.util.stream.Stream<java.nio.file.Path> files = java.nio.file.Files.walk(java.nio.file.Path.of(root))) {
                for (java.nio.file.Path f : files.filter(p -> p.toString().endsWith(".java")).toList()) {
                    String code = joined.matcher(java.nio.file.Files.readString(f)).replaceAll("");
                    java.util.regex.Matcher m = whole.matcher(code);
                    while (m.find()) {
                        String sentence = m.group(1).replace("\\\"", "\"");
                        String before = code.substring(Math.max(0, m.start() - 60), m.start());
                        if (sentence.split(" ").length >= 3 && !apart.matcher(before).find()) {
                            seen++;
                            // Three English words in a row are a part that was left; names of options and papers are shorter.
                            if (chinese.of(sentence).equals(sentence) || left.matcher(chinese.of(sentence)).find()) {
                                missing.add(f.getFileName() + ": " + sentence);
                            }
                        }
                    }
                }
            }
        }
        assertEquals(java.util.Set.of(), missing);
        assertTrue(seen > 200, "sentences were looked at: " + seen);
    }

    @Test
    void theLanguageOfALocale() {
        assertEquals(Language.CHINESE, Language.of(Locale.forLanguageTag("zh-CN")));
        assertEquals(Language.CHINESE, Language.of(Locale.forLanguageTag("zh-Hans-HK")));
        assertEquals(Language.ENGLISH, Language.of(Locale.forLanguageTag("zh-TW")));
        assertEquals(Language.ENGLISH, Language.of(Locale.forLanguageTag("de-DE")));
    }
}
