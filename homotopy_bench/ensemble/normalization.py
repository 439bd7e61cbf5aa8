"""Normalise batches of several networks in float32 under autocast.

vmap takes a normalisation apart, and what is left of it takes inputs and running statistics of one format only. Where
products are done in bfloat16 its inputs are bfloat16 and the statistics float32. A single network's own normalisation
takes both, and is left as it is.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def widen_normalizations(network: nn.Module, several: bool) -> None:
    """Let the batch normalisations of a network take inputs of 16 bits in float32.

    Args:
        network: The architecture.
        several: Whether it stands for several networks; for one, normalisations become ordinary ones again.
    """
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            hooks = module._forward_pre_hooks
            for key in [key for key, hook in hooks.items() if hook is _widened]:
                del hooks[key]
            if several:
                module.register_forward_pre_hook(_widened)


def _widened(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(x.float() if x.dtype in (torch.bfloat16, torch.float16) else x for x in inputs)
