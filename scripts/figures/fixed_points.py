"""The figure of scripts/studies/fixed_points.py: visited states and fixed points, in a plane."""

from scripts.figures.sources import name_data, name_sentences, reading_study
from scripts.figures.style import AMBER, BLACK, add_provenance, figure, open_figure
from scripts.files.blocks import DEFAULT
from scripts.files.runs import NAMES

INPUTS = {"zero": ("fixed points, input 0", "X"), "mean": ("fixed points, mean word", "P")}


@figure("fixed-points-{name}.png")
def plot_fixed_points(name=DEFAULT):
    """Draw the states that a trained model visits, and its fixed points, in the plane that shows most.

    The axes are the first two principal components of the visited states: h of the RNN, (h, c) of the LSTM.
    Colour is the logit z, as if the sentence ended there. Fixed points are filled where all states nearby are
    drawn in, white where some are driven away. The line is a sentence, to the ring at its end. Of several
    seeds the first run is drawn; the title counts the points of all.
    """
    with reading_study("fixed-points", name) as study:
        models = study["models"]
        counts = [len(run[of]) for model in models for run in model["best"] for of in INPUTS]
        title = f"Searches end at few fixed points: {min(counts)} to {max(counts)} per input"
        drawn, panels = open_figure(title, 4.8, ncols=len(models), squeeze=False)
        largest = max(abs(z) for model in models for z in model["plane"]["logit"])
        for axes, model in zip(panels[0], models, strict=True):
            plane, colours = model["plane"], {"cmap": "RdBu", "vmin": -largest, "vmax": largest}
            coloured = axes.scatter(*plane["visited"], c=plane["logit"], s=12, linewidths=0, **colours)
            axes.plot(*plane["path"], color=BLACK, linewidth=1, marker=".", markersize=4, label="a sentence")
            axes.scatter(*(x[-1] for x in plane["path"]), s=80, edgecolors=BLACK, facecolors="none", zorder=3)
            axes.margins(0.1)
            axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim(), xlabel="first principal component")
            for name, (label, marker) in INPUTS.items():
                fill = [AMBER if point["largest"] < 1 else "white" for point in model["best"][0][name]]
                axes.scatter(*plane[name], 120, fill, marker=marker, label=label, edgecolors=BLACK, zorder=4)
            points = [point for name in INPUTS for point in zip(*plane[name], strict=True)]
            beyond = sum(not axes.viewLim.contains(*point) for point in points)
            about = f", {beyond} beyond the edge" if beyond else " (filled: attracting)"
            axes.set_title(f"{NAMES[model['model']]}: {len(points)} points{about}")
        drawn.colorbar(coloured, ax=panels, label="logit z", pad=0.01)
        panels[0, -1].legend()
        panels[0, 0].set_ylabel("second principal component")
        runs = [f"{model['runs'][0]} (epoch {model['best_epoch'][0]})" for model in models]
        add_provenance(drawn, name_data(study["dataset"]), *runs, name_sentences(study["sentences"]))
        return drawn
