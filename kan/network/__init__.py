"""The graph of a network: node counts, parameters, forward pass, and per-edge values computed on demand."""

from kan.network.adjoint import Adjoint, Passed, Signals
from kan.network.jacobian import Jacobian
from kan.network.making import check_layers, make
from kan.network.model import Model
from kan.network.network import Network, Prepared
from kan.network.perceptron import Perceptron, PerceptronTrace
from kan.network.records import Records, recorded, recorded_with_graph
from kan.network.shape import Shape, of_each, per_layer
from kan.network.trace import LayerTrace, Trace

__all__ = [
    "Adjoint",
    "Jacobian",
    "LayerTrace",
    "Model",
    "Network",
    "Passed",
    "Perceptron",
    "PerceptronTrace",
    "Prepared",
    "Records",
    "Shape",
    "Signals",
    "Trace",
    "check_layers",
    "make",
    "of_each",
    "per_layer",
    "recorded",
    "recorded_with_graph",
]
