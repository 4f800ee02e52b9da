/// What the window remembers between two starts: recent files, settings, the last prompt of each checkpoint.
///
/// Start with [vitrine.app.state.StateStore]. Nothing in it is needed to run: a store that cannot be read is set aside and a new
/// one begun.
package vitrine.app.state;
