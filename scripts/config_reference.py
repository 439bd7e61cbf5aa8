"""Write the configuration reference from the schema: every group, choice and key with its type, range and default.

    python scripts/config_reference.py > configuration.md

Types, ranges and defaults are those of the typed options, descriptions those of ``conf/*.yaml`` and of the docstrings.
MkDocs runs :func:`on_files` when it builds the site, so that the page cannot fall behind the code.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import yaml

from homotopy_bench.config.schema import Paths, Training
from homotopy_bench.config.wording import accepted
from homotopy_bench.core.conf_files import choices_of, conf_dir
from homotopy_bench.core.options import ROOMS, Options, option_class
from homotopy_bench.runs.fusing import Fusing
from homotopy_bench.sweeps.studies.options import StudyOptions

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

PAGE = "configuration.md"

ABOUT = {
    "dataset": "The data, and the splits for training, selection and reporting.",
    "model": "The architecture of the target network.",
    "method": "What t does to the network or to the objective. A method also picks a continuation, an optimiser and a "
    "learning-rate schedule, each of which can be overridden.",
    "continuation": "The path parameter t as a function of training progress.",
    "optimizer": "The update rule, that of `torch.optim`.",
    "lr_schedule": "The learning rate as a function of training progress, or of the measured curvature.",
    "hardware": "The device, its threads and the number format.",
    "logger": "Trackers beside the record. `logger=[wandb,tensorboard]` chooses several.",
}
"""What each group decides, in the order of the page."""

HEAD = """# Configuration reference

This page is generated from the typed schema and from `conf/*.yaml`. Choose with `GROUP=CHOICE`, override with
`KEY=VALUE`:

    homotopy-train method=identity_homotopy method.path=residual optimizer.lr=3e-3 training.epochs=50

`homotopy-train --help` prints the groups and the composed configuration; `--cfg job` prints the configuration of one
command. An unknown key, a wrong type or a value out of range ends the command with one line that names the key, the
value and what is accepted.

**Per member**: "yes" marks the keys in which the members of one [fused](fused.md) program may differ. Runs that differ
in another key train as separate programs.
"""


def page() -> str:
    """Return the page as Markdown."""
    return "\n".join(_page())


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page to the files of the site; MkDocs calls this hook.

    Args:
        files: The files of the site.
        config: The configuration of MkDocs.

    Returns:
        The files with the page among them.
    """
    from mkdocs.structure.files import File

    files.append(File.generated(config, PAGE, content=page()))
    return files


def rows(kind: type[Options], prefix: str, defaults: Mapping[str, Any], comments: Mapping[str, str]) -> list[list[str]]:
    """Return a row for every key of an option class.

    Args:
        kind: The class.
        prefix: What stands before each key on the command line.
        defaults: Values that ``conf/`` gives to keys; the others have the defaults of the class.
        comments: Descriptions from ``conf/``; the others are taken from the docstring of the class.

    Returns:
        Key, accepted values, default, "yes" for a key that members may differ in, and the description.

    Raises:
        ValueError: If a key is described nowhere.
    """
    found = []
    for attribute, field in kind.model_fields.items():
        name = field.alias or attribute
        if attribute == "name" or name == "_target_":
            continue
        default = defaults[name] if name in defaults else field.get_default(call_default_factory=True)
        part = kind.parts.get(name)
        description = comments.get(name) or _sentence(kind, name)
        if not description:
            raise ValueError(f"{prefix}.{name}: described neither in conf/ nor in a docstring")
        found.append(
            [
                f"`{prefix}.{name}`",
                f"a choice of the group `{part}`" if part else _accepted(kind, name),
                f"`{_written(default)}`",
                "yes" if attribute in kind.per_member() else "",
                description,
            ]
        )
    return found


