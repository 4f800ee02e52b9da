package vitrine.resources;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// A page of the guide as blocks, read from the part of Markdown that the guide is written in: headings, paragraphs, lists of one level, tables, code that is
/// indented by four spaces; in the text `code`, **strong**, *emphasis* and links. Pictures are left out: the window shows the real thing.
public record GuidePage(List<Block> blocks) {

    private static final Pattern INLINE = Pattern.compile("`([^`]+)`|\\*\\*([^*]+)\\*\\*|(?<![\\w*])\\*([^*\\s][^*]*)\\*|\\[([^\\]]+)]\\(([^)\\s]+)\\)");
    private static final Pattern CELLS = Pattern.compile("(?<!\\\\)\\|");

    public GuidePage {
        blocks = List.copyOf(blocks);
    }

    /// What stands between two empty lines.
    public sealed interface Block {}

    /// @param level 1 for the page's title
    public record Heading(int level, String text) implements Block {}

    public record Paragraph(List<Span> text) implements Block {}

    /// One entry of a list.
    public record Item(List<Span> text) implements Block {}

    /// @param rows the first is the head; all have as many cells
    public record Table(List<List<List<Span>>> rows) implements Block {

        public Table {
            rows = List.copyOf(rows);
        }
    }

    public record Code(String text) implements Block {}

    /// How a piece of text is set.
    public enum Style {
        PLAIN, STRONG, EMPHASIS, CODE, LINK
    }

    /// A piece of text.
    ///
    /// @param target of a link, as it stands in the file; else empty
    public record Span(String text, Style style, String target) {}

    /// A place on a page.
    ///
    /// @param block its number among the blocks
    /// @param row of a table, from 1 (0 is the head); -1 for a whole block
    public record Spot(int block, int row) {}

    /// Reads a page.
    static GuidePage parse(String markdown) {
        List<Block> out = new ArrayList<>();
        List<String> open = new ArrayList<>();
        for (String line : (markdown.replace("\r", "") + "\n\n").split("\n", -1)) {
            boolean item = line.startsWith("- ");
            boolean code = line.startsWith("    ");
            boolean table = line.startsWith("|");
            boolean heading = line.startsWith("#");
            // A list's entry goes on in lines that are indented; anything else that begins ends what was open.
            boolean ends = line.isBlank() || item || heading || !open.isEmpty() && table != open.getFirst().startsWith("|");
            if (ends && !open.isEmpty() && !(line.isBlank() && isCode(open))) {
                out.add(block(open));
                open.clear();
            }
            if (isCode(open) && !line.isBlank() && !code) {
                out.add(block(open));
                open.clear();
            }
            if (line.isBlank() && open.isEmpty()) {
                continue;
            }
            open.add(line);
            if (heading) {
                out.add(block(open));
                open.clear();
            }
        }
        if (!open.isEmpty()) {
            out.add(block(open));
        }
        out.removeIf(b -> b instanceof Paragraph(List<Span> text) && text.isEmpty());
        return new GuidePage(out);
    }

    private static boolean isCode(List<String> open) {
        return !open.isEmpty() && open.getFirst().startsWith("    ");
    }

    private static Block block(List<String> lines) {
        String first = lines.getFirst();
        if (isCode(lines)) {
            return new Code(lines.stream().map(l -> l.length() > 4 ? l.substring(4) : "").collect(Collectors.joining("\n")).stripTrailing());
        }
        if (first.startsWith("#")) {
            int level = first.indexOf(' ');
            return new Heading(level, first.substring(level + 1).strip());
        }
        if (first.startsWith("|")) {
            return new Table(lines.stream().filter(l -> !l.matches("[|\\s:-]+")).map(GuidePage::cells).toList());
        }
        String joined = lines.stream().map(String::strip).collect(Collectors.joining(" "));
        return first.startsWith("- ") ? new Item(spans(joined.substring(2))) : new Paragraph(joined.startsWith("![") ? List.of() : spans(joined));
    }

    private static List<List<Span>> cells(String line) {
        String inner = line.strip();
        inner = inner.substring(1, inner.length() - (inner.endsWith("|") ? 1 : 0));
        return CELLS.splitAsStream(inner).map(c -> spans(c.strip().replace("\\|", "|"))).toList();
    }

    private static List<Span> spans(String text) {
        List<Span> out = new ArrayList<>();
        Matcher m = INLINE.matcher(text);
        int at = 0;
        while (m.find()) {
            plain(text.substring(at, m.start()), out);
            if (m.group(1) != null) {
                out.add(new Span(m.group(1), Style.CODE, ""));
            } else if (m.group(2) != null) {
                out.add(new Span(m.group(2).replace("`", ""), Style.STRONG, ""));
            } else if (m.group(3) != null) {
                out.add(new Span(m.group(3).replace("`", ""), Style.EMPHASIS, ""));
            } else {
                out.add(new Span(m.group(4).replace("`", ""), Style.LINK, m.group(5)));
            }
            at = m.end();
        }
        plain(text.substring(at), out);
        return List.copyOf(out);
    }

    private static void plain(String text, List<Span> out) {
        if (!text.isEmpty()) {
            out.add(new Span(text.replace("\\\\", "\\"), Style.PLAIN, ""));
        }
    }

    /// The words of a text without its marks.
    public static String words(List<Span> text) {
        return text.stream().map(Span::text).collect(Collectors.joining());
    }

    /// Finds a heading, or the row of a table below it whose first cell begins with some words; both empty for the page's beginning.
    public Optional<Spot> find(String heading, String row) {
        boolean below = heading.isEmpty();
        if (below && row.isEmpty()) {
            return Optional.of(new Spot(0, -1));
        }
        for (int b = 0; b < blocks.size(); b++) {
            if (blocks.get(b) instanceof Heading h && !heading.isEmpty()) {
                below = h.text().equals(heading);
                if (below && row.isEmpty()) {
                    return Optional.of(new Spot(b, -1));
                }
            } else if (blocks.get(b) instanceof Table t && below && !row.isEmpty()) {
                for (int r = 1; r < t.rows().size(); r++) {
                    if (begins(words(t.rows().get(r).getFirst()), row)) {
                        return Optional.of(new Spot(b, r));
                    }
                }
            }
        }
        return Optional.empty();
    }

    /// Whether a cell names something, alone or among others that are separated by semicolons or commas.
    private static boolean begins(String cell, String name) {
        return List.of(cell.split("[;,(] ?")).stream().map(String::strip).anyMatch(name::equals) || cell.equals(name);
    }
}
