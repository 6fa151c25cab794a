"""Second derivatives of the loss: the Hessian, its products with vectors, its eigenvalues."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor, nn
from torch.func import functional_call, grad, vjp

from course_utils.arguments import Data, as_tensors, check_counts
from course_utils.landscape import Loss, evaluation_mode

Product = Callable[[Tensor], Tensor]


class Eigenpair(NamedTuple):
    """An eigenvalue and its eigenvector [P] of norm 1."""

    value: float
    vector: Tensor


def hessian_vector_product(model: nn.Module, loss: Loss, data: Data) -> Product:
    r"""Return the function v -> H v, with H the Hessian of the loss at the model's parameters.

        H v = gradient of (v . gradient of the loss)

    One product costs about two passes through the network, and H is never stored (Pearlmutter
    1994). Vectors are [P], with the parameters that are not frozen in the order of
    ``model.parameters()``, as `torch.nn.utils.parameters_to_vector` lays them out. The loss is that
    of the whole ``data`` (inputs, targets), in evaluation mode; the model is left as it was.
    ValueError if all parameters are frozen, TypeError for data that are no tensors.

    >>> net = torch.nn.Linear(1, 1, bias=False)
    >>> data = torch.tensor([[3.0]]), torch.tensor([[0.0]])  # the loss is (3 w)^2
    >>> hessian_vector_product(net, torch.nn.functional.mse_loss, data)(torch.ones(1))
    tensor([18.])
    """
    trained = {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}
    if not trained:
        raise ValueError("model must have parameters that are not frozen, got none")
    point = torch.cat([p.flatten() for p in trained.values()])
    inputs, targets = as_tensors("data", data, point.device)
    fixed = {name: p.detach() for name, p in model.named_parameters() if name not in trained}
    fixed.update({name: b.clone() for name, b in model.named_buffers()})

    def loss_at(w: Tensor) -> Tensor:
        parts = torch.split(w, [p.numel() for p in trained.values()])
        state = {n: part.view_as(p) for (n, p), part in zip(trained.items(), parts, strict=True)}
        return loss(functional_call(model, {**state, **fixed}, inputs), targets)

    with evaluation_mode(model):
        product: Callable[[Tensor], tuple[Tensor]] = vjp(grad(loss_at), point)[1]
    return lambda v: product(v)[0]


def hessian(model: nn.Module, loss: Loss, data: Data, *, chunk_size: int = 256) -> Tensor:
    """The Hessian [P, P], row by row; for small networks, as it holds P^2 numbers.

    Arguments and errors as `hessian_vector_product`; ``chunk_size``: rows computed at once.
    """
    check_counts(chunk_size=chunk_size)
    product = hessian_vector_product(model, loss, data)
    trained = [p.detach().flatten() for p in model.parameters() if p.requires_grad]
    rows = torch.eye(sum(p.numel() for p in trained)).to(trained[0])
    return torch.vmap(product, chunk_size=chunk_size)(rows)


def hessian_index(eigenvalues: Tensor, tolerance: float = 0.0) -> float:
    """Share of the eigenvalues [P] that are below -tolerance: the index of a critical point.

    0 at a minimum, 1 at a maximum, between them at a saddle. ValueError for another shape, no
    eigenvalue or a negative tolerance. Source: Dauphin et al. 2014.

    >>> hessian_index(torch.tensor([-2.0, 0.0, 1.0, 3.0]))
    0.25
    """
    if eigenvalues.dim() != 1 or not len(eigenvalues):
        raise ValueError(f"eigenvalues must have shape [P], P >= 1, got {tuple(eigenvalues.shape)}")
    if tolerance < 0:
        raise ValueError(f"tolerance must be at least 0, got {tolerance}")
    return (eigenvalues < -tolerance).double().mean().item()


def power_iteration(
    product: Product, start: Tensor, *, steps: int = 1000, tolerance: float = 1e-6
) -> Eigenpair:
    r"""Find the eigenvalue of largest absolute value of a symmetric matrix.

        v <- H v / ||H v||,    lambda = v . H v

    The error of v shrinks by |lambda_2 / lambda_1| a step. It stops when ||H v - lambda v|| is at
    most ``tolerance`` |lambda|, or after ``steps`` products.
    ``product``: v -> H v. ``start``: [P], not zero, with a part along the eigenvector sought; a
    random one has it. ValueError for a start of another shape or zero, steps below 1.

    >>> h = torch.tensor([[2.0, 1.0], [1.0, -3.0]])
    >>> round(power_iteration(lambda v: h @ v, torch.ones(2)).value, 4)
    -3.1926
    """
    check_counts(steps=steps)
    if start.dim() != 1 or not start.any():
        raise ValueError(f"start must be a vector [P] that is not zero, got {start}")
    v = start / start.norm()
    for _ in range(steps):
        hv = product(v)
        value = (v @ hv).item()
        if (hv - value * v).norm() <= tolerance * abs(value):
            break
        v = hv / hv.norm()
    return Eigenpair(value, v)


def top_eigenvalue(
    model: nn.Module,
    loss: Loss,
    data: Data,
    *,
    generator: torch.Generator | None = None,
    steps: int = 1000,
    tolerance: float = 1e-6,
) -> Eigenpair:
    """The Hessian's eigenvalue of largest absolute value, by power iteration from a random start.

    Near a minimum this is the largest curvature, often called sharpness. Arguments and errors as
    `hessian_vector_product` and `power_iteration`; ``generator`` draws the start, on its device.
    """
    product = hessian_vector_product(model, loss, data)
    return power_iteration(
        product, _random_start(model, generator), steps=steps, tolerance=tolerance
    )


def extreme_eigenvalues(
    model: nn.Module,
    loss: Loss,
    data: Data,
    *,
    generator: torch.Generator | None = None,
    tolerance: float = 1e-6,
) -> tuple[float, float]:
    """The smallest and the largest eigenvalue of the Hessian, by Lanczos iteration (ARPACK).

    Arguments and errors as `top_eigenvalue`; needs at least 3 parameters. ``tolerance``: relative.
    """
    product = hessian_vector_product(model, loss, data)
    start = _random_start(model, generator)
    if len(start) < 3:
        raise ValueError(f"model must have at least 3 parameters, got {len(start)}")

    def matvec(v: NDArray[np.float64]) -> NDArray[np.float64]:
        hv = product(torch.from_numpy(np.ascontiguousarray(v).ravel()).to(start))
        return hv.double().cpu().numpy()

    operator = LinearOperator((len(start), len(start)), matvec=matvec, dtype=np.float64)
    low, high = eigsh(
        operator,
        k=2,
        which="BE",
        v0=start.double().cpu().numpy(),
        tol=tolerance,
        return_eigenvectors=False,
    )
    return float(low), float(high)


def _random_start(model: nn.Module, generator: torch.Generator | None) -> Tensor:
    trained = [p.detach() for p in model.parameters() if p.requires_grad]
    where = generator.device if generator else torch.device("cpu")
    size = sum(p.numel() for p in trained)
    return torch.randn(size, generator=generator, dtype=torch.float64, device=where).to(trained[0])
