"""Speed beside PyTorch and JAX, on a CPU.

Run it::

    python scripts/benchmark.py            all sizes
    python scripts/benchmark.py --quick    H = 64, batch 64 alone, fewer batches: a few minutes

The peers do the same arithmetic on the same batches, which are built before the clock starts: no dropout,
equal initial weights, Adam with equal β₁, β₂, ε, clipping by the global norm; PyTorch's second bias stays 0.
A peer whose losses differ from ours after 20 steps is refused, one that is not installed is skipped. PyTorch
takes part packed and padded, on 1 and 2 threads, and JAX padded (``lax.scan``, ``jit``) on XLA's own threads;
our side is the training loop as it is, on one BLAS thread. They take turns within one run, in every
repetition, and medians are compared: of a library, those of its fastest variant.

``assets/benchmarks/<date>.json`` (``<date>-quick.json``) holds

    format_version, benchmark (its name), date, versions
    machine         {cpu, cores, load_before, load_after}: load averages of the last minute, the one before
                    being that of other processes alone
    data            {name, sentences, tokens, vocabulary, dimensions}
    settings        {lr, clip_norm, beta1, beta2, epsilon, repetitions, agreement_steps, tolerance, threads}
    skipped         {library: why it took no part}
    sizes           a list of
        model, hidden_size, batch_size
        batches, epoch_batches      how many were timed, and how many an epoch has
        others      cores that other processes kept busy meanwhile, on average; null where that can't be told
        results     a list of
            library, variant, threads (null: the library's own choice)
            difference          largest between its mean loss on a batch and ours, after 20 steps
            refused             why it was not timed, or null
            first_seconds       20 steps, then training and inference once: what a compiler needs is in here
            training, inference {seconds: one a repetition, median, epoch_seconds: scaled to an epoch}
        ratios      {training, inference: {library: our median ÷ its fastest variant's}}
"""

import argparse
import contextlib
import datetime
import importlib
import os
import platform
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts import artefacts
from scripts.artefacts import Split, StudyError
from scripts.dataset import Batch, shuffled_batches
from scripts.experiment import LOOPS, build_model, check_settings
from scripts.optimizer import Adam

LR, CLIP_NORM = 0.002, 1.0
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
REPETITIONS = 5
BATCHES, QUICK_BATCHES = 200, 100  # timed at H = 64, batch 64; fewer of larger ones
STEPS, TOLERANCE = 20, 1e-4  # after so many steps the losses of a peer may differ by so much from ours
SIZES = [(64, 32), (64, 64), (64, 256), (32, 64), (128, 64), (256, 64), (512, 64)]  # H, B
QUICK_SIZES = [(64, 64)]
DIMENSIONS = 100  # D
TORCH_THREADS = (1, 2)
TASKS = ("training", "inference")
OWN = "own"

# Of the training rows of SST-2: how many, how many words, and the quantiles of their lengths.
SST2_SENTENCES, SST2_WORDS = 60_865, 14_345
SST2_QUANTILES = {0: 1, 0.1: 1, 0.25: 3, 0.5: 7, 0.75: 13, 0.9: 21, 0.95: 26, 0.99: 35, 0.999: 45, 1: 52}


# Sentences ------------------------------------------------------------------------------------------------


def draw_split(sentences=SST2_SENTENCES, words=SST2_WORDS, seed=0):
    """Made-up sentences as long as those of SST-2, their words as frequent as 1 / rank.

    Parameters
    ----------
    sentences, words : int
        How many of them.
    seed : int

    Returns
    -------
    Split
    """
    rng = np.random.default_rng(seed)
    quantiles, lengths = zip(*SST2_QUANTILES.items(), strict=True)
    s = np.rint(np.interp(rng.random(sentences), quantiles, lengths)).astype(np.int32)
    frequency = 1 / np.arange(1, words - 1)
    x = 2 + rng.choice(words - 2, s.sum(), p=frequency / frequency.sum())  # rows 0 and 1 are no words
    y = rng.integers(0, 2, sentences).astype(np.uint8)
    return Split(x.astype(np.min_scalar_type(words)), s, y, np.arange(sentences))


