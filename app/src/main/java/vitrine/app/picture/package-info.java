/// Pictures of views: exports of what is shown ([vitrine.app.picture.Export]) and views drawn without a display
/// ([vitrine.app.picture.Snapshot]). Both draw with the code that draws the screen.
package vitrine.app.picture;
