"""Shapes in the types are checked at run time where ``make shapes`` asks for it."""

from __future__ import annotations

import os

import pytest
import torch
from jaxtyping import TypeCheckError

from homotopy_bench.training.clipping import clip_rows

checked = pytest.mark.skipif("HOMOTOPY_BENCH_SHAPES" not in os.environ, reason="shapes are checked by make shapes")


@checked
def test_a_wrong_shape_is_an_error() -> None:
    with pytest.raises(TypeCheckError):
        clip_rows(torch.zeros(3, 4), torch.zeros(2), 4)
