"""The blocks of main.py, to be run in small: for test_main.py and torture.py."""

import contextlib
import functools
import inspect
import re
from pathlib import Path
from unittest.mock import patch

import main
from scripts import preprocessing
from scripts.files.runs import read_log
from scripts.report import results
from scripts.studies import baselines, settings_search
from scripts.text import cue_distance
from tests.helpers import write_data

SMALL_BEST = {model: recipe | {"epochs": 1, "hidden_size": 4} for model, recipe in main.BEST.items()}
SMALL_WIDE = SMALL_BEST["rnn"] | {"hidden_size": 5}


def blocks():
    """The code below ``if __name__ == "__main__":`` as shipped, and a list of all blocks, uncommented.

    A block's first line says what it does; every other line that is a comment is code.
    """
    shipped = Path(main.__file__).read_text().split('if __name__ == "__main__":\n')[1]
    paragraphs = [paragraph.split("\n", 1) for paragraph in shipped.strip("\n").split("\n\n")]
    return shipped, [re.sub(r"(?m)^    # ", "    ", rest[0]) for _, *rest in paragraphs if rest]


@contextlib.contextmanager
def in_small():
    """A context in which sentences, recipes and the search are small ones."""
    with contextlib.ExitStack() as stack:
        for module, values in {
            cue_distance: {"SIZES": {"train": 400, "validation": 60}, "TEST_SENTENCES": 20},
            results: {"BEST": SMALL_BEST, "BEST_5_EPOCHS": SMALL_BEST, "WIDE_RNN": SMALL_WIDE},
            baselines: {"BEST": SMALL_BEST},
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
        "initialisation_study": functools.partial(main.initialisation_study, seeds=1),
        "equal_parameters": functools.partial(main.equal_parameters, seeds=1),
        "BEST_RNN": main.BEST_RNN | {"epochs": 2, "hidden_size": 64},
        "BEST_LSTM": main.BEST_LSTM | {"epochs": 2, "hidden_size": 64},
        "jacobians": functools.partial(main.jacobians, steps=100, burn_in=10),
        "BEST": SMALL_BEST,
        "BEST_5_EPOCHS": SMALL_BEST,
        "WIDE_RNN": SMALL_WIDE,
        "probe_study": functools.partial(main.probe_study, seeds=1),
        "compare": compare_small,
        "report": lambda: None,
        "plot": lambda *run_ids: all(read_log(run_id) for run_id in run_ids),
    }
    source = source.replace("errors.errors_in_one_line()", "pass")  # pytest has a hook of its own
    exec(compile("if True:\n" + source, "main.py", "exec"), names)


def compare_small(*models, **options):
    """As main.compare, one seed, or as many as later blocks ask for."""
    seeds = 10 if options.get("name") == "best" else 1
    main.compare(*models, **options | {"seeds": seeds})


def preprocess_small(dataset, **options):
    """As main.preprocess, with a small probe, and with other made-up sentences in place of IMDb."""
    if dataset == "probe":
        main.preprocess(dataset, "custom", dimensions=20, probe_longest=6, **options)
    else:
        inspect.signature(preprocessing.preprocess).bind(dataset, **options)
        write_data(seed=9, name=options["name"])
