"""Words that the tables and the figures of studies share; no training code is loaded here."""

from scripts.files.numbers import counted, tiny


def as_given(settings):
    """Settings as a call gives them.

    Examples
    --------
    >>> as_given({"lr": 0.001, "forget_bias": "chrono"})
    "lr=0.001, forget_bias='chrono'"
    """
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
    """A rate in words: between which depths, or from which step on, it was measured."""
    first, last = study["depths"]
    return RATES[name].format(first=first, last=last, start=study["sentences"]["burn_in"] + 1)


def rate(rates, name):
    """One rate as text, in nats per step; after ± its standard error, where it has one."""
    if rates[name] is None:
        return "-∞"
    error = rates.get(f"{name}_error")
    return f"{rates[name]:+.3f}" + (f" ± {error:.4f}" if error is not None else "")


OWN = "own-"  # begins the names of variants whose models have settings of their own
EPOCHS = 20  # of a run that isn't given any: the default of scripts/training/settings.py


def epochs_of(study, model):
    """Epochs that the runs of one model of a study were given."""
    shared = study["shared"] if "shared" in study else study["settings"]
    return {"epochs": EPOCHS, **shared, **study["of_model"].get(model, {})}["epochs"]


def describe_epochs(study, models):
    """The epochs of a study in words: "8 epochs", or "20 epochs (RNN), 12 (LSTM)" where models differ."""
    epochs = {model: epochs_of(study, model) for model in models}
    (first, count), *others = epochs.items()
    if len(set(epochs.values())) == 1:
        return counted(count, "epoch")
    return ", ".join(
        [f"{counted(count, 'epoch')} ({first.upper()})", *(f"{n} ({m.upper()})" for m, n in others)]
    )


def describe_failure(study, model):
    """At which distance a model of a probe study fails, in words, seed by seed where seeds differ."""
    failures = ["none" if d is None else f"{d}" for d in model["fails_at"]]
    if set(failures) == {"none"}:
        return f"does not fail up to d = {study['longest']}"
    if len(set(failures)) > 1:
        return f"first fails at d = {', '.join(failures)} (seed by seed)"
    first = study["distances"].index(model["fails_at"][0])
    if all(score < study["failing"] for scores in model["accuracy"] for score in scores[first:]):
        return f"fails from d = {failures[0]} on"
    return f"first fails at d = {failures[0]}"


def describe_gradient_there(study, model):
    """What is left of ∂z/∂h, before and after training, where a model fails or else at the longest d."""
    places = [study["distances"].index(d) for d in sorted({d for d in model["fails_at"] if d is not None})]

    def left(moment, place):
        power = model["gradient"]["h"][moment]["median"][place]
        return "0" if power is None else f"{10**power:.2g}" if power > -3 else tiny(power)

    return "; ".join(
        f"at d = {study['distances'][place]}, of ∂z/∂h {left('before', place)} was left before training and "
        f"{left('after', place)} after"
        for place in places or [-1]
    )
