/// Draws numbers: heat maps, curves, points, bars, and the scales and legends that belong to them. Knows no model.
///
/// Start with [vitrine.views.chart.Figure]: something that draws itself with a [vitrine.views.chart.Pen]. The node
/// [vitrine.views.chart.FigureCanvas] shows any figure on screen and hands gestures to those that are
/// [vitrine.views.chart.Interactive]; [vitrine.views.chart.FigureFile] makes the same figure a PNG or SVG file, and
/// [vitrine.views.chart.SceneSvg] and [vitrine.views.chart.ScenePng] a whole part of the window.
///
/// All data colours are in [vitrine.views.chart.Palette], the way from value to colour in
/// [vitrine.views.chart.Scale], the writing of numbers in [vitrine.views.chart.Numbers]. Matrices are
/// [vitrine.views.chart.Cells], `[rows, columns]`, float32, where a masked cell and a value that is not a number are
/// two different things.
///
/// Layer 0 is at the top, queries run down, keys across.
package vitrine.views.chart;
