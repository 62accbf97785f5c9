"""The benchmark of training: turns, agreement, refusals; no test depends on speed."""

import itertools
from contextlib import nullcontext

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from scripts.benchmarks import peers, training
from scripts.benchmarks.peers import Own, pad
from scripts.benchmarks.training import (
    TOLERANCE,
    compare,
    cut_batches,
    draw_split,
    fastest,
    losses_after_training,
    plain_model,
    refusal,
)
from scripts.files.errors import UserError
from scripts.text.batches import Batch
from tests.conftest import make_split
from tests.helpers import unpadded


class Twin(Own):
    """A library that computes what our side computes."""

    library, variant, threads = "Twin", "plain", None


class Wrong(Twin):
    """A library that computes something else: its loss is a little too large."""

    library = "Wrong"

    def evaluate(self, batches):
        return super().evaluate(batches) + 2 * TOLERANCE


class Diverging(Twin):
    """A library whose loss is no number."""

    library = "Diverging"

    def evaluate(self, batches):
        return np.nan


def build(kind, contender=Own, H=4):
    embeddings = np.random.default_rng(0).standard_normal((30, 6))
    return contender(kind, plain_model(kind, H, embeddings))


def point_of(kind, batches=2):
    return {"model": kind, "hidden_size": 4, "batch_size": 16, "batches": batches}


@pytest.fixture
def batches():
    """Six batches of 16 sentences."""
    return cut_batches(make_split(np.random.default_rng(0), 100, longest=9), 16, 6)[0]


@pytest.fixture
def ticking(monkeypatch):
    """A clock that is one second further whenever it is read."""
    monkeypatch.setattr(training, "clock", itertools.count().__next__)


@pytest.fixture
def made_up(study_root, monkeypatch):
    """An empty data/, and few made-up sentences in its place; no other library."""
    monkeypatch.setattr(training, "SST2_SENTENCES", 200)
    monkeypatch.setattr(training, "PEERS", {})


# Turns ----------------------------------------------------------------------------------------------------


def test_contenders_take_turns_and_are_timed_equally_often(kind, batches, ticking):
    order = []

    class Noted(Twin):
        def train(self, batches):
            order.append((self.library, len(batches)))
            super().train(batches)

    class Other(Noted):
        library = "Other"

    contenders = [build(kind, Noted), build(kind, Other)]
    results = compare(contenders, batches * 4, 0.25, 3)
    turn_of = [[(name, training.WARM), (name, 24)] for name in ("Twin", "Other")]
    assert order[-12:] == (turn_of[0] + turn_of[1]) * 3  # the first batches go before the clock
    for result in results:
        assert result["refused"] is None
        assert result["seconds"] == 4  # a quarter takes a tick


def test_own_side_trains_one_step_per_batch_without_dropout(kind, batches):
    own = build(kind)
    own.train(batches)
    assert own.optimizer.k == len(batches)
    assert own.model.input_dropout == own.model.state_dropout == 0
    assert own.optimizer.clip_norm == 1


def test_ours_is_timed_in_one_process_and_in_two_on_one_thread_each(made_up, kind, monkeypatch):
    def threads():
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    seen, train = set(), Own.train

    def watched(self, batches):
        seen.add((self.variant, frozenset(threads())))
        train(self, batches)

    with threadpool_limits(2):
        if threads() != {2}:
            pytest.skip("the number of threads of this BLAS can't be chosen")
    monkeypatch.setattr(Own, "train", watched)
    entry = training.measure(point_of(kind), 1)
    assert seen == {("one process", frozenset({1})), ("two processes", frozenset({1}))}
    assert not any(result["refused"] for result in entry["results"])


def test_seconds_are_scaled_to_an_epoch(made_up, ticking, kind, monkeypatch):
    monkeypatch.setattr(training, "OWN_VARIANTS", [Own, Twin, Wrong])
    entry = training.measure(point_of(kind), 2)
    assert (entry["batches"], entry["epoch_batches"]) == (2, 13)
    own, twin, wrong = entry["results"]
    assert wrong["refused"]
    for result in (own, twin):
        assert result["seconds"] == pytest.approx(13 / 2)
        assert result["first_seconds"] > 0


# Agreement ------------------------------------------------------------------------------------------------


def test_a_wrong_library_is_refused_and_not_timed(kind, batches):
    contenders = [build(kind, contender) for contender in (Own, Wrong, Diverging, Twin)]
    own, wrong, diverging, twin = compare(contenders, batches, 1, 1)
    assert own["refused"] is twin["refused"] is None
    assert "after 20 steps its losses differ from ours by 2.0e-04, more than 0.0001" in wrong["refused"]
    assert "nan" in diverging["refused"]
    assert not {"seconds", "first_seconds"} & (wrong.keys() | diverging.keys())


def test_other_initial_weights_are_noticed(kind, batches):
    other = build(kind, Twin)
    other.model.theta[:] *= 1.05
    assert compare([build(kind), other], batches, 1, 1)[1]["refused"]


