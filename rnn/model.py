"""The vanilla RNN classifier: parameters, forward pass, backward pass. Its twin is lstm/model.py.

Shapes are written with T steps, B sentences, H units, D features and N tokens. A batch is packed: its
sentences stand side by side, longest first, and only those still running take part in step t, so that step
t is a block of b_t = ``batch_sizes[t]`` columns and N is the sum of all b_t. README.md in this folder
derives every line of the backward pass.
"""

import math

import numpy as np

LARGEST_PROJECTION = 1 << 25  # numbers that an inference may hold: 128 MiB in float32


class RNNClassifier:
    """A vanilla RNN that reads a sentence word by word and judges it by its last hidden state.

    With h_0 = 0, for t = 1 … T,

        a_t = W_ih x_t + W_hh h_{t-1} + b     (H)
        h_t = tanh(a_t)
        z   = w · h_T + v                     the logit: σ(z) is P(positive)

    Parameters
    ----------
    embeddings : (V, D) numpy.ndarray
        The word vectors, kept fixed: row k is x_t where token t has the id k.
    hidden_size : int
        H.
    rng : numpy.random.Generator
        Draws the initial weights, and nothing else.
    recurrent_init : {"orthogonal", "uniform", "identity"}
        W_hh: a random orthogonal (H, H) matrix, uniform in ±1/√H, or the identity.
    input_init : {"glorot", "uniform"}
        W_ih: uniform in ±√(6/(D+H)), or in ±1/√H. b is 0.
    input_dropout, state_dropout : float
        Share of the entries of every x_t, and of h_T, that is set to 0 while training.
    dtype : numpy.dtype
        float32 to train, float64 to check.

    Attributes
    ----------
    theta, gradient : (P,) numpy.ndarray
        All parameters, and ∂ℓ/∂θ as the last backward pass left it.
    parameters, gradients : dict of str to numpy.ndarray
        Named views into the two, in PyTorch's names and shapes: ``weight_ih_l0`` (H, D),
        ``weight_hh_l0`` (H, H), ``bias_ih_l0`` (H), ``weight_out`` (1, H), ``bias_out`` (1).

    References
    ----------
    Elman (1990), Finding structure in time. Pascanu, Mikolov & Bengio (2013), On the difficulty of training
    recurrent neural networks.
    """

    states = ("h",)
    recurrent_blocks = ("h",)  # the (H, H) blocks of W_hh, from the top down

    def __init__(
        self,
        embeddings,
        hidden_size,
        *,
        rng,
        recurrent_init="orthogonal",
        input_init="glorot",
        input_dropout=0.0,
        state_dropout=0.0,
        dtype=np.float32,
    ):
        self.H, self.D, self.dtype = hidden_size, embeddings.shape[1], np.dtype(dtype)
        self.embeddings = np.asarray(embeddings, dtype)
        self.input_dropout, self.state_dropout = input_dropout, state_dropout
        self._workspaces = {}
        H, D = self.H, self.D
        self.place(*np.zeros((2, H * (D + H + 1) + H + 1), dtype))

        p = self.parameters
        p["weight_ih_l0"][:] = INPUT_INITS[input_init](rng, H, D)
        p["weight_hh_l0"][:] = RECURRENT_INITS[recurrent_init](rng, H)
        p["weight_out"][:] = glorot(rng, 1, H)

    def place(self, theta, gradient):
        """Keep θ and ∂ℓ/∂θ in these two vectors (P,), such as memory shared with other processes."""
        self.theta, self.gradient = theta, gradient
        self.parameters, self.gradients = self._views(theta), self._views(gradient)
        shape = (self.H, self.D + self.H + 1)
        self._W, self._dW = (flat[: -self.H - 1].reshape(shape) for flat in (theta, gradient))

    def _views(self, flat):
        """Named views into a flat vector: W = [W_ih | W_hh | b], row by row, then w, then v."""
        H, D = self.H, self.D
        W = flat[: -H - 1].reshape(H, D + H + 1)
        return {
            "weight_ih_l0": W[:, :D],
            "weight_hh_l0": W[:, D : D + H],
            "bias_ih_l0": W[:, D + H],
            "weight_out": flat[-H - 1 : -1].reshape(1, H),
            "bias_out": flat[-1:],
        }

    def _workspace(self, name, *shape):
        """An array of that shape, not cleared, in memory that is asked for once and used by every batch."""
        size = math.prod(shape)
        if name not in self._workspaces or self._workspaces[name].size < size:
            self._workspaces[name] = np.empty(size, self.dtype)
        return self._workspaces[name][:size].reshape(shape)

    def _blocks(self, name, rows):
        """One contiguous (rows, b_t) block a step, one after the other in one workspace."""
        flat = self._workspace(name, rows * self._spans[-1][1])
        return [flat[rows * start : rows * stop].reshape(rows, stop - start) for start, stop in self._spans]

    def forward(self, ids, batch_sizes, rng=None):
        """Logits of a packed batch; what the backward pass needs is kept until the next call.

        Parameters
        ----------
        ids : (N,) integers
            Token ids, step after step: first those of step 1 (b_1 = B of them), then those of step 2, …
        batch_sizes : (T,) integers
            b_t, how many sentences are still running at step t; never increasing, as sentences are sorted by
            length, longest first.
        rng : numpy.random.Generator, optional
            Draws the dropout masks. None: no dropout, as for every measurement.

        Returns
        -------
        (B,) numpy.ndarray
            The logits z.
        """
        H, D, N, B = self.H, self.D, len(ids), int(batch_sizes[0])
        stops = np.cumsum(batch_sizes).tolist()
        self._spans = list(zip([0, *stops[:-1]], stops, strict=True))
        self._Z = Z = self._workspace("Z", N, D + H + 1)  # row by row [x_t; h_{t-1}; 1]
        Z[:, :D] = np.take(self.embeddings, ids, axis=0)
        Z[:, -1] = 1
        if rng is not None and self.input_dropout:
            Z[:, :D] *= dropout_mask(rng, (N, D), self.input_dropout, self.dtype)

        W = np.asfortranarray(self._W)  # stored by columns: small products want that
        self._h = self._blocks("h", H)
        h_T = np.empty((H, B), self.dtype)
        h = np.zeros((H, B), self.dtype)
        for t, (start, stop) in enumerate(self._spans):
            b = stop - start
            h_T[:, b : h.shape[1]] = h[:, b:]  # the sentences that ended at the step before
            Z[start:stop, D : D + H] = h[:, :b].T
            a = np.dot(W, Z[start:stop].T, out=self._h[t])  # a = W [x_t; h_{t-1}; 1]
            h = np.tanh(a, out=a)
        h_T[:, : h.shape[1]] = h

        self._mask = np.ones((H, B), self.dtype)
        if rng is not None and self.state_dropout:
            self._mask = dropout_mask(rng, (H, B), self.state_dropout, self.dtype)
        self._h_T = h_T * self._mask
        return (self.parameters["weight_out"] @ self._h_T + self.parameters["bias_out"])[0]

    def through_time(self, dz):
        """Walk back from the last step to the first, along the batch of the last forward pass.

        The backward pass of training and every gradient that the project draws take this same walk. It is
        linear: whoever iterates may rescale columns of the yielded array in place (so that nothing
        underflows over hundreds of steps), and all that follows is rescaled with them.

        Parameters
        ----------
        dz : (B,) numpy.ndarray
            ∂ℓ/∂z of each sentence; ones, for the gradients of z itself.

        Yields
        ------
        t : int
            The step, from T-1 to 0.
        dh : (H, b_t) numpy.ndarray
            The total derivative ∂ℓ/∂h_t. Copy what is to stay.
        """
        H = self.H
        W_hh = np.ascontiguousarray(self.parameters["weight_hh_l0"])
        dh_T = self.parameters["weight_out"].T * dz * self._mask
        self._dA = self._workspace("dA", H, len(self._Z))
        dh = np.zeros((H, 0), self.dtype)
        for t in reversed(range(len(self._spans))):
            start, stop = self._spans[t]
            b, running = stop - start, dh.shape[1]
            if running < b:  # further sentences end here: their h_t is h_T
                dh = np.concatenate([dh, dh_T[:, running:b]], axis=1)
            yield t, dh
            h = self._h[t]
            da = dh * (1 - h * h)
            self._dA[:, start:stop] = da
            if t:  # nothing asks for ∂ℓ/∂h_0
                dh = W_hh.T @ da

    def backward(self, dz):
        """∂ℓ/∂θ, by backpropagation through time, for the batch of the last forward pass.

        Parameters
        ----------
        dz : (B,) numpy.ndarray
            ∂ℓ/∂z of each sentence.

        Returns
        -------
        (P,) numpy.ndarray
            ``gradient``, which every call overwrites.
        """
        for _ in self.through_time(dz):
            pass  # the walk leaves ∂ℓ/∂a_t of all tokens in the columns of dA
        np.dot(self._dA, self._Z, out=self._dW)  # Σ_t ∂ℓ/∂a_t [x_t; h_{t-1}; 1]ᵀ: W_ih, W_hh and b at once
        self.gradients["weight_out"][:] = self._h_T @ dz
        self.gradients["bias_out"][:] = dz.sum()
        return self.gradient

    def inference(self):
        """A faster forward pass while the parameters rest: it keeps nothing, and no word is projected twice.

        W_ih x + b is computed once for the whole vocabulary, V H numbers; where they were too many, the
        forward pass itself is returned.

        Returns
        -------
        callable
            ``logits(ids, batch_sizes)``, arguments and result as those of :meth:`forward`; good until the
            next call of this method, which uses the same memory.
        """
        H, D, V = self.H, self.D, len(self.embeddings)
        if V * H > LARGEST_PROJECTION:
            return self.forward
        W_ih, W_hh, b = np.split(self._W.T, [D, D + H])
        projected = np.matmul(self.embeddings, W_ih, out=self._workspace("projected", V, H))
        projected += b
        W_hh = W_hh.copy()
        w, v = self.parameters["weight_out"][0], self.parameters["bias_out"]

        def logits(ids, batch_sizes):
            Wx = np.take(projected, ids, axis=0)  # (N, H): rows are gathered faster than columns
            h = np.zeros((batch_sizes[0], H), self.dtype)
            h_T, start = np.empty_like(h), 0
            for b in map(int, batch_sizes):
                h_T[b : len(h)] = h[b:]
                a = Wx[start : start + b]
                if start:  # h_0 = 0
                    a += h[:b] @ W_hh  # a = W_ih x_t + b + W_hh h_{t-1}
                h = np.tanh(a, out=a)
                start += b
            h_T[: len(h)] = h
            return h_T @ w + v

        return logits

    def step(self, x, h):
        """One step of a state that the caller holds: h_t = tanh(W_ih x_t + b + W_hh h_{t-1}).

        Parameters
        ----------
        x : (B, D) numpy.ndarray
            Word vectors; (1, D) where all states read the same word.
        h : (B, H) numpy.ndarray
            h_{t-1}.

        Returns
        -------
        tuple
            h_t (B, H) alone.
        """
        W_ih, W_hh = self.parameters["weight_ih_l0"], self.parameters["weight_hh_l0"]
        return (np.tanh(x @ W_ih.T + self.parameters["bias_ih_l0"] + h @ W_hh.T),)

    def step_jacobians(self, t):
        """The Jacobians of one step, J_t = ∂h_t/∂h_{t-1}, in closed form, after a forward pass.

            J_t = diag(1 - h_t²) W_hh

        Parameters
        ----------
        t : int
            The step, from 0.

        Returns
        -------
        (b_t, H, H) numpy.ndarray
            One a sentence: row m, column n holds ∂(h_t)_m / ∂(h_{t-1})_n.
        """
        h = self._h[t].T[:, :, None]
        return (1 - h * h) * self.parameters["weight_hh_l0"]

    def activations(self, t):
        """What can saturate at step t, after a forward pass: ``h`` (H, b_t), -1 to 1."""
        return {"h": self._h[t]}

    def recurrent_contributions(self):
        """‖da_t h_{t-1}ᵀ‖ of every token, (N,), in packed order, after a walk back through time.

        ∂ℓ/∂W_hh is the sum of these matrices over the steps. Each is of rank one, so its Frobenius norm is
        ‖da_t‖ ‖h_{t-1}‖.
        """
        h_before = self._Z[:, self.D : self.D + self.H]
        return np.linalg.norm(self._dA, axis=0) * np.linalg.norm(h_before, axis=1)

    def input_gradients(self):
        """∂ℓ/∂x_t of every token, (N, D), in packed order, after a walk back through time."""
        return self._dA.T @ self.parameters["weight_ih_l0"]


