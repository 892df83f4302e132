"""Find the best inputs by gurobi-machinelearning: python with_gurobi.py

python -m pip install sknn-deep gurobi-machinelearning gurobipy
"""

from importlib import metadata

import gurobipy as gp
from gurobi_ml import add_predictor_constr
from sklearn.datasets import load_diabetes
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_deep import MLPRegressor, to_torch

X, y = load_diabetes(return_X_y=True)
reg = MLPRegressor(
    hidden_layer_sizes=(8,),
    normalize_y=True,
    learning_rate="one_cycle",
    max_iter=50,
    random_state=0,
)
model = make_pipeline(StandardScaler(), reg).fit(X, y)

program = gp.Model()
program.Params.OutputFlag = 0
rows = program.addMVar((1, X.shape[1]), lb=X.min(axis=0), ub=X.max(axis=0))
predicted = program.addMVar((1, 1), lb=-gp.GRB.INFINITY)
add_predictor_constr(program, to_torch(model), rows, predicted)
program.setObjective(predicted.sum(), gp.GRB.MAXIMIZE)
program.optimize()

difference = abs(predicted.X[0, 0] - model.predict(rows.X)[0])
version = metadata.version("gurobi-machinelearning")
print(f"gurobi-ml {version}: largest {predicted.X[0, 0]:.1f}, off by {difference:.0e}")
assert difference < 1e-5 * y.std()
assert predicted.X[0, 0] >= model.predict(X).max()
