package vitrine.app.shell;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
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

class GuidePageTest {

    private static final Path PAGES = Path.of("../docs/guide");

    private static Span plain(String text) {
        return new Span(text, Style.PLAIN, "");
    }

    @Test
    void readsHeadingsListsTablesAndCode() {
        GuidePage page = GuidePage.parse("""
                # Title

                ![Picture](../p.png)

                Words **strong** and *soft*, `code`,
                see [Rank](rank.md#formulas).

                - one
                  goes on
                - two

                ## Formulas
                | figure | formula |
                | --- | --- |
                | mean, std | \\|x\\| ÷ n |

                    vitrine open MODEL

                    vitrine rank MODEL
                Last.
                """);
        assertEquals(List.of(new Heading(1, "Title"),
                new Paragraph(List.of(plain("Words "), new Span("strong", Style.STRONG, ""), plain(" and "), new Span("soft", Style.EMPHASIS, ""), plain(", "), new Span("code", Style.CODE, ""),
                        plain(", see "), new Span("Rank", Style.LINK, "rank.md#formulas"), plain("."))),
                new Item(List.of(plain("one goes on"))), new Item(List.of(plain("two"))), new Heading(2, "Formulas"),
                new Table(List.of(List.of(List.of(plain("figure")), List.of(plain("formula"))), List.of(List.of(plain("mean, std")), List.of(plain("|x| ÷ n"))))),
                new Code("vitrine open MODEL\n\nvitrine rank MODEL"), new Paragraph(List.of(plain("Last.")))), page.blocks());
        assertEquals(Optional.of(new Spot(4, -1)), page.find("Formulas", ""));
        assertEquals(Optional.of(new Spot(5, 1)), page.find("Formulas", "std"));
        assertEquals(Optional.of(new Spot(0, -1)), page.find("", ""));
        assertEquals(Optional.empty(), page.find("Formulas", "st"));
        assertEquals(Optional.empty(), page.find("Title", "std"), "it stands below another heading");
        assertEquals(Optional.empty(), page.find("formulas", ""));
        assertEquals(4, page.anchor("formulas"));
        assertEquals(-1, page.anchor("formula"));
    }

    /// The program carries the repository's pages, all of them and as they are.
    @Test
    void everyPageIsBundledAsItIs() throws IOException {
        try (Stream<Path> files = Files.list(PAGES)) {
            assertEquals(files.filter(f -> f.toString().endsWith(".md")).map(f -> f.getFileName().toString().replace(".md", "")).collect(Collectors.toCollection(TreeSet::new)), new TreeSet<>(Guide.pages()));
        }
        for (String name : Guide.pages()) {
            assertEquals(Files.readString(PAGES.resolve(name + ".md")), Guide.text(name), name);
        }
        assertThrows(IllegalArgumentException.class, () -> Guide.text("../decisions/001"));
    }

    /// No word of a page is lost when it is read: all letters and digits of the file, but for pictures and the targets of links, are in the blocks.
    @Test
    void noWordIsLost() throws IOException {
        for (Language language : Language.values()) {
            for (String name : Guide.pages()) {
                String file = Files.readString(PAGES.resolve(language == Language.ENGLISH ? "" : language.tag()).resolve(name + ".md")).replaceAll("(?m)^!\\[.*$", "").replaceAll("]\\([^)\\s]+\\)", "]");
                GuidePage page = GuidePage.read(name, language);
                assertEquals(letters(file), letters(page.blocks().stream().map(GuidePageTest::words).collect(Collectors.joining())), name + ", " + language);
                for (GuidePage.Block block : page.blocks()) {
                    if (block instanceof Table t) {
                        assertTrue(t.rows().stream().allMatch(r -> r.size() == t.rows().getFirst().size()), name + ": " + t.rows().getFirst());
                    }
                }
            }
        }
    }

    static String words(GuidePage.Block block) {
        return switch (block) {
            case Heading h -> h.text();
            case Paragraph p -> GuidePage.words(p.text());
            case Item i -> GuidePage.words(i.text());
            case Table t -> t.rows().stream().flatMap(List::stream).map(GuidePage::words).collect(Collectors.joining());
            case Code c -> c.text();
        };
    }

    private static String letters(String text) {
        return text.codePoints().filter(Character::isLetterOrDigit).collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append).toString();
    }

    /// Every section that the code of the window names, in a formula's explanation or on a card, is in the guide.
    @Test
    void everySectionNamedInTheCodeIsThere() throws IOException {
        Map<Guide.Section, String> named = sectionsNamedInTheCode();
        assertEquals(Set.of(), named.keySet().stream().filter(s -> GuidePage.find(s).isEmpty()).map(s -> named.get(s) + ": " + s).collect(Collectors.toSet()));
        assertTrue(named.size() > 60, "sections were looked at: " + named.size());
    }

    /// The sections that are named in the code of the window, with a file that names each.
    static Map<Guide.Section, String> sectionsNamedInTheCode() throws IOException {
        Pattern named = Pattern.compile("Guide\\.Section\\.(formulas?|page)\\(\\s*\"([^\"]*)\"(?:,\\s*\"([^\"]*)\")?|new Guide\\.Section\\(\\s*\"([^\"]*)\",\\s*\"([^\"]*)\",\\s*\"([^\"]*)\"");
        Map<Guide.Section, String> out = new LinkedHashMap<>();
        for (String root : new String[] {"../views/src/main/java", "../app/src/main/java/vitrine/app/shell"}) {
            try (Stream<Path> files = Files.walk(Path.of(root))) {
                for (Path f : files.filter(p -> p.toString().endsWith(".java")).toList()) {
                    Matcher m = named.matcher(Files.readString(f));
                    while (m.find()) {
                        out.put(m.group(1) == null ? new Guide.Section(m.group(4), m.group(5), m.group(6)) : switch (m.group(1)) {
                            case "formula" -> Guide.Section.formula(m.group(2), m.group(3) == null ? "" : m.group(3));
                            case "formulas" -> Guide.Section.formulas(m.group(2));
                            default -> Guide.Section.page(m.group(2));
                        }, f.getFileName().toString());
                    }
                }
            }
        }
        return out;
    }
}
