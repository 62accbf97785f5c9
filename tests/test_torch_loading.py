"""The code in data/README.md that loads weights, in NumPy and in PyTorch, runs as printed."""

import re
from pathlib import Path

import numpy as np
import pytest

from scripts.training import evaluation, experiment

README = (Path(__file__).parent.parent / "data" / "README.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.S)
RUN_ID = "lstm-run-3"  # in both snippets


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="PyTorch is not installed")


def test_weights_open_in_numpy(data, study_root, monkeypatch, capsys):
    (snippet,) = (code for code in SNIPPETS if "import torch" not in code)
    experiment.run("lstm", RUN_ID, progress=False, epochs=1)
    monkeypatch.chdir(study_root)
    said = {}
    exec(snippet, said)
    assert "(256, 64)" in capsys.readouterr().out
    assert [record["epoch"] for record in said["epochs"]] == [0, 1]


def test_weights_open_in_pytorch_and_give_the_same_logits(torch, kind, data, study_root, monkeypatch):
    (snippet,) = (code for code in SNIPPETS if "import torch" in code)
    experiment.run(kind, f"a-{kind}", progress=False, epochs=3, hidden_size=12, lr=0.02)
    monkeypatch.chdir(study_root)
    assert snippet.count(RUN_ID) == 1
    said = {}
    exec(snippet.replace(RUN_ID, f"a-{kind}"), said)
    model, *_ = evaluation.load_model(f"a-{kind}")
    assert all(np.abs(array).max() > 0 for array in model.parameters.values())
    assert isinstance(said["layer"], {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM}[kind])
    z = evaluation.logits(model, data.splits["test"])
    assert len(set(data.splits["test"].s)) > 5
    assert np.ptp(z) > 0.1
    np.testing.assert_allclose(said["z"].numpy(), z, rtol=0, atol=1e-5)
