/// How well a model predicts texts: loss per token and perplexity.
package vitrine.core.analysis.evaluate;
