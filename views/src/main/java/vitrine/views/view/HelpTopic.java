package vitrine.views.view;

/// A help popover's text: what a figure shows, its formula, and where that comes from.
public record HelpTopic(String title, String words, String formula, String source) {}
