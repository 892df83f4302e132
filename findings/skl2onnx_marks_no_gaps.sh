#!/bin/sh
# skl2onnx converts a SimpleImputer with add_indicator=True without its indicators. One
# expects the columns of transform, here four, or an error. Seen: two columns, without a
# word; what follows in a Pipeline then fails in the runtime, or reads the wrong columns.
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
from sklearn.impute import SimpleImputer

print(f"skl2onnx {skl2onnx.__version__}, scikit-learn {sklearn.__version__}")
X = np.array([[1, np.nan], [2, 3], [np.nan, 1]], np.float32)
imputer = SimpleImputer(add_indicator=True).fit(X)
converted = skl2onnx.to_onnx(imputer, X)
session = onnxruntime.InferenceSession(converted.SerializeToString())
(output,) = session.run(None, {"X": X})
expected = imputer.transform(X)
print(f"expected {expected.shape[1]} columns, seen {output.shape[1]}")
assert expected.shape == (3, 4)
assert output.shape == (3, 2)
assert np.array_equal(output, expected[:, :2])
PYTHON
"$folder/venv/bin/python" "$folder/check.py"
