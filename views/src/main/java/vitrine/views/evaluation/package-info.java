/// What an evaluation told beside a perplexity: how unevenly the weights of each matrix count, and what it costs where layers attend as earlier ones do.
///
/// [vitrine.views.evaluation.EvaluationView] shows a result that was made before, by the command line or for an open text; [vitrine.views.evaluation.Evaluated] reads it. Nothing is computed here.
///
/// Sources of the formulas: `docs/guide/pruning.md` and the view's help.
package vitrine.views.evaluation;
