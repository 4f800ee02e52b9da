/// What a task is done on: a loaded model with its adapters, texts as token sequences, names and patterns of names, gradients of a loss.
package vitrine.core.work.input;
