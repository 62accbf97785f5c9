"""The README names all there is: every setting, every logged field, every block and file."""

import ast
import inspect
import re
from dataclasses import fields
from pathlib import Path

import main
from scripts.files.data import SPLITS
from scripts.files.runs import read_log
from scripts.training import experiment
from scripts.training.settings import Settings

PROJECT = Path(main.__file__).parent
README = (PROJECT / "README.md").read_text(encoding="utf-8")
CODE = set(re.findall(r"[A-Za-z_][A-Za-z_0-9]*", " ".join(re.findall(r"`[^`]+`|```.*?```", README, re.S))))


def keys_of(value):
    """Every key of nested dicts."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys_of(inner)


def test_every_setting_is_explained_with_its_default():
    for field in fields(Settings):
        assert field.name in CODE
    rows = [row for row in README.splitlines() if row.startswith("| `")]
    for name in ("lr", "hidden_size", "batch_size", "clip_norm", "chrono_steps", "seed"):
        (default,) = (field.default for field in fields(Settings) if field.name == name)
        assert any(f"`{name}`" in row.split("|")[1] and str(default) in row.split("|")[2] for row in rows), (
            name
        )


def test_every_logged_field_is_explained(data):
    experiment.run("rnn", "an-rnn", progress=False, epochs=1, hidden_size=4)
    experiment.run("lstm", "an-lstm", progress=False, epochs=1, hidden_size=4)
    for run_id in ("an-rnn", "an-lstm"):
        settings, epochs = read_log(run_id)
        explained_as_one = {"python", "numpy", "blas", "rows", "name", "splits", "type"}
        missing = set(keys_of(settings)) - CODE - explained_as_one - set(SPLITS)
        assert not missing - {"embeddings", "dimensions", "checksum", "max_length", "epoch"}
        for record in epochs:
            assert set(keys_of(record)) - CODE - explained_as_one <= {"epoch"}


def test_every_function_of_main_stands_in_the_table_of_blocks():
    functions = {name for name, value in vars(main).items() if inspect.isfunction(value)}
    assert functions <= CODE


def test_every_option_that_it_names_exists():
    named = set(re.findall(r"--[a-z][a-z-]+", README))
    known = set()
    scripts = [PROJECT / "scripts" / f"{name}.py" for name in ("preprocessing", "plots", "benchmark")]
    for script in (*scripts, PROJECT / "tests" / "torture.py"):
        source = script.read_text(encoding="utf-8")
        known |= set(re.findall(r'"(--[a-z-]+)"', source))
    known |= {"--host", "--nworkers", "--nthreads"}  # Dask's
    assert named - known - {"--help", "--no-tokenised"} == set()


def test_every_link_leads_somewhere_and_figures_are_small():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            path = PROJECT / target
            assert path.exists(), target
            assert path.suffix != ".png" or path.stat().st_size < 200_000, target


def test_every_folder_of_the_house_is_named():
    for name in ("main.py", "rnn", "lstm", "scripts", "data", "assets", "tests"):
        assert name in README
    for path in (PROJECT / "scripts").rglob("*.py"):
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), (
            f"{path.name} says what it is for"
        )


def test_nothing_was_left_to_be_filled_in():
    assert not re.findall(r"@[A-Z-]+@", README)
