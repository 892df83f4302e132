"""Time the frames of a page to walk through a code, in a browser without a window.

    python examples/benchmarks/bench_page.py

It needs playwright and a Chromium (`playwright install chromium`, or the system's). A
frame is what the page computes between two pictures: "pointer" finds the point below,
decodes it and shows it; "zoom" draws all points anew and then does the same. Chromium
draws by the processor here, as it does where there is no GPU.
"""

import shutil
import tempfile
from pathlib import Path

import numpy as np
from arguments import make_parser
from data import load
from report import describe_load, format_table, load_average, write_json

from sknn_deep import AutoencoderTransformer
from sknn_deep.inspection import latent_space_to_html

SCREENS = {
    "desktop": {"viewport": {"width": 1280, "height": 900}},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 3,
        "is_mobile": True,
    },
}
# Reading a pixel waits until what was drawn is there.
FRAMES = """(n) => {
  const wait = (id) => $$(id).getContext("2d").getImageData(0, 0, 1, 1);
  const time = (draw) => Array.from({ length: n }, (_, i) => {
    page.at = { x: (0.1 + 0.8 * (i / n)) * page.size.width, y: page.size.height / 2 };
    const start = performance.now();
    draw();
    return performance.now() - start;
  });
  return {
    pointer: time(() => { drawPointer(page); wait("pointer"); }),
    zoom: time(() => {
      page.view.x[1] *= 1.0001;
      drawAll(page);
      wait("points");
    }),
  };
}"""


def main(argv=None):
    args = parse_arguments(argv)
    load_before = load_average()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "code.html")
        write_page(path, args)
        size = path.stat().st_size
        frames = {
            name: time_frames(path, screen, args) for name, screen in SCREENS.items()
        }
    print(f"{args.n_images:,} images, {size / 1e6:.1f} MB; milliseconds a frame")
    rows = [
        [
            f"{screen}, {kind}",
            f"{np.median(times):.1f}",
            f"{np.quantile(times, 0.9):.1f}",
        ]
        for screen, kinds in frames.items()
        for kind, times in kinds.items()
    ]
    print(format_table(["", "median", "ninth decile"], rows))
    print(describe_load(load_before))
    write_json(
        args.json,
        benchmark="page",
        settings=vars(args),
        milliseconds=frames,
        bytes=size,
    )


def write_page(path: Path, args) -> None:
    data = load("mnist", mnist_path=args.mnist)
    X, y = data.X_test[: args.n_images], data.y_test[: args.n_images]
    autoencoder = AutoencoderTransformer(
        hidden_layer_sizes=(128, 32, 8), max_iter=2, random_state=0
    )
    latent_space_to_html(autoencoder.fit(X), X, path, y, max_samples=args.n_images)


def time_frames(path: Path, screen: dict, args) -> dict[str, list[float]]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        own = Path(driver.chromium.executable_path)
        chromium = own if own.exists() else shutil.which("chromium")
        browser = driver.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"]
        )
        page = browser.new_context(**screen).new_page()
        page.goto(path.as_uri())
        page.wait_for_function(
            "window.page !== undefined && window.page.size.width > 1"
        )
        return page.evaluate(FRAMES, args.frames)


def parse_arguments(argv):
    parser = make_parser(__doc__, mnist=True)
    parser.add_argument("--n-images", type=int, default=10_000)
    parser.add_argument("--frames", type=int, default=60)
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
