#!/bin/sh
# skorch's ValidSplit takes the first split of a splitter. Of a time series that is the one
# with the shortest past. One expects ValidSplit(TimeSeriesSplit(5)) to hold out the latest
# sixth of 60 rows and to train on the 50 before. Seen: it trains on the first 10 rows,
# validates on the next 10, and 40 rows are in neither part, without a word.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 skorch==1.4.0 scikit-learn==1.9.1
cat > "$folder/check.py" <<'PYTHON'
import warnings

import numpy as np
import sklearn
import skorch
from skorch.dataset import Dataset, ValidSplit
from sklearn.model_selection import TimeSeriesSplit

warnings.simplefilter("error")
print(f"skorch {skorch.__version__}, scikit-learn {sklearn.__version__}")
rows = np.arange(60, dtype=np.float32)[:, None]
past, future = ValidSplit(TimeSeriesSplit(5))(Dataset(rows))
print(f"trained on: {len(past)}, validated on: {list(future.indices)}")
print(f"in neither part: {60 - len(past) - len(future)}, warnings: none")
assert list(past.indices) == list(range(10))
assert list(future.indices) == list(range(10, 20))
PYTHON
"$folder/venv/bin/python" "$folder/check.py"
