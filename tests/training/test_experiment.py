"""One run: its log and weights, interruption and continuation, refusal."""

import json
import os
import re
import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import lstm.model
import lstm.train
import rnn.model
import rnn.train
from scripts.files.data import data_checksum, describe_data, load_manifest
from scripts.files.errors import UserError
from scripts.files.paths import log_path, weights_path
from scripts.files.runs import best_epoch, load_run, read_log, save_run
from scripts.studies.jacobians import jacobian_study
from scripts.text.batches import shuffled_batches, sorted_batches
from scripts.training import evaluation, experiment
from tests.helpers import log_without_timings, members_without_timings, write_data

SMALL = {"epochs": 3, "hidden_size": 8, "batch_size": 16, "lr": 0.01, "input_dropout": 0, "state_dropout": 0}
MEASURED = ("train_loss", "train_accuracy", "validation_accuracy", *experiment.TIMINGS)
EPOCH_FIELDS = {"type", "epoch", "validation_loss", "learning_rate", "gradient_norm", "clipped", "gradients"}


def run(kind, run_id="a-run", **settings):
    return experiment.run(kind, run_id, progress=False, **(SMALL | settings))


# The log and the weights ----------------------------------------------------------------------------------


def test_log_holds_the_settings_then_every_epoch_from_0(kind, data):
    run(kind)
    settings, epochs = read_log("a-run")
    assert settings["model"] == kind
    assert settings["hyperparameters"]["lr"] == 0.01
    assert settings["hyperparameters"]["seed"] == 0
    assert settings["dataset"]["name"] == "made-up"
    assert "threads" not in settings
    assert [record["epoch"] for record in epochs] == [0, 1, 2, 3]
    for record in epochs:
        assert record.keys() >= EPOCH_FIELDS | set(MEASURED)
        assert record["gradients"].keys() >= ({"h", "c"} if kind == "lstm" else {"h"})
    assert epochs[0]["gradient_norm"] is None
    assert epochs[1]["gradient_norm"]["largest"] >= epochs[1]["gradient_norm"]["mean"] > 0
    assert 0 <= epochs[1]["clipped"] <= 1


def test_training_learns(kind, data):
    history = run(kind, epochs=15).history
    assert history[-1]["train_accuracy"] > 0.8 > history[0]["train_accuracy"]
    assert history[-1]["train_loss"] < 0.6 * history[0]["train_loss"]


@pytest.mark.parametrize("averaging", [0, 0.9])
def test_weights_are_those_of_the_best_validation_epoch(kind, data, averaging):
    history = run(kind, epochs=12, lr=0.05, averaging=averaging).history
    best = best_epoch(history)
    assert 0 < best["epoch"] < 12, "choose settings under which the selected epoch is not the last"
    kept = load_run("a-run")
    model = experiment.build_model(kind, kept.settings["hyperparameters"], data.embeddings)
    for name, view in model.parameters.items():
        view[:] = kept.weights[name]
    batches = sorted_batches(data.splits["validation"], 7)
    assert rnn.train.evaluate(model, batches)[0] == pytest.approx(best["validation_loss"], rel=1e-5)
    model.theta[:] = kept.resume["average" if averaging else "theta"]
    last = history[-1]["validation_loss"]
    assert rnn.train.evaluate(model, batches)[0] == pytest.approx(last, rel=1e-5)


def test_of_equally_good_epochs_the_earliest_is_kept(data, monkeypatch):
    def loop(model, *arguments, **options):
        for epoch, loss in enumerate([0.7, 0.5, 0.5, 0.6]):
            model.theta[:] = epoch
            yield dict.fromkeys(MEASURED, 1.0) | {
                "epoch": epoch,
                "validation_loss": loss,
                "gradient_norm": None,
            }

    monkeypatch.setitem(experiment.LOOPS, "rnn", loop)
    kept = run("rnn", gradients=False)
    assert best_epoch(kept.history)["epoch"] == 1
    assert kept.weights["bias_out"] == 1


def test_logged_learning_rate_is_the_one_an_epoch_begins_with(kind, data):
    """The linear schedule falls to 0 over all updates; epochs 0 and 1 begin before the first."""
    history = run(kind, schedule="linear", epochs=4, lr=0.02, gradients=False).history
    rates = [record["learning_rate"] for record in history]
    assert rates == pytest.approx([0.02, 0.02, 0.015, 0.01, 0.005])


