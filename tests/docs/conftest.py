"""The built site, served on this machine, and a browser to look at it."""

import functools
import http.server
import importlib.util
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXTENSIONS = [
    "myst_parser",
    "numpydoc",
    "pydata_sphinx_theme",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery",
]
BROWSERS = ["chromium", "chromium-browser", "google-chrome"]


@pytest.fixture(scope="session")
def site(tmp_path_factory, browser):
    """Folder of the site's pages: that of SKNN_DEEP_SITE, or built without the gallery.

    It is built in a copy, so that what the gallery has drawn stays where it is; and
    only where there is a browser to look at it.
    """
    given = os.environ.get("SKNN_DEEP_SITE")
    if given:
        assert (Path(given) / "index.html").is_file(), f"SKNN_DEEP_SITE={given}"
        return Path(given)
    missing = [name for name in EXTENSIONS if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f'no {", ".join(missing)}: python -m pip install ".[docs]"')
    copy = tmp_path_factory.mktemp("checkout")
    ignored = shutil.ignore_patterns(
        "_build", "auto_examples", "generated", "benchmarks", "__pycache__"
    )
    for folder in ("docs", "examples", "sknn_deep"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=ignored)
    target = copy / "html"
    options = ["-W", "--keep-going", "-q", "-D", "plot_gallery=0"]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, copy / "docs", target],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return target


@pytest.fixture(scope="session")
def address(site):
    """Address under which the site is served."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            """Say nothing about requests that went well."""

    handler = functools.partial(Handler, directory=site)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def browser():
    """A Chromium without a window: playwright's own, or the system's."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="no browser: python -m pip install playwright"
    )
    # No name of another site leads anywhere.
    arguments = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    if os.name == "posix" and os.geteuid() == 0:
        arguments.append("--no-sandbox")  # as root, Chromium has none
    with playwright.sync_playwright() as driver:
        own = Path(driver.chromium.executable_path)
        path = (
            own if own.exists() else next(filter(None, map(shutil.which, BROWSERS)), "")
        )
        if not path:
            pytest.skip("no browser: playwright install chromium")
        chromium = driver.chromium.launch(executable_path=path, args=arguments)
        yield chromium
        chromium.close()
