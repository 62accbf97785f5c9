"""The blocks of main.py, to be run in small: for test_main.py and torture.py."""

import contextlib
import functools
import inspect
import re
from pathlib import Path
from unittest.mock import patch

from PIL import Image

import main
from scripts import preprocessing
from scripts.figures import style
from scripts.files import paths
from scripts.files.data import describe_data, existing_data, load_manifest
from scripts.files.runs import existing_runs
from scripts.studies import baselines, fixed_points, latching, settings_search
from scripts.text import cue_distance
from tests.helpers import write_data

SMALL_BEST = {model: recipe | {"epochs": 1, "hidden_size": 4} for model, recipe in main.BEST.items()}
SMALL_WIDE = SMALL_BEST["rnn"] | {"hidden_size": 5}
SMALL_BACKWARD = {"backward": ("full", "h-detach"), "of_model": SMALL_BEST}
SHORT = {"epochs": 2}  # of the runs with default settings


def blocks():
    """The code below ``if __name__ == "__main__":`` as shipped, and a list of all blocks, uncommented.

    A block's first line says what it does; every other line that is a comment is code.
    """
    shipped = Path(main.__file__).read_text().split('if __name__ == "__main__":\n')[1]
    paragraphs = [paragraph.split("\n", 1) for paragraph in shipped.strip("\n").split("\n\n")]
    return shipped, [re.sub(r"(?m)^    # ", "    ", rest[0]) for _, *rest in paragraphs if rest]


@contextlib.contextmanager
def in_small():
    """A context in which sentences, recipes, the search and pictures are small ones."""
    with contextlib.ExitStack() as stack:
        for module, values in {
            style: {"to_png": lambda figure: Image.new("P", (1, 1))},
            cue_distance: {"SIZES": {"train": 400, "validation": 60}, "TEST_SENTENCES": 20},
            baselines: {"BEST": SMALL_BEST},
            fixed_points: {"STARTS": 3},
            latching: {"SHOWN": (2, 10, 20)},
            settings_search: {
                "BEST": SMALL_BEST,
                "CHANGES": {model: [{"clip_norm": 0.5}] for model in SMALL_BEST},
            },
        }.items():
            for name, value in values.items():
                stack.enter_context(patch.object(module, name, value))
        yield


def run_block(source):
    """Execute a block of main.py as if it stood at the end of the file; what takes minutes, in small."""
    names = dict(vars(main)) | {
        "__name__": "__main__",
        "preprocess": preprocess_small,
        "train_rnn": functools.partial(main.train_rnn, **SHORT),
        "train_lstm": functools.partial(main.train_lstm, **SHORT),
        "test_overfit": functools.partial(main.test_overfit, steps=20),
        "backward_study": backward_small,
        "initialisation_study": functools.partial(main.initialisation_study, seeds=1),
        "BEST_RNN": main.BEST_RNN | SHORT | {"hidden_size": 64},
        "BEST_LSTM": main.BEST_LSTM | SHORT | {"hidden_size": 64},
        "jacobians": jacobians_small,
        "latching_study": latching_small,
        "memory_study": memory_small,
        "cell_memory_study": functools.partial(main.cell_memory_study, sentences=3),
        "BEST": SMALL_BEST,
        "LONG": SMALL_BEST,
        "WIDE_RNN": SMALL_WIDE,
        "probe_study": functools.partial(main.probe_study, seeds=1, epochs=1, variants="full"),
        "compare": compare_small,
        "report": report_small,
        "plot": plot_small,
    }
    source = source.replace("errors.errors_in_one_line()", "pass")  # pytest has a hook of its own
    exec(compile("if True:\n" + source, "main.py", "exec"), names)


def compare_small(*models, **options):
    """As main.compare, one seed, or as many as later blocks ask for, and short runs."""
    seeds = 3 if options.get("name") in ("best", "shuffled") else 1
    settings = {} if "of_model" in options else SHORT
    main.compare(*models, **options | {"seeds": seeds} | settings)


def backward_small(**options):
    """As main.backward_study, with few changes; three seeds where later blocks ask for them."""
    seeds = 1 if "name" in options else 3
    return main.backward_study(**options | SMALL_BACKWARD | {"seeds": seeds})


def memory_small(run_ids):
    """As main.memory_study, of the seeds that are trained here."""
    return main.memory_study([run_id for run_id in run_ids if int(run_id[-1]) < 3])


def jacobians_small(run_id, sentences=500):
    """As main.jacobians, on few sentences and a short drive."""
    main.jacobians(run_id, sentences // 25, steps=100, burn_in=10)


def latching_small(run_ids, name):
    """As main.latching_study, with the one seed that probe_study has in small."""
    return main.latching_study([run_id for run_id in run_ids if run_id.endswith("s0")], name)


def plot_small(*run_ids):
    """As main.plot, but without run ids only where no run is there, or an error is due."""
    if run_ids or not existing_runs():
        main.plot(*run_ids)


def report_small():
    """As main.report, on the pages of this project, as if they were of the data that is here."""
    checksum = describe_data(load_manifest())["checksum"] if existing_data() else "none"
    for page in ("README.md", "assets/README.md"):
        (paths.ROOT / page).parent.mkdir(exist_ok=True)
        text = (Path(main.__file__).parent / page).read_text(encoding="utf-8")
        (paths.ROOT / page).write_text(re.sub(r"(?<=, data )\w+", checksum, text), encoding="utf-8")
    return main.report()


def preprocess_small(dataset, **options):
    """As main.preprocess, with a small probe, and with other made-up sentences in place of IMDb."""
    if dataset == "probe":
        main.preprocess(dataset, "custom", dimensions=20, **options | {"probe_longest": 6})
    else:
        inspect.signature(preprocessing.preprocess).bind(dataset, **options)
        write_data(seed=9, name=options["name"])
