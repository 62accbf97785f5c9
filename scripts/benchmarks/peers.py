"""The contenders of the benchmark: this project, PyTorch and JAX, with the same arithmetic and batches.

Each has ``library``, ``variant``, ``threads`` (None: the library's own choice) and the methods of
:class:`Own`. All start with the same weights and train without dropout, with the same Adam and clipping by
the global norm; PyTorch's second bias stays 0. Only ours also counts correct predictions, as its training
loop does. Each library is as fast as we can make it:

- PyTorch on 1 and 2 threads: the fused Adam, gradients set to None. Variant "padded" runs oneDNN's LSTM;
  "packed" computes no padded step.
- JAX: an update is one compiled program that reuses the memory of its arguments, one per number of steps.
  Unrolling the scan, rounding that number up, and XLA on one thread gained nothing.
"""

import contextlib
import importlib
import sys
from itertools import product

import numpy as np
from threadpoolctl import threadpool_limits

from scripts.files.data import PADDING
from scripts.text.batches import Batch
from scripts.training.experiment import LOOPS
from scripts.training.optimizer import Adam
from scripts.training.workers import Workers

LR, CLIP_NORM = 0.002, 1.0
BETA1, BETA2, EPSILON = Adam.beta1, Adam.beta2, Adam.epsilon
OWN = "own"


def pad(batch):
    """Unpack a batch into columns, padded by row 0: ids (T, B) and lengths (B,).

    ``a d f | b e | c`` becomes ``a d f``, ``b e 0``, ``c 0 0``, with lengths 3, 2, 1.
    """
    running = np.arange(batch.batch_sizes[0]) < np.asarray(batch.batch_sizes)[:, None]  # (T, B)
    ids = np.full(running.shape, PADDING, np.int32)
    ids[running] = batch.ids
    return ids, running.sum(0)


class Own:
    """The project's model in its own training loop, in one process with one BLAS thread."""

    library, variant, threads = OWN, "one process", 1

    def __init__(self, kind, model):
        self.loop, self.model = LOOPS[kind], model
        self.evaluation = sys.modules[self.loop.__module__].evaluate
        self.optimizer = Adam(model.theta, LR, clip_norm=CLIP_NORM)

    def running(self):
        """Return a context in which this contender has its threads and processes."""
        return threadpool_limits(1, user_api="blas")

    def prepare(self, batches):
        """Return the batches in the form that the other methods take."""
        return batches

    def train(self, batches):
        """Train one step per batch."""
        first = batches[0]
        validation = [Batch(first.ids[:1], np.array([1]), first.y[:1], first.rows[:1])]  # the loop needs some
        epoch = self.loop(
            self.model, lambda _: batches, validation, self.optimizer, epochs=1, first_epoch=1, progress=False
        )
        self.model.inference = lambda: self.model.forward  # one word needs no projection of all words
        next(epoch)
        del self.model.inference

    def evaluate(self, batches):
        """Return the mean loss over all sentences, without gradients."""
        return self.evaluation(self.model, batches)[0]


class OwnWorkers(Own):
    """The project's model in two processes that share each batch, with one BLAS thread each."""

    variant = "two processes"

    @contextlib.contextmanager
    def running(self):
        """Return a context in which the second process runs."""
        with super().running(), Workers(self.model, 2) as self.model:
            yield
        self.model = self.model.model


class TorchPeer:
    """torch.nn.RNN or torch.nn.LSTM and a linear layer on the last state of each sentence; see Own."""

    library = "PyTorch"

    def __init__(self, kind, model, packed, threads):
        self.torch = torch = importlib.import_module("torch")
        self.packed, self.threads = packed, threads
        self.variant = ("packed" if packed else "padded") + (f" × {threads}" if threads > 1 else "")
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

    def running(self):
        self.torch.set_num_threads(self.threads)
        return contextlib.nullcontext()

    def prepare(self, batches):
        tensor, prepared = self.torch.tensor, []
        for batch in batches:
            ids, sizes = (batch.ids, batch.batch_sizes) if self.packed else pad(batch)
            y = tensor(batch.y.astype(np.float32))
            prepared.append((tensor(ids.astype(np.int64)), tensor(np.asarray(sizes, np.int64)), y))
        return prepared

    def _logits(self, ids, sizes):
        x = self.torch.nn.functional.embedding(ids, self.embeddings)
        if self.packed:
            _, state = self.net(self.torch.nn.utils.rnn.PackedSequence(x, sizes))
            h_T = (state[0] if isinstance(state, tuple) else state)[0]
        else:
            h, _ = self.net(x)
            h_T = h[sizes - 1, self.torch.arange(len(sizes))]
        return self.out(h_T)[:, 0]

    def train(self, batches):
        loss_sum = 0
        for ids, sizes, y in batches:
            loss = self.loss(self._logits(ids, sizes), y)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.torch.nn.utils.clip_grad_norm_(self.parameters, CLIP_NORM)
            self.optimizer.step()
            loss_sum += loss.item() * len(y)

    def evaluate(self, batches):
        loss_sum = count = 0
        with self.torch.inference_mode():
            for ids, sizes, y in batches:
                loss_sum += self.loss(self._logits(ids, sizes), y, reduction="sum").item()
                count += len(y)
        return loss_sum / count


