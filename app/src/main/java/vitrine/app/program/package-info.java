/// What the program knows of itself: where it keeps its files, its version, the samples that it brings.
package vitrine.app.program;
