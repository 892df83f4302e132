"""Arguments that several benchmarks take."""

import argparse


def make_parser(
    description: str, *, rounds: int | None = None, mnist: bool = False
) -> argparse.ArgumentParser:
    """Make a parser of ``--json``, and of ``--rounds`` and ``--mnist`` if asked for.

    Parameters
    ----------
    description : str

    rounds : int or None
        How many there are by default; None leaves the argument out.

    mnist : bool
        Whether the benchmark reads MNIST.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if rounds is not None:
        parser.add_argument("--rounds", type=int, default=rounds, metavar="N")
    if mnist:
        parser.add_argument(
            "--mnist",
            metavar="PATH",
            help="MNIST in Keras' npz format (default: $SKNN_DEEP_MNIST, or download)",
        )
    parser.add_argument("--json", metavar="PATH", help="write all numbers here")
    return parser
