"""Find run folders and read them; whatever is wrong with one of them is a value, never an exception.

A run folder holds ``.hydra/``, ``summary.json`` or ``metrics.jsonl``. Only a run whose ``summary.json`` is
whole, of schema 1, of status ``completed`` or ``diverged`` and has a test accuracy at t = 1 becomes a
:class:`Run`; every other one becomes an :class:`Unusable` with a reason, so that the report can list it.
Names are bounded here; whoever shows one makes it inert.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    JsonValue,
    Strict,
    StrictBool,
    ValidationError,
)
from pydantic.dataclasses import dataclass as pydantic_dataclass

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.files import DamagedFile, read_json, read_text
from homotopy_bench.core.inert import LONGEST_NAME, shortened
from homotopy_bench.core.seeds import FIRST_TUNING_SEED
from homotopy_bench.report.curves import Curve, read_curve
from homotopy_bench.tracking.record import FORKS, SCHEMA

Kind = Literal[
    "running",
    "damaged",
    "torn",
    "foreign",
    "failed",
    "interrupted",
    "pruned",
    "incomplete",
    "duplicate",
    "unreadable",
    "no folder",
    "tuning",
    "study",
]
"""Why a folder is not in the table.

``running`` has no ``summary.json``; ``damaged`` neither, and a ``metrics.jsonl`` that cannot be read; ``torn`` has
a ``summary.json`` that is not whole JSON; ``foreign`` one of another schema; ``failed``, ``interrupted`` and
``pruned`` are statuses of the record; ``incomplete`` lacks a value the table needs; ``duplicate`` is an older run of
a variant and seed; ``unreadable`` cannot be opened; ``no folder`` is a file; ``tuning`` is a run of a search; ``study``
is a study, or a trial of one, that is not on a page.
"""


LONGEST_REASON = 500
"""Most characters of the reason that a record gives for its status."""

LONGEST_COMMAND = 2000
"""Most characters of the command line of a run."""

_Fraction = Annotated[float, Field(ge=0, le=1)]
_Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Name = Annotated[str, AfterValidator(lambda name: shortened(name, LONGEST_NAME))]
_Known = Annotated[_Name, BeforeValidator(lambda name: "" if name is None else name)]
_Command = Annotated[
    str,
    AfterValidator(lambda words: shortened(words, LONGEST_COMMAND)),
    BeforeValidator(lambda words: words if isinstance(words, str) else ""),
]


MOST_SETTINGS = 2000
"""Most keys of a configuration, and most overrides; a record of this package has about a hundred."""


def _few(config: dict[str, JsonValue]) -> dict[str, JsonValue]:
    sections, number = [config], 0
    while sections:
        values = sections.pop().values()
        number += len(values)
        sections += [value for value in values if isinstance(value, dict)]
    if number > MOST_SETTINGS:
        raise ValueError(f"more than {MOST_SETTINGS} settings")
    return config


class _File(BaseModel):
    published: StrictBool = True
    file: _Known = ""
    md5: _Known = ""


# Keys that a later version adds must not make a record of the same schema unreadable.
@pydantic_dataclass(frozen=True, kw_only=True, config=ConfigDict(strict=True, extra="ignore", populate_by_name=True))
class Run:
    """Hold one finished run, reduced to what the report needs.

    Attributes:
        path: The run's folder, as it was given or found.
        modified: When ``summary.json`` was written, in nanoseconds since the epoch.
        status: ``diverged`` runs count with the accuracy that their broken network has.
        dataset: Name of the data set.
        model: Name of the model.
        method: Name of the method.
        seed: Runs of equal seed are paired.
        overrides: What the user wrote on the command line, for instance ``model.init=kaiming``.
        config: The whole resolved configuration, nested.
        data: The files of its data set.
        damage: What is wrong with ``metrics.jsonl``, so that there is no curve; empty for most runs.
        command: The command line that made the run.
        config_hash: Hash of its configuration.
        code_version: Version of the code that made the run.
        torch_version: Version of PyTorch.
        processor: Name of the processor.
        test_acc: Test accuracy of the final network at t = 1, a fraction.
        test_precision: Macro precision of the same network on the test split, a fraction.
        test_recall: Its macro recall, a fraction.
        test_f1: Its macro F1, a fraction.
        val_acc: Validation accuracy of the same network, a fraction.
        path_test_acc: Test accuracy of the network that was best on validation anywhere on the path, at the
            t it had; a fraction; never ranked.
        train_seconds: Training time without evaluation, in seconds.
        gradient_evaluations: Number of minibatch gradients.
        hvp_evaluations: Number of Hessian-vector products.
        forward_equivalents: Whole cost in units of one forward pass.
        peak_memory_mb: Largest memory in use, in megabytes.
    """

    path: Path
    modified: int
    damage: str = ""
    status: Literal["completed", "diverged"]
    dataset: _Name
    model: _Name
    method: _Name
    seed: int
    overrides: Annotated[tuple[str, ...], Strict(False), FailFast(), Field(max_length=MOST_SETTINGS)] = ()
    config: Annotated[dict[str, JsonValue], AfterValidator(_few)]  # pydantic bounds the depth of its values
    data: Annotated[tuple[_File, ...], Strict(False), FailFast()] = ()
    command: _Command = ""
    config_hash: _Known = ""
    code_version: _Known = ""
    torch_version: _Known = Field(default="", validation_alias=AliasPath("environment", "torch"))
    processor: _Known = Field(default="", validation_alias=AliasPath("environment", "processor"))
    test_acc: _Fraction = Field(validation_alias=AliasPath("final", "test_acc_target"))
    test_precision: _Fraction | None = Field(default=None, validation_alias=AliasPath("final", "test_precision_target"))
    test_recall: _Fraction | None = Field(default=None, validation_alias=AliasPath("final", "test_recall_target"))
    test_f1: _Fraction | None = Field(default=None, validation_alias=AliasPath("final", "test_f1_target"))
    val_acc: _Fraction | None = Field(default=None, validation_alias=AliasPath("final", "val_acc_target"))
    path_test_acc: _Fraction | None = Field(default=None, validation_alias=AliasPath("best_on_path", "test_acc_path"))
    train_seconds: _Amount | None = Field(default=None, validation_alias=AliasPath("cost", "train_seconds"))
    gradient_evaluations: _Amount | None = Field(
        default=None, validation_alias=AliasPath("cost", "gradient_evaluations")
    )
    hvp_evaluations: _Amount | None = Field(default=None, validation_alias=AliasPath("cost", "hvp_evaluations"))
    forward_equivalents: _Amount | None = Field(default=None, validation_alias=AliasPath("cost", "forward_equivalents"))
    peak_memory_mb: _Amount | None = Field(default=None, validation_alias=AliasPath("cost", "peak_memory_mb"))

    @property
    def published(self) -> bool:
        """Whether all files of its data set are the published ones."""
        return all(file.published for file in self.data)


@dataclass(frozen=True)
class Unusable:
    """Describe a folder that is listed below the table, and why.

    Attributes:
        path: The folder, as it was given or found.
        kind: One word of :data:`Kind`.
        reason: The rest of the explanation, on one line.
    """

    path: Path
    kind: Kind
    reason: str


def read_runs(paths: Iterable[Path | str], *, tuning: bool = False) -> tuple[Run | Unusable, ...]:
    """Read every run folder at or below the given paths.

    Folders are searched recursively in sorted order, hidden ones and symbolic links below a path are not
    entered, and a folder reached twice counts once.

    Args:
        paths: Run folders, or folders that hold some at any depth.
        tuning: Whether runs with the seeds of a search count like any other. A setting that was chosen by its
            accuracy with a seed is better with that seed than with another one.

    Returns:
        One value per run folder, in the order found.

    Raises:
        InputError: If a path does not exist, or no run folder is found at all.
    """
    given = [Path(path) for path in paths]
    for path in given:
        if not os.path.exists(path):  # noqa: PTH110 - Path.exists raises for a name that is too long
            raise InputError("PATH", path, "does not exist; accepted: a run folder or a folder that holds some")
    found: dict[Path, Run | Unusable] = {}
    for path in given:
        for folder in _run_folders(path):
            place = (folder.path if isinstance(folder, Unusable) else folder).resolve()
            if place not in found:
                found[place] = folder if isinstance(folder, Unusable) else read_run(folder, tuning=tuning)
    if all(isinstance(value, Unusable) and value.kind in ("no folder", "unreadable") for value in found.values()):
        accepted = "no run found; a run folder holds .hydra/, summary.json or metrics.jsonl"
        raise InputError("PATH", " ".join(map(str, given)), accepted)
    return tuple(found.values())


def read_run(folder: Path, *, tuning: bool = False) -> Run | Unusable:
    """Return the run of one run folder, or why it is not one; arguments as for :func:`read_runs`."""
    if not tuning and (seed := _seed(folder)) >= FIRST_TUNING_SEED:
        return _of_search(folder, seed)
    try:
        curve, damage = read_curve(folder), ""
    except (OSError, DamagedFile) as error:
        curve, damage = {}, _worded(error, "metrics.jsonl")
    record = _read_summary(folder, curve, damage, tuning)
    if isinstance(record, Unusable) and damage and record.kind not in ("tuning", "damaged"):
        return Unusable(folder, record.kind, f"{record.reason}; {damage}")
    return record


def _read_summary(folder: Path, curve: Curve, damage: str, tuning: bool) -> Run | Unusable:
    summary = folder / "summary.json"
    try:
        document = read_json(summary)
        modified = summary.stat().st_mtime_ns
    except FileNotFoundError:
        if damage:
            return Unusable(folder, "damaged", f"{damage}; no summary.json: still running, or killed")
        progress = f" (last evaluation at epoch {max(curve):g})" if curve else " before its first evaluation"
        return Unusable(folder, "running", f"no summary.json: still running, or killed{progress}")
    except (OSError, DamagedFile) as error:
        kind: Kind = "torn" if isinstance(error.__cause__, ValueError | RecursionError) else "unreadable"
        return Unusable(folder, kind, _worded(error, "summary.json"))
    return _from_document(folder, document, modified, tuning, damage)


def _worded(error: OSError | DamagedFile, name: str) -> str:
    return f"{name}: {error.strerror}" if isinstance(error, OSError) else str(error)


def _from_document(
    folder: Path, document: object, modified: int, tuning: bool = False, damage: str = ""
) -> Run | Unusable:
    if not isinstance(document, dict) or "schema" not in document:
        return Unusable(folder, "foreign", "summary.json is not a record of homotopy-bench: it has no schema")
    schema = document["schema"]
    if type(schema) is not int or schema != SCHEMA:
        shown = shortened(str(schema), LONGEST_NAME)
        return Unusable(folder, "foreign", f"summary.json has schema {shown}; this version reads {SCHEMA}")
    match document.get("status"):
        case "failed" | "interrupted" | "pruned" as status:
            reason = " ".join(str(document.get("reason") or "no reason given").split())
            return Unusable(folder, status, shortened(reason, LONGEST_REASON))
    for part in ("final", "best_on_path", "cost", "environment"):
        if not isinstance(document.get(part), dict | None):
            return Unusable(folder, "foreign", f"summary.json breaks schema {SCHEMA} at {part}: not an object")
    document.pop("__dataclass_self__", None)  # the name of an argument that pydantic adds
    try:
        run = Run(**{**document, "path": folder, "modified": modified, "damage": damage})
    except ValidationError as error:
        faults = {".".join(map(str, one["loc"])): one for one in error.errors(include_url=False)}
        accuracy = faults.get("final.test_acc_target")
        if len(faults) == 1 and accuracy and (accuracy["type"] == "missing" or accuracy["input"] is None):
            reason = f"{document['status']}, but final.test_acc_target is null: the mean lacks this run"
            return Unusable(folder, "incomplete", reason)
        where, first = next(iter(faults.items()))
        where = shortened(where, LONGEST_NAME) or "a key"
        return Unusable(folder, "foreign", f"summary.json breaks schema {SCHEMA} at {where}: {first['msg']}")
    return run if tuning or run.seed < FIRST_TUNING_SEED else _of_search(folder, run.seed)


def _run_folders(top: Path) -> Iterator[Path | Unusable]:
    if not top.is_dir():
        yield Unusable(top, "no folder", "a file, not a run folder")
        return
    closed: list[OSError] = []
    for place, folders, files in os.walk(top, onerror=closed.append):
        if ".hydra" in folders or "summary.json" in files or "metrics.jsonl" in files:
            yield Path(place)
            folders[:] = [name for name in folders if name != FORKS]  # of their own, by homotopy-report RUN/forks
        folders[:] = sorted(name for name in folders if not name.startswith("."))
    for error in closed:
        yield Unusable(Path(error.filename), "unreadable", f"folder cannot be opened: {error.strerror}")


def _of_search(folder: Path, seed: int) -> Unusable:
    return Unusable(folder, "tuning", f"seed {seed}: a run of a search")


def _seed(folder: Path) -> int:
    """Return the seed that a run was asked to have; -1 where nobody knows."""
    try:
        asked = read_text(folder / ".hydra" / "config.yaml")
    except (OSError, DamagedFile):
        return -1
    found = re.search(r"^seed: (\d{1,20})$", asked, re.MULTILINE)
    return int(found[1]) if found else -1