def binary_cross_entropy(z, y):
    """Loss of each sentence, ℓ = -y log σ(z) - (1-y) log(1-σ(z)), and its slope.

    Written as log(1 + e^z) - y z, with the larger of 0 and z taken out of the logarithm: no logit overflows.

    Parameters
    ----------
    z : (B,) numpy.ndarray
        Logits.
    y : (B,) numpy.ndarray
        Labels, 0 or 1.

    Returns
    -------
    loss, dz : (B,) numpy.ndarray
        ℓ and ∂ℓ/∂z = σ(z) - y.
    """
    y = y.astype(z.dtype)
    return np.logaddexp(0, z) - y * z, 0.5 + 0.5 * np.tanh(0.5 * z) - y


def dropout_mask(rng, shape, rate, dtype):
    """Zeros with probability `rate`, 1/(1-rate) elsewhere: the mean stays what it was (Srivastava 2014)."""
    return (rng.random(shape, np.float32) >= rate) * dtype.type(1 / (1 - rate))


def glorot(rng, rows, columns):
    """Uniform in ±√(6/(rows+columns)): Glorot & Bengio (2010)."""
    return rng.uniform(-1, 1, (rows, columns)) * np.sqrt(6 / (rows + columns))


def orthogonal(rng, n):
    """A random orthogonal (n, n) matrix, all equally likely: Saxe et al. (2014), Mezzadri (2007)."""
    Q, R = np.linalg.qr(rng.standard_normal((n, n)))
    return Q * np.sign(np.diag(R))


RECURRENT_INITS = {
    "orthogonal": orthogonal,
    "uniform": lambda rng, n: rng.uniform(-1, 1, (n, n)) / np.sqrt(n),
    "identity": lambda rng, n: np.eye(n),  # Le, Jaitly & Hinton (2015)
}
INPUT_INITS = {
    "glorot": glorot,
    "uniform": lambda rng, rows, columns: rng.uniform(-1, 1, (rows, columns)) / np.sqrt(rows),
}
