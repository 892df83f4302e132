#!/bin/sh
# skops cannot write an estimator that has been asked for metadata.
#
# Expected: skops.io.dumps of a fitted LogisticRegression works, with
# set_fit_request(sample_weight=True) too: scikit-learn's metadata routing is public,
# and the file would hold one more dict of names.
# Seen with skops 0.16.0 and scikit-learn 1.9.1: RecursionError. The request of a method
# refers back to the estimator that owns it, and skops follows references without end.
# Without the request the same model is written. Fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet skops==0.16.0 scikit-learn==1.9.1
"$folder/venv/bin/python" - <<'END'
import numpy as np
import skops.io
import sklearn
from sklearn.linear_model import LogisticRegression

X = np.arange(6.0)[:, None]
y = np.array([0, 0, 0, 1, 1, 1])
skops.io.dumps(LogisticRegression().fit(X, y))
with sklearn.config_context(enable_metadata_routing=True):
    model = LogisticRegression().set_fit_request(sample_weight=True).fit(X, y)
    try:
        skops.io.dumps(model)
    except RecursionError as error:
        print(f"skops {skops.__version__}: RecursionError: {error}")
    else:
        raise SystemExit("skops writes metadata requests now")
END
