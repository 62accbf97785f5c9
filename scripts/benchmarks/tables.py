"""The benchmark's results as the README shows them: tables in Markdown. Nothing is measured here."""

from scripts.benchmarks.peers import OWN
from scripts.benchmarks.training import TASKS, fastest

MEGABYTE = 1e6


def tables(record):
    """All tables of a benchmark, and under which circumstances it was measured.

    Parameters
    ----------
    record : dict
        The JSON, as scripts/benchmark.py describes it.

    Returns
    -------
    str
        Markdown.
    """
    parts = [circumstances(record)]
    if record["training"]:
        parts += [TRAINING, *(task_table(record["training"], task) for task in TASKS)]
        parts += [refusal for size in record["training"] for refusal in refusals(size)]
    if record["recording"]:
        parts += [RECORDING, recording_table(record["recording"])]
    if record["products"]:
        parts += [PRODUCTS, products_table(record["products"])]
    if record["glove"]:
        parts += [GLOVE, glove_table(record["glove"])]
        parts += [refusal for file in record["glove"] for refusal in refusals(file)]
    if record["growth"]:
        parts += [GROWTH, growth_table(record["growth"]), *growth_lines(record["growth"])]
    return "\n\n".join(parts)


TRAINING = (
    "Seconds an epoch, scaled from the share of its batches that was timed. Where several numbers of BLAS "
    "threads were tried on our side, all are given; else a process has one. PyTorch on 1 and 2 threads, "
    "packed and padded; JAX on XLA's own threads, its compilation left out and stated apart (first pass: 20 "
    "steps, then training and inference once). Of a library the fastest variant counts; the last column is "
    "both on one thread, core for core. Our inference begins with a projection of all words: its share of an "
    "epoch is counted."
)
RECORDING = (
    "Recording gradients through time, activations and spectra: seconds an epoch, training and validation."
)
PRODUCTS = (
    "The matrix products of a training step alone, on one core: what they leave is all that could be gained "
    "without a faster BLAS, or the inputs of all steps in one product. Microseconds a step of so many "
    "sentences, loss and optimizer left out."
)
GLOVE = (
    "A made-up GloVe file, 100 values a line, in the system's cache. Ours is asked for the words that occur; "
    "gensim reads all. Memory is anonymous memory: what our reader's own process needed on top of Python and "
    "its libraries."
)
GROWTH = (
    "Growth: training, batch 64, each row in a process of its own. Memory is anonymous memory; the last "
    "column is the most that the process held above what Python and its libraries had taken."
)


def circumstances(record):
    """Machine, versions, data, load, and who took no part, as lines of one paragraph."""
    machine, data = record["machine"], record["data"]
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    blas = ", ".join("{library} {version} ({architecture})".format(**each) for each in machine["blas"])
    sections = ("training", "recording", "products", "glove", "growth")
    entries = [entry for name in sections for entry in record[name]]
    busy = [entry["others"] for entry in entries if entry["others"] is not None]
    lines = [
        f"{machine['cpu']}, {machine['cores']} cores; BLAS: {blas or 'not told'}; {versions}.",
        f"{data['name']}: {data['sentences']:,} sentences, D = {data['dimensions']}. "
        f"Medians of {record['settings']['repetitions']} repetitions.",
        f"Load average {machine['load_before']} before (other processes), {machine.get('load_after')} at the "
        "end (with this one)"
        + (f"; others kept {min(busy):.2f} to {max(busy):.2f} cores busy meanwhile." if busy else "."),
    ]
    if machine["environment"]:
        lines.append(" ".join(f"{name}={value}" for name, value in machine["environment"].items()))
    lines += [f"{library} is skipped, {why}." for library, why in record["skipped"].items()]
    if not record["finished"]:
        lines.append("This run was interrupted: it holds what had been measured.")
    return "\n".join(lines)


