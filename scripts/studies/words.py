"""Words that the tables and the figures of studies share; no training code is loaded here."""

from scripts.files.numbers import counted


def as_given(settings):
    """Write settings as a call gives them: "lr=0.001, forget_bias='chrono'"."""
    return ", ".join(f"{name}={value!r}" for name, value in settings.items())


CONFIDENCE = 0.95
INTERVAL = f"{CONFIDENCE:.0%} interval"

RATES = {  # name in a study, and in words
    "exponent_drive": "largest Lyapunov exponent, long drive",
    "exponent_sentences": "largest Lyapunov exponent, sentences from step {start}",
    "slope_h": "measured ∂z/∂h, depths {first}–{last}",
    "slope_c": "measured ∂z/∂c, depths {first}–{last}",
    "slope_product": "norm of the product of Jacobians, {first}–{last}",
    "slope_direct_gradient": "∂z/∂c along the direct path alone, {first}–{last}",
    "slope_direct_mean": "direct path ∏f, mean over units, {first}–{last}",
}


def name_rate(study, name):
    """Name a rate, with the depths or the step between or from which it was measured."""
    first, last = study["depths"]
    return RATES[name].format(first=first, last=last, start=study["sentences"]["burn_in"] + 1)


def rate(rates, name):
    """Write one rate in nats per step; after ± its standard error, where it has one."""
    value, error = rates[name], rates.get(f"{name}_error")
    if value is None:
        return "-∞"
    return f"{value:+.3f}" if error is None else f"{value:+.3f} ± {error:.4f}"


OWN = "own-"  # begins the names of variants whose models have settings of their own
EPOCHS = 20  # of a run that isn't given any: the default of scripts/training/settings.py


def epochs_of(study, model):
    """Return the epochs that the runs of one model of a study were given."""
    shared = study["shared"] if "shared" in study else study["settings"]
    return {"epochs": EPOCHS, **shared, **study["of_model"].get(model, {})}["epochs"]


def describe_epochs(study, models):
    """Write the epochs of a study: "8 epochs", or "20 epochs (RNN), 12 (LSTM)" where models differ."""
    (first, count), *others = [(model.upper(), epochs_of(study, model)) for model in models]
    if all(n == count for _, n in others):
        return counted(count, "epoch")
    return ", ".join([f"{counted(count, 'epoch')} ({first})", *(f"{n} ({model})" for model, n in others)])


def describe_failure(study, model):
    """Say at which distance a model of a probe study fails, seed by seed where seeds differ."""
    failures = ["none" if d is None else f"{d}" for d in model["fails_at"]]
    if set(failures) == {"none"}:
        return f"does not fail up to d = {study['longest']}"
    if len(set(failures)) > 1:
        return f"first fails at d = {', '.join(failures)} (seed by seed)"
    first = study["distances"].index(model["fails_at"][0])
    if all(score < study["failing"] for scores in model["accuracy"] for score in scores[first:]):
        return f"fails from d = {failures[0]} on"
    return f"first fails at d = {failures[0]}"
