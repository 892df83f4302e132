"""Workers that fail in all ways, in place of the one that checks.

Called as that one is; what each does is said by the name of the device.
"""

import json
import os
import sys
import time
from pathlib import Path

# pytest imports this file too, to look for examples.
arguments = json.loads(sys.argv[1]) if __name__ == "__main__" else {}
start = arguments.get("start", 0)


def note(**values):
    with Path(arguments["record"]).open("a") as file:
        file.write(json.dumps(values) + "\n")


def finish(number, status="ok"):
    note(begin=number)
    outcome = {"part": "part", "name": str(number), "status": status}
    lists = {"comparisons": [], "timings": [], "warnings": []}
    note(outcome={**outcome, **lists, "message": "", "seconds": 0.0})


def finish_all():
    for number in range(start, 3):
        finish(number)


def no_device():
    sys.exit("ValueError: there is no such device")


def die():
    """In the second check, after it has printed and written half a line."""
    note(machine={"device": "cpu"})
    if start > 0:
        return finish_all()
    finish(0)
    note(begin=1)
    print("CUDA error: an illegal memory access was encountered", flush=True)
    with Path(arguments["record"]).open("a") as file:
        file.write('{"outcome"')
        file.flush()
    os._exit(139)


def hang():
    """In the second check."""
    note(machine={"device": "cpu"})
    if start > 0:
        return finish_all()
    finish(0)
    note(begin=1)
    time.sleep(600)


def error():
    """In each check, after which the process ends."""
    note(machine={"device": "cpu"})
    finish(start, "error")


def die_after_error():
    """As a process may after an error of CUDA."""
    note(machine={"device": "cpu"})
    if start > 0:
        return finish_all()
    finish(0, "error")
    os._exit(134)


def die_in_the_end():
    note(machine={"device": "cpu"})
    finish_all()
    os._exit(134)


def start_once():
    note(machine={"device": "cpu"})
    if start > 0:
        sys.exit("no more memory")
    finish(0, "error")


def hang_at_once():
    time.sleep(600)


if __name__ == "__main__":
    globals()[arguments["device"]]()
