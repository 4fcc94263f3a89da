"""A device that is none: tensors that say they are elsewhere, and compute on the CPU.

It stands in for a GPU where there is none. As on a GPU, an operation on tensors of both devices is an error, unless it
copies, indexes, or takes a single number. What a program computes there must be what it computes on the CPU, so a
tensor made on the wrong device is found, and also one whose numbers were read on the wrong side.

`install` registers the device with torch, for the rest of the process; torch's way for devices written in Python. Like
Apple's GPUs it can be without double precision, also for casts on the way to the CPU, which are made on the device, and
without factorisations of matrices.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map_only

NAME = "pretend"

_ATEN = torch.ops.aten
_COPIES = (_ATEN._to_copy.default, _ATEN.copy_.default)
_DOUBLES = (torch.float64, torch.complex128)
_FACTORISATIONS = ("linalg_", "_linalg_", "cholesky", "geqrf", "ormqr", "lu_unpack", "triangular_solve")
_INDEXES = (_ATEN.index.Tensor, _ATEN.index_put.default, _ATEN.index_put_.default, _ATEN._index_put_impl_.default)


class Elsewhere(Tensor):
    """A tensor on the pretended device; `inner` holds its numbers."""

    inner: Tensor
    has_double: bool = True

    @staticmethod
    def __new__(cls, inner: Tensor) -> Elsewhere:
        _check_precision(inner.dtype)
        made: Elsewhere = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            layout=inner.layout,
            device=torch.device(NAME, 0),
        )
        made.inner = inner
        return made

    def __repr__(self) -> str:  # type: ignore[override]
        return f"Elsewhere({self.inner})"

    def tolist(self) -> Any:
        return self.inner.tolist()

    @property
    def data(self) -> Tensor:  # type: ignore[override]
        return self.detach()

    @data.setter
    def data(self, new: Elsewhere) -> None:
        torch._C.TensorBase.data.__set__(self, new)  # type: ignore[attr-defined]
        self.inner = new.inner.detach()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class Pretence(TorchDispatchMode):
    """The context in which the device exists."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


def install(*, has_double: bool = True) -> torch.device:
    """Make the device, with or without double precision and factorisations, known to torch, and return it."""
    Elsewhere.has_double = has_double
    backend_registration._setup_privateuseone_for_python_backend(NAME)  # type: ignore[attr-defined]
    for name, kernel in (("empty_strided", _empty_strided), ("empty.memory_format", _empty), ("_copy_from", _copy)):
        torch.library.impl(f"aten::{name}", "privateuseone")(kernel)
    return torch.device(NAME, 0)


def _run(func: Any, args: Any, kwargs: Any) -> Any:
    """Run an operation on the CPU; its result is on the pretended device if its arguments are, or if it says so."""
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    away = [tensor for tensor in tensors if isinstance(tensor, Elsewhere)]
    at_home = [tensor for tensor in tensors if not isinstance(tensor, Elsewhere) and tensor.ndim > 0]
    if func in _INDEXES and isinstance(args[0], Elsewhere):
        at_home = [tensor for tensor in at_home if tensor.is_floating_point()]  # indices may be on the CPU
    if away and at_home and func not in _COPIES:
        shapes = [tuple(tensor.shape) for tensor in at_home]
        raise RuntimeError(f"{func}: all tensors must be on one device; on the CPU are those of shapes {shapes}.")
    if away:
        _check_operation(func, args, kwargs)
    target = kwargs.get("device")
    inner_args, inner_kwargs = tree_map_only(Elsewhere, _inner, (args, kwargs))
    if target is not None:
        inner_kwargs = {**inner_kwargs, "device": "cpu"}
    result = func(*inner_args, **inner_kwargs)
    if func is _ATEN.copy_.default:
        return args[0]
    if not (away if target is None else torch.device(target).type == NAME):
        return result
    result = tree_map_only(
        Tensor, lambda tensor: tensor if isinstance(tensor, Elsewhere) else Elsewhere(tensor), result
    )
    return return_and_correct_aliasing(func, args, kwargs, result) if away and target is None else result


def _check_operation(func: Any, args: Any, kwargs: Any) -> None:
    """Raise for what a device without double precision cannot do."""
    name = func.overloadpacket.__name__
    if not Elsewhere.has_double and name.startswith(_FACTORISATIONS) and "norm" not in name:
        raise NotImplementedError(f"{func} is not implemented for this device.")
    if func in _COPIES:
        _check_precision(kwargs.get("dtype") or args[0].dtype)


def _check_precision(dtype: torch.dtype) -> None:
    if not Elsewhere.has_double and dtype in _DOUBLES:
        raise TypeError("This device has no double precision.")


def _inner(tensor: Tensor) -> Tensor:
    return tensor.inner if isinstance(tensor, Elsewhere) else tensor


# What torch calls from within, past `Pretence`.


def _empty_strided(size: Any, stride: Any, dtype: Any = None, **_: Any) -> Tensor:
    return Elsewhere(torch.empty_strided(size, stride, dtype=dtype, device="cpu"))


def _empty(size: Any, dtype: Any = None, **_: Any) -> Tensor:
    return Elsewhere(torch.empty(size, dtype=dtype, device="cpu"))


def _copy(source: Tensor, target: Tensor, non_blocking: bool = False) -> Tensor:
    if isinstance(source, Elsewhere):
        _check_precision(target.dtype)
    _inner(target).copy_(_inner(source))
    return target