def _page() -> Iterator[str]:
    top = _comments("config.yaml")
    composed = _read("config.yaml")
    yield HEAD
    yield "## Run\n"
    seed = "Seed of the initial values, of the order of the data and of all random draws"
    yield from _table([["`seed`", "an integer >= 0", "`0`", "yes", seed]])
    yield "\n## training\n"
    yield from _table(rows(Training, "training", composed["training"], top))
    yield "\n## paths\n"
    yield from _table(rows(Paths, "paths", _read("paths/default.yaml"), _comments("paths/default.yaml")))
    for group, about in ABOUT.items():
        yield f"\n## {group}\n\n{about}"
        for choice in choices_of(group):
            yield from _choice(group, choice)
    yield "\n## hydra/launcher\n\nWhere the jobs of a multirun run: [From a laptop to a cluster](clusters.md)."
    yield "\n### hydra/launcher=fused\n\nThe default: [Fused multiruns](fused.md).\n"
    yield from _table(_fusing())
    for launcher in choices_of("hydra/launcher"):
        yield f"\n### hydra/launcher={launcher}\n\n{_heading(f'hydra/launcher/{launcher}.yaml')}\n"
        yield from _plain_table(f"hydra/launcher/{launcher}.yaml", "hydra.launcher")
    yield "\n## hydra/sweeper=optuna\n"
    yield "The options of a study: [Tune](sweeps.md). `sweep=SPACE` chooses it together with a space.\n"
    sweeper = "hydra/sweeper/optuna.yaml"
    yield from _table(rows(StudyOptions, "hydra.sweeper", _read(sweeper), _comments(sweeper)))
    yield "\n## sweep\n\nSearch spaces.\n"
    for space in choices_of("sweep"):
        spec = _read(f"sweep/{space}.yaml")["hydra"]["sweeper"]["params"]
        yield f"\n### sweep={space}\n\n{_heading(f'sweep/{space}.yaml')}\n"
        yield from _head("key", "values", "only when")
        for key, values in spec.items():
            part = values if isinstance(values, dict) else {"values": values}
            yield _row([_code(key), _code(part["values"]), _code(part["when"]) if "when" in part else ""])
    yield "\n## experiment\n\nWhole settings that go by one name: `homotopy-train experiment=NAME`.\n"
    yield from _head("experiment", "what it is")
    for name in choices_of("experiment"):
        yield _row([f"`{name}`", _first(_heading(f"experiment/{name}.yaml"))])
    yield "\n## Tuned values\n"
    yield "Some methods start from values found for them with one optimiser. Another optimiser has its own defaults.\n"
    yield from _head("method and optimiser", "values")
    for name in choices_of("tuned"):
        values = _read(f"tuned/{name}.yaml")["optimizer"]
        method, _, optimizer = name.rpartition("_")
        chosen = " ".join(f"`optimizer.{key}={_written(value)}`" for key, value in values.items())
        yield _row([f"`method={method} optimizer={optimizer}`", chosen])
    yield "\nAt t = 1 throughout (`continuation=constant`) a homotopy is the baseline and takes its values.\n"


def _choice(group: str, choice: str) -> Iterator[str]:
    """Yield the heading, the description and the table of one choice."""
    kind = option_class(group, choice)
    file = f"{group}/{choice}.yaml"
    content = _read(file)
    section = {"logger": choice, "method": "method"}.get(group, group)
    defaults = content.get(section, content)
    yield f"\n### {group}={choice}\n\n{_first_paragraph(kind)}\n"
    entries = [item for entry in content.get("defaults", []) if isinstance(entry, dict) for item in entry.items()]
    chosen = [f"`{key.removeprefix('override /')}={value}`" for key, value in entries if key.startswith("override ")]
    if chosen:
        yield f"Chooses {', '.join(chosen)}.\n"
    prefix = f"{group}.{choice}" if group == "logger" else group
    found = rows(kind, prefix, defaults, _comments(file))
    yield from _table(found) if found else ["No keys of its own.\n"]


