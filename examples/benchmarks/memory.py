"""How much memory a process holds, and held at most (Linux only)."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path


def resident_bytes() -> int:
    """Give the memory that this process holds now."""
    return _read_status("VmRSS")


def peak_bytes() -> int:
    """Give the most that this process has held, since it began or the last reset."""
    return _read_status("VmHWM")


def reset_peak() -> None:
    """Begin anew to look for the peak."""
    Path("/proc/self/clear_refs").write_text("5")


def in_fresh_process(function, *args):
    """Call a function of a module in a process that has done nothing else."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *args).result()


def _read_status(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024  # the unit is kB
    raise OSError(f"/proc/self/status has no {field}")
