"""The benchmark's arithmetic and its refusals; no test depends on how fast anything is."""

import datetime
import itertools
import json

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from scripts import benchmark
from scripts.benchmarks import peers as benchmark_peers
from scripts.benchmarks import training as benchmark_training
from scripts.benchmarks.tables import tables
from scripts.files.errors import UserError
from scripts.files.paths import assets_path
from scripts.files.storage import write_json
from scripts.text.batches import Batch
from scripts.training.experiment import build_model
from scripts.training.settings import check_settings
from tests.conftest import make_split, write_data

PLAN = benchmark.QUICK._replace(
    sizes=[(4, 16)],
    recorded=(4, 16),
    glove={300: True, 200: False},
    sentences=[200, 400],
    lengths=[3],
    units=[5],
    batches=2,
    repetitions=2,
    words=50,
)


def ticking():
    """A clock that is one second further whenever it is read."""
    ticks = itertools.count()
    return lambda: next(ticks)


class Twin(benchmark_peers.Own):
    """A peer that computes what our side computes."""

    library, variant, threads = "Twin", "plain", None


class Wrong(Twin):
    """A peer that computes something else: its loss is a little too large."""

    library = "Wrong"

    def evaluate(self, batches):
        return super().evaluate(batches) + 2 * benchmark_training.TOLERANCE


class Diverging(Twin):
    """A peer whose loss is no number."""

    library = "Diverging"

    def evaluate(self, batches):
        return np.nan


def peers_of(*classes):
    """As ``benchmark_peers.PEERS``; the module of each is one that is always there."""

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
    return benchmark_training.cut_batches(make_split(np.random.default_rng(0), 100, longest=9), 16, 6)[0]


@pytest.fixture
def made_up(study_root, monkeypatch):
    """An empty data/, and few made-up sentences in its place; one variant of ours."""
    draw = benchmark_training.draw_split
    monkeypatch.setattr(benchmark_training, "draw_split", lambda *_, seed=0: draw(200, seed=seed))
    monkeypatch.setattr(benchmark_training, "OWN_VARIANTS", [(benchmark_peers.Own, 1)])


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
    results.append(result("own", 1.0, 2.0, variant="2 workers"))
    assert benchmark_training.ratios(results, "training") == {
        "packed": {"PyTorch": 0.5, "JAX": 1.5},
        "2 workers": {"PyTorch": 1 / 6, "JAX": 0.5},
    }
    assert benchmark_training.ratios(results, "inference")["packed"] == {"PyTorch": 0.25, "JAX": 0.5}


def test_of_one_variant_of_ours_the_faster_number_of_threads_counts():
    results = [result("own", 3.0, 1.0), result("own", 2.0, 1.5) | {"threads": 2}, result("PyTorch", 4.0, 2.0)]
    assert benchmark_training.ratios(results, "training") == {"packed": {"PyTorch": 0.5}}
    assert benchmark_training.ratios(results, "inference") == {"packed": {"PyTorch": 0.5}}


def test_refused_variants_count_for_nothing():
    results = [result("own", 3.0, 1.0), result("PyTorch", 6.0, 5.0), result("PyTorch", 0, 0, "wrong")]
    assert benchmark_training.ratios(results, "training") == {"packed": {"PyTorch": 0.5}}
    assert benchmark_training.ratios([results[0], results[2]], "training") == {"packed": {}}


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
    results = benchmark_training.compare(contenders, batches, repetitions=3, clock=ticking(), share=0.25)
    assert order[-12:] == (["Twin"] * 2 + ["Other"] * 2) * 3  # the first batches go before the clock
    for timed in results:
        assert timed["refused"] is None
        assert timed["difference"] == 0
        for task in benchmark_training.TASKS:
            seconds = {"training": 1, "inference": 1 + 0.25}[task]  # a tick an act, and a quarter of once()
            assert timed[task] == {"seconds": [seconds] * 3, "median": seconds}


def test_words_are_projected_once_for_all_batches_and_anew_after_training(kind, batches):
    own = benchmark_peers.Own(kind, small_model(kind))
    projections, inference = [], own.model.inference

    def projecting():
        projections.append(own.model.theta.copy())
        return inference()

    own.model.inference = projecting
    own.once()
    before = own.evaluate(batches), own.evaluate(batches)
    assert len(projections) == 1
    assert before[0] == before[1]
    del own.model.inference  # train() puts one of its own there
    own.train(batches)
    own.model.inference = projecting
    assert own.evaluate(batches) != before[0]
    assert len(projections) == 2


