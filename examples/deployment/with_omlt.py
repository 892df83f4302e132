"""Optimize over a network in Pyomo, by OMLT: python with_omlt.py

python -m pip install "sknn-deep[onnx]" omlt highspy
"""

from importlib import metadata

import numpy as np
import onnx
import pyomo.environ as pyo
from omlt import OmltBlock
from omlt.io.onnx import load_onnx_neural_network
from omlt.neuralnet import ReluBigMFormulation
from sklearn.datasets import load_diabetes
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_deep import MLPRegressor, to_onnx

X, y = load_diabetes(return_X_y=True)
reg = MLPRegressor(
    hidden_layer_sizes=(8,),
    normalize_y=True,
    learning_rate="one_cycle",
    max_iter=50,
    random_state=0,
)
model = make_pipeline(StandardScaler(), reg).fit(X, y)

to_onnx(model, "diabetes.onnx")
bounds = dict(enumerate(zip(X.min(axis=0), X.max(axis=0), strict=True)))
network = load_onnx_neural_network(onnx.load("diabetes.onnx"), input_bounds=bounds)
program = pyo.ConcreteModel()
program.network = OmltBlock()
program.network.build_formulation(ReluBigMFormulation(network))
program.objective = pyo.Objective(expr=program.network.outputs[0], sense=pyo.maximize)
pyo.SolverFactory("appsi_highs").solve(program)

row = np.array([[pyo.value(put) for put in program.network.inputs.values()]])
largest = pyo.value(program.network.outputs[0])
difference = abs(largest - model.predict(row)[0])
version = metadata.version("omlt")
print(f"omlt {version}: largest {largest:.1f}, off by {difference:.0e}")
assert difference < 1e-5 * y.std()
assert largest >= model.predict(X).max()
