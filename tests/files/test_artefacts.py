"""Files under data/ and assets/: whole or refused, never pickled, never half written."""

import contextlib
import errno
import json
from pathlib import Path

import numpy as np
import pytest

from scripts.files.data import load_data, save_data
from scripts.files.errors import UserError
from scripts.files.paths import log_path, weights_path
from scripts.files.runs import load_run, read_log, save_run
from scripts.files.storage import checksum, read_json, write_text, written_whole
from scripts.training import evaluation, experiment
from tests.helpers import WORDS, write_data


def test_data_comes_back_as_it_was_written(data):
    assert data.vocabulary == WORDS
    assert data.embeddings.dtype == np.float32
    assert isinstance(data.splits["train"].x, np.memmap)
    written = write_data()
    for name, split in written.splits.items():
        for ours, theirs in zip(split, data.splits[name], strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_words_may_hold_any_character_but_a_newline(data):
    words = [*WORDS[:-3], "two words", "next\x85line", "no\u00a0break"]
    save_data(data._replace(vocabulary=words))
    assert load_data().vocabulary == words


@pytest.mark.parametrize(
    "name", ["train-x.npy", "test-y.npy", "validation-g.npy", "embeddings.npy", "vocabulary.txt"]
)
def test_mixture_of_two_preprocessings_is_refused(data, study_root, name):
    old = (study_root / "data" / name).read_bytes()
    write_data(sizes=(210, 90, 70), D=7, seed=1)
    (study_root / "data" / name).write_bytes(old + b"x" * (name == "vocabulary.txt"))
    with pytest.raises(UserError, match=f"{name} is not the file"):
        load_data()
    (study_root / "data" / name).unlink()
    with pytest.raises(UserError, match=f"{name} is missing"):
        load_data()


@pytest.mark.parametrize("renamed", range(0, 15, 2))
def test_preprocessing_that_ends_while_files_change_places_is_refused(data, monkeypatch, renamed):
    """All 15 are written by then; dataset.json takes its place last."""
    replace, calls = Path.replace, []

    def killed(self, target):
        calls.append(target)
        if len(calls) > renamed:
            raise KeyboardInterrupt
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            write_data(seed=1)
    with pytest.raises(UserError, match=r"dataset\.json is missing.*unfinished"):
        load_data()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"[]", "format version None"),
        (b'{"format_version": 99}', "version 99"),
    ],
)
def test_damaged_manifest_is_refused(data, study_root, content, words):
    (study_root / "data" / "dataset.json").write_bytes(content)
    with pytest.raises(UserError, match=words):
        load_data()


def test_nothing_is_unpickled(data, study_root):
    path = study_root / "data" / "train-y.npy"
    np.save(path, np.array([print], dtype=object), allow_pickle=True)
    manifest = json.loads((study_root / "data" / "dataset.json").read_text())
    manifest["files"]["train-y.npy"] = checksum(path)
    (study_root / "data" / "dataset.json").write_text(json.dumps(manifest))
    with pytest.raises(UserError, match=r"train-y\.npy is no array"):
        load_data()


@pytest.mark.parametrize(
    "column",
    [
        {"x": lambda x: x + 200},
        {"x": lambda x: x.astype(float)},
        {"s": lambda s: s * 0},
        {"s": lambda s: s[:-1]},
        {"y": lambda y: y + 1},
    ],
)
def test_data_that_make_no_sense_are_refused(data, column):
    ((name, change),) = column.items()
    broken = data.splits["test"]._replace(**{name: change(getattr(data.splits["test"], name).copy())})
    save_data(data._replace(splits=data.splits | {"test": broken}))
    with pytest.raises(UserError, match=r"arrays that make no sense \(.*split test"):
        load_data()


def test_lengths_too_wide_for_an_index_and_vectors_without_entries_are_refused(data):
    wide = data.splits["test"]._replace(s=data.splits["test"].s.astype(np.uint64))
    save_data(data._replace(splits=data.splits | {"test": wide}))
    with pytest.raises(UserError, match="split test is not made of four lists of whole numbers below"):
        load_data()
    save_data(data._replace(embeddings=data.embeddings[:, :0]))
    with pytest.raises(UserError, match=r"embeddings of \(30, 0\)"):
        load_data()


# Writing --------------------------------------------------------------------------------------------------


