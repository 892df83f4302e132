"""Serve an ONNX file over HTTP: python serve.py digits.onnx

Then, from anywhere, with a list for each input of the file:

curl localhost:8000/predict --json '{"X": [[0, 1, 5, 13]]}'

python -m pip install fastapi uvicorn onnxruntime
"""

import sys

import numpy as np
import onnxruntime
from fastapi import FastAPI, HTTPException

TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64}


def make_app(path):
    session = onnxruntime.InferenceSession(path)
    outputs = [put.name for put in session.get_outputs()]
    app = FastAPI()

    @app.post("/predict")
    def predict(inputs: dict[str, list]) -> dict[str, list]:
        try:
            arrays = {put.name: as_matrix(inputs, put) for put in session.get_inputs()}
            results = session.run(outputs, arrays)
        except Exception as error:
            raise HTTPException(422, f"{type(error).__name__}: {error}") from error
        return {
            name: result.tolist() for name, result in zip(outputs, results, strict=True)
        }

    return app


def as_matrix(inputs, put):
    """Give rows of numbers or strings; null is a missing value in both."""
    array = np.array(inputs[put.name], TYPES.get(put.type, object))
    return array.reshape(len(array), -1)


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(make_app(sys.argv[1]), port=8000)
