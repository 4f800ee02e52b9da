package vitrine.core.checkpoint;

import vitrine.core.refusal.Category;

/// Something about an opened checkpoint that its user should know: one sentence.
public record Warning(Category category, String message) {}