def test_wrong_peer_is_refused_and_not_timed(kind, batches):
    contenders = [cls(kind, small_model(kind)) for cls in (benchmark_peers.Own, Wrong, Diverging, Twin)]
    own, wrong, diverging, twin = benchmark_training.compare(
        contenders, batches, repetitions=1, clock=ticking()
    )
    assert own["refused"] is twin["refused"] is None
    assert wrong["difference"] == pytest.approx(2 * benchmark_training.TOLERANCE)
    assert "2.0e-04, more than 0.0001" in wrong["refused"]
    assert diverging["difference"] is None
    assert "nan" in diverging["refused"]
    assert not {*benchmark_training.TASKS, "first_seconds"} & (wrong.keys() | diverging.keys())


def test_other_initial_weights_are_noticed(kind, batches):
    other = small_model(kind)
    other.theta[:] *= 1.05
    contenders = [benchmark_peers.Own(kind, small_model(kind)), Twin(kind, other)]
    assert benchmark_training.compare(contenders, batches, repetitions=1)[1]["refused"]


@pytest.mark.parametrize("steps", [6, 20, 50])
def test_losses_are_compared_after_twenty_steps(steps):
    class Counting:
        steps = 0

        def train(self, batches):
            self.steps += len(batches)

        def evaluate(self, batches):
            return batches[0]

    counting = Counting()
    losses = benchmark_training.losses_after_training(
        counting, list(range(steps))[: benchmark_training.STEPS]
    )
    assert counting.steps == 20
    assert losses.tolist() == list(range(min(steps, 20)))


@pytest.mark.parametrize("library", ["PyTorch", "JAX"])
def test_peers_agree_and_leave_our_model_alone(kind, library, batches):
    module, build = benchmark_peers.PEERS[library]
    pytest.importorskip(module)
    model = small_model(kind)
    theta = model.theta.copy()
    peers = build(kind, model)
    reference = benchmark_training.losses_after_training(
        benchmark_peers.Own(kind, small_model(kind)), batches[:2]
    )
    for peer in peers:
        with peer.running():
            losses = benchmark_training.losses_after_training(peer, peer.prepare(batches[:2]))
        assert benchmark_training.check_agreement(losses, reference)["refused"] is None
    np.testing.assert_array_equal(model.theta, theta)


def test_own_side_trains_one_step_a_batch_without_dropout(kind, batches):
    own = benchmark_peers.Own(kind, small_model(kind))
    own.train(batches)
    assert own.optimizer.k == len(batches)
    assert own.model.input_dropout == own.model.state_dropout == 0
    assert own.optimizer.clip_norm == 1


# Sentences ------------------------------------------------------------------------------------------------


def test_padding_and_its_lengths():
    batch = Batch(np.array([7, 4, 6, 8, 5, 9]), np.array([3, 2, 1]), np.zeros(3), np.arange(3))
    ids, lengths = benchmark_peers.pad(batch)
    assert ids.tolist() == [[7, 4, 6], [8, 5, 0], [9, 0, 0]]
    assert lengths.tolist() == [3, 2, 1]


def test_made_up_sentences_are_as_long_as_those_of_sst2():
    x, s, y, _ = benchmark_training.draw_split(20_000)
    assert len(x) == s.sum()
    assert (s.min(), s.max()) == (1, 52)
    assert s.mean() == pytest.approx(9.3, abs=0.5)
    assert np.quantile(s, [0.25, 0.5, 0.75, 0.95]).tolist() == pytest.approx([3, 7, 13, 26], abs=1)
    assert x.min() >= 2
    assert x.max() < benchmark_training.SST2_WORDS
    assert set(y) == {0, 1}


def test_sentences_come_from_data_where_it_is_filled(data):
    name, training, validation, embeddings = benchmark_training.load_sentences()
    assert name == "made-up"
    assert (len(training.s), len(validation.s)) == (200, 80)
    assert embeddings.shape == (30, 100)  # data/ has vectors of 6


def test_vectors_of_100_dimensions_are_used_as_they_are(study_root):
    data = write_data(D=100)
    np.testing.assert_array_equal(benchmark_training.load_sentences().embeddings, data.embeddings)


