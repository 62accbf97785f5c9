"""The animation has a frame per epoch, and each shows the medians and accuracies of the logs."""

import numpy as np
import pytest
from PIL import Image

from scripts import plots
from scripts.figures.animation import FRAME, PAUSE, draw_epoch
from scripts.files.errors import UserError
from scripts.training import experiment
from scripts.training.logs import read
from tests.figures.helpers import lines


@pytest.fixture
def pair(data):
    """An RNN that is trained for two epochs, and an LSTM for one."""
    for model, run_id, epochs in (("rnn", "rnn-run-1", 2), ("lstm", "lstm-run-3", 1)):
        experiment.run(model, run_id, progress=False, epochs=epochs, hidden_size=6)
    return read("rnn-run-1"), read("lstm-run-3")


def test_a_frame_shows_its_epoch_and_the_accuracies_until_then(pair):
    for epoch in range(3):
        left, right = draw_epoch(pair, epoch).axes
        for log in pair:
            record = log.epochs[min(epoch, len(log.epochs) - 1)]
            for state in ("h", "c") if log.model == "lstm" else ("h",):
                drawn = lines(left)[f"{log.model.upper()} {state}"].get_ydata()
                np.testing.assert_array_equal(drawn, record["gradients"][state]["decay"]["median"])
            shown = lines(right)[log.model.upper()].get_ydata()
            expected = [100 * record["validation_accuracy"] for record in log.epochs[: epoch + 1]]
            assert shown.tolist() == expected


def test_the_file_has_a_frame_for_each_epoch_and_pauses_at_the_end(pair):
    path = plots.animate_decay()
    assert path.name == "decay-while-learning-rnn-run-1-vs-lstm-run-3.gif"
    with Image.open(path) as animation:
        assert animation.n_frames == 3
        durations = []
        for frame in range(3):
            animation.seek(frame)
            durations.append(animation.info["duration"])
        assert durations == [FRAME, FRAME, PAUSE]
        assert animation.info["loop"] == 0


def test_a_run_without_gradients_is_refused(data):
    experiment.run("rnn", "rnn-run-1", progress=False, epochs=1, hidden_size=3, gradients=False)
    experiment.run("lstm", "lstm-run-3", progress=False, epochs=1, hidden_size=3)
    with pytest.raises(UserError, match="rnn-run-1"):
        plots.animate_decay()