def _fusing() -> list[list[str]]:
    """Return the rows of the fused launcher, whose options are a dataclass."""
    words = {"int | None": "an integer >= 1 or null", "bool": "true or false"}
    about = inspect.cleandoc(Fusing.__doc__ or "")
    found = []
    for field in fields(Fusing):
        described = re.search(rf"^ *{field.name}: (.*?)(?=^ *\w+:|^$|\Z)", about, re.DOTALL | re.MULTILINE)
        assert described, field.name
        description = _plain(described[1]).replace("None for", "null:")
        key = f"`hydra.launcher.{field.name}`"
        found.append([key, words[str(field.type)], _code(_written(field.default)), "", description])
    return found


def _plain_table(file: str, prefix: str) -> Iterator[str]:
    """Yield the table of options that a library checks, not a class of ours."""
    comments = _comments(file)
    yield from _head("key", "default", "description")
    for key, value in _read(file).items():
        if key != "_target_":
            inner = value if isinstance(value, dict) and value else {"": value}
            for part, default in inner.items():
                name = f"{prefix}.{key}.{part}" if part else f"{prefix}.{key}"
                yield _row([f"`{name}`", _code(_written(default)), comments.get(part or key, comments.get(key, ""))])


def _table(found: list[list[str]]) -> Iterator[str]:
    yield from _head("key", "accepted", "default", "per member", "description")
    yield from map(_row, found)


def _head(*names: str) -> Iterator[str]:
    yield _row(list(names))
    yield _row(["---"] * len(names))


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _accepted(kind: type[Options], name: str) -> str:
    schema = kind.model_json_schema()["properties"][name]
    return "a mapping" if schema.get("type") == "object" else accepted(kind, name)


def _written(value: object) -> str:
    """Return a value as the command line takes it."""
    if isinstance(value, Options):
        return str(value.model_dump()["name"])
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)


def _code(text: str) -> str:
    return f"`{text}`"


def _read(file: str) -> dict[str, Any]:
    content = yaml.safe_load((conf_dir() / file).read_text())
    return content or {}


def _comments(file: str) -> dict[str, str]:
    """Return key -> the comment behind it, in a file of ``conf/``."""
    lines = (conf_dir() / file).read_text().splitlines()
    found = [re.match(r"\s*([\w.]+):.*?\s# ?(.*)$", line) for line in lines]
    return {match[1]: _described(match[2]) for match in found if match}


def _heading(file: str) -> str:
    """Return the comment at the head of a file of ``conf/``, in one line."""
    taken = []
    for line in (conf_dir() / file).read_text().splitlines():
        if not line.startswith("#"):
            break
        if not line.startswith("# @package"):
            taken.append(line.lstrip("# "))
    return re.sub(r"\s*See docs/\S+\.md\.$", "", " ".join(taken))


def _first(text: str) -> str:
    """Return the first sentence."""
    return re.split(r"(?<=[.:])\s(?=[A-Z]|$)", text)[0].rstrip(":")


def _first_paragraph(kind: type[Options]) -> str:
    text = (inspect.getdoc(kind) or "").split("\n\n")[0]
    return _plain(text)


def _sentence(kind: type[Options], name: str) -> str:
    """Return the first sentence about a key in the docstrings of a class and its bases."""
    for base in kind.__mro__:
        for sentence in re.split(r"(?<=\.)\s+|(?<=:)\n+|\n\n", inspect.cleandoc(base.__doc__ or "")):
            if f"``{name}``" in sentence:
                return _plain(sentence)
    return ""


def _plain(text: str) -> str:
    """Return Markdown for the markup of docstrings."""
    text = re.sub(r":\w+:`~?(?:[\w.]+\.)?(\w+)`", r"`\1`", " ".join(text.split()))
    return text.replace("``", "`")


def _described(comment: str) -> str:
    """Return a description of a comment: choices without a word of their own stand in the column beside it."""
    head, _, choices = comment.partition(": ")
    if re.fullmatch(r"\w+( \| \w+)+", choices):
        comment = head
    elif " | " in comment:
        return comment.replace(" | ", "; ")
    return comment[:1].upper() + comment[1:]


if __name__ == "__main__":
    assert set(ABOUT) == set(ROOMS)
    print(page())
