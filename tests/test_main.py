"""Every block of main.py, on a small corpus."""

import ast
import inspect
import re

import numpy as np
import pytest

import main
from scripts.files import blocks as named_blocks
from scripts.files.data import load_data
from scripts.files.errors import UserError
from scripts.files.paths import weights_path
from scripts.files.runs import existing_runs
from scripts.text.cue_distance import MIXTURES
from scripts.training import evaluation
from scripts.training.checks import numeric_gradient
from tests.blocks import blocks, in_small, report_small, run_block
from tests.conftest import CLASSIFIERS, write_data
from tests.reference import textbook

SHIPPED, BLOCKS = blocks()
CODE = [block for block in BLOCKS if "errors_in_one_line" not in block]


def calls(source):
    return [
        n.func.id
        for n in ast.walk(ast.parse("if True:\n" + source))
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
    ]


def test_what_a_missing_study_asks_for_is_a_block():
    for name, block in (named_blocks.STUDIES | named_blocks.RUNS).items():
        for call in block.split("), "):
            assert any(call.split("…")[0].removesuffix(")") in block for block in CODE), name


def test_blocks_as_shipped_train_test_and_draw():
    assert calls(SHIPPED) == ["train_rnn", "train_lstm", "test", "test", "plot"]
    functions = {name for name, value in vars(main).items() if inspect.isfunction(value)}
    assert set(calls("\n".join(CODE))) - {"range"} == functions, "every function of main.py has a block"


def test_every_block_runs_in_any_order(data, study_root, capsys):
    """Backwards, where many say what they need, then forwards, where each works."""
    with in_small():
        needed = [_what_it_needs(block) for block in reversed(CODE)]
        assert 0 < len([why for why in needed if why]) < len(CODE) / 2
        for block in BLOCKS:
            if "report()" not in block:
                run_block(block)
        kept = report_small()["kept"]
        main.plot()
    assert load_data().manifest == data.manifest
    of_small_data = {f"cue-distance/{mixture}" for mixture in MIXTURES} | {"comparison/imdb", "latching/even"}
    assert set(kept) <= of_small_data, kept
    out = capsys.readouterr().out
    assert "accuracy" in out
    assert "P(positive)" in out
    assert "largest Lyapunov exponent" in out
    assert {"rnn-run-1", "lstm-run-3", "rnn-16", "rnn-32", "comparison-imdb-rnn-s0"} <= set(existing_runs())
    figures = {path.name for path in (study_root / "assets" / "figures").glob("*.png")}
    assert figures >= {
        "training-rnn-run-1.png",
        "gradients-rnn-run-1-vs-lstm-run-3.png",
        "gradients-rnn-16+rnn-32+rnn-run-1.png",
        "activations-rnn-run-1-vs-lstm-run-3.png",
        "theory-rnn-run-1.png",
        "direct-path-lstm-run-3.png",
        "sentence-rnn-run-1+lstm-run-3.png",
        "memory-default.png",
        "truncation-default.png",
        "fixed-points-default.png",
        "fixed-points-best.png",
        "latching-even.png",
        "backward-default.png",
        "cell-memory-default.png",
        "comparison-compare.png",
        *(f"cue-distance-{mixture}.png" for mixture in MIXTURES),
        "sentence-lengths.png",
    }
    assert sum(name.startswith("initialisations") for name in figures) == 2


def _what_it_needs(block):
    """Run a block; the one line in which it says what it needs, or nothing."""
    try:
        with in_small():
            run_block(block)
    except UserError as error:
        return str(error)
    return ""


NEEDS_NOTHING = [block for block in CODE if re.search(r"preprocess\(|check_gradients\(|report\(", block)]


@pytest.mark.parametrize("block", [block for block in CODE if block not in NEEDS_NOTHING])
def test_each_block_can_be_uncommented_alone_and_first(block, data, capsys):
    """It works, or says in one line which block or call it needs."""
    assert re.fullmatch(r".*(main\.py|preprocessing\.py|call \w+\().*|", _what_it_needs(block))
    assert load_data().manifest == data.manifest


@pytest.mark.parametrize("block", CODE)
def test_each_block_on_a_fresh_clone_works_or_names_what_it_needs(block, study_root, capsys):
    needed = _what_it_needs(block)
    if block in NEEDS_NOTHING:
        assert not needed
    else:
        assert re.fullmatch(r".*(main\.py|preprocessing\.py).*", needed)


def test_every_block_says_what_it_does_and_how_long_it_takes():
    for block in SHIPPED.strip().split("\n\n"):
        if "(" in block and "errors_in_one_line" not in block:
            words = block.strip().split("\n")[0]
            assert words.strip().startswith("# ")
            assert re.search(r"\d+ (s|min)\b", words), words


def kept_model(kind, run_id, data):
    """The model of a run in float64, put together here from what its weights file holds."""
    with np.load(weights_path(run_id), allow_pickle=False) as file:
        hidden_size = file["weight_out"].shape[1]
        model = CLASSIFIERS[kind](
            data.embeddings, hidden_size, rng=np.random.default_rng(99), dtype=np.float64
        )
        for name, view in model.parameters.items():
            view[:] = file[name]
    return model