def test_only_full_batches_are_timed_and_all_are_counted():
    split = make_split(np.random.default_rng(0), 100)
    batches, epoch_batches = benchmark_training.cut_batches(split, 16, 50)
    assert epoch_batches == 7
    assert [len(batch.y) for batch in batches] == [16] * 6
    with pytest.raises(UserError, match="100 training sentences, less than one batch of 128"):
        benchmark_training.cut_batches(split, 128, 50)


def test_fewer_batches_of_larger_sizes():
    counts = [
        benchmark_training.timed_batches(H, B, 200) for H, B in [(32, 64), (64, 64), (128, 64), (64, 256)]
    ]
    assert counts == [200, 200, 100, 50]
    assert benchmark_training.timed_batches(512, 256, 200) == benchmark_training.STEPS


def test_padding_to_more_steps_and_round_numbers_of_them():
    batch = Batch(np.array([7, 4, 6]), np.array([2, 1]), np.zeros(2), np.arange(2))
    ids, lengths = benchmark_peers.pad(batch, 4)
    assert ids.tolist() == [[7, 4], [6, 0], [0, 0], [0, 0]]
    assert lengths.tolist() == [2, 1]
    assert [benchmark_peers.bucket(steps) for steps in (1, 7, 8, 9, 10, 23, 25, 52)] == [
        1,
        7,
        8,
        10,
        10,
        24,
        28,
        52,
    ]


# Recording gradients --------------------------------------------------------------------------------------


def test_recording_is_timed_in_turns_with_epochs_without(made_up, kind, monkeypatch):
    order = []
    measure = benchmark_training.measure
    monkeypatch.setattr(benchmark_training, "measure", lambda *given: order.append("on") or measure(*given))
    started = benchmark_training.start_run

    def noted_run(*given):
        model, epochs = started(*given)
        return model, (order.append("epoch") or record for record in epochs)

    monkeypatch.setattr(benchmark_training, "start_run", noted_run)
    point = {"model": kind, "hidden_size": 4, "batch_size": 16}
    sentences = benchmark_training.load_sentences()
    entry = benchmark_training.measure_recording(point, sentences, 3, ticking())
    assert order == ["epoch", "epoch", "on"] * 3
    assert entry["results"] == {name: {"seconds": [1, 1, 1], "median": 1} for name in ("off", "on")}
    assert entry["ratio"] == 1
    assert entry["sentences"] == len(benchmark_training.gradient_rows(sentences.validation.s))


# The whole ------------------------------------------------------------------------------------------------


def measure(sections=("training",), peers=None, plan=PLAN, **options):
    return benchmark.benchmark(plan, sections, peers={} if peers is None else peers, **options)


def todays_file(suffix=""):
    return assets_path("benchmarks", f"{datetime.date.today().isoformat()}{suffix}.json")


def test_missing_peers_are_skipped_and_said_so(made_up, capsys):
    record = measure(peers={"Nothing": ("no_such_module_anywhere", None)} | peers_of(Twin))
    out = capsys.readouterr().out
    assert out.count("Nothing is skipped, not installed") == 2, "at once, and beside the tables"
    assert "pip install no_such_module_anywhere" in out
    assert "Nothing" in record["skipped"]
    assert {r["library"] for size in record["training"] for r in size["results"]} == {"own", "Twin"}


def test_without_peers_our_own_seconds_remain(made_up, capsys):
    record = measure()
    assert record["training"][0]["ratios"] == {task: {"one process": {}} for task in benchmark_training.TASKS}
    assert "| RNN | 4 | 16 | 12 of 13 |" in capsys.readouterr().out


