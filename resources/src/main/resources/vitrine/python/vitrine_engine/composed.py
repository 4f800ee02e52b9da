"""Adapters whose factors are made of something smaller or other, which is what is trained: after each step the factors are made anew, and before it their gradients are
passed on to what they are made of. The result is an ordinary adapter. Definitions and first values are those of the embedded engine (core.train.method)."""

import math
import os

import torch
from safetensors.torch import save_file

from . import factors, randomness
from .methods import Lora, default_factors, linear_layers, transposed
from .tasks import invalid


class Made:
    """One module: its factors A and B, and what they are made of."""

    def __init__(self, path, a, b, own, rule):
        self.path, self.a, self.b, self.own, self._rule = path, a, b, own, rule

    def make(self):
        """A and B from what is trained, with their graph; None for a factor that rests."""
        return self._rule(*self.own.values())

    @torch.no_grad()
    def apply(self):
        for factor, value in zip((self.a, self.b), self.make()):
            if value is not None:
                factor.copy_(value)

    def gradient(self):
        for p in self.own.values():
            p.grad = None
        with torch.enable_grad():
            pairs = [(value, factor.grad if factor.grad is not None else torch.zeros_like(factor)) for factor, value in zip((self.a, self.b), self.make()) if value is not None]
            torch.autograd.backward([v for v, _ in pairs], [g for _, g in pairs])


class Composed(Lora):

    alone = True
    called = None
    # whether factors have as many ranks as the matrices, and a scaling of 1
    whole_rank = False

    def prepare(self, loaded, random, run):
        if self._task.get("initAdapter") is not None:
            raise invalid("%s does not go on from an adapter: its factors do not tell what they were made of" % self.called)
        chosen, experts = self._targets(loaded), self._experts(loaded)
        linear = {name for _, name in linear_layers(loaded.model)}
        for name in chosen + experts:
            if name not in linear:
                raise invalid("%s cannot be adapted so: %s is there for linear layers only" % (name, self.called))
        modules = {name: loaded.model.get_submodule(name) for name in chosen}
        matrices = {name: (m.weight.T if transposed(m) else m.weight).detach().double() for name, m in modules.items()}
        gradients = run.first_gradients(chosen) if self._init in factors.LOOK_AT_GRADIENT else {}
        model = self._wrapped(loaded, chosen, [], {name: min(m.shape) for name, m in matrices.items()} if self.whole_rank else {})
        self._made = []
        for number, name in enumerate(chosen):
            a, b = default_factors(model.base_model.model.get_submodule(name))
            self._made.append(self._compose(name, a, b, matrices[name], gradients.get(name), number, random))
        del matrices
        for m in self._made:
            for p in m.own.values():
                p.requires_grad_(True)
            # factors that are made have gradients; what rests has none
            for factor, value in zip((m.a, m.b), m.make()):
                factor.requires_grad_(value is not None)
            m.apply()
        return model

    def trained(self, model):
        return {"%s.%s" % (m.path, n): p for m in self._made for n, p in m.own.items() if n in self.steps}

    def choose(self, step, parameters, optimiser):
        for m in self._made:
            m.a.grad = m.b.grad = None
        return parameters

    def gradients(self):
        for m in self._made:
            m.gradient()

    def after(self, step, total, optimiser):
        for m in self._made:
            m.apply()

    def remember(self, memory):
        for m in self._made:
            m.apply()

    def _even(self, shape, bound, place, random):
        values = (2 * random.uniforms(randomness.INITIAL, place, math.prod(shape)) - 1) * bound
        return torch.from_numpy(values).float().reshape(shape)


class InnerLora(Composed):
    """LoRA between fixed factors: only R `[r, r]` is trained, the change is s B R A, and the result has A' = R A.

    LoRA-XS: B = U_r S_r and A = V_r^T of the layer's matrix, R normal with deviation 1e-5. LoRA-SB: U_r S_r V_r^T of the first Adam step, -rate sign(gradient); B = U_r,
    A = V_r^T, R = S_r / s. Source: Bałazy et al., LoRA-XS, 2024; Singhal et al., LoRA-SB, 2024.
    """

    steps = ("inner",)

    @property
    def called(self):
        return "the initialisation " + self._init

    def _compose(self, name, a, b, matrix, gradient, number, random):
        r = self._rank
        own = self._init == "loraxs"
        u, s, v = factors.decomposed(matrix if own else -self._rate * torch.sign(gradient), r)
        inner = torch.from_numpy(1e-5 * random.normals(randomness.INITIAL, number, 0, r * r)).reshape(r, r) if own else torch.diag(s / self._scaling)
        right = v.float().to(a.device)
        with torch.no_grad():
            b.copy_((u * s if own else u).float())
        return Made(name, a, b, {"inner": inner.float().to(a.device)}, lambda inner: ((inner.double() @ right.double()).float(), None))


