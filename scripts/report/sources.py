"""Read logs and studies for results.py: refuse those of other settings, note which runs and data they are."""

from scripts.files.errors import UserError
from scripts.files.paths import assets_path, check_version, log_path
from scripts.files.storage import read_json
from scripts.files.studies import read_study, remedy_of
from scripts.training import logs
from scripts.training.settings import as_given, check_settings

FREE = {"seed", "workers"}  # settings in which runs of one recipe may differ


class Sources:
    """Logs and studies of one part of the results: ``logs`` by run id, ``datasets`` by checksum."""

    def __init__(self):
        self.logs, self.datasets = {}, {}

    def log(self, run_id, model, recipe, *varied, remedy="train it again with overwrite=True"):
        """Return the log of a run; UserError where settings differ from the recipe's, but for the varied."""
        log = logs.read(run_id, model)
        found, expected = log.settings["hyperparameters"], check_settings(model, recipe)
        other = {key: value for key, value in found.items() if value != expected.get(key)}
        if other := {key: value for key, value in other.items() if key not in FREE.union(varied)}:
            instead = as_given({key: expected.get(key) for key in other})
            raise UserError(f"run {run_id!r} has {as_given(other)}, expected {instead}: {remedy}")
        self.logs[run_id] = log
        self._note(log.settings)
        return log

    def settings(self, group):
        """Return all settings of the first run of a variant."""
        return self.logs[group["runs"][0]].settings["hyperparameters"]

    def study(self, name, recipes, *varied):
        """Return a study; UserError where runs have other settings than the recipe of their model.

        The varied settings may differ from the recipe, but not between the seeds of one variant.
        """
        study = self._note(read_study(name))
        remedy = f"{remedy_of(name)} again"
        for group in study.get("variants") or study.get("models", []):
            model, own = group["model"], {}
            if model not in recipes:
                raise UserError(f"the study {name!r} has an {model.upper()}: {remedy}")
            for number, run_id in enumerate(group["runs"]):
                if not log_path(run_id).is_file():
                    raise UserError(f"the log of its run {run_id!r} is missing: {remedy}")
                free = () if number else varied
                self.log(run_id, model, recipes[model] | own, *free, remedy=f"{remedy}, with overwrite=True")
                own = {key: value for key, value in self.settings(group).items() if key in varied}
        return study

    def of_run(self, what, run_id, model, recipe):
        """Return the JSON that was measured with the weights of a run: its "jacobians", or a "sentence"."""
        log = self.log(run_id, model, recipe)
        path = assets_path("benchmarks", f"{what}-{run_id}.json")
        remedy = f"uncomment the block with {run_id!r} in main.py that makes it"
        if not path.is_file():
            raise UserError(f"{path} is missing: {remedy}")
        found = read_json(path)
        check_version(path, found, remedy)
        epoch = found["epoch"] if what == "sentence" else found["at"]["best"]["epoch"]
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