@pytest.mark.parametrize(("quick", "suffix"), [(False, ""), (True, "-quick")])
def test_json_holds_what_was_measured(made_up, quick, suffix):
    record = measure(("training", "recording"), peers_of(Twin, Wrong), quick=quick)
    assert json.loads(todays_file(suffix).read_text()) == record
    assert record["finished"] is True
    assert record["data"]["dimensions"] == 100
    assert record["settings"]["repetitions"] == 2
    assert {"cpu", "cores", "blas", "environment", "load_before", "load_after"} == record["machine"].keys()
    assert {"library", "version", "architecture"} == record["machine"]["blas"][0].keys()
    assert {"python", "numpy"} <= record["versions"].keys()
    assert [size["model"] for size in record["training"]] == ["rnn", "lstm"]
    assert [entry["model"] for entry in record["recording"]] == ["rnn", "lstm"]
    for size in record["training"]:
        own, twin, wrong = size["results"]
        assert wrong["refused"]
        assert size["others"] is None or size["others"] >= 0
        for task in benchmark_training.TASKS:
            assert len(own[task]["seconds"]) == len(twin[task]["seconds"]) == 2
            scale = size["epoch_batches"] / size["batches"]
            assert own[task]["epoch_seconds"] == pytest.approx(own[task]["median"] * scale)
            ratio = own[task]["median"] / twin[task]["median"]
            assert size["ratios"][task] == {"one process": {"Twin": pytest.approx(ratio)}}


def test_two_processes_have_a_column_of_their_own(made_up, monkeypatch):
    variants = [(benchmark_peers.Own, 1), (benchmark_peers.OwnWorkers, 1)]
    monkeypatch.setattr(benchmark_training, "OWN_VARIANTS", variants)
    record = measure(peers=peers_of(Twin))
    text = tables(record)
    heads = "| one process, s | two processes, s | Twin, s | one process ÷ Twin | two processes ÷ Twin |"
    assert heads in text
    assert record["training"][0]["ratios"]["training"].keys() == {"one process", "two processes"}
    assert not any(result["refused"] for result in record["training"][0]["results"])


def test_ours_is_timed_on_one_thread_on_two_and_in_two_processes(made_up, monkeypatch):
    def threads():
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    seen, train = [], benchmark_peers.Own.train

    def watched(self, batches):
        seen.append((self.variant, self.threads, frozenset(threads()), getattr(self.model, "threads", 1)))
        train(self, batches)

    with threadpool_limits(2):
        if threads() != {2}:
            pytest.skip("the number of threads of this BLAS can't be chosen")
    monkeypatch.setattr(benchmark_training, "OWN_VARIANTS", benchmark_peers.OWN_VARIANTS)
    monkeypatch.setattr(benchmark_peers.Own, "train", watched)
    measure()
    lstm = {("one process", n, frozenset({n}), n) for n in (1, 2)}
    assert lstm <= set(seen)
    assert {each[:3] for each in seen} == {each[:3] for each in lstm} | {("two processes", 1, frozenset({1}))}


def test_an_interrupted_run_goes_on_with_the_next_point(made_up, monkeypatch, capsys):
    measure_size, calls = benchmark.measure_size, []

    def interrupted(point, *given):
        calls.append(point["model"])
        if calls == ["rnn", "lstm"]:
            raise KeyboardInterrupt
        return measure_size(point, *given)

    monkeypatch.setattr(benchmark, "measure_size", interrupted)
    with pytest.raises(KeyboardInterrupt):
        measure()
    (kept,) = json.loads(todays_file().read_text())["training"]
    assert "This run was interrupted" in tables(json.loads(todays_file().read_text()))
    record = measure()
    assert calls == ["rnn", "lstm", "lstm"]
    assert record["training"][0] == kept
    assert "1 points measured earlier today are kept" in capsys.readouterr().out
    measure()
    assert calls == ["rnn", "lstm", "lstm", "rnn", "lstm"], "a finished run is measured anew"


def test_other_sections_of_the_same_day_stay(made_up):
    first = measure(("recording",))
    record = measure(("training",))
    assert record["recording"] == first["recording"]
    assert len(record["training"]) == 2


def test_other_circumstances_of_the_same_day_are_refused(made_up):
    measure(("recording",))
    before = todays_file().read_bytes()
    with pytest.raises(UserError, match=r"other circumstances \(settings differ\): move or delete it"):
        measure(plan=PLAN._replace(repetitions=1))
    assert todays_file().read_bytes() == before


def test_every_point_is_measured_once():
    for plan in (benchmark.FULL, benchmark.QUICK):
        for section in benchmark.SECTIONS.values():
            points = section.points(plan)
            assert all(points.count(point) == 1 for point in points)
    sizes = benchmark.SECTIONS["training"].points(benchmark.FULL)
    assert {(point["hidden_size"], point["batch_size"]) for point in sizes} == {
        *((64, B) for B in (32, 64, 256)),
        *((H, 64) for H in (32, 128, 256, 512)),
    }
    growth = benchmark.SECTIONS["growth"].points(benchmark.FULL)
    assert {point["sentences"] for point in growth} == {10_000, 100_000, 1_000_000}
    assert {point["T"] for point in growth} == {None, 10, 50, 250}
    assert {point["hidden_size"] for point in growth} == {32, 64, 128, 256, 512}


