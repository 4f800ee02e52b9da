/// The window where there is no display: drawn to files, with the bundled sample in it.
package vitrine.app.showcase;
