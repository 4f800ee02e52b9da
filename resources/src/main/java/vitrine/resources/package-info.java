/// Files that the window is made of: fonts, the stylesheet, and the names under which code finds them.
///
/// Start with [vitrine.resources.Fonts] for the five typefaces and [vitrine.resources.Styles] for the stylesheet and
/// its style classes, and with [vitrine.resources.Samples] for the bundled checkpoints. This package uses nothing but the JDK: loading a font into JavaFX is the views' business.
package vitrine.resources;
