"""Draw ``curves.png`` of runs that lack it, from what their records say."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StrictBool, StrictInt

from homotopy_bench.core.files import read_json
from homotopy_bench.core.folder_lock import FolderLock
from homotopy_bench.core.inert import LONGEST_NAME, shortened
from homotopy_bench.report.curves import read_curve
from homotopy_bench.tracking.curves import draw_curves
from homotopy_bench.tracking.record import Record, read_metrics
from homotopy_bench.tracking.title import run_title

_Name = Annotated[str, AfterValidator(lambda name: shortened(name, LONGEST_NAME))]


class _File(BaseModel):
    published: StrictBool = True


class _Summary(BaseModel):
    """Say what of ``summary.json`` stands in the picture."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=())
    method: _Name
    dataset: _Name
    model: _Name
    seed: StrictInt
    data: tuple[_File, ...] = ()


def lacks_picture(folder: Path) -> bool:
    """Return whether a run has ended after an evaluation, and has no picture since the last one."""
    record = Record(folder)
    with suppress(OSError):  # a file is missing or closed: there is nothing to draw
        metrics = record.metrics.stat()
        if metrics.st_size == 0 or not record.summary.is_file():
            return False
        return not record.curves.exists() or record.curves.stat().st_mtime_ns < metrics.st_mtime_ns
    return False


def draw_picture(folder: Path) -> None:
    """Write the picture of a run that has ended.

    Raises:
        Exception: Whatever a foreign record leads to.
    """
    record = Record(folder)
    with FolderLock(folder, "--curves"):
        summary = _Summary.model_validate(read_json(record.summary))
        read_curve(folder)  # which refuses a damaged one
        published = all(file.published for file in summary.data)
        title = run_title(summary.method, summary.dataset, summary.model, summary.seed, published=published)
        draw_curves(read_metrics(record.metrics), title, summary.method, record.curves)