def test_a_clip_norm_of_0_never_clips(kind, data):
    for run_id, clip_norm in (("zero", 0), ("huge", 1e9)):
        history = run(kind, run_id, clip_norm=clip_norm, gradients=False).history
        assert [record["clipped"] for record in history] == [None, 0, 0, 0]
        assert history[-1]["train_loss"] < history[0]["train_loss"]
    assert members_without_timings("zero")["resume/theta"] == members_without_timings("huge")["resume/theta"]


def test_every_epoch_and_seed_has_batches_and_dropout_masks_of_its_own(kind, data, monkeypatch):
    model = {"rnn": rnn.model, "lstm": lstm.model}[kind]
    dropout_mask = model.dropout_mask
    orders, masks = [], []

    def recorded_batches(*arguments):
        batches = shuffled_batches(*arguments)
        orders.append(np.concatenate(batches.rows).tobytes())
        return batches

    def recorded_mask(*arguments):
        mask = dropout_mask(*arguments)
        masks.append(mask.tobytes())
        return mask

    monkeypatch.setattr(experiment, "shuffled_batches", recorded_batches)
    monkeypatch.setattr(model, "dropout_mask", recorded_mask)
    for seed in (0, 1):
        run(kind, f"seed-{seed}", seed=seed, epochs=2, batch_size=20, state_dropout=0.5, gradients=False)
    assert len(set(orders)) == len(orders) == 2 * 3
    assert len(set(masks)) == len(masks) == 2 * 2 * 10


def test_a_run_keeps_to_one_thread(data, monkeypatch):
    def threads():
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    seen, measure = [], experiment.measure

    def watched(*arguments):
        seen.append(threads())
        return measure(*arguments)

    monkeypatch.setattr(experiment, "measure", watched)
    with threadpool_limits(3):
        if threads() != {3}:
            pytest.skip("the number of threads of this BLAS can't be chosen")
        run("lstm", epochs=1)
        assert threads() == {3}
    assert seen == [{1}, {1}]


def test_a_file_from_before_a_setting_is_as_good_as_a_new_one(data):
    """Its run can be tested, continued and studied, whatever settings are younger than it."""
    run("lstm", epochs=1)
    kept = load_run("a-run")
    old = {**kept.settings["hyperparameters"]}
    del old["averaging"], old["workers"]
    save_run("a-run", kept._replace(settings=kept.settings | {"hyperparameters": old}))
    assert evaluation.evaluate_run("a-run")["sentences"]
    options = {"steps": 4, "burn_in": 1, "progress": False}
    assert jacobian_study("a-run", 2, **options)["at"]
    assert run("lstm", epochs=2).settings["hyperparameters"]["workers"] == 1


def test_equal_seeds_give_equal_files_and_others_do_not(kind, data):
    options = {"input_dropout": 0.2, "state_dropout": 0.3}
    run(kind, "one", **options)
    first_log, first_members = log_without_timings("one"), members_without_timings("one")
    forget("one")
    run(kind, "one", **options)
    assert log_without_timings("one") == first_log
    assert members_without_timings("one") == first_members
    run(kind, "one", overwrite=True, seed=1, **options)
    assert members_without_timings("one")["weight_hh_l0"] != first_members["weight_hh_l0"]


def test_timings_are_all_that_the_weights_file_keeps_apart(data):
    run("rnn")
    kept = load_run("a-run")
    assert set(kept.timings[0]) == set(experiment.TIMINGS)
    assert not set(kept.history[0]) & set(experiment.TIMINGS)


def test_random_streams_are_apart(kind, data):
    """Neither shuffling nor dropout changes the initial weights, and no global random state is touched."""
    before = np.random.get_state()[1].tobytes()  # noqa: NPY002
    plain = run(kind, "plain", epochs=1)
    dropped = run(kind, "dropped", epochs=1, state_dropout=0.5, batch_size=5)
    assert plain.history[0]["validation_loss"] == dropped.history[0]["validation_loss"]
    assert np.random.get_state()[1].tobytes() == before  # noqa: NPY002
    draws = [experiment.generator(0, stream, 1).random() for stream in experiment.STREAMS]
    assert len(set(draws)) == len(draws)


