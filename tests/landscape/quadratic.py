"""Losses whose maxima and means are known: quadratics with a given spectrum, and networks with the same function."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from homotopy_bench.landscape.networks import PointScores
from homotopy_bench.models.layers import Layer


class Quadratic:
    """L_m(w) = (w - c_m)·A_m (w - c_m)/2 of M members, seen from theta; nothing is ever predicted wrongly.

    Args:
        matrices: A, (M, P, P).
        centres: c, (M, P).
        theta: Where the networks stand, (M, P).
    """

    def __init__(self, matrices: Tensor, centres: Tensor, theta: Tensor) -> None:
        self.matrices, self.centres, self.theta = matrices, centres, theta

    def evaluate(self, theta: Tensor, owners: Tensor) -> PointScores:
        d = theta - self.centres[owners]
        loss = 0.5 * torch.einsum("ki,kij,kj->k", d, self.matrices[owners], d)
        return PointScores(loss, torch.zeros_like(loss))

    def gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        own = torch.arange(len(theta))
        slope = torch.einsum("kij,kj->ki", self.matrices, theta - self.centres)
        return self.evaluate(theta, own).loss, slope


def symmetric(eigenvalues: list[float], seed: int) -> tuple[Tensor, Tensor]:
    """Return a matrix with these eigenvalues, float64, and its eigenvectors in columns."""
    generator = torch.Generator().manual_seed(seed)
    size = len(eigenvalues)
    vectors = torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64))[0]
    return vectors @ torch.diag(torch.tensor(eigenvalues, dtype=torch.float64)) @ vectors.T, vectors


def rescaled(network: nn.Sequential, factor: float) -> nn.Sequential:
    """Return a ReLU network with the same function: the hidden units' maps times a factor, the next divided by it."""
    other = copy.deepcopy(network)
    hidden, output = other[0], other[-1]
    assert isinstance(hidden, Layer)
    affine = hidden.affine
    assert isinstance(affine, nn.Linear)
    assert isinstance(output, nn.Linear)
    with torch.no_grad():
        affine.weight.mul_(factor)
        affine.bias.mul_(factor)
        output.weight.div_(factor)
    return other


def relu_network(seed: int, inputs: int = 5, hidden: int = 7, classes: int = 3) -> nn.Sequential:
    """Return one hidden layer of ReLU units and a linear map, float64."""
    torch.manual_seed(seed)
    return nn.Sequential(Layer(nn.Linear(inputs, hidden), torch.relu), nn.Linear(hidden, classes)).double()
