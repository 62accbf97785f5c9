"""The contenders of the benchmark: our side, PyTorch and JAX, doing the same arithmetic on the same batches.

Each has ``library``, ``variant``, ``threads`` and the methods of :class:`Own`. No dropout, equal initial
weights, Adam with equal β₁, β₂, ε, clipping by the global norm; PyTorch's second bias stays 0. Each peer is
as fast as we know to make it:

- PyTorch: the fused Adam, gradients set to None, inference mode; padded it runs oneDNN's LSTM; packed no
  padded step is computed. 1 and 2 threads.
- JAX: each step is one compiled program that reuses the memory of its arguments (``donate_argnums``). A
  program fits one number of steps. Variant "padded" makes one for each number that occurs: no step is in
  vain, and much is compiled. "buckets" rounds the number up (:func:`bucket`), as one would whose sentences
  are longer: a few steps more, fewer programs. Unrolling the scan, and XLA on one thread, gained nothing.
"""

import contextlib
import importlib
import sys
from types import SimpleNamespace

import numpy as np
from threadpoolctl import threadpool_limits

from scripts.files.data import PADDING
from scripts.text.batches import Batch
from scripts.training.experiment import LOOPS
from scripts.training.optimizer import Adam
from scripts.training.workers import Workers

LR, CLIP_NORM = 0.002, 1.0
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
THREADS = (1, 2)  # of ours in one process, and of PyTorch
OWN = "own"


def pad(batch, steps=None):
    """A packed batch with its sentences side by side, padded by row 0.

    Parameters
    ----------
    batch : scripts.text.batches.Batch
    steps : int, optional
        T; by default that of the longest sentence.

    Returns
    -------
    ids : (T, B) integers
    lengths : (B,) integers

    Examples
    --------
    ``a d f | b e | c`` becomes ``a d f``, ``b e 0``, ``c 0 0``, with lengths 3, 2, 1.
    """
    running = np.arange(batch.batch_sizes[0]) < np.asarray(batch.batch_sizes)[:, None]  # (T, B)
    ids = np.full((steps or len(running), running.shape[1]), PADDING, np.int32)
    ids[: len(running)][running] = batch.ids
    return ids, running.sum(0)


