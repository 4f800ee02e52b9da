/// Methods of fine-tuning, one class each: which tensors are trained, what is added to the model, what happens between steps.
package vitrine.core.train.method;
