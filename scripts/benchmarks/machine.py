"""The machine of a benchmark: its CPU and BLAS, the load from other processes, and the memory of a process.

Used by scripts/benchmark.py and by the sections that measure memory. Apart from the CPU's name and the number
of cores, everything is read from Linux; elsewhere it is None.
"""

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from threadpoolctl import threadpool_info

from scripts.files.errors import UserError

PROJECT = Path(__file__).resolve().parents[2]
SAMPLING = 0.005  # seconds between two looks at a child's memory
STEERING = ("OPENBLAS_", "OMP_", "MKL_", "XLA_")  # such environment variables change a library's speed


def describe_machine():
    """Describe the CPU, the cores, the BLAS and its environment, as scripts/benchmark.py writes them.

    Call it before PyTorch or JAX is imported: they bring a BLAS of their own.
    """
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    blas = {(pool["internal_api"], pool["version"], pool.get("architecture")) for pool in pools}
    names = ("library", "version", "architecture")
    return {
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "blas": [dict(zip(names, each, strict=True)) for each in sorted(blas, key=str)],
        "environment": {name: os.environ[name] for name in sorted(os.environ) if name.startswith(STEERING)},
    }


def _cpu_name():
    cpuinfo = Path("/proc/cpuinfo")
    for line in cpuinfo.read_text().splitlines() if cpuinfo.exists() else ():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def busy_others(measure, *arguments):
    """Call `measure`; return its result, and how many cores others kept busy meanwhile, on average."""
    before, started = _other_seconds(), time.perf_counter()
    result = measure(*arguments)
    after, wall = _other_seconds(), time.perf_counter() - started
    return result, None if before is None else round(max(0.0, after - before) / wall, 3)


def _other_seconds():
    """CPU seconds of all processes except this one and its children."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return None
    user, nice, system, _, _, irq, softirq, steal = map(int, stat.read_text().split()[1:9])
    busy = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
    return busy - sum(os.times()[:4])


def anonymous_memory(process="self"):
    """Return the bytes of a process's memory, without mapped files, which the system can drop."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:  # not Linux, or the process has ended
        return None
    lines = [line for line in status.splitlines() if line.startswith("RssAnon:")]
    return int(lines[0].split()[1]) * 1024 if lines else None


def megabytes(memory, when):
    """Write in MB how much more a process held at ``memory[when]`` than at ``memory["before"]``."""
    if None in (memory["before"], memory[when]):
        return "–"
    return f"{(memory[when] - memory['before']) / 1e6:.1f}"


def run_child(module, **arguments):
    """Run a module such as "scripts.benchmarks.glove" in a new process, whose memory is its own.

    It reads `arguments` as JSON from the command line, and the last line that it prints is JSON. Return that,
    and the most anonymous memory that it was seen to hold, in bytes. A failure is a UserError.
    """
    seen, output = [], None
    command = [sys.executable, "-m", module, json.dumps(arguments)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        try:
            while output is None:
                seen.append(anonymous_memory(child.pid))
                try:
                    output, errors = child.communicate(timeout=SAMPLING)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            child.kill()  # for when this process is interrupted; a child that has ended is not affected
    if child.returncode:
        reason = (errors.decode("utf-8", "replace").strip() or "no message").splitlines()[-1]
        reason = reason.removeprefix("error: ")
        raise UserError(f"a measurement failed in its process ({reason}): run it again")
    return json.loads(output.splitlines()[-1]), max((peak for peak in seen if peak), default=None)