def load_sentences():
    """The training split of data/, or made-up sentences where data/ is empty, with D = 100 vectors.

    Returns
    -------
    name : str
    split : Split
    embeddings : (V, D) numpy.ndarray
        Random where data/ has none of 100 dimensions: no speed depends on their values.
    """
    name, split, embeddings = f"made-up, lengths as in SST-2, {SST2_WORDS:,} words", None, None
    if artefacts.data_path("dataset.json").exists():
        data = artefacts.load_data()
        name, split, embeddings = data.manifest["dataset"]["name"], data.splits["train"], data.embeddings
    else:
        split = draw_split()
    if embeddings is None or embeddings.shape[1] != DIMENSIONS:
        words = SST2_WORDS if embeddings is None else len(embeddings)
        embeddings = 0.4 * np.random.default_rng(0).standard_normal((words, DIMENSIONS))
        embeddings[artefacts.PADDING] = 0
    return name, split, np.array(embeddings, np.float32)


def cut_batches(split, batch_size, count):
    """The first `count` full batches of a shuffled epoch, and how many batches the epoch has."""
    batches = shuffled_batches(split, batch_size, np.random.default_rng(0))
    full = [rows for rows in batches.rows if len(rows) == batch_size][:count]
    if not full:
        raise StudyError(
            f"data/ has {len(split.s)} training sentences, less than one batch of {batch_size}: preprocess a "
            "larger dataset, or empty data/ to time made-up sentences"
        )
    epoch_batches, batches.rows = len(batches), full
    return list(batches), epoch_batches


def pad(batch):
    """A packed batch with its sentences side by side, padded by row 0.

    Parameters
    ----------
    batch : scripts.dataset.Batch

    Returns
    -------
    ids : (T, B) integers
    lengths : (B,) integers

    Examples
    --------
    ``a d f | b e | c`` becomes ``a d f``, ``b e 0``, ``c 0 0``, with lengths 3, 2, 1.
    """
    running = np.arange(batch.batch_sizes[0]) < np.asarray(batch.batch_sizes)[:, None]  # (T, B)
    ids = np.full(running.shape, artefacts.PADDING, np.int32)
    ids[running] = batch.ids
    return ids, running.sum(0)


# Our side and the peers: each has library, variant, threads, and the methods of Own -------------------------


class Own:
    """The project's model, in its own training loop, on one BLAS thread."""

    library, variant, threads = OWN, "packed", 1

    def __init__(self, kind, model):
        self.loop, self.model = LOOPS[kind], model
        self.evaluation = sys.modules[self.loop.__module__].evaluate
        self.optimizer = Adam(model.theta, LR, clip_norm=CLIP_NORM, beta1=BETA1, beta2=BETA2, epsilon=EPSILON)

    def running(self):
        """A context in which this contender has its threads."""
        return threadpool_limits(self.threads, user_api="blas")

    def prepare(self, batches):
        """The batches in the form that the other two methods take."""
        return batches

    def train(self, batches):
        """One step of training a batch."""
        ids, _, y, rows = batches[0]
        one_word = Batch(ids[:1], np.array([1]), y[:1], rows[:1])  # the loop wants something to validate on
        epoch = self.loop(
            self.model, lambda _: batches, [one_word], self.optimizer, epochs=1, first_epoch=1, progress=False
        )
        for _ in epoch:
            pass

    def evaluate(self, batches):
        """Mean loss over all sentences of some batches, no gradients computed."""
        return self.evaluation(self.model, batches)[0]


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

    library, variant, threads = "JAX", "padded", None

    def __init__(self, kind, model):
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
        return [tuple(map(self.np.array, (*pad(batch), batch.y.astype(np.float32)))) for batch in batches]

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

    def evaluate(self, batches):
        """Mean loss over all sentences of some batches, no gradients computed."""
        results = [self.measure(self.state[0], self.embeddings, *batch) for batch in batches]
        sizes = [len(batch[-1]) for batch in batches]
        return float(np.average([loss for loss, _ in self.jax.device_get(results)], weights=sizes))


