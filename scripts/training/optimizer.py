"""Adam with weight decay, clipping by the global norm, averaged weights and schedules, for one run."""

import math
from contextlib import contextmanager

import numpy as np

SCHEDULES = {  # share of the first learning rate that remains after a share of all steps
    "constant": lambda done: 1.0,
    "linear": lambda done: 1.0 - done,
    "cosine": lambda done: 0.5 * (1.0 + math.cos(math.pi * done)),
}


class Adam:
    """Adam (Kingma & Ba 2015) with clipping by the global norm (Pascanu, Mikolov & Bengio 2013).

        m ← β₁ m + (1-β₁) g
        v ← β₂ v + (1-β₂) g²
        θ ← θ - η λ θ - η m̂ / (√v̂ + ε),   m̂ = m / (1-β₁ᵏ),  v̂ = v / (1-β₂ᵏ)   at step k = 1, 2, …

    The term η λ θ is AdamW's decoupled weight decay (Loshchilov & Hutter 2019). Optionally, an average of θ
    over all updates is kept, in which each counts d times the next one (Polyak & Juditsky 1992):

        θ̄ ← θ̄ + (θ - θ̄) (1-d) / (1-dᵏ)

    Parameters
    ----------
    theta : (P,) numpy.ndarray
        The parameters to train; here they are only read.
    lr, weight_decay, averaging : float
        η at the start, λ and d; d = 0 keeps no average.
    schedule : {"constant", "linear", "cosine"}
        How η falls from `lr` to 0 over `steps`, the number of updates; "constant": not at all.
    clip_norm : float
        Largest norm that a gradient keeps.
    """

    beta1, beta2, epsilon = 0.9, 0.999, 1e-8  # β₁, β₂, ε

    def __init__(
        self, theta, lr, *, schedule="constant", steps=1, clip_norm=np.inf, weight_decay=0.0, averaging=0.0
    ):
        self.lr, self.schedule, self.steps, self.clip_norm = lr, SCHEDULES[schedule], steps, clip_norm
        self.weight_decay, self.averaging = weight_decay, averaging
        self.k = 0
        self.m, self.v, self._step = np.zeros((3, theta.size), theta.dtype)
        self.average = theta.copy() if averaging else None

    @property
    def learning_rate(self):
        """η of the next update."""
        return self.lr * self.schedule(min(self.k / self.steps, 1.0))

    def clip(self, gradient):
        """Multiply a gradient g in place by min(1, clip_norm / ‖g‖); return ‖g‖ before that."""
        wide = gradient.astype(np.float64)
        norm = math.sqrt(wide @ wide)  # float32 squares of small numbers would be 0
        if norm > self.clip_norm:
            gradient *= self.clip_norm / norm
        return norm

    def update(self, theta, gradient):
        """Take a step: change `theta` in place."""
        learning_rate = self.learning_rate
        self.k += 1
        m, v, step = self.m, self.v, self._step
        m *= self.beta1  # m/(1-β₁) = β₁ m/(1-β₁) + g
        m += gradient
        np.multiply(gradient, gradient, out=step)  # v/(1-β₂) = β₂ v/(1-β₂) + g²
        v *= self.beta2
        v += step
        # Each scale is the factor that m or v lacks, with the correction of its start from 0. Both are Python
        # floats: with NumPy's float64, arrays of float32 would be computed in float64, half as fast.
        scale_m = (1 - self.beta1) / (1 - self.beta1**self.k)
        scale_v = math.sqrt((1 - self.beta2) / (1 - self.beta2**self.k))
        np.sqrt(v, out=step)  # θ = θ - η m̂ / (√v̂ + ε)
        step += self.epsilon / scale_v
        np.divide(m, step, out=step)
        step *= learning_rate * scale_m / scale_v
        if self.weight_decay:
            theta *= 1 - learning_rate * self.weight_decay
        theta -= step
        if self.averaging:
            np.subtract(theta, self.average, out=step)
            step *= (1 - self.averaging) / (1 - self.averaging**self.k)
            self.average += step

    @contextmanager
    def averaged(self, theta):
        """Let `theta` hold the average of the weights, if one is kept, within the block."""
        latest = theta.copy()
        theta[:] = self.average if self.averaging else latest
        try:
            yield
        finally:
            theta[:] = latest

    def state(self):
        """Return the named arrays from which, with θ, training can continue."""
        average = {"average": self.average} if self.averaging else {}
        return {"m": self.m, "v": self.v, "k": np.array(self.k)} | average

    def restore(self, state):
        """Continue from a :meth:`state`."""
        self.m[:], self.v[:], self.k = state["m"], state["v"], int(state["k"])
        if self.averaging:
            self.average[:] = state["average"]
