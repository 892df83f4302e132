"""Tables to read, files for other programs, and the machine they are true of."""

import importlib.metadata
import json
import os
import platform
from pathlib import Path

import torch

_PACKAGES = (
    *("sknn-deep", "numpy", "scipy", "scikit-learn", "torch", "skorch"),
    *("keras", "tensorflow", "jax"),
)


def format_table(headings: list[str], rows: list[list[str]]) -> str:
    """Align the first column to the left, numbers to the right."""
    cells = [headings, *rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headings))]
    lines = [
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def load_average() -> float:
    """Give the load of the last minute; NaN where the system does not say."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")


def describe_load(before: float) -> str:
    return f"load average {before:.2f} before, {load_average():.2f} after"


def describe_machine() -> dict:
    """Give what a number depends on: processor, threads, versions."""
    return {
        "processor": processor_name(),
        "n_cores": os.cpu_count(),
        "n_torch_threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "versions": {name: version for name in _PACKAGES if (version := find(name))},
    }


def processor_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def find(package: str) -> str | None:
    """Give the installed version of `package`, if there is one."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def write_json(path: str | None, **content) -> None:
    """Write `content` and the machine to `path`, if one is given."""
    if path is not None:
        content = {"machine": describe_machine(), **content}
        Path(path).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
