"""The order of the house: imports go one way, no files import each other in a circle, drawing trains nothing.

All imports count, those inside functions too.
"""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
ORDER = [  # from the ground up: each may import those before it, and its own room
    ("rnn", "lstm", "files"),
    ("text",),
    ("preprocessing", "dynamics"),
    ("training",),
    ("studies", "benchmarks"),
    ("figures",),
    ("plots", "benchmark"),
    ("report",),
    ("main",),
]
FLOOR = {room: floor for floor, rooms in enumerate(ORDER) for room in rooms}
FILES = sorted(
    path.relative_to(PROJECT)
    for pattern in ("main.py", "scripts/**/*.py", "rnn/*.py", "lstm/*.py")
    for path in PROJECT.glob(pattern)
)
MODULES = {".".join(path.with_suffix("").parts).removesuffix(".__init__"): path for path in FILES}


def imports_of(path):
    """Every module that a file imports, by its full name."""
    found = set()
    for node in ast.walk(ast.parse((PROJECT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports by a relative name"
            inner = {f"{node.module}.{alias.name}" for alias in node.names} & set(MODULES)
            found |= inner or {node.module}
    return found


def own_imports(path):
    """The files of this project that a file imports."""
    return {MODULES[name] for name in imports_of(path) if name in MODULES}


def room_of(path):
    """The room of a file: its folder, or its name where it is directly in scripts/ or the project's root."""
    parts = [part for part in path.with_suffix("").parts if part not in ("scripts", "__init__")]
    return parts[0] if parts else "scripts"


def test_imports_go_one_way():
    wrong = []
    for path in FILES:
        for imported in own_imports(path):
            room, other = room_of(path), room_of(imported)
            if "scripts" not in (room, other) and other != room and FLOOR[other] >= FLOOR[room]:
                wrong.append(f"{path} imports {imported}")
    assert wrong == []


def test_no_files_import_each_other_in_a_circle():
    try:
        TopologicalSorter({path: own_imports(path) - {path} for path in FILES}).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(map(str, error.args[1])))


@pytest.mark.parametrize("package", ["rnn", "lstm"])
def test_the_models_import_numpy_and_tqdm_only(package):
    for path in FILES:
        if room_of(path) == package:
            imported = {name.split(".")[0] for name in imports_of(path)}
            assert imported <= {"numpy", "tqdm", "math", "time", package}, path


def test_drawing_loads_no_training_code():
    code = "import sys, scripts.plots; print(*{'rnn', 'lstm', 'joblib', 'datasets'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
