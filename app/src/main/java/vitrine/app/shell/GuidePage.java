package vitrine.app.shell;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.commonmark.ext.gfm.tables.TableBlock;
import org.commonmark.ext.gfm.tables.TablesExtension;
import org.commonmark.node.BulletList;
import org.commonmark.node.Emphasis;
import org.commonmark.node.HtmlInline;
import org.commonmark.node.Image;
import org.commonmark.node.IndentedCodeBlock;
import org.commonmark.node.Link;
import org.commonmark.node.ListItem;
import org.commonmark.node.Node;
import org.commonmark.node.SoftLineBreak;
import org.commonmark.node.StrongEmphasis;
import org.commonmark.node.Text;
import org.commonmark.parser.Parser;
import vitrine.resources.Guide;
import vitrine.resources.Language;

/// A page of the guide as blocks that the window can show: headings, paragraphs, entries of lists, tables and code. Pictures are left out: the window shows
/// the real thing.
record GuidePage(List<Block> blocks) {

    private static final Parser PARSER = Parser.builder().extensions(List.of(TablesExtension.create())).build();

    GuidePage {
        blocks = List.copyOf(blocks);
    }

    /// What stands between two empty lines.
    sealed interface Block {}

    /// @param level 1 for the page's title
    record Heading(int level, String text) implements Block {}

    record Paragraph(List<Span> text) implements Block {}

    /// One entry of a list.
    record Item(List<Span> text) implements Block {}

    /// @param rows the first is the head; all have as many cells
    record Table(List<List<List<Span>>> rows) implements Block {

        Table {
            rows = List.copyOf(rows);
        }
    }

    record Code(String text) implements Block {}

    /// How a piece of text is set.
    enum Style {
        PLAIN, STRONG, EMPHASIS, CODE, LINK
    }

    /// A piece of text.
    ///
    /// @param target of a link, as it stands in the file; else empty
    record Span(String text, Style style, String target) {}

    /// A place on a page.
    ///
    /// @param block its number among the blocks
    /// @param row of a table, from 1 (0 is the head); -1 for a whole block
    record Spot(int block, int row) {}

    /// Reads a page of the guide, in English.
    ///
    /// @throws IllegalArgumentException if there is no such page
    static GuidePage read(String page) {
        return read(page, Language.ENGLISH);
    }

    /// Reads a page in a language; a page that has no translation in English. All languages have the same blocks in the same order, so that a [Spot] of one is that of another.
    ///
    /// @throws IllegalArgumentException if there is no such page
    static GuidePage read(String page, Language language) {
        return parse(Guide.text(page, language));
    }

    /// @throws IllegalStateException if the text holds what the guide is not written in
    static GuidePage parse(String markdown) {
        List<Block> out = new ArrayList<>();
        for (Node n : children(PARSER.parse(markdown))) {
            block(n, out);
        }
        return new GuidePage(out);
    }

    private static List<Node> children(Node of) {
        List<Node> out = new ArrayList<>();
        for (Node n = of.getFirstChild(); n != null; n = n.getNext()) {
            out.add(n);
        }
        return out;
    }

    private static void block(Node node, List<Block> out) {
        switch (node) {
            case org.commonmark.node.Heading h -> out.add(new Heading(h.getLevel(), words(spans(h))));
            case org.commonmark.node.Paragraph p when p.getFirstChild() instanceof Image -> { }
            case org.commonmark.node.Paragraph p -> out.add(node.getParent() instanceof ListItem ? new Item(spans(p)) : new Paragraph(spans(p)));
            case IndentedCodeBlock c -> out.add(new Code(c.getLiteral().stripTrailing()));
            case TableBlock t -> out.add(new Table(children(t).stream().flatMap(part -> children(part).stream()).map(row -> children(row).stream().map(GuidePage::spans).toList()).toList()));
            case BulletList list -> children(list).forEach(item -> children(item).forEach(n -> block(n, out)));
            default -> throw new IllegalStateException("the guide is not written in " + node);
        }
    }

    private static List<Span> spans(Node of) {
        List<Span> out = new ArrayList<>();
        for (Node n : children(of)) {
            Span span = switch (n) {
                case Text t -> plain(t.getLiteral());
                case SoftLineBreak ignored -> plain(" ");
                case HtmlInline h -> plain(h.getLiteral());
                case org.commonmark.node.Code c -> new Span(c.getLiteral(), Style.CODE, "");
                case StrongEmphasis e -> new Span(words(spans(e)), Style.STRONG, "");
                case Emphasis e -> new Span(words(spans(e)), Style.EMPHASIS, "");
                case Link l -> new Span(words(spans(l)), Style.LINK, l.getDestination());
                default -> throw new IllegalStateException("the guide is not written in " + n);
            };
            // A backslash parts a text that is one.
            if (span.style() == Style.PLAIN && !out.isEmpty() && out.getLast().style() == Style.PLAIN) {
                out.add(plain(out.removeLast().text() + span.text()));
            } else {
                out.add(span);
            }
        }
        return List.copyOf(out);
    }

    private static Span plain(String text) {
        return new Span(text, Style.PLAIN, "");
    }

    /// The words of a text without its marks.
    static String words(List<Span> text) {
        return text.stream().map(Span::text).collect(Collectors.joining());
    }

    /// Where a section is on its page, in every language; empty if the guide has no such section.
    static Optional<Spot> find(Guide.Section section) {
        return Guide.pages().contains(section.page()) ? read(section.page()).find(section.heading(), section.row()) : Optional.empty();
    }

    /// The heading whose anchor is so called, as hosts of Markdown call them: its number among the blocks, or -1 for none.
    int anchor(String name) {
        return IntStream.range(0, blocks.size()).filter(b -> blocks.get(b) instanceof Heading h
                && h.text().toLowerCase(Locale.ROOT).replaceAll("[^\\p{L}\\d _-]", "").replace(' ', '-').equals(name)).findFirst().orElse(-1);
    }

    /// Finds a heading, or the row of a table below it whose first cell begins with some words; both empty for the page's beginning.
    Optional<Spot> find(String heading, String row) {
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
