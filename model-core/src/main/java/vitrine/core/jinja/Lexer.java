package vitrine.core.jinja;

import java.util.ArrayList;
import java.util.List;

/// Cuts a template into its texts and the words of its tags, and settles white space on the way.
final class Lexer {

    enum Kind {
        TEXT, BLOCK_BEGIN, BLOCK_END, PRINT_BEGIN, PRINT_END, NAME, STRING, INTEGER, FLOAT, OPERATOR, END
    }

    /// @param text of a string: what it stands for
    record Token(Kind kind, String text, int line) {
        boolean is(String operatorOrName) {
            return (kind == Kind.OPERATOR || kind == Kind.NAME) && text.equals(operatorOrName);
        }
    }

    private static final List<String> OPERATORS = List.of("//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",");

    private final String source;
    private final List<Token> tokens = new ArrayList<>();
    private int at;
    private int line = 1;
    private boolean lineStarts = true;
    private boolean eatSpace;

    private Lexer(String source) {
        String s = source.replace("\r\n", "\n").replace('\r', '\n');
        this.source = s.endsWith("\n") ? s.substring(0, s.length() - 1) : s;
    }

    static List<Token> tokens(String source) {
        Lexer l = new Lexer(source);
        l.run();
        return l.tokens;
    }

    private void run() {
        while (at < source.length()) {
            int open = nextOpen(at);
            if (open < 0) {
                text(source.substring(at));
                at = source.length();
                break;
            }
            char kind = source.charAt(open + 1);
            char sign = open + 2 < source.length() ? source.charAt(open + 2) : ' ';
            String before = source.substring(at, open);
            if (sign == '-') {
                before = before.stripTrailing();
            } else if (sign != '+' && kind != '{') {
                before = withoutIndent(before);
            }
            text(before);
            // Lines of what was cut away count too.
            line += count(source, at, open) - count(before, 0, before.length());
            at = open + 2 + (sign == '-' || sign == '+' && kind != '{' ? 1 : 0);
            switch (kind) {
                case '#' -> comment();
                case '%' -> block();
                default -> {
                    add(Kind.PRINT_BEGIN, "{{");
                    words("}}", Kind.PRINT_END);
                }
            }
        }
        add(Kind.END, "");
    }

    private int nextOpen(int from) {
        for (int i = source.indexOf('{', from); i >= 0 && i + 1 < source.length(); i = source.indexOf('{', i + 1)) {
            char c = source.charAt(i + 1);
            if (c == '{' || c == '%' || c == '#') {
                return i;
            }
        }
        return -1;
    }

    /// A tag that is the first thing of its line takes the line's indentation with it.
    private String withoutIndent(String before) {
        int start = before.lastIndexOf('\n') + 1;
        boolean blank = before.substring(start).chars().allMatch(c -> c == ' ' || c == '\t' || c == '\u000b' || c == '\f');
        return blank && (start > 0 || lineStarts) ? before.substring(0, start) : before;
    }

    private void text(String text) {
        String shown = eatSpace ? text.stripLeading() : text;
        eatSpace = false;
        if (!shown.isEmpty()) {
            tokens.add(new Token(Kind.TEXT, shown, line));
            lineStarts = shown.endsWith("\n");
        }
        line += count(text, 0, text.length());
    }

    private static int count(String s, int from, int to) {
        int n = 0;
        for (int i = from; i < to; i++) {
            n += s.charAt(i) == '\n' ? 1 : 0;
        }
        return n;
    }

    private void comment() {
        int close = source.indexOf("#}", at);
        if (close < 0) {
            throw TemplateError.at(line, "a comment has no end");
        }
        line += count(source, at, close);
        char sign = close > at ? source.charAt(close - 1) : ' ';
        at = close + 2;
        afterTag(sign, true);
    }

    private void block() {
        int begun = at;
        int name = at;
        while (name < source.length() && Character.isWhitespace(source.charAt(name))) {
            name++;
        }
        if (source.startsWith("raw", name) && source.substring(name + 3, Math.min(source.length(), name + 40)).matches("(?s)\\s*[-+]?%}.*")) {
            raw(name + 3);
            return;
        }
        at = begun;
        add(Kind.BLOCK_BEGIN, "{%");
        words("%}", Kind.BLOCK_END);
    }

    private void raw(int after) {
        at = source.indexOf("%}", after) + 2;
        afterTag(source.charAt(at - 3), true);
        java.util.regex.Matcher end = java.util.regex.Pattern.compile("\\{%([-+]?)\\s*endraw\\s*([-+]?)%}").matcher(source);
        if (!end.find(at)) {
            throw TemplateError.at(line, "a raw block has no end");
        }
        String inner = source.substring(at, end.start());
        text(end.group(1).equals("-") ? inner.stripTrailing() : end.group(1).equals("+") ? inner : withoutIndent(inner));
        at = end.end();
        afterTag(end.group(2).isEmpty() ? ' ' : end.group(2).charAt(0), true);
    }

    /// What a tag's end does to the text behind it.
    private void afterTag(char sign, boolean trims) {
        lineStarts = false;
        if (sign == '-') {
            eatSpace = true;
        } else if (trims && sign != '+' && at < source.length() && source.charAt(at) == '\n') {
            at++;
            line++;
            lineStarts = true;
        }
    }

    private void add(Kind kind, String text) {
        tokens.add(new Token(kind, text, line));
    }

    // --- inside tags

    private void words(String close, Kind closeKind) {
        int depth = 0;
        while (at < source.length()) {
            char c = source.charAt(at);
            if (c == '\n') {
                line++;
                at++;
            } else if (Character.isWhitespace(c)) {
                at++;
            } else if (depth == 0 && (source.startsWith(close, at) || (c == '-' || c == '+' && close.equals("%}")) && source.startsWith(close, at + 1))) {
                char sign = c == '-' || c == '+' ? c : ' ';
                add(closeKind, close);
                at += sign == ' ' ? 2 : 3;
                afterTag(sign, close.equals("%}"));
                return;
            } else if (c == '"' || c == '\'') {
                string(c);
            } else if (Character.isDigit(c)) {
                number();
            } else if (Character.isJavaIdentifierStart(c) && c != '$') {
                int from = at;
                while (at < source.length() && Character.isJavaIdentifierPart(source.charAt(at)) && source.charAt(at) != '$') {
                    at++;
                }
                add(Kind.NAME, source.substring(from, at));
            } else {
                String operator = OPERATORS.stream().filter(o -> source.startsWith(o, at)).findFirst()
                        .orElseThrow(() -> TemplateError.at(line, "the character " + c + " has no meaning in a tag"));
                depth += "([{".contains(operator) ? 1 : ")]}".contains(operator) ? -1 : 0;
                add(Kind.OPERATOR, operator);
                at += operator.length();
            }
        }
        throw TemplateError.at(line, "a tag has no end");
    }

    private void number() {
        int from = at;
        while (at < source.length() && (Character.isDigit(source.charAt(at)) || source.charAt(at) == '_')) {
            at++;
        }
        boolean fraction = at + 1 < source.length() && source.charAt(at) == '.' && Character.isDigit(source.charAt(at + 1));
        if (fraction) {
            at++;
            while (at < source.length() && Character.isDigit(source.charAt(at))) {
                at++;
            }
        }
        java.util.regex.Matcher exponent = java.util.regex.Pattern.compile("[eE][-+]?\\d+").matcher(source).region(at, source.length());
        if (exponent.lookingAt()) {
            fraction = true;
            at = exponent.end();
        }
        add(fraction ? Kind.FLOAT : Kind.INTEGER, source.substring(from, at).replace("_", ""));
    }

    private void string(char quote) {
        StringBuilder out = new StringBuilder();
        int begun = line;
        at++;
        while (at < source.length() && source.charAt(at) != quote) {
            char c = source.charAt(at++);
            if (c == '\n') {
                line++;
            }
            if (c != '\\' || at == source.length()) {
                out.append(c);
            } else {
                escape(out);
            }
        }
        if (at == source.length()) {
            throw TemplateError.at(begun, "a text has no end");
        }
        at++;
        tokens.add(new Token(Kind.STRING, out.toString(), begun));
    }

    private void escape(StringBuilder out) {
        char c = source.charAt(at++);
        switch (c) {
            case 'n' -> out.append('\n');
            case 't' -> out.append('\t');
            case 'r' -> out.append('\r');
            case 'a' -> out.append('\u0007');
            case 'b' -> out.append('\b');
            case 'f' -> out.append('\f');
            case 'v' -> out.append('\u000b');
            case '\\', '\'', '"' -> out.append(c);
            case '\n' -> line++;
            case 'x' -> code(out, 2);
            case 'u' -> code(out, 4);
            case 'U' -> code(out, 8);
            case '0', '1', '2', '3', '4', '5', '6', '7' -> {
                int from = at - 1;
                while (at < source.length() && at < from + 3 && source.charAt(at) >= '0' && source.charAt(at) <= '7') {
                    at++;
                }
                out.appendCodePoint(Integer.parseInt(source.substring(from, at), 8));
            }
            default -> out.append('\\').append(c);
        }
    }

    private void code(StringBuilder out, int digits) {
        String hex = source.substring(at, Math.min(source.length(), at + digits));
        if (!hex.matches("[0-9a-fA-F]{" + digits + "}") || !Character.isValidCodePoint((int) Long.parseLong(hex, 16))) {
            throw TemplateError.at(line, "an escape in a text has no meaning");
        }
        out.appendCodePoint((int) Long.parseLong(hex, 16));
        at += digits;
    }
}
