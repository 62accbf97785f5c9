"""The READMEs name every setting, logged field and function, and nothing that does not exist."""

import ast
import inspect
import re
import textwrap
from dataclasses import fields
from pathlib import Path

import pytest

import main
from scripts.files.data import SPLITS
from scripts.files.runs import read_log
from scripts.training import experiment
from scripts.training.settings import Settings

PROJECT = Path(main.__file__).parent
FOLDERS = ("", "assets/", "data/", "lstm/", "rnn/", "scripts/", "scripts/benchmarks/", "tests/")
READMES = {
    name: (PROJECT / name).read_text(encoding="utf-8")
    for name in (f"{folder}README.md" for folder in FOLDERS)
    if (PROJECT / name).is_file()
}
ALL = "\n".join(READMES.values())
CODE = set(re.findall(r"[A-Za-z_][A-Za-z_0-9]*", " ".join(re.findall(r"`[^`]+`|```.*?```", ALL, re.S))))
FUNCTIONS = {name: value for name, value in vars(main).items() if getattr(value, "__module__", "") == "main"}
EVERY = pytest.mark.parametrize("name", READMES)


def keys_of(value):
    """Every key of nested dicts."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys_of(inner)


def test_the_table_of_settings_is_that_of_their_declaration():
    from scripts.training.settings import settings_table

    table = re.search(r"(?s)<!-- settings -->(.*?)<!-- end -->", READMES["scripts/README.md"])[1]
    assert table.strip() == settings_table().strip()
    assert all(f"`{field.name}`" in table for field in fields(Settings))


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


def test_every_function_of_main_is_named():
    assert set(FUNCTIONS) <= CODE


def test_every_call_is_one_of_a_function_of_main_with_its_arguments():
    of_studies = {
        "seeds",
        "of_model",
        "probe_mixture",
        "max_length",
        "name",
        "data",
    }  # that main.py passes on
    settings = {field.name for field in fields(Settings)} | of_studies
    for function, arguments in re.findall(r"`(?:main\.)?([a-z_]+)\(([^`]*)\)`", ALL):
        if function in FUNCTIONS:
            given = set(re.findall(r"\b([a-z_]+)=", arguments))
            assert given <= settings | set(inspect.signature(FUNCTIONS[function]).parameters), arguments


@EVERY
def test_every_option_that_is_named_exists(name):
    scripts = [PROJECT / "scripts" / f"{script}.py" for script in ("preprocessing", "plots", "benchmark")]
    sources = [path.read_text(encoding="utf-8") for path in (*scripts, PROJECT / "tests" / "torture.py")]
    known = set(re.findall(r'"(--[a-z-]+)"', " ".join(sources)))
    known |= {"--help", "--no-tokenised", "--host", "--nworkers", "--nthreads"}  # the last three are Dask's
    assert set(re.findall(r"(?<![\w<!-])--[a-z][a-z-]+", READMES[name])) <= known


@EVERY
def test_every_link_leads_somewhere_and_figures_are_small(name):
    for target, _, anchor in (link.partition("#") for link in re.findall(r"\]\(([^)]+)\)", READMES[name])):
        if target.startswith("http"):
            continue
        path = (PROJECT / name).parent / target if target else PROJECT / name
        assert path.exists(), target
        assert path.suffix != ".png" or path.stat().st_size < 250_000, target
        if anchor:
            headings = re.findall(r"(?m)^#+ (.*)$", path.read_text(encoding="utf-8"))
            anchors = [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]
            assert anchor in anchors, anchor


@EVERY
def test_every_file_that_is_named_exists(name):
    for path in re.findall(r"`((?:scripts|rnn|lstm|tests)/[\w/.-]+\.(?:py|md|txt))`", READMES[name]):
        assert (PROJECT / path).is_file(), path


def test_every_room_says_what_it_is_for():
    for name in ("main.py", "rnn", "lstm", "scripts", "data", "assets", "tests"):
        assert name in READMES["README.md"]
    for path in (PROJECT / "scripts").rglob("*.py"):
        words = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        assert words, f"{path.name} says what it is for"
        room = path.parent.name
        if path.name == "__init__.py" and room != "scripts":
            first = words.split("\n")[0]
            assert f"[`{room}/`]({room}): {first[0].lower()}{first[1:]}" in READMES["scripts/README.md"]


def test_the_lines_of_the_backward_pass_are_those_of_the_code():
    (quoted,) = re.findall(r"```python\n(for t in .*?)```", READMES["README.md"], re.S)
    code = (PROJECT / "rnn" / "model.py").read_text(encoding="utf-8")
    assert textwrap.indent(quoted, 8 * " ") in code


def test_the_front_page_is_short():
    assert READMES["README.md"].count("\n") <= 150


@EVERY
def test_nothing_was_left_to_be_filled_in(name):
    assert not re.findall(r"@[A-Z-]+@", READMES[name])
