"""Progress bars: frames on a terminal, nothing but plain lines in a file, and tqdm's own variable obeyed."""

import os
import struct
import subprocess
import sys

import pytest

from scripts.files import paths

pty, fcntl, termios = map(pytest.importorskip, ("pty", "fcntl", "termios"))
PROJECT = paths.ROOT
TRAIN = """
import sys
from scripts.files import paths
import main
with paths.rooted(sys.argv[1]):
    main.train_rnn("a-run", epochs=2, hidden_size=4, progress={progress})
"""


def train(root, terminal, progress=True, **environment):
    """All that a training of two epochs writes, to a pseudo-terminal or to a pipe."""
    command = [sys.executable, "-c", TRAIN.format(progress=progress), root]
    given = {"cwd": PROJECT, "env": os.environ | {"TQDM_MININTERVAL": "0"} | environment}
    if not terminal:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True, **given)
        return done.stdout.decode()
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))  # rows, columns
    process = subprocess.Popen(command, stdout=theirs, stderr=theirs, **given)
    os.close(theirs)
    written = b""
    try:
        while some := os.read(ours, 1 << 16):
            written += some
    except OSError:  # how Linux tells that the other end is closed
        pass
    os.close(ours)
    assert process.wait() == 0
    return written.decode()


@pytest.mark.parametrize("progress", [True, False])
def test_a_file_gets_one_plain_line_per_epoch(data, study_root, progress):
    written = train(study_root, terminal=False, progress=progress)
    assert "\r" not in written
    assert [line[:11] for line in written.splitlines()] == ["epoch  0/2 ", "epoch  1/2 ", "epoch  2/2 "]


def test_a_terminal_shows_bars(data, study_root):
    written = train(study_root, terminal=True)
    assert written.count("batch/s") > 3
    assert written.count("validation") == 3


@pytest.mark.parametrize(("progress", "environment"), [(False, {}), (True, {"TQDM_DISABLE": "1"})])
def test_bars_on_a_terminal_can_be_hidden(data, study_root, progress, environment):
    written = train(study_root, terminal=True, progress=progress, **environment)
    assert "batch" not in written
    assert written.count("validation") == 3


def test_no_file_draws_a_bar_of_its_own():
    """Each bar goes through the one function, but those of the two models, which may import tqdm alone."""
    found = [path for path in (PROJECT / "scripts").rglob("*.py") if "tqdm(" in path.read_text("utf-8")]
    assert [path.name for path in found] == ["progress.py"]