def test_length_weights_move_what_is_learned(kind, data):
    plain, weighted = (run(kind, f"p-{p}", length_weight=p, gradients=False) for p in (0, 1))
    assert plain.history[0] == weighted.history[0]
    assert plain.history[1]["train_loss"] != weighted.history[1]["train_loss"]


def test_weight_decay_makes_smaller_weights(kind, data):
    free, decayed = (run(kind, f"wd-{wd}", weight_decay=wd, gradients=False) for wd in (0, 1))
    assert np.linalg.norm(decayed.resume["theta"]) < 0.9 * np.linalg.norm(free.resume["theta"])


def test_epoch_line_of_a_saturated_model(data):
    """Where no sentence has a decay, the line shows a dash."""
    record = run("lstm", epochs=1).history[-1]
    record |= {"seconds": 1.0, "gradients_seconds": 0.1}
    assert "c –" not in experiment.epoch_line(record, 1)
    k = min(19, record["gradients"]["shortest"] - 1)  # k Jacobians from the end: element k of the log
    remains = record["gradients"]["h"]["decay"]["median"][k]
    assert f"∂z at k = {k}: h {remains:.0e}, c " in experiment.epoch_line(record, 1)
    medians = record["gradients"]["c"]["decay"]["median"]
    medians[:] = [None] * len(medians)
    assert "c –" in experiment.epoch_line(record, 1)


def test_averaging_changes_no_update(data):
    run("rnn", "latest", state_dropout=0.2, gradients=False)
    run("rnn", "averaged", state_dropout=0.2, gradients=False, averaging=0.99)
    assert (
        members_without_timings("latest")["resume/theta"]
        == members_without_timings("averaged")["resume/theta"]
    )
    assert (
        members_without_timings("latest")["weight_hh_l0"]
        != members_without_timings("averaged")["weight_hh_l0"]
    )


# Interruption and refusal ---------------------------------------------------------------------------------


@pytest.mark.parametrize("stopped_at", [0, 1, 3])
def test_interrupted_run_continues_as_if_it_had_not_been(kind, data, monkeypatch, stopped_at):
    options = {"epochs": 4, "schedule": "cosine", "state_dropout": 0.3}
    options |= {"averaging": 0.9, "weight_decay": 0.1, "length_weight": 0.5}
    run(kind, **options)
    expected_log, expected_members = log_without_timings("a-run"), members_without_timings("a-run")
    forget("a-run")
    measure, calls = experiment.measure, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) > stopped_at:
            raise KeyboardInterrupt
        return measure(*arguments)

    monkeypatch.setattr(experiment, "measure", interrupted)
    overwrite = stopped_at == 3  # a script may keep it in: it replaces only what differs
    with pytest.raises(KeyboardInterrupt):
        run(kind, overwrite=overwrite, **options)
    if stopped_at:
        assert len(load_run("a-run").history) == stopped_at
    else:  # nothing was written yet
        assert not weights_path("a-run").exists()
    monkeypatch.setattr(experiment, "measure", measure)
    run(kind, overwrite=overwrite, **options)
    assert log_without_timings("a-run") == expected_log
    assert members_without_timings("a-run") == expected_members


def test_more_epochs_continue(kind, data):
    run(kind, "straight", epochs=4)
    run(kind, "halves", epochs=2)
    run(kind, "halves", epochs=4)
    assert (
        members_without_timings("halves")["resume/theta"]
        == members_without_timings("straight")["resume/theta"]
    )
    assert log_without_timings("halves")[1:] == log_without_timings("straight")[1:]


def test_run_from_before_there_was_a_setting_continues_with_it_off(data):
    run("rnn", epochs=2)
    kept = load_run("a-run")
    del kept.settings["hyperparameters"]["averaging"]
    save_run("a-run", kept)
    with pytest.raises(UserError, match=r"averaging=0.0 \(now 0.9\)"):
        run("rnn", averaging=0.9)
    assert [record["epoch"] for record in run("rnn", epochs=3).history] == [0, 1, 2, 3]


