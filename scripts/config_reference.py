"""Write the configuration reference as a page: every group, choice and key with its type, range and default.

    python scripts/config_reference.py > configuration.md

What it says comes from :mod:`homotopy_bench.config.reference`, as ``homotopy-train --help`` does. MkDocs runs
:func:`on_files` when it builds the site, so that the page cannot fall behind the code.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from homotopy_bench.config.reference import (
    ABOUT,
    Choice,
    Key,
    choices,
    first_sentence,
    heading,
    path_keys,
    read_conf,
    run_keys,
    written,
)
from homotopy_bench.core.conf_files import choices_of
from homotopy_bench.core.options import ROOMS
from homotopy_bench.sweeps.reference import launchers, search_space, sweepers

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

PAGE = "configuration.md"

HEAD = """# Configuration reference

This page is generated from the typed schema and from `conf/*.yaml`. Choose with `GROUP=CHOICE`, override with
`KEY=VALUE`:

    homotopy-train method=identity_homotopy method.path=residual optimizer.lr=3e-3 training.epochs=50

`homotopy-train --help` prints the same in a terminal, `homotopy-train method=hta --help` what one choice has, and
`--cfg job` the configuration of one command. An unknown key, a wrong type or a value out of range ends the command with
one line that names the key, the value and what is accepted.

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


def _page() -> Iterator[str]:
    yield HEAD
    seed, *training = run_keys()
    yield "## Run\n"
    yield from _table([seed])
    yield "\n## training\n"
    yield from _table(training)
    yield "\n## paths\n"
    yield from _table(path_keys())
    for group, about in ABOUT.items():
        yield f"\n## {group}\n\n{about}"
        for one in choices(group):
            yield from _choice(one)
    yield "\n## hydra/launcher\n\nWhere the jobs of a multirun run, by default `fused`: [Fused multiruns](fused.md),"
    yield "[From a laptop to a cluster](clusters.md)."
    for one in launchers():
        yield from _choice(one)
    yield "\n## hydra/sweeper\n\nWhich jobs a multirun has, by default `basic`: [Tune](sweeps.md). `sweep=SPACE`"
    yield "chooses `optuna` and a space."
    for one in sweepers():
        yield from _choice(one)
    yield "\n## sweep\n\nSearch spaces.\n"
    for space in choices_of("sweep"):
        yield f"\n### sweep={space}\n\n{heading(f'sweep/{space}.yaml')}\n"
        yield from _head("key", "values", "only when")
        for sought in search_space(space):
            yield _row([_code(sought.key), _code(sought.values), _code(sought.when) if sought.when else ""])
    yield "\n## experiment\n\nWhole settings that go by one name: `homotopy-train experiment=NAME`.\n"
    yield from _head("experiment", "what it is")
    for name in choices_of("experiment"):
        yield _row([_code(name), first_sentence(heading(f"experiment/{name}.yaml"))])
    yield "\n## Tuned values\n"
    yield "Some methods start from values found for them with one optimiser. Another optimiser has its own defaults.\n"
    yield from _head("method and optimiser", "values")
    for name in choices_of("tuned"):
        values = read_conf(f"tuned/{name}.yaml")["optimizer"]
        method, _, optimizer = name.rpartition("_")
        chosen = " ".join(f"`optimizer.{key}={written(value)}`" for key, value in values.items())
        yield _row([f"`method={method} optimizer={optimizer}`", chosen])
    yield "\nAt t = 1 throughout (`continuation=constant`) a homotopy is the baseline and takes its values.\n"


def _choice(one: Choice) -> Iterator[str]:
    """Yield the heading, the description and the table of one choice."""
    yield f"\n### {one.group}={one.name}\n\n{one.description}\n"
    if one.overrides:
        yield f"Chooses {', '.join(map(_code, one.overrides))}.\n"
    yield from _table(one.keys) if one.keys else ["No keys of its own.\n"]


def _table(keys: Sequence[Key]) -> Iterator[str]:
    yield from _head("key", "accepted", "default", "per member", "description")
    for key in keys:
        per_member = "yes" if key.per_member else ""
        yield _row([_code(key.name), key.accepted, _code(key.default), per_member, key.description])


def _head(*names: str) -> Iterator[str]:
    yield _row(list(names))
    yield _row(["---"] * len(names))


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _code(text: str) -> str:
    return f"`{text}`"


if __name__ == "__main__":
    assert set(ABOUT) == set(ROOMS)
    print(page())
