package vitrine.resources;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Enumeration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.ResourceBundle;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The words of the window in another language, found by the English sentence that stands in the code (as gettext does it).
///
/// A bundle is a file of pairs, the English sentence at the beginning of a line and its translation below it, indented:
///
///     Go to {}
///       转到{}
///
/// `{n}` stands for a number; `{}` for anything in one line, which is translated itself where it is known; `{w}` for words of one clause, without `: `, `; ` or a full
/// stop in them, of which only a phrase that has an entry of its own is translated: a name such as `rank`, and a list of such names, is what somebody typed or has to
/// type. The translation takes them in the order of the English sentence, or by number, `{1}`. A form that begins with a loose place has `{w}` there, or it would take
/// the file and the tensor before a refusal for its own. An entry without a full stop, colon or semicolon at its end, or with a small letter at its beginning, also
/// holds for a part that has them.
/// What has no entry is looked for in its parts (lines, sentences, parts between middle dots), and what is in no entry at all stays English: a sentence that is not
/// translated yet is never missing.
///
/// Safe for use by several threads.
public final class Sentences extends ResourceBundle {

    private static final int KEPT = 4096;
    private static final int DEEPEST = 6;
    private static final Pattern PLACE = Pattern.compile("\\{([nw]?)}");
    private static final Pattern TAKEN = Pattern.compile("\\{(\\d?)n?}");
    private static final String WORDS = "((?:(?![:;.] ).)+?)";
    private static final String NUMBER = "([−+\\-–~]?\\.?\\d(?:[\\d.,×·⁻⁰¹²³⁴-⁹]*[\\d⁰¹²³⁴-⁹])?(?:e[−\\-]?\\d+)?)";
    /// Where a text falls into parts that may be translated alone, the widest first: new lines, middle dots, ends of sentences, colons, semicolons, commas.
    private static final List<Pattern> SEAMS = List.of(Pattern.compile("\\n|  +"), Pattern.compile(" ?· ?"), Pattern.compile("(?<=\\.|\\S\\?) (?=\\S)"), Pattern.compile("(?<=:) (?=\\S)"),
            Pattern.compile("(?<=;) (?=\\S)"), Pattern.compile(", (?=[a-z])"));
    private static final int COLON = 3;
    /// Marks at the end of a part, which an entry may leave out, and their Chinese.
    private static final String MARKS = ".:;";
    private static final String MARKS_THERE = "。：；";

