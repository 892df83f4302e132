"""Convert a Pipeline from raw columns on, by skl2onnx: python with_skl2onnx.py

python -m pip install "sknn-deep[skl2onnx]" onnxruntime
"""

from importlib import metadata

import numpy as np
import onnxruntime
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sknn_deep import MLPClassifier, to_onnx

rng = np.random.default_rng(0)
table = pd.DataFrame(
    {
        "age": rng.uniform(18, 80, size=600),
        "city": rng.choice(["Basel", "Bern", "Genf", None], size=600),
    }
)
buys = np.where(table["age"] + 20 * (table["city"] == "Bern") > 50, "yes", "no")
table.loc[::7, "age"] = np.nan

preprocess = make_column_transformer(
    (
        make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()),
        make_column_selector(dtype_include="number"),
    ),
    (
        OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10),
        make_column_selector(dtype_exclude="number"),
    ),
)
clf = MLPClassifier((32,), learning_rate="one_cycle", max_iter=10, random_state=0)
model = make_pipeline(preprocess, clf).fit(table, buys)

to_onnx(model, "table.onnx", table.head(20))
session = onnxruntime.InferenceSession("table.onnx")
columns = {
    "age": table[["age"]].to_numpy(np.float32),
    "city": table[["city"]].to_numpy(object),
}
label, proba = session.run(None, columns)

difference = np.abs(proba - model.predict_proba(table)).max()
print(f"skl2onnx {metadata.version('skl2onnx')}: largest difference {difference:.0e}")
assert difference < 1e-5
assert np.array_equal(label, model.predict(table))
