package vitrine.core.tokenizer;

/// One token of a prompt.
///
/// @param text what it stands for, legibly: spaces and line ends as they are, bytes that are no text as `<0xE2>`
/// @param start where it begins in the prompt, in UTF-16 characters, or -1 for a token that was added
/// @param end where it ends
/// @param special whether it is a special token, such as a begin-of-text mark
public record Token(int id, String text, int start, int end, boolean special) {}
