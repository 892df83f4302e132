"""Write C code for microcontrollers, by emlearn: python with_emlearn.py

It compiles the code, so a C compiler must be there.

python -m pip install sknn-deep emlearn
"""

from importlib import metadata

import emlearn
import numpy as np
from sklearn.datasets import load_digits
from sklearn.preprocessing import MinMaxScaler

from sknn_deep import MLPClassifier, to_sklearn

X, y = load_digits(return_X_y=True)
X = MinMaxScaler().fit_transform(X)
clf = MLPClassifier(
    (32,),
    normalization="batch",
    learning_rate="one_cycle",
    max_iter=10,
    random_state=0,
).fit(X, y)

converted = emlearn.convert(to_sklearn(clf))
converted.save(file="digits.h", name="digits")

same = np.mean(converted.predict(X) == clf.predict(X))
print(f"emlearn {metadata.version('emlearn')}: {same:.2%} of the labels")
assert same == 1