def bucket(steps):
    """A round number of steps: as it is up to 8, then the next even one, above 24 the next multiple of 4."""
    unit = 1 if steps <= 8 else 2 if steps <= 24 else 4
    return -(-steps // unit) * unit


class Own:
    """The project's model, in its own training loop."""

    library, variant = OWN, "one process"

    def __init__(self, kind, model, threads=1):
        self.loop, self.model, self.threads = LOOPS[kind], model, threads
        self.evaluation = sys.modules[self.loop.__module__].evaluate
        self.optimizer = Adam(model.theta, LR, clip_norm=CLIP_NORM, beta1=BETA1, beta2=BETA2, epsilon=EPSILON)
        self.logits = None  # until once() is called; forgotten when the weights change

    def running(self):
        """A context in which this contender has its threads."""
        return threadpool_limits(self.threads, user_api="blas")

    def prepare(self, batches):
        """The batches in the form that the other two methods take."""
        return batches

    def train(self, batches):
        """One step of training a batch."""
        self.logits = None
        batch = next(iter(batches))
        one_word = Batch(
            batch.ids[:1], np.array([1]), batch.y[:1], batch.rows[:1]
        )  # the loop wants something to validate on
        epoch = self.loop(
            self.model, lambda _: batches, [one_word], self.optimizer, epochs=1, first_epoch=1, progress=False
        )
        self.model.inference = lambda: self.model.forward  # to validate one word no vocabulary is projected
        try:
            for _ in epoch:
                pass
        finally:
            del self.model.inference

    def once(self):
        """What a pass of inference does once, however many batches it has: project all words."""
        self.logits = self.model.inference()

    def evaluate(self, batches):
        """Mean loss over all sentences of some batches, no gradients computed."""
        if self.logits is None:
            self.once()
        return self.evaluation(SimpleNamespace(inference=lambda: self.logits), batches)[0]


class OwnWorkers(Own):
    """The same, each batch shared by two processes of one BLAS thread each."""

    variant = "two processes"

    @contextlib.contextmanager
    def running(self):
        """A context in which the second process lives."""
        with super().running(), Workers(self.model, 2) as self.model:
            yield
        self.model, self.logits = self.model.model, None


class TorchPeer:
    """torch.nn.RNN or torch.nn.LSTM and a linear layer on the last state of each sentence."""

    library = "PyTorch"

    def __init__(self, kind, model, packed, threads):
        self.torch = torch = importlib.import_module("torch")
        self.packed, self.threads = packed, threads
        self.variant = "packed" if packed else "padded"
        self.net = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM}[kind](model.D, model.H)
        self.out = torch.nn.Linear(model.H, 1)
        named = dict(self.net.named_parameters())
        named |= {"weight_out": self.out.weight, "bias_out": self.out.bias}
        with torch.no_grad():
            for name, value in model.parameters.items():
                named[name].copy_(torch.tensor(value))
            named.pop("bias_hh_l0").zero_().requires_grad_(False)
        self.embeddings = torch.tensor(model.embeddings)
        self.parameters = list(named.values())
        self.optimizer = torch.optim.Adam(self.parameters, LR, (BETA1, BETA2), EPSILON, fused=True)
        self.loss = torch.nn.functional.binary_cross_entropy_with_logits

    @contextlib.contextmanager
    def running(self):
        """A context in which this contender has its threads."""
        before = self.torch.get_num_threads()
        self.torch.set_num_threads(self.threads)
        try:
            yield
        finally:
            self.torch.set_num_threads(before)

    def prepare(self, batches):
        """Token ids, batch sizes (packed) or lengths (padded), and labels, as tensors."""
        tensor, prepared = self.torch.tensor, []
        for batch in batches:
            ids, sizes = (batch.ids, batch.batch_sizes) if self.packed else pad(batch)
            y = tensor(batch.y.astype(np.float32))
            prepared.append((tensor(ids.astype(np.int64)), tensor(np.asarray(sizes, np.int64)), y))
        return prepared

    def logits(self, ids, sizes):
        """z of each sentence."""
        x = self.torch.nn.functional.embedding(ids, self.embeddings)
        if self.packed:
            _, state = self.net(self.torch.nn.utils.rnn.PackedSequence(x, sizes))
            h_T = (state[0] if isinstance(state, tuple) else state)[0]
        else:
            h, _ = self.net(x)
            h_T = h[sizes - 1, self.torch.arange(len(sizes))]
        return self.out(h_T)[:, 0]

    def train(self, batches):
        """One step of training a batch."""
        loss_sum = correct = 0
        for ids, sizes, y in batches:
            z = self.logits(ids, sizes)
            loss = self.loss(z, y)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.torch.nn.utils.clip_grad_norm_(self.parameters, CLIP_NORM)
            self.optimizer.step()
            loss_sum += loss.item() * len(y)
            correct += ((z > 0) == y).sum().item()

    def once(self):
        """Nothing: what comes before the batches is in :meth:`prepare`, before the clock starts."""

    def evaluate(self, batches):
        """Mean loss over all sentences of some batches, no gradients computed."""
        loss_sum = correct = count = 0
        with self.torch.inference_mode():
            for ids, sizes, y in batches:
                z = self.logits(ids, sizes)
                loss_sum += self.loss(z, y, reduction="sum").item()
                correct += ((z > 0) == y).sum().item()
                count += len(y)
        return loss_sum / count


