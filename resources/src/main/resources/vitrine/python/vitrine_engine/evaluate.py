"""Token-weighted loss over sequences: the mean of -ln p(target | tokens before) over every target that counts, in nats."""

from . import datasets
from .artifact import Outcome, provenance
from .losses import groups, padded, positions, put_loss, token_losses
from .models import Hooks


class Sum:

    def __init__(self):
        self.loss, self.predicted, self.sequences = 0.0, 0, 0

    def add(self, loss, predicted):
        self.loss += loss
        self.predicted += predicted
        self.sequences += 1

    def put(self, to, warn):
        put_loss(to, self.loss / self.predicted, warn)
        to.update(predicted_tokens=self.predicted, sequences=self.sequences)


def sums(loaded, batch):
    """The summed loss of each sequence of a batch."""
    ids, targets = padded(loaded, batch)
    logits = loaded.model(ids, **positions(loaded, ids)).logits
    losses = token_losses(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)).reshape(targets.shape).sum(-1)
    return losses.tolist()


def run(runner, task, checkpoint, inputs, device, reporter):
    loaded = runner.model(checkpoint, inputs, device, "sdpa", task.get("adapters"))
    loaded.require_perplexity()
    data = datasets.read(task["data"], task.get("maxLength"), checkpoint, reporter)
    every, by_label = Sum(), {}
    total, done = sum(len(s.ids) for s in data), 0
    with Hooks() as hooks:
        hooks.check(loaded.model, reporter)
        for batch in groups(loaded, data):
            reporter.progress(done, total, "tokens")
            for s, loss in zip(batch, sums(loaded, batch)):
                every.add(loss, s.predicted())
                if s.label is not None:
                    by_label.setdefault(s.label, Sum()).add(loss, s.predicted())
                done += len(s.ids)
    reporter.progress(total, total, "tokens")
    summary = {"model": checkpoint.name, "family": checkpoint.family}
    every.put(summary, reporter.warn)
    if by_label:
        summary["labels"] = {}
        for label, of in by_label.items():
            of.put(summary["labels"].setdefault(label, {}), reporter.warn)
    dtype = str(runner.dtype).removeprefix("torch.")
    summary["recipe"] = "mean of −ln p over every predicted token, %s; texts cut to the model's length, each piece with the tokenizer's begin token" % dtype
    return Outcome(summary, provenances={
        "loss": provenance("derived", "logits", "F32" if dtype == "float32" else "BF16", "mean of −ln p over predicted tokens, nats", every.predicted),
        "perplexity": provenance("derived", "loss", "F64", "exp(loss)", every.predicted)})
