"""Turn the network of a run into a file of another program, and compare the logits of both before it is written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from homotopy_bench.analysis.finished import FinishedRun
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.masking import one_line
from homotopy_bench.hardware.transfer import inputs_as
from homotopy_bench.results.formats import ExportFormat
from homotopy_bench.results.trained import best_network
from homotopy_bench.tracking.kept_measurements import state_digest

SAMPLES = 64
"""Samples of the test split whose logits are compared."""

TOLERANCE = 1e-4
"""Largest difference of logits, in units of the larger of 1 and the largest logit: kernels round in other orders, a
wrong graph is off by far more."""

Parameters = Literal["last", "best"]
"""Those of the end of training, or those that were best on the validation split."""


@dataclass(frozen=True)
class Exported:
    """Hold the content of a file that has been read back.

    Attributes:
        content: All bytes.
        difference: Largest difference between its logits and the network's, over ``samples`` test samples.
        largest: The largest absolute value among the network's.
        samples: Their number.
    """

    content: bytes
    difference: float
    largest: float
    samples: int


def export(run: FinishedRun, form: ExportFormat, parameters: Parameters = "last") -> Exported:
    """Return the target network (t = 1) of a run as the content of a file.

    Args:
        run: The run.
        form: The format.
        parameters: Which of its parameters.

    Raises:
        InputError: If the format cannot hold the network, or its logits there are others.
    """
    network = run.network if parameters == "last" else best_network(run)
    x = samples_of(run, SAMPLES)
    with torch.no_grad():
        expected = network(x)
    try:
        content = form.encode(network, x, about(run, network, parameters))
        found = form.logits(content, network, x)
    except InputError:
        raise
    except Exception as error:  # exporters and runtimes raise whatever they like
        why = one_line(error.__cause__ or error, 300)
        accepted = f"its network cannot be exported as {form.name} ({type(error).__name__}: {why})"
        raise InputError("RUN_DIR", run.folder, accepted) from error
    difference, largest = float((found - expected).abs().max()), float(expected.abs().max())
    if not difference <= TOLERANCE * max(1.0, largest):
        accepted = f"its logits as {form.name} differ by {difference:g}, more than {TOLERANCE:g} of the largest"
        raise InputError("RUN_DIR", run.folder, accepted)
    return Exported(content, difference, largest, len(x))


def samples_of(run: FinishedRun, count: int) -> Float[Tensor, " B *input"]:
    """Return the first test inputs of a run, in the format of its parameters: at least two, if need be one twice."""
    x = inputs_as(torch.from_numpy(run.splits.test.x[:count]), next(run.network.parameters()).dtype)
    return x if len(x) > 1 else x.repeat_interleave(2, dim=0)


def about(run: FinishedRun, network: nn.Module, parameters: Parameters) -> str:
    """Return JSON on a network: what made it, what it takes, and how inputs were standardised.

    Folders, files and trackers of the run are not in it: a file may be given away.
    """
    config, standardization = run.config.to_dict(), run.splits.standardization
    config["dataset"].pop("file", None)  # sha256 names its content
    found = {
        **{name: config[name] for name in ("dataset", "model", "method", "seed")},
        "config_hash": run.config.hash(),
        "parameters": parameters,
        "state": state_digest(network.state_dict()),
        "t": 1.0,
        "input": list(run.splits.train.x.shape[1:]),
        "classes": run.splits.classes,
        "standardization": None
        if standardization is None
        else {"mean": standardization.mean.tolist(), "deviation": standardization.deviation.tolist()},
    }
    return json.dumps(found)
