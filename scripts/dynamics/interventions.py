"""Change the backward pass while training: what does a model learn without a part of its gradient?

A walk back through time yields the signal at each step t, dh = ∂ℓ/∂h_t and, for an LSTM, dc = ∂ℓ/∂c_t. The
generators below change it in place, and the walk continues from there. The result is no longer the gradient
of any function: that is the experiment. Measurements use the model's own walk.

    full                    nothing is changed
    truncate-K              the signal passes back K steps and no more (Williams & Peng 1990)
    truncate-recurrent-K    the same for ∂ℓ/∂W_hh alone: W_ih and b still learn from every word
    preserve-norm           at every step, the signal has the norm that it had at the end of its sentence
    h-detach, h-detach-P    LSTM: nothing passes back through h; with P, at each step with that probability
                            (Kanuparthi et al. 2019)
    c-detach                LSTM: nothing passes back along the cell

A penalty on signals that shrink or grow, Ω of :func:`norm_penalty`, is added to the RNN's loss here, too.
"""

import mmap
import re

import numpy as np

from scripts.dynamics.truncation import distances

VALUES = (
    "full, truncate-K, truncate-recurrent-K, preserve-norm; of an LSTM also h-detach, h-detach-P, c-detach"
)
STREAM = 3  # of random numbers; scripts/training/experiment.py has the others


def parse(backward, model="lstm"):
    """Return the kind of an intervention and its K, P or None; None alone if the model doesn't have it."""
    kind, number = re.fullmatch(r"(.*?)(?:-([\d.]+))?", backward).groups()
    if kind not in CHANGES or (kind in OF_LSTM and model != "lstm"):
        return None
    if kind.startswith("truncate"):
        return (kind, int(number)) if number and re.fullmatch(r"\d{1,6}", number) else None
    if kind == "h-detach" and number:
        return (kind, float(number)) if re.fullmatch(r"0|1|0?\.\d+", number) else None
    return None if number else (kind, None)


# The changes: each takes a walk and yields its signal, changed ---------------------------------------------
# A batch has its longest sentences first, so those that still run at a step are the first columns.


def truncate(walk, model, sizes, K):
    """Stop the signal of each sentence after K steps: words further from its end receive nothing."""
    for t, *signal in walk:
        for d in signal:
            d[:, : _running(sizes, t + K + 1)] = 0
        yield t, *signal


def preserve_norm(walk, model, sizes, _):
    """Rescale the signal of each sentence, dh and dc together, to its norm at the end of the sentence."""
    norm_at_end = np.zeros(0, model.dtype)
    for t, *signal in walk:
        norm = np.sqrt(sum(np.einsum("hb,hb->b", d, d) for d in signal))
        norm_at_end = np.concatenate([norm_at_end, norm[len(norm_at_end) :]])  # further sentences end here
        for d in signal:
            d *= norm_at_end / np.where(norm > 0, norm, 1)
        yield t, *signal


def h_detach(walk, model, sizes, detached):
    """Let nothing reach h_t from step t + 1 where `detached` (T,) is true, and c_t only along the cell."""
    for t, dh, dc in walk:
        if detached[t]:
            later = np.s_[:, : _running(sizes, t + 1)]  # in the others, which end here, dh is the output's
            dc[later] -= (_through_h(model, t) * dh)[later]
            dh[later] = 0
        yield t, dh, dc


def c_detach(walk, model, sizes, _):
    """Let nothing reach c_t along the cell, only through h_t."""
    for t, dh, dc in walk:
        dc[:] = _through_h(model, t) * dh
        yield t, dh, dc


def _running(sizes, t):
    """Return the number of sentences that still run at step t."""
    return sizes[t] if t < len(sizes) else 0


def _through_h(model, t):
    """Return ∂h_t/∂c_t = o_t ⊙ (1 - tanh² c_t), (H, b_t), which is in ∂ℓ/∂c_t already."""
    o, tanh_c = model.activations(t)["o"], model._tanh_c[t]
    return o * (1 - tanh_c * tanh_c)


