#!/bin/sh
# skl2onnx converts a CalibratedClassifierCV with method="isotonic" to steps, where
# scikit-learn interpolates between the points that it found. One expects the same
# probabilities to float32's rounding. Seen: they are off by up to 0.05, without a word;
# with method="sigmoid" they are the same to 1e-7.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet scikit-learn==1.9.1 skl2onnx==1.20.0 onnx==1.23.2 onnxruntime==1.32.0
cat > "$folder/check.py" <<'PYTHON'
import numpy as np
import onnxruntime
import skl2onnx
import sklearn
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression

print(f"skl2onnx {skl2onnx.__version__}, scikit-learn {sklearn.__version__}")
rng = np.random.default_rng(0)
X = rng.normal(size=(300, 3)).astype(np.float32)
y = X[:, 0] + rng.normal(size=300) > 0
errors = {}
for method in ("sigmoid", "isotonic"):
    clf = CalibratedClassifierCV(LogisticRegression(), method=method, cv=3).fit(X, y)
    converted = skl2onnx.to_onnx(clf, X[:1], options={"zipmap": False})
    session = onnxruntime.InferenceSession(converted.SerializeToString())
    _, proba = session.run(None, {"X": X})
    errors[method] = np.abs(proba - clf.predict_proba(X)).max()
    print(f"{method}: off by up to {errors[method]:.0e}")
assert errors["sigmoid"] < 1e-6
assert errors["isotonic"] > 0.01
PYTHON
"$folder/venv/bin/python" "$folder/check.py"