def markdown(heads, rows):
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def task_table(sizes, task):
    """Seconds an epoch of our variants and of each library's fastest, and the ratios; last, core for core."""
    results = [result for size in sizes for result in size["results"]]
    own = list(dict.fromkeys(result["variant"] for result in results if result["library"] == OWN))
    libraries = list(dict.fromkeys(result["library"] for result in results if result["library"] != OWN))
    labels = [own_label(results, variant) for variant in own]
    heads = [f"{task}: model", "H", "batch", "timed", *(f"{label}, s" for label in labels)]
    for library in libraries:
        heads += [f"{library}, s", *(f"{label} ÷ {library}" for label in labels)]
    if task == "training":
        heads += [f"{library}, first pass, s" for library in libraries if library == "JAX"]
    alone = [library for library in libraries if any(on_one_thread(size, library) for size in sizes)]
    heads += [f"{own[0]} ÷ {library}, one thread each" for library in alone]
    rows = []
    for size in sizes:
        row = [size["model"].upper(), size["hidden_size"], size["batch_size"]]
        row.append(f"{size['batches']} of {size['epoch_batches']}")
        row += [own_cell(size, variant, lambda each: each[task]["epoch_seconds"]) for variant in own]
        for library in libraries:
            row += library_cells(size, library, own, task)
        if task == "training" and "JAX" in libraries:
            peer = fastest(size["results"], "JAX", task)
            row.append(f"{peer['first_seconds']:.0f}" if peer else "–")
        row += [number(core_for_core(size, library, task), 2) for library in alone]
        rows.append(row)
    return markdown(heads, rows)


def on_one_thread(size, library):
    """The results of a library's variants that were timed on one thread, as our first one has."""
    timed = [result for result in size["results"] if not result["refused"]]
    return [result for result in timed if (result["library"], result["threads"]) == (library, 1)]


def core_for_core(size, library, task):
    """Our first variant ÷ a library's fastest one on one thread; None where there is none."""
    peer, ours = fastest(on_one_thread(size, library), library, task), fastest(size["results"][:1], OWN, task)
    return ours[task]["median"] / peer[task]["median"] if peer and ours else None


def own_label(results, variant):
    """A variant of ours in a table's head, with the numbers of threads where it was timed on several."""
    threads = sorted({result["threads"] for result in of_variant(results, variant)})
    return f"{variant} ({' / '.join(map(str, threads))} threads)" if len(threads) > 1 else variant


def of_variant(results, variant):
    """Those results that are one variant of ours, one for each number of threads."""
    return [result for result in results if (result["library"], result["variant"]) == (OWN, variant)]


def own_cell(size, variant, value):
    """A value of each result of one variant of ours."""
    results = of_variant(size["results"], variant)
    return " / ".join("refused" if each["refused"] else f"{value(each):.2f}" for each in results) or "–"


def library_cells(size, library, own, task):
    """Seconds and variant of a library's fastest, and the ratios of our variants to it."""
    peer = fastest(size["results"], library, task)
    if peer is None:
        return ["refused", *["–"] * len(own)]
    threads = f" × {peer['threads']}" if peer["threads"] else ""
    seconds = f"{peer[task]['epoch_seconds']:.2f} ({peer['variant']}{threads})"
    return [
        seconds,
        *(
            own_cell(size, variant, lambda each: each[task]["median"] / peer[task]["median"])
            for variant in own
        ),
    ]


def refusals(entry):
    """A line for each contender that was not timed."""
    where = (
        f"{entry['model'].upper()}, H = {entry['hidden_size']}, batch {entry['batch_size']}"
        if "model" in entry
        else f"{entry['lines']:,} lines"
    )
    return [
        f"Refused: {' '.join(filter(None, (result['library'], result.get('variant'))))} ({where}): "
        f"{result['refused']}."
        for result in entry["results"]
        if result["refused"]
    ]