CHANGES = {
    "full": None,
    "truncate": truncate,
    "truncate-recurrent": None,  # the walk is plain: see Intervened.backward
    "preserve-norm": preserve_norm,
    "h-detach": h_detach,
    "c-detach": c_detach,
}
OF_LSTM = ("h-detach", "c-detach")


def norm_penalty(dA, h, W_hh):
    """Return Ω and its derivative by W_hh at fixed signals and states (Pascanu et al. 2013, eq. 9, 10).

        q = ‖(W_hhᵀ da_t) ⊙ (1 - h_{t-1}²)‖² / ‖da_t‖²
        Ω = mean of (q - 1)² over the steps of all sentences

    `dA` (H, N) holds da_t = ∂ℓ/∂a_t of N steps, a_t = W_hh h_{t-1} + …, and `h` (N, H) h_{t-1}; steps where
    da_t is 0 don't count.
    """
    largest = np.abs(dA).max(0, initial=0)
    u = dA[:, largest > 0] / largest[largest > 0]  # squares of small numbers would be 0
    if not u.size:
        return 0.0, np.zeros_like(W_hh)
    u /= np.linalg.norm(u, axis=0)  # q depends on the direction alone
    slope = 1 - h[largest > 0] ** 2
    v = (u.T @ W_hh) * slope
    excess = np.einsum("nh,nh->n", v, v) - 1
    return float(np.mean(excess * excess)), (u * (4 * excess / len(v))) @ (v * slope)


class Intervened:
    """A model with another backward pass; everything else is the model's own.

    `backward` is one of the interventions above, and `seed` draws for h-detach-P. Without `gates_see_h`, the
    blocks of W_hh of an LSTM's gates i, f, o get no gradient. `norm_penalty` is the λ of Ω for an RNN.
    """

    def __init__(self, model, backward, gates_see_h=True, seed=0, norm_penalty=0):
        self.model, self.gates_see_h, self.seed = model, gates_see_h, seed
        self.norm_penalty = norm_penalty
        self.kind, self.number = parse(backward)
        # Epoch and batch, in memory that forked processes share, so that all draw the same numbers
        self.now = np.frombuffer(mmap.mmap(-1, 16), np.int64)

    def __getattr__(self, name):
        return getattr(self.model, name)

    def forward(self, ids, batch_sizes, rng=None):
        """Return the model's logits of a packed batch."""
        self.sizes = batch_sizes
        return self.model.forward(ids, batch_sizes, rng)

    def through_time(self, dz):
        """Walk back through time along the changed signal."""
        walk, change, number = self.model.through_time(dz), CHANGES[self.kind], self.number
        if self.kind == "h-detach":
            draws = np.random.default_rng([self.seed, STREAM, *self.now]).random(len(self.sizes))
            number = draws < (1 if number is None else number)
        return change(walk, self.model, self.sizes, number) if change else walk

    def backward(self, dz):
        """Return the changed ∂ℓ/∂θ: the model's own backward pass, on the walk of this class."""
        gradient = type(self.model).backward(self, dz)
        W_hh, H, D = self.gradients["weight_hh_l0"], self.H, self.D
        if self.kind == "truncate-recurrent":
            near = distances(self.sizes) <= self.number  # Σ_t da_t h_{t-1}ᵀ of these words alone
            np.matmul(self._dA[:, near], self._Z[near, D : D + H], out=W_hh)
        if self.norm_penalty:
            later = np.s_[self.sizes[0] :]  # tokens that a word precedes
            h, W = self._Z[later, D : D + H], self.parameters["weight_hh_l0"]
            W_hh += self.norm_penalty * norm_penalty(self._dA[:, later], h, W)[1]
        if not self.gates_see_h:
            W_hh[: 2 * H], W_hh[3 * H :] = 0, 0
        return gradient

    def numbered(self, epoch, batches):
        """Return an epoch's batches; each notes its number when it is taken, for the draws of h-detach-P."""
        return _Numbered(self.now, epoch, batches)


class _Numbered:
    def __init__(self, now, epoch, batches):
        self.now, self.epoch, self.batches = now, epoch, batches

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        for number, batch in enumerate(self.batches):
            self.now[:] = self.epoch, number
            yield batch
