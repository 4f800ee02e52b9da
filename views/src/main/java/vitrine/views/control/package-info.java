/// Controls that all views share, in the design language.
///
/// Start with [vitrine.views.control.Themes], which dresses a scene, and [vitrine.views.control.Card], which holds one
/// figure. Numbers come on screen as [vitrine.views.control.NumberLabel]s made from a
/// [vitrine.views.control.Quantity], so that each says where it comes from;
/// [vitrine.views.control.ProvenanceAudit] finds those that do not.
///
/// This package knows where numbers come from ([vitrine.core.artifact.Provenance]) and nothing else of a model.
package vitrine.views.control;
