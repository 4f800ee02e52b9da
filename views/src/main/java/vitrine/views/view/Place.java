package vitrine.views.view;

import vitrine.views.control.Icons;

/// Somewhere in a view that one can go to by name: a tensor, a head.
///
/// @param group what kind of thing it is, in the plural: `Tensors`
/// @param detail a muted word or two beside the name
/// @param go selects it; the window shows the view first
public record Place(String group, Icons icon, String name, String detail, Runnable go) {}
