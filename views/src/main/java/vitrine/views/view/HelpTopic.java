package vitrine.views.view;

import vitrine.resources.Guide;

/// A help popover's text: what a figure shows, its formula, where that comes from, and which section of the guide says more.
public record HelpTopic(String title, String words, String formula, String source, Guide.Section section) {}
