"""An ONNX graph that is part of a conversion by skl2onnx."""

import numpy as np
from onnx import GraphProto, TensorProto, helper
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

from sknn_deep.conversion._onnx_graph import Graph

_KINDS = {
    ("f", 4): TensorProto.FLOAT,
    ("f", 8): TensorProto.DOUBLE,
    ("i", 8): TensorProto.INT64,
    ("O", 8): TensorProto.STRING,
    ("b", 1): TensorProto.BOOL,
}


class ContainerGraph(Graph):
    """Nodes and constants that are added to those of a conversion.

    Parameters
    ----------
    scope, container, operator
        What skl2onnx calls a converter with.
    """

    def __init__(self, scope, container, operator):
        super().__init__(dtype_of_inputs(operator), container.target_opset_onnx)
        self.nodes = container.nodes
        self._scope = scope
        self._container = container

    def node(
        self,
        operator: str,
        *inputs: str,
        n_outputs: int = 1,
        domain: str = "",
        **attributes,
    ) -> str:
        names = [
            self._scope.get_unique_variable_name(operator) for _ in range(n_outputs)
        ]
        self._container.add_node(
            operator,
            list(inputs),
            names,
            op_domain=domain,
            name=self._scope.get_unique_operator_name(operator),
            **attributes,
        )
        return names[0]

    def constant(self, array, kind: str = "constant", dtype=None) -> str:
        name = self._scope.get_unique_variable_name(kind)
        array = np.array(array, dtype or self.dtype, order="C")
        self._container.add_initializer(
            name, _KINDS[array.dtype.kind, array.itemsize], array.shape, array.ravel()
        )
        return name

    def embed(self, graph: GraphProto, names: dict[str, str]) -> None:
        """Add all of another graph; `names` are what some of it is called here."""
        names = dict(names)
        for array in graph.initializer:
            names[array.name] = self._scope.get_unique_variable_name("constant")
            array.name = names[array.name]
        self._container.initializers.extend(graph.initializer)
        for node in graph.node:
            for output in node.output:
                if output not in names:
                    names[output] = self._scope.get_unique_variable_name(node.op_type)
            self._container.add_node(
                node.op_type,
                [names.get(name, name) for name in node.input],
                [names[name] for name in node.output],
                op_domain=node.domain,
                op_version=self.opset,
                name=self._scope.get_unique_operator_name(node.op_type),
                **{a.name: helper.get_attribute_value(a) for a in node.attribute},
            )

    def cast(self, name: str) -> str:
        """Add a cast to the type of numbers, and give its name."""
        return self.node("Cast", name, to=_KINDS["f", self.dtype.itemsize])


def dtype_of_inputs(operator) -> np.dtype:
    """Give float64 where an input is, and float32 for all else."""
    is_double = any(isinstance(put.type, DoubleTensorType) for put in operator.inputs)
    return np.dtype(np.float64 if is_double else np.float32)


def number_type(dtype: np.dtype, *shape) -> FloatTensorType | DoubleTensorType:
    cls = DoubleTensorType if dtype == np.float64 else FloatTensorType
    return cls(list(shape))


def add_inputs(graph: ContainerGraph, operator) -> str:
    """Add what makes one matrix of numbers of the inputs."""
    wanted = type(number_type(graph.dtype))
    names = [
        put.full_name if type(put.type) is wanted else graph.cast(put.full_name)
        for put in operator.inputs
    ]
    return names[0] if len(names) == 1 else graph.node("Concat", *names, axis=1)
