"""Code images by convolutions, beside the dense autoencoder as it comes.

    python examples/benchmarks/bench_conv_autoencoder.py --epochs 30

Both learn codes of two numbers for the 10,000 test images of MNIST, in as many epochs;
the schedule is the same. Times are those of the processor, of all threads together.
"""

import time
import warnings

from arguments import make_parser
from data import load
from report import describe_load, format_table, load_average, write_json
from sklearn.exceptions import ConvergenceWarning

from sknn_deep import AutoencoderTransformer
from sknn_deep.modules import ConvDecoder, ConvEncoder

SIDE = 28
CHANNELS = (8, 16)


def make_encoder(n_components):
    return ConvEncoder((SIDE, SIDE), n_components, channels=CHANNELS)


def make_decoder(n_components):
    return ConvDecoder((SIDE, SIDE), n_components, channels=CHANNELS)


HALVES = {
    "dense": {},
    "convolutional": {"encoder": make_encoder, "decoder": make_decoder},
}


def main(argv=None):
    parser = make_parser(__doc__, mnist=True)
    parser.add_argument("--epochs", type=int, default=30, metavar="N")
    parser.add_argument("--rows", type=int, metavar="N", help="default: all 10,000")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], metavar="N")
    args = parser.parse_args(argv)
    X = load("mnist", mnist_path=args.mnist).X_test[: args.rows]
    load_before = load_average()
    fits = [
        {"seed": seed, "halves": name, **fit(X, halves, args.epochs, seed)}
        for seed in args.seeds
        for name, halves in HALVES.items()
    ]
    rows = [
        [f"{f['halves']}, seed {f['seed']}", f"{f['error']:.4f}", f"{f['seconds']:.1f}"]
        for f in fits
    ]
    print(format_table(["", "mean squared error", "CPU seconds"], rows))
    print(describe_load(load_before))
    write_json(args.json, benchmark="conv_autoencoder", settings=vars(args), fits=fits)


def fit(X, halves, epochs, seed):
    """Give the error of the reconstructions of all rows, and the seconds of the fit."""
    model = AutoencoderTransformer(
        2, **halves, max_iter=epochs, random_state=seed, device="cpu"
    )
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X)
    seconds = time.process_time() - start
    error = ((model.inverse_transform(model.transform(X)) - X) ** 2).mean()
    return {"error": float(error), "seconds": seconds}


if __name__ == "__main__":
    main()
