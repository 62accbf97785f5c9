"""The calls of main.py that make each study and each run, for messages where one is missing."""

DEFAULT = "default"  # the name of a study whose caller gives none
STUDIES = {  # calls of main.py, by kind and name of the study that each makes
    ("backward", DEFAULT): "backward_study()",
    ("backward", "lr-times-0.5"): 'backward_study(…, name="lr-times-0.5")',
    ("backward", "lr-times-2"): 'backward_study(…, name="lr-times-2")',
    ("baselines", DEFAULT): "baselines()",
    ("cell-memory", DEFAULT): "cell_memory_study()",
    ("cell-memory", "best"): 'cell_memory_study(…, name="best")',
    ("comparison", "best"): 'compare(seeds=5, name="best", of_model=BEST)',
    ("comparison", "best-wide"): 'compare("rnn", name="best-wide", of_model={"rnn": WIDE_RNN})',
    ("comparison", "compare"): "compare()",
    ("comparison", "shuffled"): 'compare(seeds=3, name="shuffled", of_model=BEST, word_order="shuffled")',
    ("comparison", "imdb"): 'compare(seeds=1, name="imdb", data="imdb", of_model=LONG)',
    ("cue-distance", "even"): 'probe_study(data="probe-even")',
    ("cue-distance", "far"): 'probe_study(data="probe-far")',
    ("cue-distance", "log"): 'probe_study(data="probe-log")',
    ("fixed-points", DEFAULT): "fixed_points()",
    ("fixed-points", "best"): 'fixed_points(…, "best")',
    ("initialisations", DEFAULT): "initialisation_study(of_model=BEST)",
    ("latching", "even"): 'latching_study(…, "even")',
    ("memory", DEFAULT): "memory_study(…)",
    ("search", DEFAULT): "search()",
    ("truncation", DEFAULT): "truncation_study()",
    ("truncation", "best"): 'truncation_study(…, name="best")',
}
CALLS = {  # by kind, for a study with any name
    "backward": 'backward_study(name="{}", …)',
    "baselines": 'baselines(name="{}")',
    "cell-memory": 'cell_memory_study(…, name="{}")',
    "comparison": 'compare(name="{}", …)',
    "cue-distance": 'probe_study(name="{}", …)',
    "fixed-points": 'fixed_points(…, "{}")',
    "initialisations": 'initialisation_study(name="{}", …)',
    "jacobians": 'jacobians("{}")',
    "latching": 'latching_study(…, "{}")',
    "memory": 'memory_study(…, name="{}")',
    "search": 'search(name="{}")',
    "sentence": 'predict("…", "{}")',
    "test": 'test("{}")',
    "truncation": 'truncation_study(…, name="{}")',
}
RUNS = {  # by run id
    "lstm-best": 'train_lstm("lstm-best", **BEST_LSTM)',
    "lstm-plain": 'train_lstm("lstm-plain", input_dropout=0, state_dropout=0)',
    "lstm-run-3": "train_lstm()",
    "lstm-two-workers": 'train_lstm("lstm-two-workers", workers=2)',
    "rnn-16": 'train_rnn("rnn-16", hidden_size=16)',
    "rnn-32": 'train_rnn("rnn-32", hidden_size=32)',
    "rnn-best": 'train_rnn("rnn-best", **BEST_RNN)',
    "rnn-run-1": "train_rnn()",
}


def remedy_of_study(kind, name):
    """Return what to do about a study that is missing or damaged."""
    block = STUDIES.get((kind, name))
    return _uncomment(block) if block else f"call {CALLS[kind].format(name)} of main.py"


def remedy_of_run(run_id):
    """Return what to do about a run that is missing."""
    of_studies = [study for study in STUDIES if run_id.startswith("-".join([*study, ""]))]
    block = RUNS.get(run_id) or STUDIES.get(max(of_studies, key=lambda study: len(study[1]), default=None))
    return _uncomment(block) if block else "name another, or train it with train_rnn or train_lstm of main.py"


def _uncomment(block):
    return f"uncomment the block {block} in main.py and run `python main.py`"
