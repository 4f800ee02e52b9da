/// Losses and perplexities of texts (`eval`), as the model is and with parts, layers, experts or precision taken away.
package vitrine.core.work.evaluate;
