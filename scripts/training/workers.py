"""Share each batch among several processes: each takes some of its sentences, forward and backward.

The training loop uses :class:`Workers` as a model. The other processes are forked from this one and share
memory with it: θ, which the optimizer changes in place, the batch, and one gradient per process. Process k of
n takes the sentences k, k+n, k+2n, … of a batch, so that all get about the same lengths.

A byte through a pipe says which pass is next, a byte back that it is done. When one side ends, the other
reads the end of its pipe. The same settings give the same results to the last bit; another n does not, as the
order of the sums changes and every process draws its own dropout masks.
"""

import contextlib
import math
import mmap
import multiprocessing
import os
import signal
import threading
import time
import warnings

import numpy as np

from scripts.files.errors import UserError

LARGEST_BATCH = 1 << 24  # tokens in the shared memory, which takes up only the pages that are written
PATIENCE = 1e-3  # seconds that a process waits awake: a small model's update and next batch take less
FORWARD, BACKWARD = b"f", b"b"  # orders to a process
NO_MEMORY = b"m"  # its answer if it lacks memory


class Workers:
    """A model whose passes `count` processes share, this one included; its context ends the others.

    The model's parameters are moved into shared memory. Between two passes it can be used as before.
    """

    def __init__(self, model, count):
        if "fork" not in multiprocessing.get_all_start_methods():
            raise UserError(f"workers={count}: this system can't fork processes, give workers=1")
        if multiprocessing.current_process().daemon:  # as those of multiprocessing.Pool and of Dask are
            raise UserError(f"workers={count}: this process may not start others, give workers=1")
        self.model, self.count = model, count
        self.theta = _shared(model.theta.shape, model.dtype)
        self.theta[:] = model.theta
        self._gradients = _shared((count, self.theta.size), model.dtype)
        model.place(self.theta, self._gradients[0])
        self._header = _shared((4,), np.int64)  # B, N, whether masks are drawn, and their seed
        self._sizes, self._ids = _shared((2, LARGEST_BATCH), np.int32)
        self._z, self._dz = _shared((2, LARGEST_BATCH), model.dtype)
        self._pipes, self._processes = [], []
        self._cores = usable_cores()
        self._patience = PATIENCE if len(self._cores) >= count else 0

    def __enter__(self):
        with warnings.catch_warnings():
            # Python warns of forking while BLAS has threads: these are idle, and the new process uses none.
            warnings.simplefilter("ignore", DeprecationWarning)
            for k in range(1, self.count):
                orders, answers = os.pipe(), os.pipe()
                process = multiprocessing.get_context("fork").Process(
                    target=self._serve, args=(k, orders, answers), daemon=True
                )
                with shielded_from_ctrl_c():
                    process.start()
                os.close(orders[0])
                os.close(answers[1])
                self._pipes.append((orders[1], answers[0]))
                self._processes.append(process)
        if len(self._cores) == self.count:  # else Linux may wake a process on the core of another
            for core, pid in zip(self._cores, [0, *(each.pid for each in self._processes)], strict=True):
                os.sched_setaffinity(pid, {core})
        return self

    def __exit__(self, *_):
        for ends in self._pipes:
            for end in ends:
                os.close(end)
        for process in self._processes:
            process.join()
        if len(self._cores) == self.count:
            os.sched_setaffinity(0, self._cores)

    def forward(self, ids, batch_sizes, rng=None):
        """Return the logits of a packed batch, as the model's own method does."""
        self._write_batch(ids, batch_sizes, rng)
        with self._others(FORWARD):
            self._forward_share(0)
        return self._z[: batch_sizes[0]].copy()

    def backward(self, dz):
        """Return ∂ℓ/∂θ of that batch, as the model's own method does."""
        self._dz[: len(dz)] = dz
        with self._others(BACKWARD):
            gradient = self._backward_share(0)
        for share in self._gradients[1 : len(dz)]:
            gradient += share
        return gradient

    def inference(self):
        """Return the model's own function from batches to logits: validation is too short to be shared."""
        return self.model.inference()

    def _write_batch(self, ids, batch_sizes, rng):
        """Copy a batch into the shared memory."""
        if len(ids) > LARGEST_BATCH:
            size = f"a batch of {len(ids):,} tokens, but workers share at most {LARGEST_BATCH:,}"
            raise UserError(f"{size}: give a smaller batch_size, or workers=1")
        seed = 0 if rng is None else rng.integers(1 << 62)
        self._header[:] = batch_sizes[0], len(ids), rng is not None, seed
        self._sizes[: len(batch_sizes)] = batch_sizes
        self._sizes[len(batch_sizes)] = 0  # the end of the sizes
        self._ids[: len(ids)] = ids

    def _share(self, k):
        """Return the packed batch of process k, and the places of its logits."""
        B, N, *_ = self._header.tolist()
        steps = int(np.argmin(self._sizes[: N + 1]))
        return share(self._ids[:N], self._sizes[:steps], k, self.count), self._z[:B][k :: self.count]

    def _forward_share(self, k):
        batch, z = self._share(k)
        *_, masks, seed = self._header.tolist()
        z[:] = self.model.forward(*batch, np.random.default_rng([seed, k]) if masks else None)

    def _backward_share(self, k):
        return self.model.backward(self._dz[: self._header[0]][k :: self.count])

    @contextlib.contextmanager
    def _others(self, order):
        """Let the other processes that have a share make a pass while the block makes this one's."""
        busy = self._pipes[: self._header[0] - 1]
        try:
            for orders, _ in busy:
                os.write(orders, order)
            yield
            answers = [receive(answers, self._patience) for _, answers in busy]
        except BrokenPipeError:
            answers = [b""]
        if NO_MEMORY in answers:
            raise MemoryError("in a worker process")
        if not all(answer == order for answer in answers):
            fault = "a worker process ended or failed in the middle of a batch"
            raise UserError(f"{fault}: train again to continue; finished epochs are kept")

    def _serve(self, k, orders, answers):
        """Make the passes that are ordered, in process k, until the pipe ends."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the first process, and so the pipe
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for end in (orders[1], answers[0], *(end for ends in self._pipes for end in ends)):
            os.close(end)
        self.model.place(self.theta, self._gradients[k])
        acts = {FORWARD: self._forward_share, BACKWARD: self._backward_share}
        with contextlib.suppress(BrokenPipeError):  # the first process has ended and says why
            while order := receive(orders[0], self._patience):
                try:
                    acts[order](k)
                except MemoryError:
                    order = NO_MEMORY
                os.write(answers[1], order)


def receive(pipe, patience):
    """Read the next byte from a pipe, b"" at its end; stay awake for `patience` seconds: waking is slow."""
    os.set_blocking(pipe, False)
    deadline = time.perf_counter() + patience
    while time.perf_counter() < deadline:
        try:
            return os.read(pipe, 1)
        except BlockingIOError:
            pass  # nothing has come yet
    os.set_blocking(pipe, True)
    return os.read(pipe, 1)


@contextlib.contextmanager
def shielded_from_ctrl_c():
    """Start processes in the block that Ctrl-C doesn't reach; it, or SIGTERM, ends this one after the block.

    Within the block it could be lost, as libraries that start processes drop some exceptions.
    """
    came, handlers, masks = [], {}, hasattr(signal, "pthread_sigmask")  # which Windows lacks
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            handlers[number] = signal.signal(number, lambda number, _: came.append(number)) or signal.SIG_DFL
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if masks else None
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if masks:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for number in came:
            signal.raise_signal(number)


def usable_cores():
    """List the cores that this process may use; none if the system doesn't say."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []


def _shared(shape, dtype):
    """Return an array of zeros in memory that forked processes share with this one."""
    size = math.prod(shape)
    return np.frombuffer(mmap.mmap(-1, size * np.dtype(dtype).itemsize), dtype, size).reshape(shape)


def share(ids, batch_sizes, k, n):
    """Select every n-th sentence of a packed batch, from sentence k on: ids and batch_sizes.

    ``a d f | b e | c`` is divided into ``a f | b | c`` and ``d | e``.
    """
    stops = np.cumsum(batch_sizes).tolist()
    starts = [0, *stops[:-1]]
    sizes = (batch_sizes - k + n - 1) // n  # how many of k, k+n, … are below each size
    blocks = [ids[start + k : stop : n] for start, stop in zip(starts, stops, strict=True)]
    return np.concatenate(blocks), sizes[sizes > 0]
