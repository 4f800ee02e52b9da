/// All controls and charts on a few pages, rendered to PNG files without a display, to be looked at.
///
/// Start [vitrine.views.gallery.Gallery] with the folder to write to. All data are made up by
/// [vitrine.views.gallery.SampleData], with fixed seeds.
package vitrine.views.gallery;