# Tables ---------------------------------------------------------------------------------------------------


@pytest.fixture
def empty_record(made_up):
    """The JSON before anything is measured."""
    context = benchmark.Context(PLAN, benchmark_training.load_sentences(), {}, {})
    machine = {"cpu": "a CPU", "cores": 2, "load_before": 0.5, "load_after": 1.5, "environment": {}}
    machine["blas"] = [{"library": "openblas", "version": "0.3", "architecture": "SkylakeX"}]
    return benchmark.describe_run(context, {"torch": "2"}, machine, quick=False)


def test_tables_name_seconds_variants_ratios_and_refusals(empty_record):
    own, peer = result("own", 3.0, 1.0), result("PyTorch", 6.0, 4.0)
    for entry, task in itertools.product((own, peer), benchmark_training.TASKS):
        entry[task]["epoch_seconds"] = 2 * entry[task]["median"]
    slower = result("PyTorch", 7.5, 5.0) | {"threads": 1}
    peer["threads"] = 2
    for task in benchmark_training.TASKS:
        slower[task]["epoch_seconds"] = 2 * slower[task]["median"]
    results = [own, peer, slower]
    results.append(result("JAX", 0, 0, refused="it computes something else", variant="padded"))
    size = {"model": "lstm", "hidden_size": 64, "batch_size": 32, "batches": 5, "epoch_batches": 10}
    size |= {"others": 0.25, "results": results}
    size["ratios"] = {task: benchmark_training.ratios(results, task) for task in benchmark_training.TASKS}
    text = tables(empty_record | {"training": [size]})
    twice = result("own", 1.5, 2.0) | {"threads": 2}
    for task in benchmark_training.TASKS:
        twice[task]["epoch_seconds"] = 2 * twice[task]["median"]
    threaded = tables(empty_record | {"training": [size | {"results": [own, twice, peer, slower]}]})
    assert "| timed | packed (1 / 2 threads), s | PyTorch, s | packed (1 / 2 threads) ÷ PyTorch |" in threaded
    assert "| 5 of 10 | 6.00 / 3.00 | 12.00 (packed × 2) | 0.50 / 0.25 |" in threaded
    assert threaded.count("| 0.40 |\n") == 1, "core for core stays on one thread"
    assert "| LSTM | 64 | 32 | 5 of 10 | 6.00 | 12.00 (packed × 2) | 0.50 | refused | – | – | 0.40 |" in text
    assert "| LSTM | 64 | 32 | 5 of 10 | 2.00 | 8.00 (packed × 2) | 0.25 | refused | – | 0.20 |" in text
    assert "Refused: JAX padded (LSTM, H = 64, batch 32): it computes something else." in text
    assert "a CPU, 2 cores; BLAS: openblas 0.3 (SkylakeX)" in text
    assert "Load average 0.5 before" in text
    assert "0.25 to 0.25 cores" in text


