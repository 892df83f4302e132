#!/bin/sh
# scikit-learn's splitters by group agree that groups are needed and may not be missing, but
# for StratifiedGroupKFold. One expects of it what GroupKFold says: "The 'groups' parameter
# should not be None." and "Input groups contains NaN." Seen: without groups it complains of
# n_splits greater than "the number of groups: 1", and rows whose group is NaN are split as
# one group more, without a word.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet scikit-learn==1.9.1
cat > "$folder/check.py" <<'PYTHON'
import warnings

import numpy as np
import sklearn
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

warnings.simplefilter("error")
print(f"scikit-learn {sklearn.__version__}")
X, y = np.zeros((12, 1)), np.arange(12) % 2
groups = np.repeat([0.0, 1.0, np.nan], 4)


def ask(splitter, groups):
    try:
        return list(splitter.split(X, y, groups))
    except ValueError as error:
        return str(error)


for splitter in (GroupKFold(3), StratifiedGroupKFold(3)):
    for name, given in (("no groups", None), ("groups with NaN", groups)):
        answer = ask(splitter, given)
        if isinstance(answer, list):
            answer = [valid.tolist() for _, valid in answer]
        print(f"{type(splitter).__name__}, {name}: {answer}")

assert ask(GroupKFold(3), None) == "The 'groups' parameter should not be None."
assert "contains NaN" in ask(GroupKFold(3), groups)
assert "greater than the number of groups: 1" in ask(StratifiedGroupKFold(3), None)
parts = [set(valid) for _, valid in ask(StratifiedGroupKFold(3), groups)]
assert {8, 9, 10, 11} in parts
PYTHON
"$folder/venv/bin/python" "$folder/check.py"