class JaxPeer:
    """The equations of both models as a ``lax.scan``, compiled once for each number of steps."""

    library, threads = "JAX", None

    def __init__(self, kind, model, buckets):
        self.variant, self.buckets = "buckets" if buckets else "padded", buckets
        self.jax = importlib.import_module("jax")
        self.np = importlib.import_module("jax.numpy")
        self.cell = {"rnn": self.rnn_step, "lstm": self.lstm_step}[kind]
        self.states = len(model.states)
        self.embeddings = self.np.array(model.embeddings)
        parameters = {name: self.np.array(value) for name, value in model.parameters.items()}
        zeros = self.jax.tree.map(self.np.zeros_like, parameters)
        self.state = (parameters, zeros, self.jax.tree.map(self.np.copy, zeros), self.np.array(0))
        self.step = self.jax.jit(self.update, donate_argnums=0)
        self.measure = self.jax.jit(self.mean_loss)

    def running(self):
        """XLA keeps the threads that it began with."""
        return contextlib.nullcontext()

    def prepare(self, batches):
        """Padded token ids, lengths and labels, as JAX's arrays."""
        prepared = []
        for batch in batches:
            steps = len(batch.batch_sizes)
            arrays = *pad(batch, bucket(steps) if self.buckets else steps), batch.y.astype(np.float32)
            prepared.append(tuple(map(self.np.array, arrays)))
        return prepared

    def rnn_step(self, W_hh, state, a):
        """h_t = tanh(a_t), `a` being W_ih x_t + b."""
        (h,) = state
        h = self.np.tanh(a + h @ W_hh.T)
        return (h,), h

    def lstm_step(self, W_hh, state, a):
        """h_t and c_t, `a` being W_ih x_t + b."""
        h, c = state
        i, f, g, o = self.np.split(a + h @ W_hh.T, 4, axis=1)
        sigmoid, tanh = self.jax.nn.sigmoid, self.np.tanh
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(c)
        return (h, c), h

    def mean_loss(self, p, embeddings, ids, lengths, y):
        """Mean loss of a batch, and how many sentences are judged rightly."""
        B = len(y)
        a = embeddings[ids] @ p["weight_ih_l0"].T + p["bias_ih_l0"]  # all steps in one GEMM
        start = (self.np.zeros((B, p["weight_hh_l0"].shape[1])),) * self.states
        _, h = self.jax.lax.scan(lambda state, a_t: self.cell(p["weight_hh_l0"], state, a_t), start, a)
        z = (h[lengths - 1, self.np.arange(B)] @ p["weight_out"].T + p["bias_out"])[:, 0]
        return (self.np.logaddexp(0, z) - y * z).mean(), ((z > 0) == y).sum()

    def update(self, state, embeddings, ids, lengths, y):
        """One step of Adam after clipping."""
        p, m, v, k = state
        tree = self.jax.tree
        (loss, correct), g = self.jax.value_and_grad(self.mean_loss, has_aux=True)(
            p, embeddings, ids, lengths, y
        )
        norm = self.np.sqrt(sum((leaf * leaf).sum() for leaf in tree.leaves(g)))
        g = tree.map(lambda leaf: leaf * self.np.minimum(1, CLIP_NORM / norm), g)
        k = k + 1
        m = tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, m, g)
        v = tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, v, g)
        rate, correction = LR / (1 - BETA1**k), self.np.sqrt(1 - BETA2**k)
        p = tree.map(lambda p, m, v: p - rate * m / (self.np.sqrt(v) / correction + EPSILON), p, m, v)
        return (p, m, v, k), loss, correct

    def train(self, batches):
        """One step of training a batch."""
        results = []
        for batch in batches:
            self.state, loss, correct = self.step(self.state, self.embeddings, *batch)
            results.append((loss, correct))
        self.jax.block_until_ready((self.state, results))

    def once(self):
        """Nothing: what comes before the batches is in :meth:`prepare`, before the clock starts."""

    def evaluate(self, batches):
        """Mean loss over all sentences of some batches, no gradients computed."""
        results = [self.measure(self.state[0], self.embeddings, *batch) for batch in batches]
        sizes = [len(batch[-1]) for batch in batches]
        return float(np.average([loss for loss, _ in self.jax.device_get(results)], weights=sizes))


def torch_peers(kind, model):
    """PyTorch packed and padded, on 1 and 2 threads."""
    return [TorchPeer(kind, model, packed, threads) for packed in (True, False) for threads in THREADS]


def jax_peers(kind, model):
    """JAX padded to the longest sentence, and to a round number of steps."""
    return [JaxPeer(kind, model, buckets) for buckets in (False, True)]


# Ours, and on how many BLAS threads: all others have to agree with the first.
OWN_VARIANTS = [*((Own, threads) for threads in THREADS), (OwnWorkers, 1)]
PEERS = {"PyTorch": ("torch", torch_peers), "JAX": ("jax", jax_peers)}  # module, how to build them


def find_peers(peers):
    """Which libraries take part.

    Returns
    -------
    builders : dict of str to callable
        ``builders[library](kind, model)`` gives contenders that start with the weights of `model`.
    versions, skipped : dict of str to str
        Their versions; of the others, why they are skipped.
    """
    builders, versions, skipped = {}, {}, {}
    for library, (module, builder) in peers.items():
        try:
            versions[module] = importlib.import_module(module).__version__
            builders[library] = builder
        except ImportError as error:
            skipped[library] = f"not installed ({error}): `pip install {module}` and run this again"
    return builders, versions, skipped
