"""The benchmark's arithmetic and its refusals; no test depends on how fast anything is."""

import datetime
import itertools
import json

import numpy as np
import pytest

from scripts import artefacts, benchmark
from scripts.artefacts import StudyError
from scripts.dataset import Batch
from scripts.experiment import build_model, check_settings
from tests.conftest import make_split, write_data

SIZES = [(4, 16)]  # H, B


def ticking():
    """A clock that is one second further whenever it is read."""
    ticks = itertools.count()
    return lambda: next(ticks)


class Twin(benchmark.Own):
    """A peer that computes what our side computes."""

    library, variant, threads = "Twin", "plain", None


class Wrong(Twin):
    """A peer that computes something else: its loss is a little too large."""

    library = "Wrong"

    def evaluate(self, batches):
        return super().evaluate(batches) + 2 * benchmark.TOLERANCE


class Diverging(Twin):
    """A peer whose loss is no number."""

    library = "Diverging"

    def evaluate(self, batches):
        return np.nan


def peers_of(*classes):
    """As ``benchmark.PEERS``; the module of each is one that is always there."""

    def builder(contender):
        return lambda kind, model: [contender(kind, small_model(kind, D=model.D, H=model.H, like=model))]

    return {contender.library: ("numpy", builder(contender)) for contender in classes}


def small_model(kind, D=6, H=4, like=None):
    settings = check_settings(kind, {"hidden_size": H, "input_dropout": 0.0, "state_dropout": 0.0})
    rng = np.random.default_rng(0)
    embeddings = rng.standard_normal((30, D)) if like is None else like.embeddings
    return build_model(kind, settings, embeddings)


@pytest.fixture
def batches():
    """Six batches of 16 sentences."""
    return benchmark.cut_batches(make_split(np.random.default_rng(0), 100, longest=9), 16, 6)[0]


@pytest.fixture
def made_up(study_root, monkeypatch):
    """An empty data/, and few made-up sentences in its place."""
    draw = benchmark.draw_split
    monkeypatch.setattr(benchmark, "draw_split", lambda: draw(200))


def result(library, training, inference, refused=None, variant="packed"):
    timed = {"training": {"median": training}, "inference": {"median": inference}}
    return {"library": library, "variant": variant, "threads": 1, "refused": refused} | (
        {} if refused else timed
    )


# Ratios ---------------------------------------------------------------------------------------------------


def test_ratio_is_to_the_fastest_variant_of_each_task():
    results = [
        result("own", 3.0, 1.0),
        result("PyTorch", 6.0, 5.0),
        result("PyTorch", 8.0, 4.0, variant="padded"),
        result("JAX", 2.0, 2.0),
    ]
    assert benchmark.ratios(results) == {
        "training": {"PyTorch": 0.5, "JAX": 1.5},
        "inference": {"PyTorch": 0.25, "JAX": 0.5},
    }


def test_refused_variants_count_for_nothing():
    results = [result("own", 3.0, 1.0), result("PyTorch", 6.0, 5.0), result("PyTorch", 0, 0, "wrong")]
    assert benchmark.ratios(results)["training"] == {"PyTorch": 0.5}
    assert benchmark.ratios([results[0], results[2]])["training"] == {}


# Agreement ------------------------------------------------------------------------------------------------


def test_contenders_take_turns_and_are_timed_equally_often(kind, batches):
    order = []

    class Noted(Twin):
        def train(self, batches):
            order.append(self.library)
            super().train(batches)

    class Other(Noted):
        library = "Other"

    contenders = [cls(kind, small_model(kind)) for cls in (Noted, Other)]
    results = benchmark.compare(contenders, batches, repetitions=3, clock=ticking())
    assert order[-6:] == ["Twin", "Other"] * 3
    for timed in results:
        assert timed["refused"] is None
        assert timed["difference"] == 0
        for task in benchmark.TASKS:
            assert timed[task] == {"seconds": [1, 1, 1], "median": 1}