def torch_peers(kind, model):
    """PyTorch packed and padded, on 1 and 2 threads."""
    return [TorchPeer(kind, model, packed, threads) for packed in (True, False) for threads in TORCH_THREADS]


def jax_peers(kind, model):
    """JAX padded."""
    return [JaxPeer(kind, model)]


PEERS = {"PyTorch": ("torch", torch_peers), "JAX": ("jax", jax_peers)}  # module, how to build them


def find_peers(peers=PEERS):
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


# Measurements ---------------------------------------------------------------------------------------------


def compare(contenders, batches, repetitions, clock=time.perf_counter):
    """Time contenders, the first of which is ours, on the same batches, in turns.

    Parameters
    ----------
    contenders : list
        :class:`Own` and its like.
    batches : list of scripts.dataset.Batch
    repetitions : int
    clock : callable
        Seconds now.

    Returns
    -------
    list of dict
        ``results`` of the JSON, less ``epoch_seconds``.
    """
    results, timed, reference = [], [], None
    for contender in contenders:
        prepared = contender.prepare(batches)
        started = clock()
        with contender.running():
            losses = losses_after_training(contender, prepared[:STEPS])
        reference = losses if reference is None else reference
        result = describe(contender) | check_agreement(losses, reference)
        results.append(result)
        if not result["refused"]:
            with contender.running():
                contender.train(prepared)
                contender.evaluate(prepared)
            result["first_seconds"] = clock() - started
            result |= {task: {"seconds": []} for task in TASKS}
            timed.append((contender, prepared, result))
    for _ in range(repetitions):
        for contender, prepared, result in timed:
            time_once(contender, prepared, result, clock)
    for _, _, result in timed:
        for task in TASKS:
            result[task]["median"] = median(result[task]["seconds"])
    return results


def losses_after_training(contender, prepared):
    """Mean loss of each batch after 20 steps of training, one a batch (from the first again, where fewer)."""
    contender.train((prepared * STEPS)[:STEPS])
    return np.array([contender.evaluate([batch]) for batch in prepared])


def check_agreement(losses, reference):
    """Whether the losses of a peer are ours, up to rounding.

    Parameters
    ----------
    losses, reference : (n,) numpy.ndarray
        Mean loss of each batch after 20 steps: the peer's, and ours.

    Returns
    -------
    dict
        ``difference``, the largest; ``refused``, None or the reason.
    """
    difference = float(np.abs(losses - reference).max())
    if difference <= TOLERANCE:  # False for NaN
        return {"difference": difference, "refused": None}
    return {
        "difference": difference if np.isfinite(difference) else None,
        "refused": f"after {STEPS} steps its losses differ from ours by {difference:.1e}, more than "
        f"{TOLERANCE:g}: it computes something else",
    }


def describe(contender):
    """What a result says of its contender."""
    return {"library": contender.library, "variant": contender.variant, "threads": contender.threads}


def time_once(contender, prepared, result, clock):
    """Append the seconds of one training and one inference pass to a result."""
    with contender.running():
        for task, act in zip(TASKS, (contender.train, contender.evaluate), strict=True):
            started = clock()
            act(prepared)
            result[task]["seconds"].append(clock() - started)


def fastest(results, library, task):
    """The result of a library's fastest variant, or None where none was timed."""
    timed = [result for result in results if result["library"] == library and not result["refused"]]
    return min(timed, key=lambda result: result[task]["median"], default=None)


def ratios(results):
    """Our median ÷ that of the fastest variant of each library, task by task."""
    libraries = dict.fromkeys(result["library"] for result in results if result["library"] != OWN)
    table = {task: {} for task in TASKS}
    for task in TASKS:
        own = fastest(results, OWN, task)[task]["median"]
        for library in libraries:
            if peer := fastest(results, library, task):
                table[task][library] = own / peer[task]["median"]
    return table


