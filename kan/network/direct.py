"""The prediction of a small plain network as one autograd node, by the adjoint passes of `kan.network.adjoint`.

Calls, not arithmetic, are what a network of a few nodes costs; here autograd sees one operation instead of some forty.
Networks and inputs for which the adjoint passes are not made are left to the layers: large ones, subclasses with a pass
of their own, inputs that are differentiated (physics losses), parameters that stand in for others
(`torch.func.functional_call`), autocast.
"""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from kan.common.transforms import full_precision, is_autocast, is_batched, is_transformed
from kan.network.adjoint import Adjoint, own_parameters, trains_more

if TYPE_CHECKING:
    from kan.network.network import Network

# Beyond this many numbers in one step of the recursion, calls are no longer what costs.
_MOST_NUMBERS = 2**18
# Passes that wait to be used again: a training loop alternates between two, another may be the test data's.
_MOST_WAITING = 4


class Workspaces:
    """The adjoint passes of one network that wait to be used again; copies and pickles of it are empty."""

    def __init__(self) -> None:
        self._waiting: deque[_Workspace] = deque(maxlen=_MOST_WAITING)

    def predict(self, network: Network, inputs: Tensor, **singularity: Any) -> Tensor | None:
        """Return the outputs (N, outputs) at inputs (I, N), or None where the layers have to do it."""
        if is_transformed() or is_autocast(inputs.device.type) or torch.is_inference_mode_enabled():
            return None
        tensors = own_parameters(network)
        if inputs.requires_grad or any(type(tensor) is not nn.Parameter for tensor in tensors) or trains_more(network):
            return None
        workspace = self._take(network, inputs, tensors, singularity)
        if workspace is None:
            return None
        lease = _Lease(workspace, self._waiting)
        if torch.is_grad_enabled():
            result: Tensor = _Prediction.apply(lease, network, inputs, *tensors)
            return result
        return workspace.adjoint.forward(inputs).T.contiguous()

    def _take(
        self, network: Network, inputs: Tensor, tensors: list[Tensor], singularity: dict[str, Any]
    ) -> _Workspace | None:
        """Return passes that fit, waiting ones or new ones."""
        others: list[_Workspace] = []
        workspace = self._next()
        while workspace is not None and not workspace.fits(network, inputs, tensors, singularity):
            others.append(workspace)
            workspace = self._next()
        self._waiting.extend(reversed(others))
        if workspace is not None:
            return workspace
        if not _is_small(network, samples=inputs.shape[1]) or not Adjoint.applies(network, inputs):
            return None
        return _Workspace(network, inputs, tensors, singularity)

    def _next(self) -> _Workspace | None:
        """Take the passes that were used last; other threads take and return some meanwhile."""
        try:
            return self._waiting.pop()
        except IndexError:
            return None

    def __deepcopy__(self, _: Any) -> Workspaces:
        return Workspaces()

    def __reduce__(self) -> tuple[type[Workspaces], tuple[()]]:
        return Workspaces, ()


class _Workspace:
    """Adjoint passes, and what they hold for: these parameters on these grids, so many samples."""

    def __init__(self, network: Network, inputs: Tensor, tensors: list[Tensor], singularity: dict[str, Any]) -> None:
        self.adjoint = Adjoint(network, inputs, singularity=singularity)
        self.tensors, self._samples, self._singularity = tensors, inputs.shape[1], singularity
        self._enabled = network.symbolic_enabled
        self._base_functions = [_base_function(layer) for layer in network.act_fun]
        self._grids = [(layer.grid, layer.grid.detach().clone()) for layer in network.act_fun]

    def fits(self, network: Network, inputs: Tensor, tensors: list[Tensor], singularity: dict[str, Any]) -> bool:
        """Whether the passes are those of the network as it is now."""
        return (
            self._samples == inputs.shape[1]
            and not any(layer.is_called for layer in network.act_fun)
            and self._singularity == singularity
            and self._enabled == network.symbolic_enabled
            and len(self.tensors) == len(tensors)
            and all(map(operator.is_, self.tensors, tensors))
            and all(_base_function(layer) is known for layer, known in zip(network.act_fun, self._base_functions))
            and all(
                grid.dtype == copy.dtype and grid.device == copy.device and torch.equal(grid, copy)
                for grid, copy in self._grids
            )
        )


def _base_function(layer: nn.Module) -> Any:
    """Return a layer's base function, module or not, without the way that modules take to find an attribute."""
    return layer._modules["base_fun"] if "base_fun" in layer._modules else layer.__dict__["base_fun"]


class _Lease:
    """Holds a workspace as long as the graph of a prediction lives, and then lets it wait again."""

    def __init__(self, workspace: _Workspace, waiting: deque[_Workspace]) -> None:
        self.workspace, self._waiting = workspace, waiting

    def __del__(self) -> None:
        self._waiting.append(self.workspace)


class _Prediction(torch.autograd.Function):
    """The outputs as a function of the parameters."""

    @staticmethod
    def forward(ctx: Any, lease: _Lease, network: Network, inputs: Tensor, *tensors: Tensor) -> Tensor:
        ctx.lease, ctx.network = lease, network
        ctx.save_for_backward(inputs, *tensors)  # so that a change before the backward is noticed
        # A copy in any case: users may change what they got in place.
        return lease.workspace.adjoint.forward(inputs).T.clone(memory_format=torch.contiguous_format)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        with full_precision(gradient.device.type):
            return None, None, None, *_gradients(ctx, gradient)


def _gradients(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
    """Return the gradients of the parameters, None for those that are not trained."""
    # What was saved may come back as other tensors, from memory elsewhere or from a second forward pass.
    inputs, *_ = ctx.saved_tensors
    tensors = ctx.lease.workspace.tensors
    if torch.is_grad_enabled() or is_batched(gradient):  # for a gradient to be differentiated, or several at once
        wanted = [tensor for tensor, needed in zip(tensors, ctx.needs_input_grad[3:]) if needed]
        further = torch.is_grad_enabled()
        with torch.enable_grad(), _holding(ctx.network, tensors):
            outputs = ctx.network.predict_by_layers(inputs, **ctx.lease.workspace.adjoint.singularity)
        found = torch.autograd.grad(outputs, wanted, gradient, create_graph=further, allow_unused=True)
        gradients = {id(tensor): value for tensor, value in zip(wanted, found)}
    else:
        adjoint = ctx.lease.workspace.adjoint
        gradients = {id(tensor): value for tensor, value in adjoint.backward(gradient.T)}
    return tuple(gradients.get(id(tensor)) for tensor in tensors)


@contextmanager
def _holding(network: Network, tensors: list[Tensor]) -> Iterator[None]:
    """Let the network have the `own_parameters` of a prediction, which `functional_call` may have taken back since."""
    memories = [module._parameters for module in (network, *network.act_fun, *network.symbolic_fun)]
    places = [(memory, name) for memory in memories for name, tensor in memory.items() if tensor is not None]
    present = [memory[name] for memory, name in places]
    try:
        for (memory, name), tensor in zip(places, tensors):
            memory[name] = tensor
        yield
    finally:
        for (memory, name), tensor in zip(places, present):
            memory[name] = tensor


def _is_small(network: Network, *, samples: int) -> bool:
    """Whether the largest step of the recursion is small."""
    return max(layer.grid.numel() for layer in network.act_fun) * samples <= _MOST_NUMBERS
