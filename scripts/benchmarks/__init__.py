"""One file per section of the benchmark; used by scripts/benchmark.py."""
