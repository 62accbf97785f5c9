"""Words that tables, figures and the report share; no training code is loaded here."""


def as_given(settings):
    """Write settings as a call gives them: "lr=0.001, forget_bias='chrono'"."""
    return ", ".join(f"{name}={value!r}" for name, value in settings.items())


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