def test_wrong_peer_is_refused_and_not_timed(kind, batches):
    contenders = [cls(kind, small_model(kind)) for cls in (benchmark.Own, Wrong, Diverging, Twin)]
    own, wrong, diverging, twin = benchmark.compare(contenders, batches, repetitions=1, clock=ticking())
    assert own["refused"] is twin["refused"] is None
    assert wrong["difference"] == pytest.approx(2 * benchmark.TOLERANCE)
    assert "2.0e-04, more than 0.0001" in wrong["refused"]
    assert diverging["difference"] is None
    assert "nan" in diverging["refused"]
    assert not {*benchmark.TASKS, "first_seconds"} & (wrong.keys() | diverging.keys())


def test_other_initial_weights_are_noticed(kind, batches):
    other = small_model(kind)
    other.theta[:] *= 1.05
    contenders = [benchmark.Own(kind, small_model(kind)), Twin(kind, other)]
    assert benchmark.compare(contenders, batches, repetitions=1)[1]["refused"]


@pytest.mark.parametrize("steps", [6, 20, 50])
def test_losses_are_compared_after_twenty_steps(steps):
    class Counting:
        steps = 0

        def train(self, batches):
            self.steps += len(batches)

        def evaluate(self, batches):
            return batches[0]

    counting = Counting()
    losses = benchmark.losses_after_training(counting, list(range(steps))[: benchmark.STEPS])
    assert counting.steps == 20
    assert losses.tolist() == list(range(min(steps, 20)))


@pytest.mark.parametrize("library", ["PyTorch", "JAX"])
def test_peers_agree_and_leave_our_model_alone(kind, library, batches):
    module, build = benchmark.PEERS[library]
    pytest.importorskip(module)
    model = small_model(kind)
    theta = model.theta.copy()
    peers = build(kind, model)
    reference = benchmark.losses_after_training(benchmark.Own(kind, small_model(kind)), batches[:2])
    for peer in peers:
        with peer.running():
            losses = benchmark.losses_after_training(peer, peer.prepare(batches[:2]))
        assert benchmark.check_agreement(losses, reference)["refused"] is None
    np.testing.assert_array_equal(model.theta, theta)


def test_own_side_trains_one_step_a_batch_without_dropout(kind, batches):
    own = benchmark.Own(kind, small_model(kind))
    own.train(batches)
    assert own.optimizer.k == len(batches)
    assert own.model.input_dropout == own.model.state_dropout == 0
    assert own.optimizer.clip_norm == 1


# Sentences ------------------------------------------------------------------------------------------------


def test_padding_and_its_lengths():
    batch = Batch(np.array([7, 4, 6, 8, 5, 9]), np.array([3, 2, 1]), np.zeros(3), np.arange(3))
    ids, lengths = benchmark.pad(batch)
    assert ids.tolist() == [[7, 4, 6], [8, 5, 0], [9, 0, 0]]
    assert lengths.tolist() == [3, 2, 1]


def test_made_up_sentences_are_as_long_as_those_of_sst2():
    x, s, y, _ = benchmark.draw_split(20_000)
    assert len(x) == s.sum()
    assert (s.min(), s.max()) == (1, 52)
    assert s.mean() == pytest.approx(9.3, abs=0.5)
    assert np.quantile(s, [0.25, 0.5, 0.75, 0.95]).tolist() == pytest.approx([3, 7, 13, 26], abs=1)
    assert x.min() >= 2
    assert x.max() < benchmark.SST2_WORDS
    assert set(y) == {0, 1}


def test_sentences_come_from_data_where_it_is_filled(data):
    name, split, embeddings = benchmark.load_sentences()
    assert name == "made-up"
    assert len(split.s) == 200
    assert embeddings.shape == (30, 100)  # data/ has vectors of 6


def test_vectors_of_100_dimensions_are_used_as_they_are(study_root):
    data = write_data(D=100)
    np.testing.assert_array_equal(benchmark.load_sentences()[2], data.embeddings)


def test_only_full_batches_are_timed_and_all_are_counted():
    split = make_split(np.random.default_rng(0), 100)
    batches, epoch_batches = benchmark.cut_batches(split, 16, 50)
    assert epoch_batches == 7
    assert [len(batch.y) for batch in batches] == [16] * 6
    with pytest.raises(StudyError, match="100 training sentences, less than one batch of 128"):
        benchmark.cut_batches(split, 128, 50)


