"""Every path below data/ and assets/, and checks of names and format versions; for readers and writers."""

import contextlib
import re
from pathlib import Path

from scripts.files.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
FORMAT_VERSION = 1  # of data/
GLOVE_2024 = "wiki_giga_2024_100_MFT20_vectors_seed_2024_alpha_0.75_eta_0.05.050_combined.txt"


@contextlib.contextmanager
def rooted(root):
    """Use data/ and assets/ below `root` within the block, in the whole process; yield `root` as a Path."""
    global ROOT
    before, ROOT = ROOT, Path(root)
    try:
        yield ROOT
    finally:
        ROOT = before


def data_path(name, data=None):
    """Return the path of a file in data/, or in data/<data>/ of the dataset with that name."""
    folder = ROOT / "data"
    return (folder if data is None else folder / check_run_id(data, "dataset name")) / name


def assets_path(kind, name):
    """Return the path of a file in assets/<kind>/."""
    return ROOT / "assets" / kind / name


def check_run_id(run_id, what="run id"):
    """Return `run_id` if it is safe as a file name; raise UserError otherwise."""
    if not isinstance(run_id, str) or not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}", run_id):
        allowed = "up to 100 letters, digits, '-', '_' and '.', not beginning with '.'"
        raise UserError(f"{what} {run_id!r} can't be a file name: use {allowed}")
    return run_id


def log_path(run_id):
    """Return the path of the log of a run."""
    return assets_path("runs", f"{check_run_id(run_id)}.jsonl")


def weights_path(run_id):
    """Return the path of the weights of a run."""
    return assets_path("weights", f"{check_run_id(run_id)}.npz")


def check_version(path, content, remedy, expected=FORMAT_VERSION):
    """Raise UserError unless the JSON object in a file has the expected format version."""
    version = content.get("format_version") if isinstance(content, dict) else None
    if version != expected:
        fault = f"{path} has format version {version!r}, expected {expected}"
        raise UserError(f"{fault}: {remedy}, or use the version of this project that wrote it")