def test_test_reports_scikit_learns_metrics(data, capsys):
    main.train_lstm("a-run", epochs=2, hidden_size=8)
    metrics = main.test("a-run")
    model, split = kept_model("lstm", "a-run", data), data.splits["test"]
    sentences = np.split(split.x, np.cumsum(split.s, dtype=int)[:-1])
    z = np.array([textbook.logit(model, sentence) for sentence in sentences])
    np.testing.assert_allclose(
        evaluation.logits(evaluation.load_model("a-run")[0], split), z, rtol=1e-4, atol=1e-5
    )
    right = (z > 0) == split.y
    assert metrics["accuracy"] == pytest.approx(right.mean())
    (tn, fp), (fn, tp) = metrics["confusion_matrix"]
    assert (tn + tp, fp, fn) == (
        right.sum(),
        (~right & (split.y == 0)).sum(),
        (~right & (split.y == 1)).sum(),
    )
    assert metrics["f1"] == pytest.approx(2 * tp / (2 * tp + fp + fn))
    assert metrics["loss"] == pytest.approx(np.mean(np.logaddexp(0, z) - split.y * z), rel=1e-5)
    assert sum(group["sentences"] for group in metrics["by_length"]) == len(split.y)
    for group in metrics["by_length"]:
        here = (split.s >= group["from"]) & (split.s <= group["to"])
        assert group["sentences"] == here.sum()
        assert group["accuracy"] == pytest.approx(right[here].mean())
    assert f"{metrics['accuracy']:.2%}" in capsys.readouterr().out


def test_predict_takes_a_sentence_as_typed(data):
    main.train_rnn("a-run", epochs=2, hidden_size=8)
    reading = main.predict("Not GOOD, word3!", "a-run")
    assert reading["words"] == ["not", "good", ",", "word3", "!"]
    assert reading["known"] == [True, True, False, True, False]
    assert sum(reading["share"]) == pytest.approx(1)
    again = main.predict("not good , word3 !", "a-run", draw=False)
    assert again["probability"] == reading["probability"]


def test_predict_says_what_each_word_does(data, study_root, capsys):
    """Against the kept weights: gradient by moving the vectors, occlusion by leaving words out."""
    main.train_rnn("an-rnn", epochs=2, hidden_size=8)
    main.train_lstm("an-lstm", epochs=2, hidden_size=8)
    readings = main.predict("not good word3", ("an-rnn", "an-lstm"))
    ids = np.array([4, 2, 8])
    for kind, reading in zip(("rnn", "lstm"), readings, strict=True):
        model = kept_model(kind, f"an-{kind}", data)
        z = model.forward(ids, np.ones(3, int))[0]
        assert reading["z"] == pytest.approx(z, rel=1e-4, abs=1e-6)
        assert reading["probability"] == pytest.approx(1 / (1 + np.exp(-z)), rel=1e-5)
        for t in range(3):
            without = model.forward(np.delete(ids, t), np.ones(2, int))[0]
            assert reading["left_out"][t] == pytest.approx(z - without, rel=1e-3, abs=1e-6)
        model.embeddings = model.embeddings[ids]  # a row a word, so that each can be moved alone
        slopes = numeric_gradient(lambda: model.forward(np.arange(3), np.ones(3, int))[0], model.embeddings)  # noqa: B023
        np.testing.assert_allclose(reading["reach"], np.linalg.norm(slopes, axis=1), rtol=1e-3)
        np.testing.assert_allclose(
            reading["gradient_input"], (slopes * model.embeddings).sum(1), rtol=1e-3, atol=1e-6
        )
        np.testing.assert_allclose(reading["share"], np.divide(reading["reach"], sum(reading["reach"])))
    assert (study_root / "assets" / "figures" / "sentence-an-rnn+an-lstm.png").exists()
    assert "an-lstm: P(positive)" in capsys.readouterr().out


def test_predict_without_memory_is_one_line(data, monkeypatch):
    def hungry(*_):
        raise MemoryError("Unable to allocate 9 GiB")

    main.train_rnn("a-run", epochs=1, hidden_size=4)
    monkeypatch.setattr(evaluation, "effects_of_leaving_out", hungry)
    with pytest.raises(UserError, match=r"than there is \(Unable to allocate 9 GiB\): give a shorter text"):
        main.predict("good", "a-run")


def test_predict_with_no_run_is_refused(data):
    with pytest.raises(UserError, match="names no run"):
        main.predict("good", run_id=[])


def test_predict_of_one_word(data):
    main.train_lstm("a-run", epochs=1, hidden_size=4)
    reading = main.predict("good", "a-run")
    v = kept_model("lstm", "a-run", data).parameters["bias_out"][0]
    assert reading["left_out"] == [pytest.approx(reading["z"] - v, rel=1e-5)]


def test_overfit_learns_by_heart(data):
    result = main.test_overfit(sentences=30)
    assert result["accuracy"] == 1
    assert result["loss"] < 0.05 < result["first_loss"]


def test_check_gradients_agrees():
    errors = main.check_gradients()
    assert set(errors) == {"rnn", "lstm"}
    assert max(error for by_parameter in errors.values() for error in by_parameter.values()) < 1e-7


@pytest.mark.parametrize("sentence", ["", "   ", None, 3])
def test_predict_without_a_word_is_refused(data, sentence):
    main.train_rnn("a-run", epochs=1, hidden_size=4)
    with pytest.raises(UserError, match="no word"):
        main.predict(sentence, "a-run")


def test_missing_run_and_missing_data_are_one_line(study_root):
    for act in (lambda: main.test("no-such-run"), lambda: main.predict("good", run_id="no-such-run")):
        with pytest.raises(UserError, match=r"no run 'no-such-run'.*main\.py"):
            act()
    with pytest.raises(UserError, match=r"dataset\.json is missing.*preprocessing\.py"):
        main.train_rnn()


def test_a_run_is_not_tested_on_other_data(data):
    main.train_rnn("a-run", epochs=1, hidden_size=4)
    write_data(seed=5)
    with pytest.raises(UserError, match="another preprocessing"):
        main.test("a-run")