class JaxPeer:
    """The equations of both models as a ``lax.scan``, compiled once for each number of steps; see Own."""

    library, variant, threads = "JAX", "padded", None  # XLA can't change its number of threads

    def __init__(self, kind, model):
        self.jax = importlib.import_module("jax")
        self.np = importlib.import_module("jax.numpy")
        self.cell = {"rnn": self._rnn_step, "lstm": self._lstm_step}[kind]
        self.states = len(model.states)
        self.embeddings = self.np.array(model.embeddings)
        self.optimizers = importlib.import_module("jax.example_libraries.optimizers")
        start, self.adam, self.weights = self.optimizers.adam(LR, BETA1, BETA2, EPSILON)
        parameters = {name: self.np.array(value) for name, value in model.parameters.items()}
        self.state = start(parameters), self.np.array(0)
        self.step = self.jax.jit(self._update, donate_argnums=0)
        self.measure = self.jax.jit(self._mean_loss)

    def running(self):
        return contextlib.nullcontext()

    def prepare(self, batches):
        prepared = ((*pad(batch), batch.y.astype(np.float32)) for batch in batches)
        return [tuple(map(self.np.array, arrays)) for arrays in prepared]

    def _rnn_step(self, W_hh, state, a):
        (h,) = state
        h = self.np.tanh(a + h @ W_hh.T)
        return (h,), h

    def _lstm_step(self, W_hh, state, a):
        h, c = state
        i, f, g, o = self.np.split(a + h @ W_hh.T, 4, axis=1)
        sigmoid, tanh = self.jax.nn.sigmoid, self.np.tanh
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(c)
        return (h, c), h

    def _mean_loss(self, p, embeddings, ids, lengths, y):
        """The mean loss of a batch."""
        B = len(y)
        a = embeddings[ids] @ p["weight_ih_l0"].T + p["bias_ih_l0"]  # all steps in one GEMM
        start = (self.np.zeros((B, p["weight_hh_l0"].shape[1])),) * self.states
        _, h = self.jax.lax.scan(lambda state, a_t: self.cell(p["weight_hh_l0"], state, a_t), start, a)
        z = (h[lengths - 1, self.np.arange(B)] @ p["weight_out"].T + p["bias_out"])[:, 0]
        return (self.np.logaddexp(0, z) - y * z).mean()

    def _update(self, state, embeddings, ids, lengths, y):
        """One step of Adam after clipping."""
        adam, k = state
        gradient = self.jax.value_and_grad(self._mean_loss)
        loss, g = gradient(self.weights(adam), embeddings, ids, lengths, y)
        adam = self.adam(k, self.optimizers.clip_grads(g, CLIP_NORM), adam)
        return (adam, k + 1), loss

    def train(self, batches):
        losses = []
        for batch in batches:
            self.state, loss = self.step(self.state, self.embeddings, *batch)
            losses.append(loss)
        self.jax.block_until_ready((self.state, losses))

    def evaluate(self, batches):
        weights, sizes = self.weights(self.state[0]), [len(batch[-1]) for batch in batches]
        losses = [self.measure(weights, self.embeddings, *batch) for batch in batches]
        return float(np.average(self.jax.device_get(losses), weights=sizes))


OWN_VARIANTS = [Own, OwnWorkers]  # all others have to agree with the first
PEERS = {  # by module: makes contenders that start with the weights of a model
    "torch": lambda kind, model: [TorchPeer(kind, model, *of) for of in product((True, False), (1, 2))],
    "jax": lambda kind, model: [JaxPeer(kind, model)],
}


def find_libraries():
    """Import PyTorch and JAX; return their versions, and why one is skipped, by module."""
    versions, skipped = {}, {}
    for module in PEERS:
        try:
            versions[module] = importlib.import_module(module).__version__
        except ImportError as error:
            skipped[module] = f"not installed ({error}): `pip install {module}` and run this again"
    return versions, skipped
