#!/bin/sh
# scikit-learn 1.8 reads the columns of a polars frame by `__dataframe__`, which polars 2 has
# no longer. One expects what pandas' frames, and polars 1's, get: `feature_names_in_`, and a
# ValueError for columns in another order. Seen with polars 2: no names and no warning, and
# columns in another order are transformed as if they were in the first one. scikit-learn 1.9
# sees the columns.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/check.py" <<'PYTHON'
import sys
import warnings

import polars as pl
import sklearn
from sklearn.preprocessing import StandardScaler

warnings.simplefilter("error")
frame = pl.DataFrame({"a": [1.0, 2.0, 3.0], "b": [10.0, 20.0, 40.0]})
scaler = StandardScaler().fit(frame)
try:
    answer = scaler.transform(frame.select("b", "a"))[0].round(2).tolist()
except ValueError as error:
    answer = str(error)
names = getattr(scaler, "feature_names_in_", None)
print(f"scikit-learn {sklearn.__version__}, polars {pl.__version__}: {names}, {answer}")

if sys.argv[1] == "sees":
    assert "must be in the same order" in answer
else:
    assert names is None and answer == [9.8, -1.79]
PYTHON
python3 -m venv "$folder/venv"
check() {
    "$folder/venv/bin/pip" install --quiet "scikit-learn==$1" "polars==$2"
    "$folder/venv/bin/python" "$folder/check.py" "$3"
}
check 1.8.0 1.35.2 sees
check 1.8.0 2.1.0 overlooks
check 1.9.1 2.1.0 sees
