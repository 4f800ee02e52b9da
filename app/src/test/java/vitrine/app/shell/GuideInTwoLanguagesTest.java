package vitrine.app.shell;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import vitrine.app.shell.GuidePage.Block;
import vitrine.app.shell.GuidePage.Code;
import vitrine.app.shell.GuidePage.Heading;
import vitrine.app.shell.GuidePage.Item;
import vitrine.app.shell.GuidePage.Paragraph;
import vitrine.app.shell.GuidePage.Span;
import vitrine.app.shell.GuidePage.Spot;
import vitrine.app.shell.GuidePage.Style;
import vitrine.app.shell.GuidePage.Table;
import vitrine.resources.Guide;
import vitrine.resources.Language;
import vitrine.resources.Sentences;

/// The guide's English and its Chinese pages say the same: block by block the same headings, tables, commands, options, numbers, links and names of the window. What is
/// changed on one and forgotten on the other is found here, but for words alone.
class GuideInTwoLanguagesTest {

    private static final Path PAGES = Path.of("../docs/guide");
    private static final Path CHINESE = PAGES.resolve("zh-CN");
    private static final Sentences WORDS = Sentences.of(Language.CHINESE);
    private static final Pattern NUMBER = Pattern.compile("\\d+(?:[.,]\\d+)*");
    private static final Pattern PICTURE = Pattern.compile("(?m)^!\\[.*]\\((.*)\\)$");
    private static final Pattern TARGET = Pattern.compile("]\\(([^)\\s]+)\\)");
    private static final Pattern CHAPTER = Pattern.compile("(?m)^#+ (.*)$");
    private static final Pattern HAN = Pattern.compile("\\p{IsHan}");
    /// Marks that are left where Markdown did not take them for marks, and spaces that a line's end leaves between Chinese words.
    private static final Pattern SPOILT = Pattern.compile("\\*|[\\p{IsHan}，。；：] +\\p{IsHan}");

    @Test
    void everyPageIsThereInBothAndBundledAsItIs() throws IOException {
        try (Stream<Path> files = Files.list(CHINESE)) {
            assertEquals(new TreeSet<>(Guide.pages()), files.map(f -> f.getFileName().toString().replace(".md", "")).collect(Collectors.toCollection(TreeSet::new)));
        }
        for (String page : Guide.pages()) {
            assertEquals(Files.readString(CHINESE.resolve(page + ".md")), Guide.text(page, Language.CHINESE), page);
        }
    }

    @Test
    void bothHaveTheSameBlocks() {
        Set<String> differences = new TreeSet<>();
        int compared = 0;
        for (String page : Guide.pages()) {
            List<Block> english = GuidePage.read(page).blocks();
            List<Block> chinese = GuidePage.read(page, Language.CHINESE).blocks();
            assertEquals(english.stream().map(GuideInTwoLanguagesTest::form).toList(), chinese.stream().map(GuideInTwoLanguagesTest::form).toList(), page);
            for (int b = 0; b < english.size(); b++) {
                List<List<Span>> left = texts(english.get(b));
                List<List<Span>> right = texts(chinese.get(b));
                for (int t = 0; t < left.size(); t++) {
                    String where = page + ", block " + b + ", text " + t + " (" + GuidePage.words(right.get(t)) + "): ";
                    differ(where + "code", styled(left.get(t), Style.CODE), styled(right.get(t), Style.CODE), differences);
                    differ(where + "numbers", numbers(left.get(t)), numbers(right.get(t)), differences);
                    differ(where + "links", targets(left.get(t), page, Language.ENGLISH), targets(right.get(t), page, Language.CHINESE), differences);
                    differ(where + "set off", List.of(styled(left.get(t), Style.STRONG).size(), styled(left.get(t), Style.EMPHASIS).size()),
                            List.of(styled(right.get(t), Style.STRONG).size(), styled(right.get(t), Style.EMPHASIS).size()), differences);
                    compared++;
                }
            }
        }
        assertEquals(Set.of(), differences);
        assertTrue(compared > 700, "texts were compared: " + compared);
    }

    private static void differ(String what, List<?> english, List<?> chinese, Set<String> differences) {
        if (!english.equals(chinese)) {
            differences.add("\n" + what + " " + english + " in English, " + chinese + " in Chinese");
        }
    }

    /// What a block is, without its words; of code all of it.
    private static String form(Block block) {
        return switch (block) {
            case Heading h -> "heading " + h.level();
            case Paragraph ignored -> "paragraph";
            case Item ignored -> "item";
            case Table t -> "table " + t.rows().stream().map(List::size).toList();
            case Code c -> "code " + c.text();
        };
    }

    /// The texts of a block: of a table its cells.
    private static List<List<Span>> texts(Block block) {
        return switch (block) {
            case Heading h -> List.of(List.of(new Span(h.text(), Style.PLAIN, "")));
            case Paragraph p -> List.of(p.text());
            case Item i -> List.of(i.text());
            case Table t -> t.rows().stream().flatMap(List::stream).toList();
            case Code ignored -> List.of();
        };
    }

    private static List<String> styled(List<Span> text, Style style) {
        return text.stream().filter(s -> s.style() == style).map(Span::text).sorted().toList();
    }

    private static List<String> numbers(List<Span> text) {
        // Chinese counts in ten thousands.
        String words = GuidePage.words(text).replace("20 million", "2,000");
        return NUMBER.matcher(words).results().map(MatchResult::group).sorted().toList();
    }