def recording_table(entries):
    """Seconds an epoch without and with recording gradients."""
    rows = [
        [
            entry["model"].upper(),
            entry["hidden_size"],
            entry["batch_size"],
            entry["sentences"],
            f"{entry['results']['off']['median']:.2f}",
            f"{entry['results']['on']['median']:.2f}",
            f"{entry['ratio']:.2f}",
        ]
        for entry in entries
    ]
    return markdown(["recording: model", "H", "batch", "sentences", "off, s", "on, s", "on ÷ off"], rows)


def products_table(entries):
    """Time a step, that of its products alone, their share and their speed."""
    rows = []
    for entry in entries:
        seconds = entry["products"]
        alone = sum(seconds.values())
        row = [entry["model"].upper(), entry["hidden_size"], entry["batch_size"]]
        row += [number(1e6 * each, 1) for each in (entry["step_seconds"], alone, *seconds.values())]
        rows.append([*row, number(entry["share"], 2), number(entry["operations"] / alone / 1e9, 0)])
    heads = ["products: model", "H", "batch", "a step, µs", "its products, µs"]
    return markdown([*heads, "forward", "backward", "weights", "share", "GFLOP/s"], rows)


def glove_table(entries):
    """Seconds and memory of a file, line by line."""
    libraries = list(dict.fromkeys(r["library"] for entry in entries for r in entry["results"]))
    peers = [library for library in libraries if library != OWN]
    heads = ["GloVe: lines", "MB", "words asked for", *(f"{library}, s" for library in libraries)]
    heads += [*(f"own ÷ {library}" for library in peers), "own memory, MB"]
    rows = []
    for entry in entries:
        seconds = {result["library"]: result.get("median") for result in entry["results"]}
        row = [f"{entry['lines']:,}", f"{entry['bytes'] / MEGABYTE:.0f}", f"{entry['words']:,}"]
        row += [number(seconds.get(library), 2) for library in libraries]
        row += [number(entry["ratios"].get(library), 3) for library in peers]
        rows.append([*row, megabytes(entry["memory"], "peak")])
    return markdown(heads, rows)


def growth_table(entries):
    """Time a token, and memory, as sentences, steps and units grow."""
    rows = [
        [
            entry["model"].upper(),
            f"{entry['sentences']:,}",
            entry["T"] or "as SST-2",
            entry["hidden_size"],
            f"{entry['seconds_a_token'] * 1e6:.2f}",
            f"{entry['cut_seconds']:.3f}",
            megabytes(entry["memory"], "loaded"),
            megabytes(entry["memory"], "cut"),
            megabytes(entry["memory"], "peak"),
        ]
        for entry in entries
    ]
    heads = ["growth: model", "sentences", "T", "H", "µs a token", "cutting an epoch, s"]
    return markdown([*heads, "data loaded, MB", "epoch cut, MB", "peak, MB"], rows)


def growth_lines(entries):
    """Bytes a sentence of each model, from the fewest sentences to the most."""
    lines = []
    for model in dict.fromkeys(entry["model"] for entry in entries):
        series = [entry for entry in entries if entry["model"] == model and entry["T"] is None]
        many = max(series, key=lambda entry: entry["sentences"])
        few = min(
            (e for e in series if e["hidden_size"] == many["hidden_size"]), key=lambda e: e["sentences"]
        )
        more = many["sentences"] - few["sentences"]
        before, after = (growth(entry["memory"], "peak") for entry in (few, many))
        if more and None not in (before, after) and after > before:  # else it is lost among the rest
            lines.append(
                f"{model.upper()}: {(after - before) / more:.1f} bytes of anonymous memory for each further "
                f"sentence, from {few['sentences']:,} to {many['sentences']:,}."
            )
    return lines


def growth(memory, when):
    """Bytes that a process held then above what it began with; None where that can't be told."""
    return None if None in (memory["before"], memory[when]) else memory[when] - memory["before"]


def megabytes(memory, when):
    """The same in MB, as a cell."""
    more = growth(memory, when)
    return number(None if more is None else more / MEGABYTE, 1)


def number(value, digits):
    """A cell: a number, or a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"
