/// Pictures of what the window shows: exports of a view ([vitrine.app.picture.Export]), views drawn without a display
/// ([vitrine.app.picture.Snapshot]), and the whole window drawn where there is none ([vitrine.app.picture.Showcase]). All of them
/// draw with the code that draws the screen.
package vitrine.app.picture;
