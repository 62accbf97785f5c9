"""The code is as ruff wants it: see .ruff.toml."""

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    ("command", "remedy"), [(["check"], "check --fix"), (["format", "--check", "--diff"], "format")]
)
def test_ruff_finds_nothing(command, remedy):
    ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "."]
    found = subprocess.run(ruff, cwd=PROJECT, capture_output=True, text=True, encoding="utf-8")
    assert found.returncode == 0, f"`python -m ruff {remedy} .` helps:\n{found.stdout}{found.stderr}"