def measure_size(kind, H, B, builders, split, embeddings, count, repetitions, clock=time.perf_counter):
    """One entry of ``sizes`` of the JSON.

    Parameters
    ----------
    kind : {"rnn", "lstm"}
    H, B : int
        Units, and sentences a batch.
    builders : dict
        As :func:`find_peers` gives them.
    split : Split
    embeddings : (V, D) numpy.ndarray
    count : int
        How many batches are timed, at most.
    repetitions : int
    clock : callable

    Returns
    -------
    dict
    """
    batches, epoch_batches = cut_batches(split, B, count)
    settings = check_settings(kind, {"hidden_size": H, "input_dropout": 0.0, "state_dropout": 0.0})
    model = build_model(kind, settings, embeddings)
    peers = [peer for build in builders.values() for peer in build(kind, model)]
    before = other_seconds()
    started = time.perf_counter()
    results = compare([Own(kind, model), *peers], batches, repetitions, clock)
    after, wall = other_seconds(), time.perf_counter() - started
    for result in results:
        for task in TASKS if not result["refused"] else ():
            result[task]["epoch_seconds"] = result[task]["median"] * epoch_batches / len(batches)
    return {
        "model": kind,
        "hidden_size": H,
        "batch_size": B,
        "batches": len(batches),
        "epoch_batches": epoch_batches,
        "others": None if before is None else round(max(0.0, after - before) / wall, 3),
        "results": results,
        "ratios": ratios(results),
    }


