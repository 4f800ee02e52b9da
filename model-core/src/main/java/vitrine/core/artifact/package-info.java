/// Results as files: folders of a manifest and named tensors, where each figure says how it came about.
///
/// A [vitrine.core.artifact.Provenance] travels with every figure from the artifact to the view that draws it.
package vitrine.core.artifact;