def test_fewer_batches_of_larger_sizes():
    counts = [benchmark.timed_batches(H, B, 200) for H, B in [(32, 64), (64, 64), (128, 64), (64, 256)]]
    assert counts == [200, 200, 100, 50]
    assert benchmark.timed_batches(512, 256, 200) == benchmark.STEPS


# The whole ------------------------------------------------------------------------------------------------


def test_missing_peers_are_skipped_and_said_so(made_up, capsys):
    peers = {"Nothing": ("no_such_module_anywhere", None)} | peers_of(Twin)
    record = benchmark.benchmark(repetitions=1, sizes=SIZES, batches=2, peers=peers)
    out = capsys.readouterr().out
    assert "Nothing is skipped, not installed" in out
    assert "pip install no_such_module_anywhere" in out
    assert record["skipped"].keys() == {"Nothing"}
    assert {r["library"] for size in record["sizes"] for r in size["results"]} == {"own", "Twin"}


def test_without_peers_our_own_seconds_remain(made_up, capsys):
    record = benchmark.benchmark(repetitions=1, sizes=SIZES, batches=2, peers={})
    assert record["sizes"][0]["ratios"] == {"training": {}, "inference": {}}
    assert "| RNN | 4 | 16 | 12 of 13 |" in capsys.readouterr().out


@pytest.mark.parametrize(("quick", "suffix"), [(False, ""), (True, "-quick")])
def test_json_holds_what_was_measured(made_up, quick, suffix):
    record = benchmark.benchmark(quick, repetitions=2, sizes=SIZES, batches=2, peers=peers_of(Twin, Wrong))
    path = artefacts.assets_path("benchmarks", f"{datetime.date.today().isoformat()}{suffix}.json")
    assert json.loads(path.read_text()) == record
    assert record["data"]["dimensions"] == 100
    assert record["settings"]["repetitions"] == 2
    assert {"cpu", "cores", "load_before", "load_after"} == record["machine"].keys()
    assert {"python", "numpy"} <= record["versions"].keys()
    assert [size["model"] for size in record["sizes"]] == ["rnn", "lstm"]
    for size in record["sizes"]:
        own, twin, wrong = size["results"]
        assert wrong["refused"]
        assert size["others"] is None or size["others"] >= 0
        for task in benchmark.TASKS:
            assert len(own[task]["seconds"]) == len(twin[task]["seconds"]) == 2
            scale = size["epoch_batches"] / size["batches"]
            assert own[task]["epoch_seconds"] == pytest.approx(own[task]["median"] * scale)
            ratio = own[task]["median"] / twin[task]["median"]
            assert size["ratios"][task] == {"Twin": pytest.approx(ratio)}


def test_tables_name_seconds_variants_ratios_and_refusals():
    own, peer = result("own", 3.0, 1.0), result("PyTorch", 6.0, 4.0)
    for entry, task in itertools.product((own, peer), benchmark.TASKS):
        entry[task]["epoch_seconds"] = 2 * entry[task]["median"]
    results = [own, peer, result("JAX", 0, 0, refused="it computes something else", variant="padded")]
    size = {"model": "lstm", "hidden_size": 64, "batch_size": 32, "batches": 5, "epoch_batches": 10}
    size |= {"others": 0.25, "results": results, "ratios": benchmark.ratios(results)}
    record = benchmark.describe_run({"torch": "2"}, 5, 0.5, {}) | {"sizes": [size]}
    record["machine"]["load_after"] = 1.5
    record["data"] |= {"name": "sst2", "dimensions": 100}
    text = benchmark.summarise(record)
    assert "| LSTM | 64 | 32 | 5 of 10 | 6.00 | 12.00 (packed × 1) | 0.50 | refused | – |" in text
    assert "| LSTM | 64 | 32 | 5 of 10 | 2.00 | 8.00 (packed × 1) | 0.25 | refused | – |" in text
    assert "Refused: JAX padded (LSTM, H = 64, batch 32): it computes something else." in text
    assert "Load average 0.5 before" in text
    assert "0.25 to 0.25 cores" in text


def test_no_repetitions_is_one_clear_line(study_root):
    with pytest.raises(StudyError, match="--repetitions 0 is too few"):
        benchmark.main(["--repetitions", "0"])
