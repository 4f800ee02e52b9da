/// What a task leaves: the figures of its summary, checkpoint folders, tensors that changed, and what a run keeps so that it can go on.
package vitrine.core.work.output;
