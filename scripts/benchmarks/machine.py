"""What the benchmark's machine is, what else it is doing, and how much memory a process holds.

Whatever the system doesn't tell (all but the CPU's name and the cores is Linux's) is None.
"""

import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from threadpoolctl import threadpool_info

from scripts.files.errors import UserError

SAMPLING = 0.005  # seconds between two looks at a child's memory
STEERING = (
    "OPENBLAS_",
    "OMP_",
    "MKL_",
    "XLA_",
)  # variables whose names begin so change how fast a library is


def describe_machine():
    """CPU, cores, BLAS (NumPy's and SciPy's, as long as no peer is imported), and what steers them.

    Returns
    -------
    dict
        ``cpu``, ``cores`` (those that this process may use), ``blas``: list of {library, version,
        architecture}, whose kernels it runs; ``environment``: variables that steer speed, where they are set.
    """
    blas = [
        {
            "library": pool["internal_api"],
            "version": pool["version"],
            "architecture": pool.get("architecture"),
        }
        for pool in threadpool_info()
        if pool["user_api"] == "blas"
    ]
    return {
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "blas": sorted((b for k, b in enumerate(blas) if b not in blas[:k]), key=str),
        "environment": {
            name: value for name, value in sorted(os.environ.items()) if name.startswith(STEERING)
        },
    }


def cpu_name():
    """The name of the CPU."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def load_average():
    """Load average of the last minute."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def other_seconds():
    """Seconds that all cores together were busy for other processes than this and its children."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return None
    user, nice, system, _, _, irq, softirq, steal = map(int, stat.read_text().split()[1:9])
    busy = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
    return busy - sum(os.times()[:4])


def busy_others(measure):
    """Call `measure`; return its result, and how many cores others kept busy meanwhile, on average."""
    before, started = other_seconds(), time.perf_counter()
    result = measure()
    after, wall = other_seconds(), time.perf_counter() - started
    return result, None if before is None else round(max(0.0, after - before) / wall, 3)


def anonymous_memory(process="self"):
    """Bytes of memory of a process that no file stands behind: mapped files are not counted."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:  # not Linux, or the process has ended
        return None
    lines = [line for line in status.splitlines() if line.startswith("RssAnon:")]
    return int(lines[0].split()[1]) * 1024 if lines else None


def run_child(*arguments):
    """Run a script in a Python of its own, so that its memory is its own.

    Parameters
    ----------
    *arguments : str
        The script, and what it is given.

    Returns
    -------
    output : str
        What it printed.
    peak : int or None
        The most anonymous memory that it was seen to hold, in bytes.

    Raises
    ------
    UserError
        It failed.
    """
    peak = None
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        with subprocess.Popen([sys.executable, *arguments], stdout=output, stderr=errors) as child:
            try:
                while child.poll() is None:
                    seen = anonymous_memory(child.pid)
                    peak = seen if peak is None else max(peak, seen or 0)
                    time.sleep(SAMPLING)
            finally:
                child.kill()  # where this process was interrupted; does nothing to one that has ended
        said, complained = (read_text(file) for file in (output, errors))
    if child.returncode:
        reason = (complained.strip().splitlines() or ["it said nothing"])[-1].removeprefix("error: ")
        raise UserError(f"a measurement in a process of its own failed ({reason}): mend that, run this again")
    return said, peak


def read_text(file):
    """What was written to a temporary file, from its beginning."""
    file.seek(0)
    return file.read().decode("utf-8", "replace")
