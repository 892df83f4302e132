"""Damage a saved file in many ways, and load what comes of it.

Run as a script, ``python -m tests.persistence.damaged_files ours 1000 0``, it damages
files of a network, a Pipeline and a module, 1,000 times in all, with the seed 0, and
prints what happened, as JSON; with "own" for "ours" files of networks of the user's own
alone. It is a process of its own because what watches for the start of other code
cannot be taken away again.
"""

import collections
import hashlib
import json
import math
import re
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sknn_deep
from sknn_deep.modules import ConvDecoder, ConvEncoder, ConvNet
from sknn_deep.persistence import ModelFileError
from tests.estimators.own_modules import TwoLinear, WithDropout

# What starts code, another process, a connection, or unpickles.
EVENTS = {
    "compile",
    "ctypes.dlopen",
    "exec",
    "import",
    "marshal.loads",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.system",
    "pickle.find_class",
    "socket.connect",
    "subprocess.Popen",
}


class Watch:
    """Notes which of `EVENTS` happen while it is on."""

    def __init__(self):
        self.is_on = False
        self.seen = []
        sys.addaudithook(self._note)

    def _note(self, event, args):
        if self.is_on and event in EVENTS:
            self.seen.append(f"{event} {args[0]!r:.80}")


def peak_bytes(*, reset=False):
    """Give the most memory the process has had since it was reset; None if unknown."""
    try:
        if reset:
            Path("/proc/self/clear_refs").write_text("5")
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1))


# --- ways to damage a file ------------------------------------------------------------


def flip(data, rng):
    """Flip one to eight bits, half the time near the beginning."""
    data = bytearray(data)
    stop = len(data) if rng.random() < 0.5 else min(len(data), 4096)
    for position in rng.integers(stop, size=rng.integers(1, 9)):
        data[position] ^= 1 << rng.integers(8)
    return bytes(data)


def cut(data, rng):
    """Cut something off the end, the beginning or the middle."""
    start, stop = sorted(rng.integers(len(data), size=2))
    return [data[:stop], data[start + 1 :], data[:start] + data[stop + 1 :]][
        rng.integers(3)
    ]


def swap(data, rng):
    """Let two ranges change places, or overwrite or repeat one."""
    a, b, c, d = sorted(rng.integers(len(data) + 1, size=4))
    middle = [data[c:d] + data[b:c] + data[a:b], data[c:d] + data[b:d], data[a:d] * 2]
    return data[:a] + middle[rng.integers(3)] + data[d:]


def forge(data, rng):
    """Change the header, the document or an array, and give the file a right digest."""
    header, body = split(data)
    start, stop = header["document"]["data_offsets"]
    where = rng.integers(3)
    if where == 0:
        header = json.loads(edit_json(json.dumps(header).encode(), rng))
    elif where == 1:
        document = edit_json(body[start:stop], rng)
        header["document"]["shape"] = [len(document)]
        header["document"]["data_offsets"] = [start, start + len(document)]
        body = body[:start] + document + body[stop:]  # it is the last one
    else:
        body = flip(body[:start], rng) + body[start:]
    return join(header, body)


# What a file might want to be called.
HOSTILE = ["builtins.eval", "os.system", "pickle.loads", "subprocess.Popen"]
HOSTILE += ["this.that", "torch.hub.load", "torch.load", "torch.nn.Module"]


def rename(data, rng):
    """Put a hostile name for a word of the document, and give it a right digest."""
    header, body = split(data)
    start, stop = header["document"]["data_offsets"]
    words = list(re.finditer(rb'"[A-Za-z_.]{3,}"', body[start:stop]))
    word = words[rng.integers(len(words))]
    name = HOSTILE[rng.integers(len(HOSTILE))].encode()
    document = body[start:stop].replace(word.group(), b'"' + name + b'"')
    header["document"]["shape"] = [len(document)]
    header["document"]["data_offsets"] = [start, start + len(document)]
    return join(header, body[:start] + document + body[stop:])


def edit_json(text, rng):
    """Change some JSON into other JSON."""
    while True:
        edited = edit_text(text, rng)
        try:
            json.loads(edited)
        except ValueError:
            continue
        if edited != text:
            return edited


def edit_text(text, rng):
    """Change a digit, a word, or let two parts between commas change places."""
    kind = rng.integers(3)
    if kind == 0:
        digits = [m.start() for m in re.finditer(rb"[0-9]", text)]
        at = digits[rng.integers(len(digits))]
        return text[:at] + str(rng.integers(10)).encode() + text[at + 1 :]
    if kind == 1:
        words = list(re.finditer(rb"[a-z_]{3,}", text))
        one, other = rng.choice(len(words), 2)
        old, new = words[one], words[other].group()
        new = (new * len(old.group()))[: len(old.group())]
        return text[: old.start()] + new + text[old.end() :]
    parts = text.split(b",")
    one, other = rng.choice(len(parts), 2)
    parts[one], parts[other] = parts[other], parts[one]
    return b",".join(parts)


def split(data):
    """Split a file into its header and its arrays."""
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def join(header, body):
    """Make a file whose digest is right."""
    header.setdefault("__metadata__", {}).pop("sha256", None)
    text = padded(header)
    digest = hashlib.sha256(text + body).hexdigest()
    header["__metadata__"]["sha256"] = digest
    text = padded(header)
    return len(text).to_bytes(8, "little") + text + body


