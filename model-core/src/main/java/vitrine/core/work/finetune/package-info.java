/// Training runs (`finetune`), their forecast, what they show of a text before they begin, and the trails that they leave step by step.
package vitrine.core.work.finetune;