def timed_batches(H, B, count):
    """How many batches are timed: `count` up to H = 64 and batch 64, fewer of larger ones, at least 20."""
    return max(STEPS, count * 64 * 64 // (max(H, 64) * max(B, 64)))


def other_seconds():
    """Seconds that all cores together were busy for other processes since the start; None if not Linux."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return None
    user, nice, system, _, _, irq, softirq, steal = map(int, stat.read_text().split()[1:9])
    busy = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
    return busy - sum(os.times()[:4])


def load_average():
    """Load average of the last minute, or None where the system has none."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def cpu_name():
    """The name of the CPU."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


# The whole ------------------------------------------------------------------------------------------------


def benchmark(quick=False, repetitions=None, sizes=None, batches=None, peers=PEERS):
    """Time both models at all sizes, write the JSON after each, and print the tables.

    Parameters
    ----------
    quick : bool
        H = 64 and batch 64 alone, with fewer batches.
    repetitions, batches : int, optional
        By default 5 of 200 batches, and of 100 where quick; of large sizes fewer are timed.
    sizes : list of (int, int), optional
        H and batch size of each.
    peers : dict
        As ``PEERS``.

    Returns
    -------
    dict
        What was written.
    """
    repetitions = repetitions or REPETITIONS
    sizes = sizes or (QUICK_SIZES if quick else SIZES)
    batches = batches or (QUICK_BATCHES if quick else BATCHES)
    load_before = load_average()
    builders, versions, skipped = find_peers(peers)
    for library, why in skipped.items():
        print(f"{library} is skipped, {why}.")
    name, split, embeddings = load_sentences()
    record = describe_run(versions, repetitions, load_before, skipped)
    record["data"] |= {"name": name, "sentences": len(split.s), "tokens": len(split.x)}
    record["data"] |= dict(zip(("vocabulary", "dimensions"), embeddings.shape, strict=True))
    path = artefacts.assets_path("benchmarks", f"{record['date']}{'-quick' if quick else ''}.json")
    rows = [(kind, H, B) for kind in LOOPS for H, B in sizes]
    for kind, H, B in (bar := tqdm(rows, "benchmark", unit="size", leave=False)):
        bar.set_postfix_str(f"{kind.upper()}, H={H}, batch {B}")
        count = timed_batches(H, B, batches)
        record["sizes"].append(measure_size(kind, H, B, builders, split, embeddings, count, repetitions))
        record["machine"]["load_after"] = load_average()
        artefacts.write_json(path, record)
    print(summarise(record), f"\nWritten to {path}.")
    return record


def describe_run(versions, repetitions, load_before, skipped):
    """The JSON before anything is measured."""
    return {
        "format_version": artefacts.FORMAT_VERSION,
        "benchmark": "training and inference",
        "date": datetime.date.today().isoformat(),
        "versions": {"python": platform.python_version(), "numpy": np.__version__, **versions},
        "machine": {"cpu": cpu_name(), "cores": os.cpu_count(), "load_before": load_before},
        "data": {},
        "settings": {
            "lr": LR,
            "clip_norm": CLIP_NORM,
            "beta1": BETA1,
            "beta2": BETA2,
            "epsilon": EPSILON,
            "repetitions": repetitions,
            "agreement_steps": STEPS,
            "tolerance": TOLERANCE,
            "threads": {OWN: 1, "PyTorch": list(TORCH_THREADS), "JAX": "XLA's own choice"},
        },
        "skipped": skipped,
        "sizes": [],
    }


def summarise(record):
    """The tables, in Markdown, and under which circumstances they were measured."""
    machine, data = record["machine"], record["data"]
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    busy = [size["others"] for size in record["sizes"] if size["others"] is not None]
    lines = [
        f"{machine['cpu']}, {machine['cores']} cores; {versions}; {data['name']}, D = {data['dimensions']}.",
        f"Medians of {record['settings']['repetitions']} repetitions. Load average {machine['load_before']} "
        f"before (other processes), {machine['load_after']} at the end (with this one)"
        + (f"; others kept {min(busy):.2f} to {max(busy):.2f} cores busy meanwhile." if busy else "."),
        "One BLAS thread on our side; PyTorch on 1 and 2 threads, packed and padded, the fastest counts; "
        "JAX padded, on XLA's own threads, its compilation left out.",
        "Seconds an epoch, scaled from the share of its batches that was timed.",
    ]
    for task in TASKS:
        lines += ["", *task_table(record["sizes"], task)]
    lines += [
        f"\nRefused: {result['library']} {result['variant']} ({size['model'].upper()}, "
        f"H = {size['hidden_size']}, batch {size['batch_size']}): {result['refused']}."
        for size in record["sizes"]
        for result in size["results"]
        if result["refused"]
    ]
    return "\n".join(lines)


def task_table(sizes, task):
    """One table: our seconds an epoch, those of each library's fastest variant, and the ratios."""
    libraries = list(dict.fromkeys(r["library"] for size in sizes for r in size["results"][1:]))
    heads = [head for library in libraries for head in (f"{library} s", f"own ÷ {library}")]
    head = [f"{task}: model", "H", "batch", "timed", "own s", *heads]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for size in sizes:
        share = f"{size['batches']} of {size['epoch_batches']}"
        cells = [size["model"].upper(), size["hidden_size"], size["batch_size"], share]
        cells.append(f"{size['results'][0][task]['epoch_seconds']:.2f}")
        for library in libraries:
            cells += library_cells(size, library, task)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def library_cells(size, library, task):
    """Seconds and variant of a library's fastest, and our ratio to it."""
    peer = fastest(size["results"], library, task)
    if peer is None:
        return ["refused", "–"]
    threads = f" × {peer['threads']}" if peer["threads"] else ""
    seconds = f"{peer[task]['epoch_seconds']:.2f} ({peer['variant']}{threads})"
    return [seconds, f"{size['ratios'][task][library]:.2f}"]


def main(arguments=None):
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="Speed of both models beside PyTorch and JAX.")
    parser.add_argument("--quick", action="store_true", help="H = 64, batch 64 alone, fewer batches")
    parser.add_argument(
        "--repetitions",
        type=int,
        help=f"whose medians are compared (default: {REPETITIONS})",
    )
    given = parser.parse_args(arguments)
    if given.repetitions is not None and given.repetitions < 1:
        raise StudyError(f"--repetitions {given.repetitions} is too few: give a whole number, 1 or more")
    benchmark(given.quick, given.repetitions)


if __name__ == "__main__":
    artefacts.errors_in_one_line()
    main()