def change_document(path, old, new):
    """Change the text of the document, and give the file a right digest."""
    header, body = split(path.read_bytes())
    start, stop = header["document"]["data_offsets"]
    document = body[start:stop]
    assert old in document
    write_document(path, document.replace(old, new))


def write_document(path, document):
    """Write another document into a file, and give it a right digest."""
    header, body = split(path.read_bytes())
    start, _ = header["document"]["data_offsets"]
    header["document"]["shape"] = [len(document)]
    header["document"]["data_offsets"] = [start, start + len(document)]
    path.write_bytes(join(header, body[:start] + document))


def padded(header):
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    return text + b" " * (-len(text) % 8)


WAYS = {"flip": flip, "cut": cut, "swap": swap, "forge": forge, "rename": rename}


# --- loading --------------------------------------------------------------------------


def make_models(X, y):
    """Fit networks that are to go on training, and a Pipeline."""
    clf = sknn_deep.MLPClassifier((200, 50), max_iter=1, random_state=0, dropout=0.1)
    clf.partial_fit(X, y, classes=np.arange(10))
    encoder = sknn_deep.AutoencoderTransformer(4, max_iter=1, random_state=0)
    reg = sknn_deep.MLPRegressor(max_iter=1, learning_rate="cosine", random_state=0)
    own = sknn_deep.NetClassifier(
        ConvNet, module__input_shape=(8, 8), module__channels=(4,), random_state=0
    )
    own.partial_fit(X, y, classes=np.arange(10))
    pipeline = make_pipeline(StandardScaler(), encoder, reg).fit(X, y)
    return {"network": clf, "Pipeline": pipeline, "network of one's own": own}


def make_encoder(n_components):
    return ConvEncoder((8, 8), n_components, channels=(2,), width=8)


def make_decoder(n_components):
    return ConvDecoder((8, 8), n_components, channels=(2,), width=8)


def make_own_models(X, y):
    """Fit networks of the user's own, which are to go on training, and others."""
    short = {"max_iter": 1, "random_state": 0}
    clf = sknn_deep.NetClassifier(
        WithDropout,
        module__width=5,
        criterion=torch.nn.CrossEntropyLoss,
        criterion__weight=torch.ones(10),
        solver__param_groups=[("hidden.*", {"lr": 1e-4})],
        **short,
    )
    clf.partial_fit(X, y, classes=np.arange(10))
    reg = sknn_deep.NetRegressor(TwoLinear(4, 1), n_estimators=2, **short)
    encoder = sknn_deep.AutoencoderTransformer(
        4, encoder=make_encoder, decoder=make_decoder, **short
    )
    pipeline = make_pipeline(StandardScaler(), encoder, reg).fit(X, y)
    return {"classifier": clf, "Pipeline": pipeline}


# Estimators by the kind of the files, and what `load` is given for them.
KINDS = {
    "ours": (make_models, []),
    "own": (
        make_own_models,
        [WithDropout, TwoLinear(4, 1), make_encoder, make_decoder],
    ),
}


def damage_and_load(kind, n_files, seed):
    """Load `n_files` damaged files; return what happened, as numbers and texts."""
    make, modules = KINDS[kind]
    rng = np.random.default_rng(seed)
    X, y = load_digits(return_X_y=True)
    X, y = X[:300] / 16, y[:300]
    outcomes, complaints = collections.Counter(), collections.Counter()
    unclean, largest, slowest = [], -math.inf, 0.0
    watch = Watch()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.sknn"
        files = []
        for name, model in make(X, y).items():
            sknn_deep.save(model, path)
            expected = sknn_deep.load(path, modules=modules).predict(X)
            assert np.array_equal(expected, model.predict(X))
            files.append((name, path.read_bytes(), expected))
        for number in range(n_files):
            name, data, expected = files[number % len(files)]
            way = list(WAYS)[number // len(files) % len(WAYS)]
            damaged = WAYS[way](data, rng)
            path.write_bytes(damaged)
            before, start = peak_bytes(reset=True), time.perf_counter()
            watch.is_on = True
            try:
                loaded = sknn_deep.load(path, modules=modules)
                outcome = "loaded"
            except ModelFileError as error:
                outcome = "refused"
                complaint = str(error).partition("cannot be loaded: ")[2]
                complaints[f"{way}: {complaint[:60]}"] += 1
            except BaseException as error:
                outcome = "unclean"
                unclean.append(f"{number} {way} of {name}: {error!r}")
            finally:
                watch.is_on = False
            slowest = max(slowest, time.perf_counter() - start)
            if before is not None:
                above = peak_bytes() - before - 2 * len(damaged)
                largest = max(largest, above / 2**20)
            if outcome == "loaded" and way not in ("forge", "rename"):
                same = np.array_equal(loaded.predict(X), expected)
                outcome = "loaded, the same" if same else "loaded, others"
            outcomes[f"{way}: {outcome}"] += 1
    return {
        "sizes": [len(data) for _, data, _ in files],
        "outcomes": dict(sorted(outcomes.items())),
        "complaints": dict(complaints.most_common()),
        "unclean": unclean,
        "events": watch.seen,
        "slowest_seconds": round(slowest, 3),
        "most_MB_above_twice_the_file": round(largest, 1) if before else None,
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    kind, n_files, seed = sys.argv[1:]
    print(json.dumps(damage_and_load(kind, int(n_files), int(seed)), indent=1))
