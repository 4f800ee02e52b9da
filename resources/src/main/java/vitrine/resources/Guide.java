package vitrine.resources;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The pages of `docs/guide`, which are part of the program, so that a formula on screen can name its section and open it without a network.
///
/// The build copies the pages beside this class; they are written for a reader of the repository too, and nothing is in the window that is not on the page.
///
/// Pages of another language stand in a folder that is called by its tag, under the same names and block by block the same: a section has one name, the English one,
/// and is found on a translated page at the same place.
public final class Guide {

    /// The heading under which every view's page has its formulas.
    public static final String FORMULAS = "Formulas";

    private static final String FOLDER = "/vitrine/guide/";
    /// The pages by the name of their file, in the order in which they are offered.
    private static final Map<String, String> PAGES = new LinkedHashMap<>();

    static {
        PAGES.put("README", "Guide");
        PAGES.put("anatomy", "Anatomy");
        PAGES.put("attention", "Attention");
        PAGES.put("routing", "Routing");
        PAGES.put("rank", "Rank");
        PAGES.put("lora", "LoRA");
        PAGES.put("runs", "Runs");
        PAGES.put("compare", "Compare");
        PAGES.put("fine-tuning", "Fine-tuning");
        PAGES.put("pruning", "Pruning");
        PAGES.put("adapters", "Adapters");
        PAGES.put("window", "The window");
    }

    private Guide() {}

    /// A place on a page.
    ///
    /// @param page the name of its file without the ending, such as `rank`
    /// @param heading as it stands on the page; empty for the page's beginning
    /// @param row what the first cell of a row below the heading begins with, as it stands there; empty for the heading itself
    public record Section(String page, String heading, String row) {

        /// A formula of a view's page.
        public static Section formula(String page, String row) {
            return new Section(page, FORMULAS, row);
        }

        /// All formulas of a view's page.
        public static Section formulas(String page) {
            return new Section(page, FORMULAS, "");
        }

        /// The beginning of a page.
        public static Section page(String page) {
            return new Section(page, "", "");
        }

        /// What a link to it says: the page's title, then the formula or the heading.
        public String words() {
            String rest = row.isEmpty() ? heading : row;
            return rest.isEmpty() ? title(page) : title(page) + " · " + rest;
        }
    }

    /// The names of all pages, in their order.
    public static List<String> pages() {
        return List.copyOf(PAGES.keySet());
    }

    /// What a page is called in a list of pages.
    ///
    /// @throws IllegalArgumentException if there is no such page
    public static String title(String page) {
        String title = PAGES.get(page);
        if (title == null) {
            throw new IllegalArgumentException("the guide has no page " + page);
        }
        return title;
    }

    /// A page as it is written, Markdown, in English.
    ///
    /// @throws IllegalArgumentException if there is no such page
    public static String text(String page) {
        return text(page, Language.ENGLISH);
    }

    /// A page in a language; in English where it is not translated.
    ///
    /// @throws IllegalArgumentException if there is no such page
    public static String text(String page, Language language) {
        return text(page, language.tag());
    }

    /// @param tag of a language; pages of English are in no folder of their own
    static String text(String page, String tag) {
        title(page);
        return read(tag + "/" + page).or(() -> read(page)).orElseThrow(() -> new IllegalStateException("built without the guide's page " + page));
    }

    /// A file below the folder, by its name without the ending; empty for none.
    static Optional<String> read(String name) {
        try (InputStream in = Guide.class.getResourceAsStream(FOLDER + name + ".md")) {
            return in == null ? Optional.empty() : Optional.of(new String(in.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