def test_finished_run_is_left_alone_and_its_log_restored(data, capsys):
    run("rnn")
    before = weights_path("a-run").read_bytes()
    log = log_path("a-run").read_bytes()
    log_path("a-run").unlink()
    run("rnn")
    assert "nothing to do" in capsys.readouterr().out
    assert weights_path("a-run").read_bytes() == before
    assert log_path("a-run").read_bytes() == log


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lr": 0.02}, "lr=0.01 (now 0.02)"),
        ({"hidden_size": 9}, "hidden_size=8 (now 9)"),
        ({"epochs": 2}, "epochs=3"),
        ({"gradients": False}, "gradients=True"),
    ],
)
def test_other_settings_under_a_taken_run_id_are_refused(data, change, words):
    run("rnn")
    before = weights_path("a-run").read_bytes()
    with pytest.raises(UserError) as error:
        run("rnn", **change)
    assert words in str(error.value)
    assert "overwrite=True" in str(error.value)
    assert weights_path("a-run").read_bytes() == before
    run("rnn", overwrite=True, **change)
    assert weights_path("a-run").read_bytes() != before


def test_other_model_or_data_under_a_taken_run_id_is_refused(data):
    run("rnn")
    with pytest.raises(UserError, match="is of an RNN, not of an LSTM"):
        run("lstm")
    write_data(seed=1)
    with pytest.raises(UserError, match="other data"):
        run("rnn")


def test_falling_learning_rate_is_not_stretched(data):
    run("rnn", schedule="linear")
    with pytest.raises(UserError, match="fall to 0 over 3 epochs"):
        run("rnn", schedule="linear", epochs=5)


def forget(run_id):
    """Delete the files of a run."""
    weights_path(run_id).unlink()
    log_path(run_id).unlink()


def interrupt(monkeypatch, epochs):
    """Let the next runs stop after so many epochs; return what lets them go on."""
    measure, calls = experiment.measure, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) > epochs + 1:
            raise KeyboardInterrupt
        return measure(*arguments)

    monkeypatch.setattr(experiment, "measure", interrupted)
    return lambda: monkeypatch.setattr(experiment, "measure", measure)


@pytest.mark.parametrize("asked", [2, 3, 5])
def test_a_run_interrupted_before_its_end_can_be_asked_for_another_number_of_epochs(
    kind, data, monkeypatch, asked
):
    run(kind, "straight", epochs=asked)
    go_on = interrupt(monkeypatch, 2)
    with pytest.raises(KeyboardInterrupt):
        run(kind, "interrupted", epochs=100)
    go_on()
    kept = load_run("interrupted")
    assert len(kept.history) == 3
    with pytest.raises(UserError, match=r"was trained for 2 epochs \(epochs=100\), more than 1: start again"):
        run(kind, "interrupted", epochs=1)
    assert load_run("interrupted").settings == kept.settings
    found = run(kind, "interrupted", epochs=asked)
    assert found.settings["hyperparameters"]["epochs"] == asked
    assert log_without_timings("interrupted")[1:] == log_without_timings("straight")[1:]
    assert read_log("interrupted")[0]["hyperparameters"]["epochs"] == asked
    ended = members_without_timings("interrupted")
    assert ended["resume/theta"] == members_without_timings("straight")["resume/theta"]
    assert run(kind, "interrupted", epochs=asked + 1)  # and on again


def test_where_the_learning_rate_falls_an_interrupted_run_keeps_its_epochs(data, monkeypatch):
    go_on = interrupt(monkeypatch, 2)
    with pytest.raises(KeyboardInterrupt):
        run("rnn", schedule="cosine", epochs=9)
    go_on()
    for epochs in (3, 20):
        with pytest.raises(UserError, match=f"fall to 0 over 9 epochs, so it can't go on to {epochs}: start"):
            run("rnn", schedule="cosine", epochs=epochs)
    assert len(run("rnn", schedule="cosine", epochs=9).history) == 10


