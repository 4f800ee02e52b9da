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

    /// What somebody typed, or has to type, is no word of the window, though it reads like one.
    @Test
    void namesOfSettingsStay() {
        assertEquals("秩", chinese.of("rank"));
        assertEquals("sparsity 与 rank 都说明去除多少；只应给出其一", chinese.of("sparsity and rank both say how much goes; one of them does"));
        assertEquals("what 未知；已知的有 loss, heads, rank", chinese.of("what is unknown; known are loss, heads, rank"));
        assertEquals("rank 为 0；此处应为从 1 起的整数", chinese.of("rank is 0; a whole number from 1 belongs here"));
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

    /// Of two forms that are alike the second would never be found.
    @Test
    void noSentenceStandsTwice() throws java.io.IOException {
        java.util.Set<String> once = new java.util.HashSet<>();
        for (String line : java.nio.file.Files.readAllLines(java.nio.file.Path.of("src/main/resources/vitrine/words/zh-CN.txt"))) {
            assertTrue(line.isBlank() || line.startsWith("#") || line.startsWith("  ") || once.add(line), line);
        }
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

    private static final Pattern ENGLISH = Pattern.compile("\\b[a-z]{2,},? [a-z]{2,}\\b");
    /// What stays as it is: commands, options with their value, names.
    private static final Pattern COMMAND = Pattern.compile("--[a-z]+ [a-z]+|dynamic rope|adapter compare|Björck and Golub|vitrine (?:adapter (?:compare|cut|merge)|runs (?:list|stop|extend)|convert upcycle|preferences set python|[a-z]+)|git lfs pull");
    private static final Pattern PLACES = Pattern.compile("%(?:\\d\\$|<)?[-,+0#]*\\d*(?:\\.\\d+)?([sdfgeXx])|\\{[:,\\d$A-Z]*}|" + CodeSentences.OPEN);

    /// What a sentence of the code reads like with something in its places: a number, or a name where it says %s; where the code does not say which, both are tried.
    private java.util.List<String> filled(String sentence) {
        java.util.List<String> out = new java.util.ArrayList<>();
        String whole = (sentence.startsWith(" ") ? "up_proj" : "") + sentence;
        for (String unknown : new String[] {"12", "up_proj", ""}) {
            out.add(PLACES.matcher(whole).replaceAll(m -> "s".equals(m.group(1)) ? "up_proj" : m.group(1) == null && !m.group().contains(":") ? unknown : m.group().contains("X") ? "FF" : "12").replace("%%", "%"));
        }
        return out;
    }

    /// Whether a sentence is said in Chinese, alone and where a refusal has it: behind the file and the tensor, with a full stop.
    private boolean said(String sentence) {
        return filled(sentence).stream().anyMatch(s -> unsaid(s).isEmpty());
    }

    /// The first of the lines with a sentence that is not Chinese, and what it is; empty where all are.
    private String unsaid(String sentence) {
        String alone = chinese.of(sentence);
        String stop = sentence.endsWith(".") ? "" : ".";
        for (String line : new String[] {sentence, "model.safetensors: " + sentence + stop, "config.json: up_proj: " + sentence + stop + " Open the base that it was cut with."}) {
            String said = chinese.of(line);
            if (said.equals(line) || left(said) || !said.contains(alone)) {
                return said;
            }
        }
        return "";
    }

    /// Whether English is left: two words in a row, which are no command to type.
    private static boolean left(String said) {
        return ENGLISH.matcher(COMMAND.matcher(said).replaceAll("")).find();
    }

    /// Whether a text is a sentence or a part of one, and no name, option or formula.
    private static boolean words(String sentence) {
        return Pattern.compile("[a-z]{2,}[,;:]? [a-z]{2,}|^[A-Z][a-z]+ .*[.]$|\\b[a-z]{3,} (?:" + CodeSentences.OPEN + "|%)|(?:" + CodeSentences.OPEN + "|%\\w) [a-z]{3,}").matcher(sentence).find();
    }

    /// What is refused and what helps, in every module and in the pytorch engine, however the sentence is put together.
    @Test
    void everyRefusalHasItsChinese() throws java.io.IOException {
        // Calls that make a refusal or the end of a task, and files whose methods return what is put into one.
        Pattern calls = Pattern.compile("(?:\\.help|\\b(?:Refusal\\.of|invalid|refuse|refused|refusal|unsupported|tooMany|broken|silent|condemn|Failed|NonFinite|TemplateError|TemplateError\\.at|Undefined|wrong|requireFor|require|atLeast|requireAtLeast))\\(");
        Pattern python = Pattern.compile("\\b(?:Refusal|invalid|refuse|refused|unsupported|fault|Failure|ValueError|RuntimeError)\\(");
        java.util.Set<String> reasons = java.util.Set.of("AdapterFit.java", "AttentionLoops.java", "SmallerModel.java", "PruneSupport.java", "TrainingSupport.java", "PruneForecast.java", "Lora.java", "Preference.java", "Pythons.java",
                "Ending.java", "PreferencesFile.java", "worker.py", "probe.py");
        // Parts that have an entry only with what stands around them, or with nothing in their last place; a fault of the program; names.
        java.util.Set<String> others = java.util.Set.of(" by the names " + CodeSentences.OPEN, "experts in every " + CodeSentences.OPEN + ". layer", CodeSentences.OPEN + " Nobody is here to be asked",
                "it holds no matrices of one kind and shape in two layers or more that could be shared%s", "it is not valid JSON%s", "is not valid JSON%s (%s)", "a probe answers whatever happens",
                "pyenv " + CodeSentences.OPEN, "template " + CodeSentences.OPEN);
        java.util.Set<String> missing = new java.util.TreeSet<>();
        java.util.Set<String> looked = new java.util.HashSet<>();
        for (CodeSentences file : CodeSentences.below("../model-core/src/main/java", "../views/src/main/java", "../app/src/main/java", "src/main/resources/vitrine/python")) {
            java.util.List<CodeSentences.Found> all = new java.util.ArrayList<>(file.inCalls(file.name().endsWith(".py") ? python : calls));
            if (file.name().equals("Checkpoints.java")) {
                all.addAll(file.behind(Pattern.compile("\\b(?:what|help) =(?!=)")));
            }
            if (reasons.contains(file.name())) {
                all.addAll(file.behind(Pattern.compile("\\breturn\\s")));
                all.addAll(file.inCalls(Pattern.compile("\\b\\w+\\(")));
            }
            for (CodeSentences.Found f : all) {
                if (words(f.text()) && !others.contains(f.text()) && looked.add(f.text())) {
                    if (!said(f.text())) {
                        missing.add(f + " -> " + unsaid(filled(f.text()).getFirst()));
                    }
                }
            }
        }
        assertEquals("", String.join("\n", missing));
        assertTrue(looked.size() > 1100, "sentences were looked at: " + looked.size());
    }

    /// Warnings whose subject and verb are put in: no single form of the code says them.
    @Test
    void warningsThatArePutTogetherAreChinese() {
        assertEquals("前向计算不使用 1 个张量：model.extra。", chinese.of("1 tensor is not used by the forward pass: model.extra."));
        assertEquals("前向计算不使用 1,024 个张量：model.extra 等。", chinese.of("1,024 tensors are not used by the forward pass: model.extra and others."));
        assertEquals("第 3, 5 层重复其注意力（loops.json），而 config.json 没有说明：内置引擎也这样做，transformers 运行这些权重时不重复。",
                chinese.of("Layers 3, 5 repeat their attention (loops.json), which config.json does not tell: the embedded engine does so too, transformers runs the weights without."));
        assertEquals("a.weight 没有谱：NaN。", chinese.of("a.weight has no spectrum: NaN."));
        assertEquals("整层跳过的层留在检查点中：x。它们的输出置为 0。", chinese.of("Layers that are skipped whole stay in the checkpoint: x. What they give is set to 0."));
        assertEquals("my model：略去 2 个矩阵，在 base 中形状不同：a.weight, b.weight。", chinese.of("my model: 2 matrices are left out, of another shape in base: a.weight, b.weight."));
    }

    /// What a task's result is warned of, and what is noted of a checkpoint: shown in the drawer of tasks, in inspectors and among the notes of Anatomy.
    @Test
    void everyWarningHasItsChinese() throws java.io.IOException {
        Pattern calls = Pattern.compile("\\b(?:warn\\.accept|warn|warning|Warning\\.of|new Warning|notes\\.add|note)\\(");
        Pattern python = Pattern.compile("\\b(?:warn|warning)\\(");
        // Put together of parts; see warningsThatArePutTogetherAreChinese.
        java.util.Set<String> others = java.util.Set.of("%s not used by the forward pass: %s%s.", "%s: %,d %s left out, %s: %s%s.", "%s has no spectrum: %s.",
                "Layers that are skipped whole stay in the checkpoint: " + CodeSentences.OPEN + ". What they give is set to 0.",
                "%s %s attention (%s), which config.json does not tell: the embedded engine does so too, transformers runs the weights without.");
        java.util.Set<String> missing = new java.util.TreeSet<>();
        java.util.Set<String> looked = new java.util.HashSet<>();
        for (CodeSentences file : CodeSentences.below("../model-core/src/main/java", "src/main/resources/vitrine/python")) {
            for (CodeSentences.Found f : file.inCalls(file.name().endsWith(".py") ? python : calls)) {
                boolean log = !f.text().startsWith(String.valueOf(CodeSentences.OPEN)) && Character.isLowerCase(f.text().charAt(0));
                if (words(f.text()) && !log && !others.contains(f.text()) && looked.add(f.text()) && !said(f.text())) {
                    missing.add(f + " -> " + unsaid(filled(f.text()).getFirst()));
                }
            }
        }
        assertEquals("", String.join("\n", missing));
        assertTrue(looked.size() > 55, "sentences were looked at: " + looked.size());
    }

    /// How a figure was obtained, as the badge beside it says when it is pointed at.
    @Test
    void everyOriginOfAFigureHasItsChinese() throws java.io.IOException {
        Pattern calls = Pattern.compile("\\b(?:measured|derived|estimated|provenance|counted|overTexts|from)\\(");
        Pattern python = Pattern.compile("\\b(?:provenance|_put|put|_keep)\\(");
        // A formula, a recipe or a way that stands under a name of its own, or is what a method gives.
        Pattern named = Pattern.compile("\\b(?:String (?:how|method|recipe|f)|[A-Z_]*(?:METHOD|RECIPE|MEASURE)|_method) =(?!=)|String (?:way|formula|method)\\(\\) \\{\\s*return");
        Pattern recipes = Pattern.compile("\\.put\\((?=\"recipe\")");
        Pattern makers = Pattern.compile("\\b(?:put|each|figure|curves|site)\\(");
        java.util.Set<String> made = java.util.Set.of("AdapterRun.java", "CaptureRun.java", "RoutingTensors.java", "RankRun.java");
        Pattern kinds = Pattern.compile("\\b[A-Z_]{3,}\\(");
        java.util.Set<String> constants = java.util.Set.of("HeadMetric.java", "Importance.java", "Along.java", "Placement.java");
        // The unit of an importance; the names of two files, which only the line with "From" turns; a part of two sentences that have entries.
        java.util.Set<String> others = java.util.Set.of("−dL/dw, nats", CodeSentences.OPEN + " and " + CodeSentences.OPEN,
                ", mean over " + CodeSentences.OPEN + " sequences of " + CodeSentences.OPEN + " random tokens said twice");
        java.util.Set<String> missing = new java.util.TreeSet<>();
        java.util.Set<String> looked = new java.util.HashSet<>();
        for (CodeSentences file : CodeSentences.below("../model-core/src/main/java", "../views/src/main/java", "src/main/resources/vitrine/python")) {
            java.util.List<CodeSentences.Found> all = new java.util.ArrayList<>(file.inCalls(file.name().endsWith(".py") ? python : calls));
            all.addAll(file.inCalls(recipes));
            all.addAll(file.behind(named));
            if (made.contains(file.name())) {
                all.addAll(file.inCalls(makers));
            }
            if (constants.contains(file.name())) {
                all.addAll(file.inCalls(kinds));
            }
            for (CodeSentences.Found f : all) {
                if (words(f.text()) && !others.contains(f.text()) && looked.add(f.text())) {
                    boolean said = filled(f.text()).stream().anyMatch(s -> {
                        String whole = chinese.of("Derived: " + s + ".\nFrom up_proj.weight, F32, 12 values.");
                        return whole.startsWith("推导：") && whole.endsWith("来自 up_proj.weight, F32，12 个值。") && !chinese.of(s).equals(s) && whole.contains(chinese.of(s)) && !left(whole);
                    });
                    if (!said) {
                        missing.add(f + " -> " + chinese.of("Derived: " + filled(f.text()).getFirst() + ".\nFrom up_proj.weight, F32, 12 values."));
                    }
                }
            }
        }
        assertEquals("", String.join("\n", missing));
        assertTrue(looked.size() > 350, "sentences were looked at: " + looked.size());
    }

    @Test
    void theLanguageOfALocale() {
        assertEquals(Language.CHINESE, Language.of(Locale.forLanguageTag("zh-CN")));
        assertEquals(Language.CHINESE, Language.of(Locale.forLanguageTag("zh-Hans-HK")));
        assertEquals(Language.ENGLISH, Language.of(Locale.forLanguageTag("zh-TW")));
        assertEquals(Language.ENGLISH, Language.of(Locale.forLanguageTag("de-DE")));
    }
}
