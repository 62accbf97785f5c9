"""The figure of scripts/studies/latching.py: two orbits from a cue on, and what remains of the gradient."""

import numpy as np

from scripts.figures.sources import name_data, reading_study
from scripts.figures.style import GREY, PURPLE, SKY, STATES, add_provenance, figure, open_figure
from scripts.files.blocks import DEFAULT
from scripts.files.runs import NAMES

LOOKS = {"positive": ("after a positive cue", SKY), "negative": ("after a negative cue", PURPLE)}


@figure("latching-{name}.png")
def plot_latching(name=DEFAULT):
    """Draw the logits of twins that differ in the cue alone, and how the gradient dies on its way back to it.

    Above: z after each of the same neutral words; where it stays on both sides of 0, the cue is remembered.
    Below: log₁₀ of ‖∂z/∂h_t‖ and ‖∂z/∂c_t‖ relative to the last word, at the same words, on axes of their
    own. One line per run, a median over pairs of sentences; dotted where a run does not remember every cue.
    """
    with reading_study("latching", name) as study:
        models, steps, pairs = study["models"], study["steps"], study["pairs"]
        from_cue = steps[-1] - np.array(steps)  # gradients are listed by the distance from the last word
        kept = [orbit["told_apart"] == pairs for model in models for orbit in model["orbits"]]
        title = f"A cue is remembered for {steps[-1]:,} words in {sum(kept)} of {len(kept)} runs (solid)"
        drawn, panels = open_figure(title, 5.4, nrows=2, ncols=len(models), sharex=True, squeeze=False)
        for (above, below), model in zip(panels.T, models, strict=True):
            above.set(title=f"{NAMES[model['model']]}: logit z")
            below.set(title="log₁₀ of what remains of the gradient", xlabel="neutral words after the cue")
            for number, orbit in enumerate(model["orbits"]):
                hidden, style = "_" * (number > 0), "-" if orbit["told_apart"] == pairs else ":"
                for name, (label, colour) in LOOKS.items():
                    above.plot(steps, orbit[name], style, color=colour, label=hidden + label)
                for state in [state for state in "hc" if state in orbit]:
                    logs, (colour, _) = np.array(orbit[state], float), STATES[model["model"], state]
                    below.plot(from_cue, logs, style, color=colour, label=f"{hidden}∂z/∂{state}")
            above.axhline(0, color=GREY, linewidth=1, zorder=1)
            above.legend(loc="center right")
            below.legend()
        add_provenance(drawn, name_data(study["dataset"]), f"{pairs} pairs, runs as {models[0]['runs'][0]}")
        return drawn