def test_file_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "folder" / "file"
    write_text(path, "first")

    def stop_halfway():
        with written_whole(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_halfway()
    assert path.read_text() == "first"
    assert list(path.parent.iterdir()) == [path]


def test_full_disk_is_one_line_and_loses_nothing(tmp_path):
    path = tmp_path / "file"
    write_text(path, "first")
    with pytest.raises(UserError, match="could not be written"), written_whole(path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_folder_that_is_a_file_is_one_line(tmp_path):
    (tmp_path / "folder").write_text("")
    with pytest.raises(UserError, match="could not be written"):
        write_text(tmp_path / "folder" / "file", "")


# Runs -----------------------------------------------------------------------------------------------------


@pytest.fixture
def a_run(data):
    experiment.run("rnn", "a-run", progress=False, epochs=1, hidden_size=4)
    return weights_path("a-run")


@pytest.mark.parametrize("keep", [0, 3, 100, 2000])
def test_damaged_weights_are_one_line(a_run, keep):
    a_run.write_bytes(a_run.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"a-run\.npz is damaged"):
        load_run("a-run")


def test_weights_without_settings_are_one_line(a_run):
    np.savez(a_run, weight_ih_l0=np.zeros((4, 6)))
    with pytest.raises(UserError, match=r"damaged.*settings"):
        load_run("a-run")


@pytest.mark.parametrize("content", ["", "{}\n", '{"type": "run"}\n', "[1]\n", "no json\n", "\xff"])
def test_damaged_log_is_one_line(a_run, content):
    log_path("a-run").write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError, match=r"a-run\.jsonl"):
        read_log("a-run")


def test_other_format_version_is_refused(a_run):
    run = load_run("a-run")
    save_run("a-run", run._replace(settings=run.settings | {"format_version": 3}))
    for read in (load_run, read_log):
        with pytest.raises(UserError, match=r"version 3, expected 4: .*train"):
            read("a-run")


def test_file_of_version_2_is_refused_in_one_line_though_its_history_was_lines(a_run):
    """As this project wrote it before: the history as the bytes of JSON lines."""
    run = load_run("a-run")
    lines = np.frombuffer(b"".join(json.dumps(record).encode() + b"\n" for record in run.history), np.uint8)
    settings = np.array(json.dumps(run.settings | {"format_version": 3}))
    np.savez(a_run, settings=settings, history=lines, timings=lines, **run.weights)
    for act in (
        lambda: load_run("a-run"),
        lambda: experiment.run("rnn", "a-run", progress=False, epochs=1, hidden_size=4),
    ):
        with pytest.raises(UserError, match="version 3, expected 4: train again") as error:
            act()
        assert "\n" not in str(error.value)


def test_history_and_timings_are_one_json_text_each(a_run):
    run = load_run("a-run")
    with np.load(a_run, allow_pickle=False) as file:
        assert file["history"].shape == file["timings"].shape == ()
        assert json.loads(file["history"].item()) == run.history
        assert json.loads(file["timings"].item()) == run.timings
    assert [record["epoch"] for record in run.history] == [0, 1]


def test_weights_are_named_as_pytorch_names_them(a_run):
    assert set(load_run("a-run").weights) == {
        "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "weight_out", "bias_out"
    }  # fmt: skip


DAMAGES = {
    "no model": lambda lines: lines[0].pop("model"),
    "another model": lambda lines: lines[0].update(model="gru"),
    "settings of another kind": lambda lines: lines[0].update(hyperparameters=[]),
    "no dataset": lambda lines: lines[0].pop("dataset"),
    "no checksum": lambda lines: lines[0]["dataset"].pop("checksum"),
    "an epoch missing": lambda lines: lines.pop(1),
    "no epoch": lambda lines: lines.__delitem__(slice(1, None)),
    "no loss": lambda lines: lines[1].pop("validation_loss"),
    "loss null": lambda lines: lines[2].update(train_loss=None),
    "a rate that is no JSON": lambda lines: lines[1].update(learning_rate=float("nan")),
    "a median a text": lambda lines: lines[1]["gradients"]["h"]["decay"]["median"].__setitem__(0, "1"),
    "loss a text": lambda lines: lines[2].update(train_loss="small"),
    "no gradients": lambda lines: lines[1].pop("gradients"),
    "gradients of another kind": lambda lines: lines[1].update(gradients=[1]),
    "no state": lambda lines: lines[1]["gradients"].pop("h"),
    "a shorter list": lambda lines: lines[1]["gradients"]["h"]["decay"]["median"].pop(),
    "no list": lambda lines: lines[1]["gradients"]["h"]["decay"].pop("count"),
    "no shortest": lambda lines: lines[1]["gradients"].pop("shortest"),
    "distances out of order": lambda lines: lines[1]["gradients"]["h"]["loss"]["distance"].reverse(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_log_in_which_something_is_missing_is_one_line(a_run, damage):
    path = log_path("a-run")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    DAMAGES[damage](lines)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(UserError, match=r"a-run\.jsonl is damaged") as error:
        read_log("a-run")
    assert "\n" not in str(error.value)


ARRAY_DAMAGES = {
    "no state to resume from": lambda run: run.resume.pop("theta"),
    "no average to resume from": lambda run: run.settings["hyperparameters"].update(averaging=0.9),
    "another shape": lambda run: run.resume.update(m=run.resume["m"][:-1]),
    "weights that are not finite": lambda run: run.weights["bias_out"].fill(np.nan),
    "other units": lambda run: run.settings["hyperparameters"].update(hidden_size=10**5),
    "an array too many": lambda run: run.weights.update(more=np.zeros(1)),
    "weights missing": lambda run: run.weights.pop("weight_hh_l0"),
    "weights of another kind": lambda run: run.weights.update(bias_out=np.array(["a"])),
    "a timing missing": lambda run: run.timings.pop(),
    "a state of two dimensions": lambda run: run.resume.update(m=run.resume["m"][None]),
    "no updates that can be counted": lambda run: run.resume.update(k=np.array(1.5)),
    "updates beyond counting": lambda run: run.resume.update(k=np.array(2**53)),
    "a negative square": lambda run: run.resume["v"].__setitem__(0, -1),
    "a number too large": lambda run: run.weights.update(bias_out=np.array([1e300])),
    "no history": lambda run: (run.history.clear(), run.timings.clear()),
}


@pytest.mark.parametrize("damage", ARRAY_DAMAGES)
def test_weights_in_which_something_is_missing_are_one_line(a_run, damage):
    run = load_run("a-run")
    ARRAY_DAMAGES[damage](run)
    log = log_path("a-run").read_bytes()
    log_path("a-run").unlink()
    with contextlib.suppress(ValueError):  # without timings there is no log, but the weights are written
        save_run("a-run", run)
    log_path("a-run").write_bytes(log)
    for act in (
        lambda: load_run("a-run"),
        lambda: experiment.run("rnn", "a-run", epochs=1, hidden_size=4),
    ):
        with pytest.raises(UserError, match=r"a-run\.npz is damaged") as error:
            act()
        assert "\n" not in str(error.value)


def test_settings_of_a_strangers_weights_are_checked_as_if_given(a_run):
    run = load_run("a-run")
    run.settings["hyperparameters"]["input_dropout"] = 2
    save_run("a-run", run)
    for act in (
        lambda: evaluation.load_model("a-run"),
        lambda: experiment.run("rnn", "a-run", epochs=1, hidden_size=4),
    ):
        with pytest.raises(UserError, match=r"a-run\.npz is damaged \(input_dropout=2: expected"):
            act()


def test_file_that_may_not_be_read_is_one_line(a_run, monkeypatch):
    def forbidden(*arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("builtins.open", forbidden)
    monkeypatch.setattr("pathlib.Path.read_bytes", forbidden)
    monkeypatch.setattr(np, "load", forbidden)
    for act in (
        lambda: checksum(a_run),
        lambda: read_json(a_run),
        lambda: read_log("a-run"),
        lambda: load_run("a-run"),
    ):
        with pytest.raises(UserError, match="could not be read"):
            act()


def test_failed_preprocessing_leaves_the_one_before(data, monkeypatch, study_root):
    before = {path.name: path.read_bytes() for path in (study_root / "data").iterdir()}
    save, calls = np.save, []

    def full_disk(*arguments, **options):
        calls.append(1)
        if len(calls) == 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        save(*arguments, **options)

    monkeypatch.setattr(np, "save", full_disk)
    with pytest.raises(UserError, match="No space left"):
        write_data(sizes=(150, 60, 50), seed=1)
    assert {path.name: path.read_bytes() for path in (study_root / "data").iterdir()} == before
    load_data()


def test_weights_under_another_runs_name_are_refused(a_run):
    copy = weights_path("another-run")
    copy.write_bytes(a_run.read_bytes())
    with pytest.raises(UserError, match="holds the run 'a-run'"):
        load_run("another-run")


@pytest.mark.parametrize("read", [load_run, read_log])
def test_a_missing_run_is_told_which_there_are_but_not_a_hundred(study_root, read):
    with pytest.raises(UserError, match=r"no run 'lstm-7'.*; most similar runs here: none: "):
        read("lstm-7")
    for number in range(8):
        write_text(log_path(f"lstm-1{number}"), "")
    write_text(log_path("a-run"), "")
    with pytest.raises(UserError, match=r"; most similar runs here: (lstm-1\d, ){7}lstm-1\d: "):
        read("lstm-7")