    /// What is linked to, alike in both languages: pages of the guide by name and number of the heading's block, others by their path from the folder of the guide.
    private static List<String> targets(List<Span> text, String page, Language language) {
        Path folder = language == Language.ENGLISH ? PAGES : CHINESE;
        List<String> out = new ArrayList<>();
        for (Span s : text) {
            if (s.style() == Style.LINK) {
                String[] parts = s.target().split("#", 2);
                Path file = parts[0].isEmpty() ? folder.resolve(page + ".md") : folder.resolve(parts[0]).normalize();
                boolean guide = file.normalize().startsWith(PAGES.normalize());
                String name = file.getFileName().toString().replace(".md", "");
                String place = parts.length == 1 ? "" : guide ? String.valueOf(GuidePage.read(name, language).anchor(parts[1])) : parts[1];
                out.add((guide ? name : PAGES.normalize().relativize(file.normalize())) + " " + place);
            }
        }
        return out.stream().sorted().toList();
    }

    /// A link leads to a file that is there and to a heading that it has, in both languages.
    @Test
    void everyLinkAndEveryPictureIsThere() throws IOException {
        Set<String> missing = new TreeSet<>();
        int seen = 0;
        for (Path folder : List.of(PAGES, CHINESE)) {
            for (String page : Guide.pages()) {
                String text = Files.readString(folder.resolve(page + ".md"));
                for (String target : TARGET.matcher(text).results().map(m -> m.group(1)).toList()) {
                    seen++;
                    String[] parts = target.split("#", 2);
                    Path file = parts[0].isEmpty() ? folder.resolve(page + ".md") : folder.resolve(parts[0]);
                    if (!Files.exists(file) || parts.length > 1 && !anchors(file).contains(parts[1])) {
                        missing.add(folder.resolve(page) + ": " + target);
                    }
                }
            }
        }
        assertEquals(Set.of(), missing);
        assertTrue(seen > 90, "links: " + seen);
        for (String page : Guide.pages()) {
            assertEquals(pictures(PAGES, page), pictures(CHINESE, page), page);
        }
    }

    private static List<Path> pictures(Path folder, String page) throws IOException {
        return PICTURE.matcher(Files.readString(folder.resolve(page + ".md"))).results().map(m -> folder.resolve(m.group(1)).normalize()).toList();
    }

    private static Set<String> anchors(Path file) throws IOException {
        return CHAPTER.matcher(Files.readString(file)).results().map(m -> m.group(1).toLowerCase(java.util.Locale.ROOT).replaceAll("[^\\p{L}\\d _-]", "").replace(' ', '-')).collect(Collectors.toSet());
    }

    /// Buttons, cards and modes that a page sets off by a name of the window are called in Chinese as the Chinese window calls them.
    @Test
    void namesAreThoseOfTheWindow() {
        Set<String> other = new TreeSet<>();
        int seen = 0;
        for (String page : Guide.pages()) {
            List<Block> english = GuidePage.read(page).blocks();
            List<Block> chinese = GuidePage.read(page, Language.CHINESE).blocks();
            for (int b = 0; b < english.size(); b++) {
                for (int t = 0; t < texts(english.get(b)).size(); t++) {
                    for (Style style : List.of(Style.STRONG, Style.EMPHASIS)) {
                        Set<String> there = Set.copyOf(styled(texts(chinese.get(b)).get(t), style));
                        for (String name : styled(texts(english.get(b)).get(t), style)) {
                            String bare = name.replaceAll("[.:]$", "");
                            Optional<String> said = said(bare);
                            seen += said.isPresent() ? 1 : 0;
                            if (said.isPresent() && !there.contains(said.get())) {
                                other.add("\n" + page + ": " + bare + " is " + said.get() + " in the window, on the page one of " + there);
                            }
                        }
                    }
                }
            }
        }
        assertEquals(Set.of(), other);
        assertTrue(seen > 90, "names: " + seen);
    }

    /// A name as the window has it; empty for what is a sentence or no name of the window.
    private static Optional<String> said(String english) {
        return WORDS.keySet().contains(english) ? Optional.of(WORDS.getString(english)) : Optional.empty();
    }

    /// A link below a formula says in Chinese what stands on the Chinese page where it leads.
    @Test
    void sectionsAreCalledAsTheLinksToThemSay() throws IOException {
        Set<String> other = new TreeSet<>();
        Map<Guide.Section, String> named = GuidePageTest.sectionsNamedInTheCode();
        for (Guide.Section section : named.keySet()) {
            Spot spot = GuidePage.find(section).orElseThrow();
            Block block = GuidePage.read(section.page(), Language.CHINESE).blocks().get(spot.block());
            String there = block instanceof Table t && spot.row() > 0 ? GuidePage.words(t.rows().get(spot.row()).getFirst()) : GuidePageTest.words(block);
            String said = WORDS.of(section.row().isEmpty() ? section.heading() : section.row());
            boolean begins = Stream.of(there.split("[；、，（(]")).map(String::strip).anyMatch(said.split("（")[0]::equals) || there.equals(said);
            if (!section.heading().isEmpty() && !begins) {
                other.add("\n" + section + " is called " + said + " by links and " + there + " on the page");
            }
        }
        assertEquals(Set.of(), other);
        assertTrue(named.size() > 60);
    }

    @Test
    void chinesePagesAreChineseAndWhole() {
        Set<String> spoilt = new TreeSet<>();
        for (String page : Guide.pages()) {
            for (Block block : GuidePage.read(page, Language.CHINESE).blocks()) {
                for (List<Span> text : texts(block)) {
                    text.stream().filter(s -> s.style() == Style.PLAIN && SPOILT.matcher(s.text()).find()).forEach(s -> spoilt.add("\n" + page + ": " + s.text()));
                }
                String words = GuidePageTest.words(block);
                if ((block instanceof Paragraph || block instanceof Item) && !HAN.matcher(words).find()) {
                    spoilt.add("\n" + page + ": not Chinese: " + words);
                }
            }
        }
        assertEquals(Set.of(), spoilt);
    }
}
