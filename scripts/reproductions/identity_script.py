"""Identity homotopy and its plain network from the start that their source's script gives them (000).

The project's own starts draw all maps alike; there, the first and the last keep PyTorch's. The plain network is two to
four points better from there.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homotopy_bench.models.base import Model
from homotopy_bench.tracking.resumable import FINAL
from reproductions import identity_source
from reproductions.identity_source import BASELINE, HOMOTOPY
from reproductions.search import Contender
from reproductions.source_study import Protocol, SourceStudy
from reproductions.trained import final_summary, own_summary

if TYPE_CHECKING:
    from torch import nn

WHOLE = "training.batch_size=250"
"""32 steps an epoch, as there, where the last of them has 64 samples."""

ROWS = {
    "10,000 samples": (
        Contender("baseline", (*BASELINE, WHOLE), ()),
        Contender("homotopy", (*HOMOTOPY, WHOLE), ()),
    ),
}

ABOUT = """The rows of `identity_homotopy_source` from the start of the source's script: hidden maps are Kaiming's
without biases, the first and the last map are PyTorch's own. Batches of 250 make its 32 steps an epoch. What
differs from the script: there, 31 batches have 256 samples and the last one 64; and the seeds, of which there is
one."""


def started(model: Model, shape: tuple[int, ...], classes: int) -> nn.Module:
    """Return a network whose first and last map have PyTorch's start."""
    from torch import nn

    network = model.build(shape, classes)
    maps = [one for one in network.modules() if isinstance(one, nn.Linear)]
    for one in (maps[0], maps[-1]):
        one.reset_parameters()
    return network


def trained(runs: Mapping[Path, Sequence[str]]) -> Mapping[Path, dict[str, Any]]:
    """Train runs one after the other from the start of the script; what was stopped begins anew.

    Args:
        runs: Folder of the record -> overrides.

    Returns:
        Folder -> summary of the runs that ended as they should.
    """
    import torch

    from homotopy_bench import compose, train

    torch.set_num_threads(1)
    found = {}
    for folder, overrides in runs.items():
        config = compose(*overrides)
        if own_summary(folder, config).get("status") not in FINAL:
            shutil.rmtree(folder, ignore_errors=True)
            splits = config.dataset.load(config.paths.data_root())
            shape = tuple(splits.train.x.shape[1:])
            train(config, folder, model=partial(started, config.model, shape, splits.classes))
        found[folder] = final_summary(folder)
    return {folder: summary for folder, summary in found.items() if summary}


_PROTOCOL = Protocol(ROWS, 5, ABOUT)

STUDY = SourceStudy(
    name="identity_homotopy_script",
    title="The study that identity homotopy comes from, from the start of its script",
    full=_PROTOCOL,
    fast=_PROTOCOL,
    figures=identity_source.figures,
    shown=identity_source.STUDY.shown,
    train=trained,
)
