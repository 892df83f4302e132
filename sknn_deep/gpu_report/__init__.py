"""What this package does on the GPU of a machine: ``python -m sknn_deep.gpu_report``.

Checks compare the device with the CPU, timings with a loop written by hand. Each part
runs in a process of its own: one that hangs is ended, and an error of CUDA, after which
a process can compute nothing more, is the error of one part alone.
"""

__all__: list[str] = []
