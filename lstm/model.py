"""The LSTM classifier: parameters, forward pass, backward pass. Its twin is rnn/model.py.

Shapes are written with T steps, B sentences, H units, D features and N tokens. A batch is packed: its
sentences stand side by side, longest first, and only those still running take part in step t, so that step
t is a block of b_t = ``batch_sizes[t]`` columns and N is the sum of all b_t. README.md in this folder
derives every line of the backward pass.
"""

import math

import numpy as np

SMALL_PRODUCT = 1_000_000  # multiplications up to which OpenBLAS takes two matrices as they lie in memory
LARGEST_PROJECTION = 1 << 25  # numbers that an inference may hold: 128 MiB in float32


class LSTMClassifier:
    """An LSTM that reads a sentence word by word and judges it by its last hidden state.

    With h_0 = c_0 = 0, for t = 1 … T,

        a_t = W_ih x_t + W_hh h_{t-1} + b                     (4H)
        i_t, f_t, o_t = σ(a_t's blocks),  g_t = tanh(a_t's)   (H each, stacked in the order i, f, g, o)
        c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
        h_t = o_t ⊙ tanh(c_t)
        z   = w · h_T + v                                     the logit: σ(z) is P(positive)

    Parameters
    ----------
    embeddings : (V, D) numpy.ndarray
        The word vectors, kept fixed: row k is x_t where token t has the id k.
    hidden_size : int
        H.
    rng : numpy.random.Generator
        Draws the initial weights, and nothing else.
    recurrent_init : {"orthogonal", "uniform", "identity"}
        W_hh, gate by gate: a random orthogonal (H, H) block, uniform in ±1/√H, or the identity.
    input_init : {"glorot", "uniform"}
        W_ih, gate by gate: uniform in ±√(6/(D+H)), or in ±1/√H.
    forget_bias : float or "chrono"
        The forget gate's part b_f of b; the rest is 0. "chrono": b_f = log U[1, T-1], and b_i = -b_f, so that
        units forget over 2 to T steps. A run always passes its own: scripts/training/settings.py.
    chrono_steps : int
        That T.
    input_dropout, state_dropout : float
        Share of the entries of every x_t, and of h_T, that is set to 0 while training.
    dtype : numpy.dtype
        float32 to train, float64 to check.

    Attributes
    ----------
    theta, gradient : (P,) numpy.ndarray
        All parameters, and ∂ℓ/∂θ as the last backward pass left it.
    parameters, gradients : dict of str to numpy.ndarray
        Named views into the two, in PyTorch's names and shapes: ``weight_ih_l0`` (4H, D),
        ``weight_hh_l0`` (4H, H), ``bias_ih_l0`` (4H), ``weight_out`` (1, H), ``bias_out`` (1).

    References
    ----------
    Hochreiter & Schmidhuber (1997), Long short-term memory. Gers, Schmidhuber & Cummins (2000), Learning to
    forget. Jozefowicz, Zaremba & Sutskever (2015), for the forget bias of 1. Tallec & Ollivier (2018), Can
    recurrent neural networks warp time?, for the chrono initialisation.
    """

    states = ("h", "c")
    recurrent_blocks = ("i", "f", "g", "o")  # the (H, H) blocks of W_hh, from the top down

    def __init__(
        self,
        embeddings,
        hidden_size,
        *,
        rng,
        recurrent_init="orthogonal",
        input_init="glorot",
        forget_bias=1.0,
        chrono_steps=50,
        input_dropout=0.0,
        state_dropout=0.0,
        dtype=np.float32,
    ):
        self.H, self.D, self.dtype = hidden_size, embeddings.shape[1], np.dtype(dtype)
        self.embeddings = np.asarray(embeddings, dtype)
        self.input_dropout, self.state_dropout = input_dropout, state_dropout
        self._workspaces = {}
        H, D = self.H, self.D
        self.place(*np.zeros((2, 4 * H * (D + H + 1) + H + 1), dtype))

        p = self.parameters
        for gate in range(4):
            block = slice(gate * H, (gate + 1) * H)
            p["weight_ih_l0"][block] = INPUT_INITS[input_init](rng, H, D)
            p["weight_hh_l0"][block] = RECURRENT_INITS[recurrent_init](rng, H)
        if forget_bias == "chrono":
            forget_bias = np.log(rng.uniform(1, chrono_steps - 1, H))
            p["bias_ih_l0"][:H] = -forget_bias
        p["bias_ih_l0"][H : 2 * H] = forget_bias
        p["weight_out"][:] = glorot(rng, 1, H)

    def place(self, theta, gradient):
        """Keep θ and ∂ℓ/∂θ in these two vectors (P,), such as memory shared with other processes."""
        self.theta, self.gradient = theta, gradient
        self.parameters, self.gradients = self._views(theta), self._views(gradient)
        shape = (4 * self.H, self.D + self.H + 1)
        self._W, self._dW = (flat[: -self.H - 1].reshape(shape) for flat in (theta, gradient))

    def _views(self, flat):
        """Named views into a flat vector: W = [W_ih | W_hh | b], row by row, then w, then v."""
        H, D = self.H, self.D
        W = flat[: -H - 1].reshape(4 * H, D + H + 1)
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

        W = self._in_parts(self._halved_weights(), B)
        self._gates = self._blocks("gates", 4 * H)
        self._c = self._blocks("c", H)
        self._tanh_c = self._blocks("tanh_c", H)
        h_T = np.empty((H, B), self.dtype)
        h = c = np.zeros((H, B), self.dtype)
        for t, (start, stop) in enumerate(self._spans):
            b = stop - start
            h_T[:, b : h.shape[1]] = h[:, b:]  # the sentences that ended at the step before
            Z[start:stop, D : D + H] = h[:, :b].T
            a = self._gates[t]
            np.matmul(W, Z[start:stop].T, out=a.reshape(len(W), -1, b))  # a = W [x_t; h_{t-1}; 1]
            i, f, g, o = self._activate(a.reshape(4, H, b))
            c = np.multiply(f, c[:, :b], out=self._c[t])
            c += i * g  # c_t = f ⊙ c_{t-1} + i ⊙ g
            h = o * np.tanh(c, out=self._tanh_c[t])
        h_T[:, : h.shape[1]] = h

        self._mask = np.ones((H, B), self.dtype)
        if rng is not None and self.state_dropout:
            self._mask = dropout_mask(rng, (H, B), self.state_dropout, self.dtype)
        self._h_T = h_T * self._mask
        return (self.parameters["weight_out"] @ self._h_T + self.parameters["bias_out"])[0]

    def _halved_weights(self):
        """W gate by gate, (4, H, D+H+1), the rows of i, f and o halved.

        σ(a) = ½ + ½ tanh(½ a): with the inner ½ in the weights, one tanh does all gates.
        """
        return self._W.reshape(4, self.H, -1) * np.array([0.5, 0.5, 1, 0.5], self.dtype)[:, None, None]

    def _in_parts(self, W, B):
        """The (4, H, D+H+1) weights in one part or four, (parts, 4H/parts, D+H+1), for B sentences.

        One product a gate is faster than one of all gates as long as BLAS needn't repack what it multiplies.
        """
        if B * W[0].size > SMALL_PRODUCT:
            return W.reshape(1, -1, W.shape[-1])
        by_columns = W.transpose(0, 2, 1).copy()  # small products want their first operand so
        return by_columns.transpose(0, 2, 1)

    @staticmethod
    def _activate(a):
        """Turn pre-activations (4, ·, ·), those of i, f, o halved, into gates, in place."""
        np.tanh(a, out=a)
        for sigmoid in (a[:2], a[3]):  # σ = ½ + ½ tanh
            sigmoid *= 0.5
            sigmoid += 0.5
        return a

    def through_time(self, dz):
        """Walk back from the last step to the first, along the batch of the last forward pass.

        The backward pass of training and every gradient that the project draws take this same walk. It is
        linear: whoever iterates may rescale columns of the yielded arrays in place (so that nothing
        underflows over hundreds of steps), and all that follows is rescaled with them.

        Parameters
        ----------
        dz : (B,) numpy.ndarray
            ∂ℓ/∂z of each sentence; ones, for the gradients of z itself.

        Yields
        ------
        t : int
            The step, from T-1 to 0.
        dh, dc : (H, b_t) numpy.ndarray
            The total derivatives ∂ℓ/∂h_t and ∂ℓ/∂c_t; the latter includes what reaches c_t through h_t. The
            next step overwrites them: copy what is to stay.
        """
        H = self.H
        W_hh = np.ascontiguousarray(self.parameters["weight_hh_l0"])
        dh_T = self.parameters["weight_out"].T * dz * self._mask
        self._dA = self._workspace("dA", 4 * H, len(self._Z))
        dh = dc = np.zeros((H, 0), self.dtype)
        for t in reversed(range(len(self._spans))):
            start, stop = self._spans[t]
            b, running = stop - start, dh.shape[1]
            if running < b:  # further sentences end here: their h_t is h_T, and nothing flows back to c_t yet
                dh = np.concatenate([dh, dh_T[:, running:b]], axis=1)
                dc = np.concatenate([dc, np.zeros((H, b - running), self.dtype)], axis=1)
                da, slopes = self._workspace("da", 4, H, b), self._workspace("slopes", 4, H, b)
            gates, tanh_c = self._gates[t].reshape(4, H, b), self._tanh_c[t]
            i, f, g, o = gates
            dc += dh * o * (1 - tanh_c * tanh_c)
            yield t, dh, dc
            self._slopes(gates, out=slopes)
            np.multiply(dc, g, out=da[0])  # da_i = dc ⊙ g ⊙ i′
            np.multiply(dc, self._c[t - 1][:, :b] if t else 0, out=da[1])  # da_f = dc ⊙ c_{t-1} ⊙ f′
            np.multiply(dc, i, out=da[2])  # da_g = dc ⊙ i ⊙ g′
            np.multiply(dh, tanh_c, out=da[3])  # da_o = dh ⊙ tanh(c_t) ⊙ o′
            da *= slopes
            self._dA[:, start:stop] = da.reshape(4 * H, b)
            if t:  # nothing asks for ∂ℓ/∂h_0
                dh = W_hh.T @ da.reshape(4 * H, b)
                dc *= f

    @staticmethod
    def _slopes(gates, out):
        """Slopes of the gates, i′ = i - i², f′ = f - f², g′ = 1 - g², o′ = o - o²: into `out`, (4, H, b)."""
        np.multiply(gates, gates, out=out)
        np.subtract(gates[:2], out[:2], out=out[:2])
        np.subtract(1, out[2], out=out[2])
        np.subtract(gates[3], out[3], out=out[3])

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

        W_ih x + b is computed once for the whole vocabulary, 4 V H numbers; where they were too many, the
        forward pass itself is returned.

        Returns
        -------
        callable
            ``logits(ids, batch_sizes)``, arguments and result as those of :meth:`forward`; good until the
            next call of this method, which uses the same memory.
        """
        H, D, V = self.H, self.D, len(self.embeddings)
        if 4 * V * H > LARGEST_PROJECTION:
            return self.forward
        W_ih, W_hh, b = np.split(self._halved_weights().transpose(0, 2, 1), [D, D + H], axis=1)
        projected = np.matmul(self.embeddings, W_ih, out=self._workspace("projected", 4, V, H))
        projected += b
        W_hh = W_hh.copy()  # (4, H, H)
        w, v = self.parameters["weight_out"][0], self.parameters["bias_out"]

        def logits(ids, batch_sizes):
            h = c = np.zeros((batch_sizes[0], H), self.dtype)
            h_T, start = np.empty_like(h), 0
            for b in map(int, batch_sizes):
                h_T[b : len(h)] = h[b:]
                # rows are gathered faster than columns, and those of one step stay in the cache
                a = np.take(projected, ids[start : start + b], axis=1)
                if start:  # h_0 = 0
                    a += h[:b] @ W_hh  # a = W_ih x_t + b + W_hh h_{t-1}
                i, f, g, o = self._activate(a)
                c = f * c[:b] + i * g
                h = o * np.tanh(c)
                start += b
            h_T[: len(h)] = h
            return h_T @ w + v

        return logits

    def step(self, x, h, c):
        """One step of states that the caller holds: the equations at the head of this class.

        Parameters
        ----------
        x : (B, D) numpy.ndarray
            Word vectors; (1, D) where all states read the same word.
        h, c : (B, H) numpy.ndarray
            h_{t-1} and c_{t-1}.

        Returns
        -------
        tuple
            h_t and c_t (B, H).
        """
        W_ih, W_hh = self.parameters["weight_ih_l0"], self.parameters["weight_hh_l0"]
        a = x @ W_ih.T + self.parameters["bias_ih_l0"] + h @ W_hh.T
        i, f, g, o = a.reshape(len(a), 4, self.H).transpose(1, 0, 2)
        i, f, o = (0.5 + 0.5 * np.tanh(0.5 * gate) for gate in (i, f, o))  # σ = ½ + ½ tanh(½ ·)
        c = f * c + i * np.tanh(g)
        return o * np.tanh(c), c

    def step_jacobians(self, t):
        """The Jacobians of one step, ∂(h_t, c_t)/∂(h_{t-1}, c_{t-1}), in closed form, after a forward pass.

        With W_i, W_f, W_g, W_o the four blocks of W_hh, σ′ = σ - σ² and tanh′ = 1 - tanh²,

            ∂c_t/∂h_{t-1} = diag(g i′) W_i + diag(c_{t-1} f′) W_f + diag(i g′) W_g
            ∂c_t/∂c_{t-1} = diag(f)
            ∂h_t/∂·       = diag(o tanh′(c_t)) ∂c_t/∂·,  and + diag(tanh(c_t) o′) W_o for h_{t-1}

        Parameters
        ----------
        t : int
            The step, from 0.

        Returns
        -------
        (b_t, 2H, 2H) numpy.ndarray
            One a sentence: rows h_t, c_t; columns h_{t-1}, c_{t-1}.
        """
        H, b = self.H, self._c[t].shape[1]
        i, f, g, o = (gate.T[:, :, None] for gate in self._gates[t].reshape(4, H, b))
        tanh_c = self._tanh_c[t].T[:, :, None]
        c_before = self._c[t - 1][:, :b].T[:, :, None] if t else np.zeros((b, H, 1), self.dtype)
        W_i, W_f, W_g, W_o = self.parameters["weight_hh_l0"].reshape(4, H, H)
        J = np.zeros((b, 2 * H, 2 * H), self.dtype)
        J[:, H:, :H] = g * (i - i * i) * W_i + c_before * (f - f * f) * W_f + i * (1 - g * g) * W_g
        J[:, range(H, 2 * H), range(H, 2 * H)] = f[:, :, 0]
        J[:, :H] = o * (1 - tanh_c * tanh_c) * J[:, H:]
        J[:, :H, :H] += tanh_c * (o - o * o) * W_o
        return J

    def activations(self, t):
        """What can saturate at step t, after a forward pass: gates ``i``, ``f``, ``o`` (H, b_t), 0 to 1."""
        i, f, _, o = self._gates[t].reshape(4, self.H, -1)
        return {"i": i, "f": f, "o": o}

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