def test_overwrite_replaces_only_what_differs(kind, data, capsys):
    run(kind, epochs=2)
    before = weights_path("a-run").read_bytes()
    run(kind, epochs=2, overwrite=True)
    assert weights_path("a-run").read_bytes() == before
    run(kind, epochs=3, overwrite=True)  # an epoch more
    assert "a-run: continuing after epoch 2" in capsys.readouterr().out
    for other in ({"lr": 0.02}, {"epochs": 1}, {"seed": 5}):
        run(kind, **{"epochs": 3, "overwrite": True, **other})
        assert "continuing" not in capsys.readouterr().out
        assert load_run("a-run").settings["hyperparameters"].items() >= other.items()
    write_data(seed=1)
    assert run(kind, overwrite=True, epochs=1).settings["dataset"]["checksum"] == current_checksum()


def current_checksum():
    return data_checksum(load_manifest())


@pytest.mark.parametrize("content", [b"", b"PK nonsense", None])
def test_overwrite_replaces_what_is_damaged(data, content):
    run("rnn")
    weights_path("a-run").write_bytes(content) if content is not None else weights_path("a-run").unlink()
    with pytest.raises(UserError):
        run("rnn")
    assert len(run("rnn", overwrite=True).history) == 4


def test_weights_of_another_size_are_replaced_as_the_message_says(data):
    run("rnn", epochs=1)
    kept = load_run("a-run")
    weights = kept.weights | {"weight_out": np.zeros((1, 9), np.float32)}
    resume = kept.resume | {name: np.append(kept.resume[name], np.float32(0)) for name in ("theta", "m", "v")}
    save_run("a-run", kept._replace(weights=weights, resume=resume))
    for overwrite in (False, True):
        with pytest.raises(UserError, match="or delete it and its log, and train again"):
            run("rnn", epochs=2, overwrite=overwrite)
    forget("a-run")
    assert len(run("rnn", epochs=2).history) == 3


def test_a_run_id_is_trained_by_one_thread_at_a_time(kind, data, monkeypatch):
    """As where a cell of a notebook is run twice: the second is refused, and the first ends as if alone."""
    run(kind, "alone")
    inside, release, found = threading.Event(), threading.Event(), []
    measure = experiment.measure

    def waiting(*arguments):
        inside.set()
        assert release.wait(60)
        return measure(*arguments)

    def train():
        found.append(run(kind))

    monkeypatch.setattr(experiment, "measure", waiting)
    thread = threading.Thread(target=train)
    thread.start()
    assert inside.wait(60)
    for _ in range(3):
        with pytest.raises(UserError, match=f"run 'a-run' is being written by process {os.getpid()} on "):
            run(kind)
    release.set()
    thread.join()
    assert len(found[0].history) == 4
    alone, other = members_without_timings("alone"), members_without_timings("a-run")
    assert {name: a for name, a in alone.items() if name != "settings"} == {
        name: a for name, a in other.items() if name != "settings"
    }
    run(kind)  # and it is free again


def test_many_threads_leave_one_whole_run(data):
    """Whoever comes first trains it; the others are refused, or find it finished."""
    outcomes = []

    def train():
        try:
            outcomes.append(len(run("rnn", epochs=2).history))
        except UserError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=train) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refused = [outcome for outcome in outcomes if outcome != 3]
    assert len(refused) < 6
    assert all("is being written by" in outcome for outcome in refused)
    assert len(load_run("a-run").history) == 3


def test_no_more_workers_than_cores(data, monkeypatch):
    monkeypatch.setattr(experiment, "usable_cores", lambda: [0, 1])
    for workers in (3, 64):
        with pytest.raises(UserError, match=f"workers={workers}, but there are 2 cores: give workers=2 or f"):
            run("rnn", workers=workers)
    assert not weights_path("a-run").exists()
    monkeypatch.setattr(experiment, "usable_cores", lambda: [0])
    with pytest.raises(UserError, match="give workers=1 or fewer"):
        run("rnn", workers=2)


def test_a_run_of_a_study_stops_where_the_data_changes(data):
    began = describe_data(data.manifest)
    assert len(run("rnn", "same", dataset=began).history) == 4
    write_data(seed=1)
    with pytest.raises(UserError, match="data/ changed: this study began with made-up") as error:
        run("rnn", dataset=began)
    for checksum in (began["checksum"], current_checksum()):
        assert checksum in str(error.value)
    assert not weights_path("a-run").exists()


