"""Read logs and studies for results.py: refuse those of other settings, note which runs and data they are."""

from scripts.files.blocks import remedy_of_settings
from scripts.files.errors import UserError
from scripts.files.studies import read_study, study_path
from scripts.training import logs
from scripts.training.settings import as_given, check_settings

FREE = {"seed", "workers"}  # settings in which runs of one recipe may differ


class Sources:
    """Logs and studies of one part of the results: ``logs`` by run id, ``datasets`` by checksum."""

    def __init__(self):
        self.logs, self.datasets = {}, {}

    def log(self, run_id, model, recipe, *varied, remedy=None):
        """Return the log of a run; UserError where settings differ from the recipe's, but for the varied."""
        log = logs.read(run_id, model)
        found, expected = log.settings["hyperparameters"], check_settings(model, recipe)
        other = {key: value for key, value in found.items() if value != expected.get(key)}
        if other := {key: value for key, value in other.items() if key not in FREE.union(varied)}:
            instead = as_given({key: expected.get(key) for key in other})
            defaults, given = check_settings(model, {}), {"overwrite": True}
            given = {key: value for key, value in expected.items() if value != defaults[key]} | given
            remedy = remedy or f'call train_{model}("{run_id}", {as_given(given)}) of main.py'
            raise UserError(f"run {run_id!r} has {as_given(other)}, expected {instead}: {remedy}")
        self.logs[run_id] = log
        self._note(log.settings)
        return log

    def settings(self, group):
        """Return all settings of the first run of a variant."""
        return self.logs[group["runs"][0]].settings["hyperparameters"]

    def study(self, kind, name, recipes, *varied):
        """Return a study; UserError where runs have other settings than the recipe of their model.

        The varied settings may differ from the recipe, but not between the seeds of one variant.
        """
        study, remedy = self._note(read_study(kind, name)), remedy_of_settings(kind, name)
        for group in study.get("variants") or study.get("models", []):
            model, own = group["model"], {}
            if model not in recipes:
                raise UserError(f"the study {name!r} has an {model.upper()}: {remedy}")
            for number, run_id in enumerate(group["runs"]):
                free = () if number else varied
                self.log(run_id, model, recipes[model] | own, *free, remedy=remedy)
                own = {key: value for key, value in self.settings(group).items() if key in varied}
        return study

    def of_run(self, kind, run_id, model, recipe, call):
        """Return what `call` of main.py measured with a run's weights: its "jacobians", or a "sentence"."""
        log = self.log(run_id, model, recipe)
        path, remedy = study_path(kind, run_id), f"call {call} of main.py"
        if not path.is_file():
            raise UserError(f"{path} is missing: {remedy}")
        found = read_study(kind, run_id)
        epoch = found["epoch"] if kind == "sentence" else found["at"]["best"]["epoch"]
        if (epoch, found["dataset"]) != (log.best["epoch"], log.settings["dataset"]):
            raise UserError(f"{path} was made before {run_id!r} was trained again: {remedy}")
        return found

    def _note(self, described):
        self.datasets[described["dataset"]["checksum"]] = described["dataset"]
        return described

    def runs(self):
        """Return what results.json says of each run that was read."""
        return {run_id: _describe(log) for run_id, log in self.logs.items()}


def _describe(log):
    defaults, own = check_settings(log.model, {}), log.settings["hyperparameters"]
    return {
        "model": log.model,
        "parameters": log.settings["parameters"],
        "settings": {name: value for name, value in own.items() if value != defaults.get(name)},
        "epochs": log.epochs[-1]["epoch"],
        "best_epoch": log.best["epoch"],
        "validation_loss": log.best["validation_loss"],
        "validation_accuracy": log.best["validation_accuracy"],
        "versions": log.settings["versions"],
    }