class MultiLora(Composed):
    """Several LoRA modules side by side, s sum_k diag(c_k) B_k A_k, the scales c_k `[out]` 0 at first. Source: Wang et al., MultiLoRA, 2023, from its abstract; the scale per
    output is our reading."""

    called = "multilora"
    steps = ("lora_A.weight", "multilora_B", "multilora_scale")

    def __init__(self, task, settings):
        super().__init__(task, settings)
        self._parallel = settings.get("parallel", 3)
        self._ranks = self._parallel

    def _compose(self, name, a, b, matrix, gradient, number, random):
        n, r, out, width = self._parallel, self._rank, b.shape[0], a.shape[1]
        own = {"lora_A.weight": self._even((n * r, width), 1 / math.sqrt(width), 2 * number, random).to(a.device),
               "multilora_B": self._even((out, n * r), 1 / math.sqrt(r), 2 * number + 1, random).to(a.device), "multilora_scale": torch.zeros(n, out, device=a.device)}
        return Made(name, a, b, own, lambda first, second, scale: (first * 1, second * scale.T.repeat_interleave(r, 1)))


class Nola(Composed):
    """Factors that are sums of fixed random ones: A = sum_i alpha_i A_i, B = sum_j beta_j B_j; only the coefficients are trained. The bases are numbers of the run's seed.

    Source: Koohpayegani et al., NOLA, 2023, from its abstract; first values as in the embedded engine.
    """

    called = "nola"
    steps = ("nola_alpha", "nola_beta")

    def _compose(self, name, a, b, matrix, gradient, number, random):
        k = self._s.get("bases", 64)
        alpha = torch.from_numpy(random.normals(randomness.INITIAL, 3 * number + 2, 0, k) / math.sqrt(k)).float().to(a.device)

        def basis(of, i, like):
            values = random.uniforms_on(like.device, randomness.INITIAL, of, i * like.numel(), like.numel())
            return (2 * values - 1).reshape(like.shape)

        class Sum(torch.autograd.Function):
            """The bases are made anew for each pass over them: one of them is in memory at a time."""

            @staticmethod
            def forward(context, c, like, bound, of):
                context.of = like, bound, of
                total = torch.zeros_like(like, dtype=torch.float64)
                for i, coefficient in enumerate(c.tolist()):
                    if coefficient != 0:
                        total.add_(basis(of, i, like), alpha=coefficient)
                return (bound * total).float()

            @staticmethod
            def backward(context, d):
                like, bound, of = context.of
                along = [(d.double() * basis(of, i, like)).sum() for i in range(k)]
                return (bound * torch.stack(along)).float(), None, None, None

        return Made(name, a, b, {"nola_alpha": alpha, "nola_beta": torch.zeros(k, device=a.device)},
                    lambda first, second: (Sum.apply(first, a.detach(), 1 / math.sqrt(a.shape[1]), 3 * number), Sum.apply(second, b.detach(), 1 / math.sqrt(self._rank), 3 * number + 1)))

    def write(self, model, loaded, folder, rank, summary):
        super().write(model, loaded, folder, rank, summary)
        save_file({n: p.detach().cpu().contiguous() for n, p in self.trained(model).items()}, os.path.join(folder, "coefficients.safetensors"))


class Svft(Composed):
    """The change has the singular vectors of the matrix itself, W = U S V^T: dW = U diag(m) V^T, and only m is trained, 0 at first. Source: Lingam et al., SVFT, 2024."""

    called = "svft"
    steps = ("svft_m",)
    whole_rank = True

    def _compose(self, name, a, b, matrix, gradient, number, random):
        u, s, v = factors.decomposed(matrix)
        with torch.no_grad():
            a.copy_(v.float())
        left = u.float().to(b.device)
        return Made(name, a, b, {"svft_m": torch.zeros(len(s), device=b.device)}, lambda m: (None, left * m))
