"""Read the logs and studies that figures draw, and name them in the line below a figure."""

import contextlib

from scripts.files.blocks import remedy_of_study
from scripts.files.errors import UserError
from scripts.files.paths import GLOVE_2024, log_path
from scripts.files.runs import RETRAIN
from scripts.files.storage import DAMAGE
from scripts.files.studies import read_study, study_path
from scripts.training.logs import check_gradients_recorded, read


@contextlib.contextmanager
def reading(*paths, remedy):
    """A block that draws from these files; what they lack is a UserError that says what to do."""
    try:
        yield
    except UserError:
        raise
    except DAMAGE as fault:
        what = f"lacks {fault}" if isinstance(fault, KeyError) else f"holds what can't be drawn ({fault})"
        files = " or ".join(map(str, paths))
        raise UserError(f"{files} is unfinished or damaged, it {what}: {remedy}") from fault


@contextlib.contextmanager
def reading_study(kind, name):
    """Yield a study to a block that draws from it."""
    study = read_study(kind, name)
    with reading(study_path(kind, name), remedy=remedy_of_study(kind, name)):
        yield study


@contextlib.contextmanager
def reading_logs(*runs, recorded=True):
    """Yield the logs of these runs, (run id, model) each, to a block that draws from them, and gradients."""
    logs = [read(*run) for run in runs]
    with reading(*(log_path(log.run_id) for log in logs), remedy=RETRAIN):
        for log in logs if recorded else ():
            check_gradients_recorded(log)
        yield logs


def two_epochs(log):
    """Return the records of the selected epoch and, if it is another, of epoch 0, with their line styles."""
    return [(log.best, "-")] if log.best["epoch"] == 0 else [(log.best, "-"), (log.epochs[0], "--")]


def name_data(dataset):
    """Dataset and word vectors in a few words."""
    cut = f" (texts cut to {dataset['max_length']} tokens)" if dataset.get("max_length") else ""
    vectors = "GloVe 2024" if dataset["embeddings"] == GLOVE_2024 else dataset["embeddings"]
    folder = f", data/{dataset['data']}/" if dataset.get("data") else ""
    test = f", tested on {dataset['test_dataset']}" if dataset.get("test_dataset") else ""
    return f"{dataset['name']}{folder}{cut}{test}, {vectors.removesuffix('.txt')} ({dataset['dimensions']}d)"


def name_sentences(sentences, split="validation"):
    """How many sentences of which lengths; `sentences` is a dict with count, shortest and longest."""
    return "{count:,} {} rows of {shortest} to {longest} tokens".format(split, **sentences)


def name_runs(runs, datasets):
    """Parts of the provenance of runs, in words, and of their dataset; of several, which run has which."""
    different, names = {dataset["checksum"] for dataset in datasets}, list(map(name_data, datasets))
    if len(different) == 1:
        return [names[0], ", ".join(runs)]
    if len(set(names)) < len(different):  # some hold the same texts, preprocessed otherwise
        names = [f"{name} [{dataset['checksum']}]" for name, dataset in zip(names, datasets, strict=True)]
    return [f"{run} on {name}" for run, name in zip(runs, names, strict=True)]


def name_logs(logs, sentences=False):
    """Parts of the provenance of logs, each dataset and set of sentences once."""
    runs = [f"{log.run_id} (epoch {log.best['epoch']} of {log.epochs[-1]['epoch']})" for log in logs]
    parts = name_runs(runs, [log.settings["dataset"] for log in logs])
    if sentences:
        measured = [log.best["gradients"] for log in logs]
        parts += dict.fromkeys(name_sentences({"count": each["sentences"], **each}) for each in measured)
    return parts
