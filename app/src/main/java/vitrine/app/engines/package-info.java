/// Which engines there are on this machine, and how one is opened by name.
///
/// Start with [vitrine.app.engines.Engines]. What an engine is, and how a Python is found, is the core's business (`vitrine.core.engine`); this package
/// knows where the program keeps its own Python environment and its Python package.
package vitrine.app.engines;