def test_a_run_of_a_study_stops_at_the_epoch_in_which_the_data_changes(data, monkeypatch):
    measure, calls = experiment.measure, []

    def changing(*arguments):
        calls.append(1)
        if len(calls) == 2:
            write_data(seed=1)
        return measure(*arguments)

    monkeypatch.setattr(experiment, "measure", changing)
    with pytest.raises(UserError, match="data/ changed"):
        run("rnn", dataset=describe_data(data.manifest))
    assert len(load_run("a-run").history) == 2
    write_data()  # preprocessed as before
    assert len(run("rnn", dataset=describe_data(data.manifest)).history) == 4


def test_log_without_weights_is_not_overwritten(data):
    run("rnn")
    weights_path("a-run").unlink()
    log = log_path("a-run").read_bytes()
    with pytest.raises(UserError, match="no weights"):
        run("rnn")
    assert log_path("a-run").read_bytes() == log


@pytest.mark.parametrize("run_id", ["../up", "a/b", "..", ".hidden", "", "a b", "ü", "x" * 101, None, "a\n"])
def test_run_ids_that_are_no_file_names_are_refused(data, run_id):
    with pytest.raises(UserError, match="run id"):
        run("rnn", run_id)


def test_loss_that_is_not_finite_stops_the_run_and_keeps_what_was_written(kind, data, recwarn):
    run(kind, "good", epochs=1)
    kept = weights_path("good").read_bytes()
    with pytest.raises(UserError) as error:
        run(kind, "bad", lr=1e38)
    message = str(error.value)
    assert "'bad'" in message
    assert "epoch 1, batch" in message
    assert "learning rate 1e+38" in message
    assert "\n" not in message
    assert not recwarn.list, "one line, and no warnings around it"
    assert "gradient norm before clipping" in message
    assert weights_path("good").read_bytes() == kept
    assert len(load_run("bad").history) == 1  # epoch 0 was written before, and stays


def test_log_says_why_a_run_ended_and_the_run_is_not_tried_again(kind, data):
    with pytest.raises(UserError) as first:
        run(kind, lr=1e38)
    last = json.loads(log_path("a-run").read_text().splitlines()[-1])
    assert last["type"] == "end"
    assert last["reason"] in str(first.value)
    assert read_log("a-run")[1] == [load_run("a-run").history[0] | last_timings()]
    before = weights_path("a-run").read_bytes()
    with pytest.raises(UserError, match=re.escape(last["reason"])) as again:
        run(kind, lr=1e38)
    assert "would again" in str(again.value)
    assert "overwrite=True" in str(again.value)
    assert weights_path("a-run").read_bytes() == before
    run(kind, overwrite=True)
    assert "end" not in [line["type"] for line in log_without_timings("a-run")]


def last_timings():
    return load_run("a-run").timings[-1]


@pytest.mark.parametrize("spoilt", ["theta", "record", "epoch 0"])
def test_nothing_that_is_not_finite_is_written(data, monkeypatch, spoilt):
    run("rnn")
    before = weights_path("a-run").read_bytes()

    def loop(model, *arguments, **options):
        for epoch in range(4):
            if epoch == 2 and spoilt == "theta":
                model.theta[3] = np.inf
            bad = (epoch == 2 and spoilt == "record") or spoilt == "epoch 0"
            yield dict.fromkeys(MEASURED, np.nan if bad else 1.0) | {
                "epoch": epoch,
                "validation_loss": 1.0 - epoch / 10,
                "gradient_norm": {"mean": 2.0, "largest": 2.5},
                "clipped": 0.0,
            }

    monkeypatch.setitem(experiment.LOOPS, "rnn", loop)
    with pytest.raises(UserError, match="no longer finite") as error:
        run("rnn", overwrite=True, gradients=False, lr=0.02)
    assert ("weights so far stay" in str(error.value)) == (spoilt != "epoch 0")
    if spoilt == "epoch 0":  # nothing of the new run was written, and the old one was left alone
        assert weights_path("a-run").read_bytes() == before
        return
    kept = load_run("a-run")
    assert [record["epoch"] for record in kept.history] == [0, 1]
    assert np.isfinite(kept.resume["theta"]).all()
    assert "not finite" in kept.ended or "epoch 2, after its last batch: theta" in kept.ended
