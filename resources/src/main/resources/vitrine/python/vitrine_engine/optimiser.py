"""AdamW and its relatives, in the order of torch: decay, moments, step. Trained values and moments are float32.

Source: Loshchilov and Hutter, 2019. Cautious decay: where the step moves a weight towards 0 only. Spikes: Huang et al., SPAM, 2025.
"""

import math

import torch

SPAM_THRESHOLD, SPAM_INTERVAL, SPAM_WARMUP, SPAM_SETTLED = 5000, 500, 150, 20


def multiplier(schedule, k, w, total, d):
    """What the peak rate is multiplied with after k finished steps of `total`, w of them for warming up, d of decay (wsd): as transformers has it."""
    if k < w:
        return k / max(1, w)
    if schedule == "linear":
        return max(0.0, (total - k) / max(1, total - w))
    if schedule == "cosine":
        return max(0.0, 0.5 * (1 + math.cos(math.pi * (k - w) / max(1, total - w))))
    if schedule == "wsd" and k >= total - d:
        return 0.5 * (1 + math.cos(math.pi * (k - (total - d)) / max(1, d)))
    return 1.0


class Adam:
    """AdamW over named tensors; tensors of one dimension (biases, norms) do not decay."""

    def __init__(self, parameters, beta1, beta2, eps, decay, cautious, spam):
        self._parameters = parameters
        self._betas, self._eps, self._decay = (beta1, beta2), eps, decay
        self._cautious, self._spam = cautious, spam
        self.spikes = 0
        self._plain = None
        if not cautious and not spam:
            groups = [[p for p in parameters.values() if p.dim() >= 2], [p for p in parameters.values() if p.dim() < 2]]
            fused = all(p.is_cuda for p in parameters.values()) and all(type(p) in (torch.Tensor, torch.nn.Parameter) for p in parameters.values())
            self._plain = torch.optim.AdamW([{"params": g, "weight_decay": d} for g, d in zip(groups, (decay, 0.0)) if g], betas=self._betas, eps=eps,
                                            fused=fused or None)
        self._moments = {}

    def step(self, rate, step, changing):
        """Changes tensors by their gradients; `step` is the run's, from 1. A tensor of `changing` without a gradient has one of zeros; others rest, nor do they decay."""
        for name, p in self._parameters.items():
            if name not in changing:
                p.grad = None
            elif p.grad is None:
                p.grad = torch.zeros_like(p)
        if self._plain is not None:
            for group in self._plain.param_groups:
                group["lr"] = rate
            self._plain.step()
            return
        for name, p in changing.items():
            self._one(name, p, rate, step)

    @torch.no_grad()
    def _one(self, name, p, rate, step):
        m, v, steps = self._moments.get(name) or (torch.zeros_like(p), torch.zeros_like(p), 0)
        g, scale = p.grad, 1.0
        if self._spam:
            if step % SPAM_INTERVAL == 0:
                # The count for the bias correction goes on, as in the published code; the small scale hides the larger first step.
                m.zero_()
                v.zero_()
            if step >= SPAM_INTERVAL:
                k = step % SPAM_INTERVAL
                scale = 1.0 if k >= SPAM_WARMUP else 1 - 0.99 * (1 + math.cos(math.pi * k / (SPAM_WARMUP + 1))) / 2
            if step >= SPAM_SETTLED and step % SPAM_INTERVAL >= SPAM_SETTLED:
                limit = (SPAM_THRESHOLD * v).sqrt()
                spiky = (v > 0) & (g * g > SPAM_THRESHOLD * v)
                self.spikes += int(spiky.sum())
                g = torch.where(spiky, g.sign() * limit, g)
        steps += 1
        b1, b2 = self._betas
        decay = self._decay if p.dim() >= 2 else 0.0
        if not self._spam and not self._cautious:
            p.mul_(1 - rate * decay)
        m.lerp_(g, 1 - b1)
        v.mul_(b2).addcmul_(g, g, value=1 - b2)
        update = (m / (1 - b1 ** steps)) / (v.sqrt() / math.sqrt(1 - b2 ** steps) + self._eps)
        if self._spam:
            p.sub_(rate * scale * update)
            shrunk = rate * decay * p
            p.sub_(torch.where(update * p >= 0, shrunk, torch.zeros_like(p)) if self._cautious else shrunk)
        else:
            shrunk = rate * decay * p
            p.sub_(rate * update + torch.where(update * p >= 0, shrunk, torch.zeros_like(p)))
        self._moments[name] = (m, v, steps)

    def moments(self, name):
        """m, v and the number of steps of a tensor."""
        p = self._parameters[name]
        if self._plain is None:
            return self._moments.get(name) or (torch.zeros_like(p), torch.zeros_like(p), 0)
        state = self._plain.state.get(p)
        return (state["exp_avg"], state["exp_avg_sq"], int(state["step"])) if state else (torch.zeros_like(p), torch.zeros_like(p), 0)

    def forget(self, name):
        """Moments of a tensor begin anew."""
        self._moments.pop(name, None)
        if self._plain is not None:
            self._plain.state.pop(self._parameters[name], None)

    def restore(self, name, m, v, steps):
        p = self._parameters[name]
        if self._plain is None:
            self._moments[name] = (m.to(p.device), v.to(p.device), steps)
        elif steps > 0:
            where = p.device if self._plain.defaults.get("fused") else "cpu"
            self._plain.state[p] = {"step": torch.tensor(float(steps), device=where), "exp_avg": m.to(p.device), "exp_avg_sq": v.to(p.device)}