    private final Map<String, String> whole = new LinkedHashMap<>();
    private final List<Form> forms = new ArrayList<>();
    private final Map<String, String> known = Collections.synchronizedMap(new LinkedHashMap<>(256, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, String> eldest) {
            return size() > KEPT;
        }
    });

    /// A sentence with places.
    ///
    /// @param start what stands before its first place, and `end` behind its last
    /// @param literal its longest part between places: a text must have all three to be worth a closer look
    private record Form(String english, Pattern pattern, String start, String end, String literal, List<String> places, String translation) {}

    private final Locale locale;

    private Sentences(Locale locale) {
        this.locale = locale;
    }

    /// The words of a language; those of English are the code's own.
    public static Sentences of(Language language) {
        Sentences out = new Sentences(Locale.forLanguageTag(language.tag()));
        if (language != Language.ENGLISH) {
            out.read("/vitrine/words/" + language.tag() + ".txt");
        }
        return out;
    }

    private void read(String name) {
        try (InputStream in = Sentences.class.getResourceAsStream(name); BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
            String english = null;
            int n = 0;
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                n++;
                if (line.isBlank() || line.startsWith("# ")) {
                    continue;
                }
                if (!line.startsWith("  ")) {
                    if (english != null) {
                        throw new IllegalStateException(name + ", line " + n + ": the sentence before has no translation");
                    }
                    english = line.replace("\\n", "\n");
                } else if (english == null) {
                    throw new IllegalStateException(name + ", line " + n + ": a translation of nothing");
                } else {
                    add(english, line.strip().replace("\\n", "\n"), name, n);
                    english = null;
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void add(String english, String translation, String name, int line) {
        if (!PLACE.matcher(english).find()) {
            if (whole.put(english, translation) != null) {
                throw new IllegalStateException(name + ", line " + line + ": a second translation of \"" + english + "\"");
            }
            return;
        }
        StringBuilder pattern = new StringBuilder();
        List<String> places = new ArrayList<>();
        String literal = "";
        Matcher m = PLACE.matcher(english);
        int at = 0;
        String start = null;
        while (m.find()) {
            String before = english.substring(at, m.start());
            start = start == null ? before : start;
            literal = before.length() > literal.length() ? before : literal;
            pattern.append(Pattern.quote(before)).append(m.group(1).isEmpty() ? "(.+?)" : m.group(1).equals("w") ? WORDS : NUMBER);
            places.add(m.group(1));
            at = m.end();
        }
        String rest = english.substring(at);
        literal = rest.length() > literal.length() ? rest : literal;
        forms.add(new Form(english, Pattern.compile(pattern + Pattern.quote(rest)), start, rest, literal, places, translation));
    }

    /// The sentence in this language; as it is where it is not known.
    public String of(String english) {
        return english.isEmpty() || whole.isEmpty() ? english : known.computeIfAbsent(english, e -> {
            String found = find(e, 0);
            return found == null ? e : found;
        });
    }

    /// Whether every word of a sentence has a translation.
    public boolean knows(String english) {
        return find(english, 0) != null;
    }

    /// The translation, or null where there is none for any part of it.
    private String find(String english, int depth) {
        return depth > DEEPEST ? whole.get(english) : find(english, depth, 0);
    }

    /// @param seam the widest seam that the text may still have
    private String find(String english, int depth, int seam) {
        String said = entry(english, depth);
        if (said == null && english.length() > 1 && Character.isUpperCase(english.charAt(0)) && Character.isLowerCase(english.charAt(1))) {
            // A clause at the head of a card begins with a capital.
            said = entry(Character.toLowerCase(english.charAt(0)) + english.substring(1), depth);
        }
        for (int at = seam; said == null && at < SEAMS.size(); at++) {
            said = parts(english, depth, at);
        }
        return said;
    }

    /// What an entry has for a whole text, with or without the mark at its end; null for none.
    private String entry(String english, int depth) {
        int mark = english.isEmpty() ? -1 : MARKS.indexOf(english.charAt(english.length() - 1));
        String known = whole.get(english) == null && mark >= 0 ? whole.get(english.substring(0, english.length() - 1)) : null;
        String said = known == null ? exact(english, depth) : known + MARKS_THERE.charAt(mark);
        if (said == null && mark >= 0) {
            String bare = exact(english.substring(0, english.length() - 1), depth);
            said = bare == null ? null : bare + MARKS_THERE.charAt(mark);
        }
        return said;
    }

    private String exact(String english, int depth) {
        String said = whole.get(english);
        if (said != null) {
            return said;
        }
        for (Form form : forms) {
            if (english.startsWith(form.start) && english.endsWith(form.end) && english.contains(form.literal)) {
                Matcher m = form.pattern.matcher(english);
                // A name at the end must not take the mark behind it with it.
                if (m.matches() && !((form.english.endsWith("{}") || form.english.endsWith("{w}")) && MARKS.indexOf(english.charAt(english.length() - 1)) >= 0)) {
                    return fill(form, m, depth);
                }
            }
        }
        return null;
    }

    private String fill(Form form, Matcher m, int depth) {
        StringBuilder out = new StringBuilder();
        Matcher place = TAKEN.matcher(form.translation);
        int at = 0;
        int next = 1;
        while (place.find()) {
            int group = place.group(1).isEmpty() ? next++ : Integer.parseInt(place.group(1));
            String piece = m.group(group);
            String said = switch (form.places.get(group - 1)) {
                case "n" -> null;
                case "w" -> piece.indexOf(' ') < 0 ? null : entry(piece, depth + 1);
                default -> find(piece, depth + 1);
            };
            out.append(form.translation, at, place.start());
            String put = said == null ? piece : said;
            if (!form.places.get(group - 1).equals("n") && !out.isEmpty() && Character.UnicodeScript.of(out.charAt(out.length() - 1)) == Character.UnicodeScript.HAN && put.charAt(0) < 128
                    && Character.isLetterOrDigit(put.charAt(0))) {
                out.append(' ');
            }
            out.append(put);
            at = place.end();
        }
        return out.append(form.translation.substring(at)).toString();
    }

    /// A text part by part, cut at one kind of seam; parts without letters stay as they are. Null where no part with letters is known, or there is no such seam.
    private String parts(String english, int depth, int kind) {
        Matcher seam = SEAMS.get(kind).matcher(english);
        StringBuilder out = new StringBuilder();
        int at = 0;
        boolean any = false;
        while (true) {
            boolean found = seam.find();
            if (at == 0 && !found) {
                return null;
            }
            // File and tensor stand before a refusal, which may have colons of its own: what is left may be a sentence that is known.
            String rest = kind == COLON && at > 0 && found ? entry(english.substring(at), depth) : null;
            if (rest != null) {
                return out.append(rest).toString();
            }
            String part = english.substring(at, found ? seam.start() : english.length());
            boolean words = part.chars().anyMatch(Character::isLetter);
            String said = words ? find(part, depth, kind + 1) : part;
            any |= said != null && words;
            out.append(said == null ? part : said);
            if (!found) {
                return any ? out.toString() : null;
            }
            out.append(seam.group().equals(", ") ? "，" : said != null && words && MARKS_THERE.indexOf(out.charAt(out.length() - 1)) >= 0 ? "" : seam.group());
            at = seam.end();
        }
    }

    @Override
    public Locale getLocale() {
        return locale;
    }

    @Override
    protected Object handleGetObject(String key) {
        return whole.get(key);
    }

    @Override
    public Enumeration<String> getKeys() {
        return Collections.enumeration(whole.keySet());
    }
}
