"""Adam, clipping by the global norm, and learning-rate schedules."""

import numpy as np

SCHEDULES = {  # share of the first learning rate that is left after a share of all steps
    "constant": lambda done: 1.0,
    "linear": lambda done: 1.0 - done,
    "cosine": lambda done: 0.5 * (1.0 + np.cos(np.pi * done)),
}


class Adam:
    """Adam (Kingma & Ba 2015) with clipping by the global norm (Pascanu, Mikolov & Bengio 2013).

        m ← β₁ m + (1-β₁) g
        v ← β₂ v + (1-β₂) g²
        θ ← θ - η m̂ / (√v̂ + ε),   m̂ = m / (1-β₁ᵏ),  v̂ = v / (1-β₂ᵏ)   at step k = 1, 2, …

    Parameters
    ----------
    theta : (P,) numpy.ndarray
        The parameters to be trained; only their size and type are read here.
    lr : float
        The learning rate η that a schedule begins with.
    schedule : {"constant", "linear", "cosine"}
        How η falls from `lr` to 0 over `steps`; "constant": not at all.
    steps : int
        Number of updates in the whole training.
    clip_norm : float
        Largest norm that a gradient keeps; infinity never clips.
    beta1, beta2, epsilon : float
        β₁, β₂, ε.
    """

    def __init__(
        self,
        theta,
        lr,
        *,
        schedule="constant",
        steps=1,
        clip_norm=np.inf,
        beta1=0.9,
        beta2=0.999,
        epsilon=1e-8,
    ):
        self.lr, self.schedule, self.steps, self.clip_norm = lr, SCHEDULES[schedule], steps, clip_norm
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self.k = 0
        self.m, self.v, self._step = np.zeros((3, theta.size), theta.dtype)

    @property
    def learning_rate(self):
        """η of the next update."""
        return self.lr * self.schedule(min(self.k / self.steps, 1.0))

    def clip(self, gradient):
        """Multiply a gradient in place by min(1, c/‖g‖), c being ``clip_norm``.

        Parameters
        ----------
        gradient : (P,) numpy.ndarray

        Returns
        -------
        float
            ‖g‖ before clipping, taken in float64: float32 squares of small numbers would be 0.
        """
        wide = gradient.astype(np.float64)
        norm = float(np.sqrt(wide @ wide))
        if norm > self.clip_norm:
            gradient *= self.clip_norm / norm
        return norm

    def update(self, theta, gradient):
        """Take a step: change `theta` in place.

        Parameters
        ----------
        theta, gradient : (P,) numpy.ndarray
        """
        learning_rate = self.learning_rate
        self.k += 1
        m, v, step = self.m, self.v, self._step
        m *= self.beta1  # m/(1-β₁) = β₁ m/(1-β₁) + g
        m += gradient
        np.multiply(gradient, gradient, out=step)  # v/(1-β₂) = β₂ v/(1-β₂) + g²
        v *= self.beta2
        v += step
        # What is left out of m and v is one number each, and so is what corrects their start from 0.
        scale_m = (1 - self.beta1) / (1 - self.beta1**self.k)
        scale_v = np.sqrt((1 - self.beta2) / (1 - self.beta2**self.k))
        np.sqrt(v, out=step)  # θ = θ - η m̂ / (√v̂ + ε)
        step += self.epsilon / scale_v
        np.divide(m, step, out=step)
        step *= learning_rate * scale_m / scale_v
        theta -= step

    def state(self):
        """What a continued training starts from, as named arrays."""
        return {"m": self.m, "v": self.v, "k": np.array(self.k)}

    def restore(self, state):
        """Continue from a :meth:`state`.

        Parameters
        ----------
        state : dict of str to numpy.ndarray
        """
        self.m[:], self.v[:], self.k = state["m"], state["v"], int(state["k"])
