"""The process that checks: it notes how each check begins and ends."""

import json
import sys
from pathlib import Path

import torch

from sknn_deep.gpu_report._list import list_checks, run_check
from sknn_deep.gpu_report._machine import describe_machine


def main(
    *, start: int, device: str, is_quick: bool, mnist: str | None, record: str
) -> None:
    """Run the checks from number `start` on; write lines of JSON to the file `record`.

    It ends after an error: one of CUDA would be that of all that comes after it.
    """
    with Path(record).open("a", encoding="utf-8") as file:

        def note(**values) -> None:
            file.write(json.dumps(values) + "\n")
            file.flush()

        machine = describe_machine(device)
        note(machine=machine)
        place = torch.device(machine["device"])
        checks = list_checks(
            is_quick=is_quick or place.type == "cpu",
            mnist=None if mnist is None else Path(mnist),
        )
        # An image of NVIDIA's may have TF32 on, which has three digits.
        torch.set_float32_matmul_precision("highest")
        for number in range(start, len(checks)):
            note(begin=number)
            outcome = run_check(checks[number], place)
            note(outcome=outcome.to_dict())
            if outcome.status == "error":
                return


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