def test_tables_of_recording_glove_and_growth(empty_record):
    recorded = {"off": {"median": 2.0}, "on": {"median": 2.5}}
    recording = {"model": "rnn", "hidden_size": 64, "batch_size": 64, "sentences": 881, "others": None}
    memory = {"before": 1_000_000, "loaded": 2_000_000, "cut": 3_000_000, "trained": 3_500_000}
    few = {"model": "rnn", "sentences": 1000, "T": None, "hidden_size": 64, "others": None}
    few |= {"seconds_a_token": 2e-6, "cut_seconds": 0.5, "memory": memory | {"peak": 4_000_000}}
    many = few | {"sentences": 5000, "memory": memory | {"peak": 4_040_000}}
    wide = few | {"hidden_size": 512, "memory": memory | {"peak": 9_000_000}}
    unknown = few | {"T": 50, "memory": dict.fromkeys([*memory, "peak"])}
    products = {"model": "lstm", "hidden_size": 64, "batch_size": 64, "step_seconds": 2e-4, "share": 0.5}
    products["others"] = None
    products |= {"products": {"forward": 5e-5, "backward": 2e-5, "weights": 3e-5}, "operations": 12e6}
    file = {"lines": 200_000, "timed": True, "bytes": 180e6, "words": 14_345, "others": None}
    seconds = [{"library": "own", "median": 1.0}, {"library": "gensim", "median": 40.0}]
    file |= {"results": [r | {"refused": None} for r in seconds], "ratios": {"gensim": 0.025}}
    file["memory"] = {"before": 1_000_000, "peak": 13_500_000}
    text = tables(
        empty_record
        | {
            "recording": [recording | {"results": recorded, "ratio": 1.25}],
            "glove": [file, file | {"lines": 1_300_000, "results": [], "ratios": {}}],
            "growth": [wide, few, many, unknown],
            "products": [products],
        }
    )
    assert "| LSTM | 64 | 64 | 200.0 | 100.0 | 50.0 | 20.0 | 30.0 | 0.50 | 120 |" in text
    assert "| RNN | 64 | 64 | 881 | 2.00 | 2.50 | 1.25 |" in text
    assert "| 200,000 | 180 | 14,345 | 1.00 | 40.00 | 0.025 | 12.5 |" in text
    assert "| 1,300,000 | 180 | 14,345 | – | – | – | 12.5 |" in text
    assert "| RNN | 5,000 | as SST-2 | 64 | 2.00 | 0.500 | 1.0 | 2.0 | 3.0 |" in text
    assert "| RNN | 1,000 | 50 | 64 | 2.00 | 0.500 | – | – | – |" in text
    assert "RNN: 10.0 bytes of anonymous memory for each further sentence, from 1,000 to 5,000." in text


def test_the_tables_of_a_file_are_shown_without_measuring(made_up, capsys, monkeypatch):
    measure(("recording",))
    printed = capsys.readouterr().out
    monkeypatch.setattr(benchmark, "benchmark", None)
    benchmark.main(["--show", str(todays_file())])
    shown = capsys.readouterr().out
    assert "| LSTM | 4 | 16 |" in shown
    assert shown.strip() in printed


# The command line -----------------------------------------------------------------------------------------


def test_sections_sizes_and_repetitions_are_chosen(monkeypatch):
    asked = []
    monkeypatch.setattr(benchmark, "benchmark", lambda *given, **options: asked.append((given, options)))
    benchmark.main(["--only", "recording", "training", "--sizes", "64x32", "8x4", "--repetitions", "7"])
    benchmark.main(["--quick"])
    (plan, sections), options = asked[0]
    assert plan == benchmark.FULL._replace(sizes=[(64, 32), (8, 4)], repetitions=7)
    assert (sections, options) == (["training", "recording"], {"quick": False})
    assert asked[1] == ((benchmark.QUICK, list(benchmark.SECTIONS)), {"quick": True})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--repetitions", "0"], "--repetitions 0 is too few"),
        (
            ["--only", "speed"],
            "--only speed is no section: choose among training, recording, products, glove",
        ),
        (["--sizes", "64"], "--sizes 64 is no size: give units x sentences a batch, such as 64x32"),
        (["--sizes", "0x64"], "--sizes 0x64 is no size"),
        (["--show", "no-such-file.json"], "no-such-file.json could not be read"),
    ],
)
def test_wrong_arguments_are_one_clear_line(study_root, arguments, message):
    with pytest.raises(UserError, match=message):
        benchmark.main(arguments)


@pytest.mark.parametrize(
    ("content", "message"),
    [("[]", "no result of this benchmark"), ("{", "no JSON"), ('{"benchmark": "memory"}', "no result")],
)
def test_other_files_are_not_shown(tmp_path, content, message):
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(UserError, match=message):
        benchmark.main(["--show", str(path)])


def test_a_result_from_before_the_products_were_measured_is_shown(made_up, capsys):
    record = measure(("recording",))
    write_json(todays_file(), {name: value for name, value in record.items() if name != "products"})
    capsys.readouterr()
    benchmark.main(["--show", str(todays_file())])
    assert "| LSTM | 4 | 16 |" in capsys.readouterr().out


def test_a_damaged_result_is_not_shown(made_up):
    record = measure(("recording",))
    write_json(todays_file(), {name: value for name, value in record.items() if name != "growth"})
    with pytest.raises(UserError, match=r"is damaged \(it has no growth\)"):
        benchmark.main(["--show", str(todays_file())])
