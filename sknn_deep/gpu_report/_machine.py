"""What the report is true of: versions, processor, GPU and driver."""

import os
import platform
import shutil
import subprocess
from importlib import metadata

import torch

import sknn_deep
from sknn_deep.machine import resolve_device

_PACKAGES = ("scikit-learn", "skorch", "numpy")
_DRIVER_SECONDS = 20.0


def describe_machine(device: str) -> dict:
    """Resolve `device`, and describe it and what is installed.

    Raises
    ------
    ValueError
        If there is no such device.
    """
    resolved = resolve_device(device, owner="The report")
    description = {
        "device": str(resolved),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads of torch": torch.get_num_threads(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "sknn_deep": sknn_deep.__version__,
        "torch": torch.__version__,
        "CUDA of torch": torch.version.cuda,
        **{name: metadata.version(name) for name in _PACKAGES},
        "driver": find_driver(),
    }
    if resolved.type == "cuda":
        properties = torch.cuda.get_device_properties(resolved)
        description |= {
            "GPU": properties.name,
            "memory in GiB": round(properties.total_memory / 2**30, 1),
            "compute capability": f"{properties.major}.{properties.minor}",
        }
    return description


def find_driver() -> str | None:
    """Ask NVIDIA's tool for the version of the driver."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    try:
        done = subprocess.run(
            [tool, "--query-gpu=driver_version", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=_DRIVER_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return "nvidia-smi does not answer"
    lines = done.stdout.split()
    return lines[0] if done.returncode == 0 and lines else None
