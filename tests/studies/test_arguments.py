"""The estimate of the time that studies of existing runs take."""

from types import SimpleNamespace

from scripts.studies import arguments


def test_the_estimate_counts_every_run_of_each_model(capsys, monkeypatch):
    """A part takes 2 s on the first model, of two runs, and 3 s on the second, of one run."""
    clock, called = iter([0, 2, 10, 13]), []
    monkeypatch.setattr(arguments, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    models = [{"runs": ["a", "b"]}, {"runs": ["c"]}]
    arguments.announce(models, lambda run_id: lambda: called.append(run_id), 5)
    assert called == ["a", "c"]
    assert capsys.readouterr().out == "3 runs: about 35 s\n"
