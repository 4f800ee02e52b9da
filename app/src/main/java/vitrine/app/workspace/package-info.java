/// What is open in the window, and how it gets there.
///
/// [vitrine.app.workspace.Recognised] says what a path holds, from headers and first lines only;
/// [vitrine.app.workspace.Workspace] keeps what was opened; [vitrine.app.workspace.HubCache] finds what other programs have
/// downloaded.
package vitrine.app.workspace;
