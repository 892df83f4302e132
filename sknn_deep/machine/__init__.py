"""On what is it computed: device, precision, threads, recorded work."""

from sknn_deep.machine._denormals import flushed_denormals
from sknn_deep.machine._global_draws import forked_draws, global_draws_from
from sknn_deep.machine._graphs import (
    MIN_STEPS,
    Capture,
    GraphedWork,
    can_capture,
    captures,
)
from sknn_deep.machine._placement import (
    Placement,
    autocast,
    device_or_cpu,
    has_room,
    made_on_cpu,
    resolve_device,
    resolve_placement,
    sum_dtype,
)
from sknn_deep.machine._replicas import warn_of_replicas
from sknn_deep.machine._threads import (
    networks_for_a_core,
    one_blas_thread,
    prediction_threads,
    thread_count,
    threads_for_block,
    threads_for_stack,
    threads_for_step,
)

__all__ = [
    "MIN_STEPS",
    "Capture",
    "GraphedWork",
    "Placement",
    "autocast",
    "can_capture",
    "captures",
    "device_or_cpu",
    "flushed_denormals",
    "forked_draws",
    "global_draws_from",
    "has_room",
    "made_on_cpu",
    "networks_for_a_core",
    "one_blas_thread",
    "prediction_threads",
    "resolve_device",
    "resolve_placement",
    "sum_dtype",
    "thread_count",
    "threads_for_block",
    "threads_for_stack",
    "threads_for_step",
    "warn_of_replicas",
]