@pytest.mark.parametrize("steps", [6, 20, 50])
def test_losses_are_compared_after_twenty_steps(steps):
    class Counting:
        steps = 0

        def train(self, batches):
            self.steps += len(batches)

        def evaluate(self, batches):
            return batches[0]

        def running(self):
            return nullcontext()

    counting = Counting()
    losses = losses_after_training(counting, list(range(steps))[: training.STEPS])
    assert counting.steps == 20
    assert losses.tolist() == list(range(min(steps, 20)))


@pytest.mark.parametrize("module", ["torch", "jax"])
def test_libraries_agree_and_leave_our_model_alone(kind, module, batches):
    pytest.importorskip(module)
    own = build(kind)
    theta = own.model.theta.copy()
    contenders = peers.PEERS[module](kind, own.model)
    np.testing.assert_array_equal(own.model.theta, theta)
    reference = losses_after_training(own, batches[:2])
    trained = own.model.theta.copy()
    for contender in contenders:
        losses = losses_after_training(contender, contender.prepare(batches[:2]))
        assert refusal(losses, reference) is None
    np.testing.assert_array_equal(own.model.theta, trained)


# Sentences ------------------------------------------------------------------------------------------------


def test_padding():
    batch = Batch(np.array([7, 4, 6, 8, 5, 9]), np.array([3, 2, 1]), np.zeros(3), np.arange(3))
    ids, lengths = pad(batch)
    assert ids.tolist() == [[7, 4, 6], [8, 5, 0], [9, 0, 0]]
    assert lengths.tolist() == [3, 2, 1]


def test_made_up_sentences_are_as_long_as_those_of_sst2():
    x, s, y, _ = draw_split()
    assert len(x) == s.sum()
    assert (s.min(), s.max()) == (1, 52)
    assert s.mean() == pytest.approx(9.3, abs=0.5)
    assert np.quantile(s, [0.25, 0.5, 0.75, 0.95]).tolist() == pytest.approx([3, 7, 13, 26], abs=1)
    assert x.min() >= 2
    assert x.max() < training.SST2_WORDS
    assert set(y) == {0, 1}


def test_only_full_batches_are_timed_and_all_are_counted():
    split = make_split(np.random.default_rng(0), 100)
    batches, epoch_batches = cut_batches(split, 16, 50)
    assert epoch_batches == 7
    assert [len(batch.y) for batch in batches] == [16] * 6
    with pytest.raises(UserError, match="a batch of 128 is larger than the 100 sentences of an epoch"):
        cut_batches(split, 128, 50)


def test_fewer_batches_of_larger_sizes():
    points = training.points(False, [(32, 64), (64, 64), (128, 64), (64, 256), (512, 256)])
    assert [point["batches"] for point in points[::2]] == [200, 200, 100, 50, training.STEPS]
    assert [point["model"] for point in points[:2]] == ["rnn", "lstm"]


# Tables ---------------------------------------------------------------------------------------------------


def result(library, seconds, variant="packed", threads=None, refused=None):
    found = {"library": library, "variant": variant, "threads": threads, "refused": refused}
    return found if refused else found | {"seconds": 2 * seconds, "first_seconds": 30.2}


def test_the_fastest_variant_that_was_not_refused_counts():
    results = [
        result("own", 3.0),
        result("PyTorch", 6.0, threads=1),
        result("PyTorch", 5.0, threads=2),
        result("PyTorch", 0, refused="wrong"),
    ]
    assert fastest(results, "PyTorch") is results[2]
    assert fastest(results, "PyTorch", threads=1) is results[1]
    assert fastest(results[3:], "PyTorch") is None


def test_tables_show_seconds_variants_ratios_and_refusals():
    results = [
        result("own", 3.0, "one process", 1),
        result("own", 1.0, "two processes", 1),
        result("PyTorch", 6.0, "packed × 2", threads=2),
        result("PyTorch", 7.5, threads=1),
        result("JAX", 4.0, "buckets"),
        result("JAX", 0, "padded", refused="its losses differ"),
    ]
    entry = {"model": "lstm", "hidden_size": 64, "batch_size": 32, "batches": 5, "epoch_batches": 10}
    refused = [*results[:4], result("JAX", 0, refused="it computes something else")]
    text = unpadded("\n".join(training.tables([entry | {"results": each} for each in (results, refused)])))
    assert (
        "| model | H | batch | timed | one process, s | two processes, s "
        "| PyTorch, s | one process ÷ PyTorch | two processes ÷ PyTorch "
        "| one process ÷ PyTorch, one thread each "
        "| JAX, s | one process ÷ JAX | two processes ÷ JAX | JAX, first pass, s |"
    ) in text
    own = "| LSTM | 64 | 32 | 5 of 10 | 6.00 | 2.00 | 12.00 (packed × 2) | 0.50 | 0.17 | 0.40 "
    assert f"{own}| 8.00 (buckets) | 0.75 | 0.25 | 30 |" in text
    assert f"{own}| refused | – | – | – |" in text
    assert "Refused: JAX padded (LSTM, H 64, batch 32): its losses differ." in text
