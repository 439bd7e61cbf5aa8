"""Hundreds of wrong command lines, of every command: exit code 2, one line that names what is wrong, and no file.

Most lines are made from the schema: every key with a value of another type, every bound crossed, every group with a
choice that it does not have, every flag misused.
"""

from __future__ import annotations

import copy
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from homotopy_bench.cli.arguments import FLAGS
from homotopy_bench.config.mapping import compose_raw
from homotopy_bench.config.schema import Paths, Training
from homotopy_bench.config.validation import read_value, validate
from homotopy_bench.config.wording import _alternatives, accepted
from homotopy_bench.core.conf_files import choices_of, groups
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.options import ROOMS, Options, option_class
from tests.cli.runner import call_command, the_error_line
from tests.composing import composed_as_in_a_multirun

Case = tuple[str, str]
"""A command line, without ``homotopy-train``; what its error line holds, parts divided by ``&``."""

LONG = "x" * 300
BEYOND = 2**63

GLOBAL = "# @package _global_\n"
NINE = ",".join(["*{0}"] * 9)
BOMB = "".join(f"{b}: &{b} [{NINE.format(a)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))

FILES: dict[str, bytes] = {
    "FILE": b"",
    "FOLDER/empty": b"",
    "syntax.yaml": b"seed: [1\n",
    "latin.yaml": GLOBAL.encode() + b"seed: \xff1\n",
    "tag.yaml": f"{GLOBAL}seed: !!python/object/apply:os.mkdir [made]\n".encode(),
    "own_tag.yaml": f"{GLOBAL}seed: !seed 1\n".encode(),
    "bomb.yaml": f"{GLOBAL}a: &a [1,1,1,1,1,1,1,1,1]\n{BOMB}".encode(),
    "within.yaml": f"{GLOBAL}a: &a\n  b: *a\n".encode(),
    "twice.yaml": f"{GLOBAL}seed: 1\nseed: 2\n".encode(),
    "text.yaml": b"seed\n",
    "list.yaml": b"- 1\n",
    "null.yaml": f"{GLOBAL}seed: 3\x00\n".encode(),
    "deep.yaml": f"{GLOBAL}seed: {'[' * 3000}\n".encode(),
    "defaults.yaml": f"{GLOBAL}defaults: 5\n".encode(),
    "missing.yaml": f"{GLOBAL}defaults:\n  - override /method: basline\n".encode(),
    "number.yaml": f"{GLOBAL}training:\n  3: 4\n".encode(),
    "no_package.yaml": b"seed: 1\n",
    "value.yaml": f"{GLOBAL}seed: -1\n".encode(),
    "key.yaml": f"{GLOBAL}sead: 1\n".encode(),
    "experiment/own.yaml": f"{GLOBAL}defaults:\n  - own\n".encode(),
    "experiment/one.yaml": f"{GLOBAL}defaults:\n  - other\n".encode(),
    "experiment/other.yaml": f"{GLOBAL}defaults:\n  - one\n".encode(),
    "experiment/torn.yaml": f"{GLOBAL}seed: [1\n".encode(),
    "experiment/latin.yaml": GLOBAL.encode() + b"seed: \xff1\n",
    "experiment/list.yaml": b"- loop\n",
    "loop.yaml": f"{GLOBAL}defaults:\n  - loop\n".encode(),
}
"""What lies in the working folder."""


@pytest.fixture(scope="module", autouse=True)
def composed_once() -> Iterator[None]:
    with composed_as_in_a_multirun():
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working folder of all, as none leaves anything in it."""
    folder = tmp_path_factory.mktemp("wrong")
    for name in ("FOLDER", "experiment"):
        (folder / name).mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    (folder / "loop").symlink_to("loop")
    (folder / "dangling").symlink_to("nowhere")
    return folder


def wrong_values(schema: dict[str, Any]) -> Iterator[str]:
    """Values that one alternative of a key's declaration refuses."""
    if "enum" in schema or "const" in schema:
        yield "nosuch"
        return
    kind = schema.get("type")
    yield {"boolean": "perhaps", "string": "7"}.get(str(kind), "many")
    if kind in ("integer", "number"):
        yield "true"
        # A bound, or a step beyond it; none of the bounds is a number that has no other.
        if "exclusiveMinimum" in schema:
            yield f"{schema['exclusiveMinimum']:.15g}"
        elif "minimum" in schema:
            yield f"{schema['minimum'] - 1:.15g}"
        if "exclusiveMaximum" in schema:
            yield f"{schema['exclusiveMaximum']:.15g}"
        elif "maximum" in schema:
            yield f"{schema['maximum'] + 1:.15g}"


def options() -> Iterator[tuple[str, str, type[Options], str]]:
    """Every key once: what chooses it, the key, its class and its name there."""
    seen: set[str] = set()
    for section, plain in (("training", Training), ("paths", Paths)):
        yield from (("", f"{section}.{name}", plain, name) for name in plain.model_fields)
    for group in ROOMS:
        for choice in choices_of(group):
            if group == "logger" and choice == "none":
                continue
            kind = option_class(group, choice)
            prefix = f"{group}.{choice}" if group == "logger" else group
            for name in (field.alias or name for name, field in kind.model_fields.items()):
                if f"{prefix}.{name}" not in seen and name not in ("name", *kind.parts):
                    seen.add(f"{prefix}.{name}")
                    yield f"{group}={choice}", f"{prefix}.{name}", kind, name


def values_of_keys() -> Iterator[tuple[str, str, list[str], str]]:
    """What chooses a key, the key, values that it refuses, and what it accepts."""
    for chosen, key, kind, name in options():
        alternatives = _alternatives(kind, name)
        types = {one.get("type") for one in alternatives}
        values = dict.fromkeys(value for one in alternatives for value in wrong_values(one))
        # What is wrong for one alternative may be right for another.
        if types <= {"string", "null"} and not any("enum" in one for one in alternatives):
            values = dict.fromkeys(value for value in values if value == "7")
        if "number" in types | {None}:
            values.pop("7", None)
        if "integer" in types and "array" not in types:
            values[str(BEYOND)] = None
        yield chosen, key, list(values), accepted(kind, name)


VALUES = list(values_of_keys())


def of_keys() -> Iterator[Case]:
    """A command line for every key; all its values are tried below."""
    for chosen, key, values, takes in VALUES:
        for value in values[:1]:
            yield f"{chosen} {key}={value}".strip(), f"{key}=&{value}&: accepted: {takes}"
    for key in ("training", "paths", *(group for group in ROOMS if group != "logger")):
        yield f"+{key}.nosuch=1", f"{key}.nosuch=1: no such key"
    yield "model.nosuch=1", "model.nosuch=1: no such key"
    yield "~model.nosuch", "~model.nosuch: no such key"


def of_groups() -> Iterator[Case]:
    for group in groups():
        yield f"{group}=nosuch", f"{group}=nosuch: accepted: "
        if group != "paths":  # which has one choice, and no help of its own
            yield f"{group}=nosuch --help", f"{group}=nosuch: &accepted: "


def of_flags() -> Iterator[Case]:
    for flag, values in FLAGS.items():
        if values is None:
            yield f"{flag}=2", f"{flag} takes no value"
        elif values:
            yield f"{flag}=nosuch", f"{flag} nosuch: accepted: {values[0]}"
        else:
            yield flag, f"{flag}: accepted: a value behind it"
    yield "--resolve", "--resolve: accepted: together with --cfg"
    yield "-p training", "-p: accepted: together with --cfg"
    for wrong in ("--seed", "-s", "-x=1", "--sweep", "--models", "--verbose", "--c", "---m"):
        yield wrong, f"{wrong}: no such option"


TRAIN: tuple[Case, ...] = (
    # files of experiments
    ("experiment=syntax.yaml", "experiment=syntax.yaml: line 2, column 1: &accepted: a YAML file"),
    ("experiment=latin.yaml", "experiment=latin.yaml: byte 26 is no UTF-8"),
    ("experiment=tag.yaml", "experiment=tag.yaml: line 2 has the tag !!python/object/apply:os.mkdir"),
    ("experiment=own_tag.yaml", "experiment=own_tag.yaml: line 2 has the tag !seed"),
    ("experiment=bomb.yaml", "experiment=bomb.yaml: its aliases stand for more than 100000 values"),
    ("experiment=within.yaml", "experiment=within.yaml: line 2 holds an alias of itself"),
    ("experiment=twice.yaml", "experiment=twice.yaml: line 3, column 1: found duplicate key seed"),
    ("experiment=text.yaml", "experiment=text.yaml: it holds no KEY: VALUE"),
    ("experiment=list.yaml", "experiment=list.yaml: it holds no KEY: VALUE"),
    ("experiment=null.yaml", "experiment=null.yaml: special characters are not allowed"),
    ("experiment=deep.yaml", "experiment=deep.yaml: it is nested too deeply"),
    ("experiment=defaults.yaml", "experiment=defaults.yaml: its defaults are no list"),
    ("experiment=missing.yaml", "method=basline: accepted: baseline"),
    ("experiment=number.yaml", "experiment=number.yaml: line 3 has a key '3', and keys are texts"),
    ("experiment=no_package.yaml", "experiment=no_package.yaml: the line '# @package _global_' is missing"),
    ("experiment=value.yaml", "seed=-1: accepted: an integer from 0"),
    ("experiment=key.yaml", "sead=1: no such key"),
    ("experiment=nowhere.yaml", "experiment=nowhere.yaml: no such file"),
    ("experiment=FOLDER.yaml", "experiment=FOLDER.yaml: no such file"),
    (f"experiment={LONG}.yaml", f"experiment={LONG}.yaml: &File name too long; accepted: a file"),
    ("-m experiment=value.yaml,syntax.yaml", "experiment=syntax.yaml: line 2"),
    ("-m experiment=bomb.yaml seed=0,1", "experiment=bomb.yaml: its aliases"),
    ("experiment=own --config-dir=.", "experiment/own -> experiment/own;"),
    ("experiment=one --config-dir .", "experiment/one -> experiment/other -> experiment/one;"),
    ("-m experiment=one --config-dir=. seed=0,1", "experiment/one -> experiment/other -> experiment/one;"),
    ("experiment=torn --config-dir=.", "experiment/torn.yaml: line 3, column 1: &accepted: a YAML file"),
    ("experiment=latin --config-dir=.", "experiment/latin.yaml: byte 26 is no UTF-8"),
    ("-m experiment=latin --config-dir=. seed=0,1", "experiment/latin.yaml: byte 26 is no UTF-8"),
    ("experiment=list --config-dir=.", "experiment/list.yaml: it holds no KEY: VALUE"),
    ("experiment=loop.yaml", "experiment=loop: accepted: &; the defaults of experiment=loop.yaml name it"),
    ("--config-dir=nowhere", "nowhere: no such folder; accepted: "),
    ("--config-dir=FILE", "FILE: no such folder; accepted: "),
    # numbers
    ("seed=interval(0,1)", "seed=interval(0,1): accepted: one value"),
    ("seed=range(1,3)", "seed=range(1,3): accepted: one value"),
    ("seed=choice(1,2)", "seed=choice(1,2): accepted: one value"),
    ("seed=1e400", "seed=&accepted: an integer from 0"),
    (f"seed={BEYOND}", f"seed={BEYOND}: accepted: an integer from 0"),
    (f"seed={10**30}", f"seed={10**30}: accepted: an integer from 0"),
    ("model.width=100000000000", "model.width=100000000000: the network needs at least&accepted: a smaller width"),
    ("model.depth=100000000", "model.depth=100000000: the network needs at least&accepted: a smaller width"),
    ("model.depth=100000000 model.width=1", "model.depth=100000000: the network needs at least"),
    ("model=cnn model.width=10000000", "model.width=10000000: the network needs at least"),
    ("model=cnn model.depth=1000000000", "model.depth=1000000000: the network needs at least"),
    ("model=vgg11 model.width=1000", "model.width=&: the network needs at least"),
    ("training.epochs=1000000000000000000", "training.epochs=1000000000000000000: the schedule&accepted: fewer epochs"),
    ("training.batch_size=1 model.block=batchnorm", "training.batch_size=1: &accepted: an integer >= 2"),
    ("hardware.threads=1000000", "hardware.threads=1000000: accepted: at most "),
    # sweeps
    ("-m seed=range(1e400)", "seed=range(1e400): a range without end; accepted: 1 to 100000 values"),
    ("-m seed=range(0,1e400)", "seed=range(0,1e400): a range without end"),
    ("-m seed=range(0,1,0)", "seed=range(0,1,0): a range without end"),
    ("-m seed=range(100000000000)", "seed=range(100000000000): a range of 1e+11 values"),
    ("-m seed=range(0,5,1e-300)", "seed=range(0,5,1e-300): a range of "),
    ("-m seed=range(0,0)", "seed=range(0,0): an empty range"),
    ("-m seed=range(5,1)", "seed=range(5,1): an empty range"),
    ("--multirun seed=range(0)", "seed=range(0): an empty range"),
    ("-m seed=range(1000) training.epochs=range(1,1000)", "training.epochs=range(1,1000): these are 999000 jobs"),
    ("-m seed=interval(0,1)", "seed=interval(0,1): accepted: choice(a,b) or range(a,b)"),
    ("-m optimizer.lr=tag(log,interval(0.1,1))", "optimizer.lr=tag(log,interval(0.1,1)): accepted: choice"),
    ("-m seed=choice()", "seed=choice(): this is no override"),
    ("-m seed=0,1 hydra.launcher.threads=1000000", "hydra.launcher.threads=1000000: accepted: at most "),
    ("-m seed=0,1 hydra.launcher.threads=0", "hydra.launcher.threads=0: accepted: an integer >= 1"),
    ("-m seed=0,1 hydra.launcher.n_jobs=2", "hydra.launcher.n_jobs=2: no such key"),
    ("-m seed=0,1 hydra.job.chdir=true", "hydra.job.chdir=true: the paths of a run count from here; accepted: false"),
    ("-m seed=0,1 hydra.job.chdir=true hydra/launcher=joblib", "hydra.job.chdir=true: the paths of a run"),
    ("-m seed=0,1 hydra.job.chdir=true hydra/launcher=basic", "hydra.job.chdir=true: the paths of a run"),
    ("-m seed=shuffle(range(8))", "seed=shuffle(range(8)): resume= would&accepted: the same without shuffle"),
    ("-m seed=shuffle(0,1)", "seed=shuffle(0,1): resume= would&accepted: the same without shuffle"),
    ("-m sweep=lr,lr_warmup", "sweep=lr,lr_warmup: accepted: one study at a time"),
    ("-m hydra/sweeper=basic,optuna seed=0", "hydra/sweeper=basic,optuna: accepted: one study at a time"),
    ("-m hydra/sweeper=optuna optimizer.lr=range(0,1e400)", "optimizer.lr=range(0,1e400): a range without end"),
    ("-m hydra/sweeper=optuna optimizer.lr=interval(1,0.1)", "optimizer.lr=interval(1,0.1): `low <= high`"),
    ("-m hydra/sweeper=optuna optimizer.lr=0.1", "hydra.sweeper.params={}: nothing to search"),
    (
        "-m hydra/sweeper=optuna optimizer.lr=interval(0.1,1) hydra.sweeper.objectives=[val_acc,val_acc]",
        "hydra.sweeper.objectives=['val_acc', 'val_acc']: accepted: every objective once",
    ),
    (
        f"-m hydra/sweeper=optuna optimizer.lr=interval(0.1,1) hydra.sweeper.seed={BEYOND}",
        f"hydra.sweeper.seed={BEYOND}: accepted: an integer >= 0",
    ),
    ("-m method=nosuch,x", "method=nosuch: accepted: baseline"),
    ("-m method=baseline,nosuch hydra/launcher=joblib", "method=nosuch: accepted: baseline"),
    ("-m method=baseline,nosuch hydra/launcher=basic", "method=nosuch: accepted: baseline"),
    # folders, and what else Hydra would take as it is
    ("hydra.run.dir=", "hydra.run.dir=: accepted: the name of a folder"),
    ("hydra.run.dir=''", "hydra.run.dir=: accepted: the name of a folder"),
    ("hydra.run.dir=null", "hydra.run.dir=null: &accepted: "),
    ("hydra.run.dir=[1]", "hydra.run.dir=[1]: &accepted: "),
    ("hydra.run.dir=FILE/x", "hydra.run.dir=FILE/x: FILE is no folder; accepted: a folder that can be made"),
    (f"hydra.run.dir={LONG}", f"hydra.run.dir={LONG}: File name too long; accepted: a folder that can be made"),
    ("hydra.run.dir=loop/x", "hydra.run.dir=loop/x: Too many levels of symbolic links"),
    ("hydra.run.dir=dangling/x", "hydra.run.dir=dangling/x: the link dangling leads nowhere"),
    ("hydra.job.chdir=true", "hydra.job.chdir=true: the paths of a run count from here; accepted: false"),
    ("hydra.verbose=7", "hydra.verbose=7: accepted: true, false"),
    ("hydra.mode=x", "hydra.mode=x: &accepted: "),
    ("hydra.job_logging=5", "hydra.job_logging=5: &accepted: "),
    ("hydra.output_subdir=../../x", "hydra.output_subdir=../../x: accepted: the name of a folder"),
    ("-m sweep=lr hydra.sweeper.study=../../x", "hydra.sweeper.study=../../x: &accepted: a name without '..'"),
    ("-m sweep=lr hydra.sweeper.study=/x", "hydra.sweeper.study=/x: &accepted: a name without '..'"),
    ("-m seed=0,1 hydra.sweep.dir=", "hydra.sweep.dir=: accepted: the name of a folder"),
    ("-m seed=0,1 hydra.sweep.subdir=", "hydra.sweep.subdir=: accepted: the name of a folder"),
    (
        "-m seed=0,1 hydra.sweep.dir=FILE",
        "hydra.sweep.dir=FILE: FILE is no folder; accepted: a folder that can be made",
    ),
    (f"-m seed=0,1 hydra.sweep.dir={LONG}", f"hydra.sweep.dir={LONG}: File name too long; accepted: a folder"),
    ("paths.data=", "paths.data=: accepted: a text that is not empty or null"),
    ("paths.data=FILE", "paths.data=FILE: FILE is no folder; accepted: a folder"),
    ("paths.data=FILE/x dataset=mnist", "paths.data=FILE/x: FILE is no folder; accepted: a folder"),
    (f"paths.data={LONG}", f"paths.data={LONG}: File name too long; accepted: a folder"),
    ("paths.data='~nobody-here/x'", "paths.data=~nobody-here/x: Could not determine home directory"),
    (f"paths.outputs={LONG}", f"paths.outputs={LONG}: File name too long; accepted: a folder that can be made"),
    ("paths.outputs=loop", "paths.outputs=loop: Too many levels of symbolic links"),
    (f"resume={LONG}", f"resume={LONG}: &File name too long; accepted: a file or folder that can be read"),
    ("resume=loop", "resume=loop: &accepted: "),
    ("resume=FILE/x", "resume=FILE/x: no such folder; accepted: the folder of a run"),
    (f"lr_schedule=trace lr_schedule.run={LONG}", f"lr_schedule.run={LONG}: File name too long; accepted: a file"),
)

OTHERS: dict[str, tuple[Case, ...]] = {
    "homotopy-report": (
        ("", "PATH: accepted: "),
        ("nowhere", "PATH=nowhere: does not exist"),
        ("FILE", "PATH=FILE: no run found"),
        (LONG, f"PATH={LONG[:100]}&: does not exist; accepted: a run folder"),
        ("loop", "loop: &accepted: "),
        (". --markdown X --json X", "--json=X: --markdown writes this file too; accepted: another name"),
        (". --markdown X --json FOLDER/../X", "--json=FOLDER/../X: --markdown writes this file too"),
        (". --markdown x.svg --figure x.svg", "--figure=x.svg: --markdown writes this file too"),
        (f". --markdown {LONG}", f"--markdown={LONG}: File name too long; accepted: the name of a file"),
        (". --markdown FILE/x", "--markdown=FILE/x: Not a directory; accepted: the name of a file"),
        (". --markdown FOLDER", "--markdown=FOLDER: accepted: the name of a file"),
        (". --json nowhere/x", "--json=nowhere/x: accepted: a file in a folder that exists"),
        (". --json loop", "--json=loop: &accepted: the name of a file"),
        (". --json", "--json: accepted: one value behind it"),
        (". --figure x.txt", "--figure=x.txt: accepted: a name that ends with"),
        (". --nosuch", "--nosuch: no such argument"),
        (". --figur", "--figure: accepted: one value"),
        (". --markdwn x", "--markdwn x: no such argument"),
        (". --baseline", "--baseline: accepted: one value behind it"),
        (". --baseline x", "--baseline=x: accepted: KEY=VALUE"),
        (". --tuning=1", "--tuning=1: accepted: --tuning alone"),
    ),
    "homotopy-data": (
        ("", "command, NAME: accepted: "),
        ("fetch", "NAME: accepted: "),
        ("fetsh mnist", "command=fetsh: accepted: fetch, check; did you mean 'fetch'?"),
        ("fetch mnis", "NAME=mnis: accepted: cifar10, mnist, mnist1d, shakespeare; did you mean 'mnist'?"),
        ("check base", "NAME=base: accepted: cifar10, mnist, mnist1d"),
        ("check ../mnist", "NAME=../mnist: accepted: "),
        ("check mnist x", "x: no such argument"),
        ("check mnist --data", "--data: accepted: one value behind it"),
        ("check mnist --data ''", "paths.data=: accepted: a text that is not empty"),
        ("check mnist --data FILE", "paths.data=FILE: FILE is no folder"),
        ("check mnist --data FILE/x", "paths.data=FILE/x: FILE is no folder"),
        ("fetch mnist1d --data FILE", "paths.data=FILE: FILE is no folder"),
        (f"fetch mnist --data {LONG}", f"paths.data={LONG}: File name too long"),
        ("fetch mnist --data loop", "paths.data=loop: Too many levels"),
        ("fetch mnist --data '~nobody-here/x'", "paths.data=~nobody-here/x: Could not determine"),
        ("fetch mnist --dta x", "--dta x: no such argument"),
    ),
    "homotopy-functions": (
        ("", "COMMAND: accepted: "),
        ("tabel1", "COMMAND=tabel1: accepted: table1, count, picture; did you mean 'table1'?"),
        ("count", "PROBLEM: accepted: "),
        ("count levi", "PROBLEM=levi: accepted: levy"),
        ("count levy --points x", "--points=x: accepted: an integer"),
        ("count levy --points 1", "--points=1: accepted: an integer >= 2"),
        ("count levy --points 100000000000", "--points=100000000000: accepted: at most 100,000 starts"),
        ("count levy --dimension 3", "--dimension=3: accepted: an even integer >= 2"),
        ("count levy --dimension 1000000000", "4^1000000000 starts are too many"),
        ("count levy --range 1", "--range: accepted: 2 of its values"),
        ("count levy --range 1 x", "--range=x: accepted: a number"),
        ("count levy --range 1 nan", "--range=1,nan: accepted: two numbers"),
        ("count levy --anchor", "--anchor: accepted: at least one of its values"),
        ("count levy --anchor inf", "--anchor=inf: accepted: a finite number, start or random"),
        ("count levy --method pain", "--method=pain: accepted: plain, scipy, homotopy, control"),
        ("count levy --csv X --json X", "--json=X: --csv writes this file too"),
        ("table1 --csv X --json ./X", "--json=X: --csv writes this file too"),
        ("table1 --csv FILE/x", "--csv=FILE/x: Not a directory"),
        (f"table1 --json {LONG}", f"--json={LONG}: File name too long"),
        ("table1 x", "x: no such argument"),
        ("picture levy", "FILE: accepted: "),
        ("picture levy x.txt", "FILE=x.txt: accepted: a name that ends with"),
        ("picture levy FILE/x.png", "FILE=FILE/x.png: Not a directory"),
        ("picture levy x.png --points 9", "--points=9: accepted: at most 36 paths"),
        ("picture levy x.png --anchor nan", "--anchor=nan: accepted: a finite number, start or random"),
    ),
    "homotopy-landscape": (
        ("", "RUN_DIR=(missing): accepted: folders of finished runs"),
        ("nowhere", "RUN_DIR=nowhere: no such folder"),
        ("FILE", "RUN_DIR=FILE: no such folder"),
        ("FOLDER", "RUN_DIR=FOLDER: this folder holds no run"),
        ("FOLDER --metrics spektrum", "--metrics=spektrum: accepted: &did you mean 'spectrum'?"),
        ("FOLDER --metrics spectrum,", "--metrics=: accepted: "),
        ("FOLDER --mode slow", "--mode=slow: accepted: fast, full"),
        ("FOLDER --split validation", "--split=validation: accepted: train, test, both"),
        ("FOLDER --samples 0", "--samples=0: accepted: an integer >= 1"),
        ("FOLDER --pairs some", "--pairs=some: accepted: all, by-seed"),
        ("FOLDER --json FILE/x", "--json=FILE/x: Not a directory"),
        ("FOLDER --figure FILE", "--figure=FILE: FILE is no folder; accepted: a folder"),
        ("FOLDER --figure FILE/pictures", "--figure=FILE/pictures: FILE is no folder; accepted: a folder"),
        ("--fork nowhere", "--fork=nowhere: no such folder"),
        ("--fork FOLDER", "--fork=FOLDER: this folder holds no run"),
        ("--fork FOLDER --orders 1", "--orders=1: accepted: an integer >= 2"),
        ("FOLDER --nosuch", "--nosuch: no such argument"),
    ),
    "homotopy-export": (
        ("", "RUN_DIR, --format: accepted: "),
        ("FOLDER", "--format: accepted: a value"),
        ("FOLDER --format onx", "--format=onx: accepted: safetensors, onnx, torch; did you mean 'onnx'?"),
        ("nowhere --format onnx", "RUN_DIR=nowhere: no such folder"),
        ("FILE --format onnx", "RUN_DIR=FILE: no such folder"),
        ("FOLDER --format onnx", "RUN_DIR=FOLDER: this folder holds no run"),
        ("FOLDER --format torch --parameters worst", "--parameters=worst: accepted: last, best"),
        ("FOLDER --format torch --output FILE/x", "--output=FILE/x: Not a directory"),
        ("FOLDER --format torch --output nowhere/x", "--output=nowhere/x: accepted: a file in a folder that exists"),
        ("FOLDER --format torch --output FOLDER", "--output=FOLDER: accepted: the name of a file"),
        ("FOLDER --format torch --nosuch", "--nosuch: no such argument"),
    ),
    "homotopy-precision": (
        ("", "RUN_DIR|OVERRIDE=(missing): accepted: "),
        ("nowhere", "RUN_DIR=nowhere: no such folder"),
        ("FOLDER", "RUN_DIR=FOLDER: this folder holds no run"),
        (LONG, f"{LONG}: File name too long; accepted: a file or folder that can be read"),
        ("seed=1 --eps 0", "--eps=0.0: accepted: a finite number > 0"),
        ("seed=1 --eps x", "--eps=x: accepted: a number"),
        ("seed=1 --samples 0", "--samples=0: accepted: an integer >= 1"),
        ("seed=1 --samples 1e3", "--samples=1e3: accepted: an integer"),
        ("seed=1 --split tst", "--split=tst: accepted: train, validation, test; did you mean 'test'?"),
        ("seed=1 --json FILE/x", "--json=FILE/x: Not a directory"),
        ("seed=1 --nosuch", "--nosuch: no such argument"),
        ("sead=1", "sead=1: no such key; did you mean 'seed'?"),
        ("method=hat", "method=hat: &did you mean 'hta'?"),
        ("FOLDER seed=1", "FOLDER: this is no override"),
        ("experiment=list.yaml", "experiment=list.yaml: it holds no KEY: VALUE"),
        ("experiment=value.yaml", "seed=-1: accepted: an integer from 0"),
        ("hardware.threads=1000000", "hardware.threads=1000000: accepted: at most "),
        ("model.width=100000000000", "model.width=100000000000: the network needs at least"),
        ("paths.data=FILE", "paths.data=FILE: FILE is no folder"),
        ("training.batch_size=1 model.block=batchnorm", "training.batch_size=1: "),
    ),
}

CASES = [
    *(("homotopy-train", *case) for case in (*of_keys(), *of_groups(), *of_flags(), *TRAIN)),
    *((command, *case) for command, cases in OTHERS.items() for case in cases),
]


def test_the_lines_are_many_and_different() -> None:
    assert len({(command, line) for command, line, _ in CASES}) == len(CASES)
    assert len(CASES) + sum(len(values) - 1 for _, _, values, _ in VALUES if values) >= 500


@pytest.mark.parametrize("chosen", sorted({chosen for chosen, _, _, _ in VALUES}))
def test_every_key_refuses_every_wrong_value(chosen: str) -> None:
    composed = compose_raw(chosen.split())
    for _, key, values, takes in (one for one in VALUES if one[0] == chosen):
        for value in values:
            raw = copy.deepcopy(composed)
            *sections, name = key.split(".")
            place: Any = raw
            for section in sections:
                place = place[section]
            place[name] = read_value(value)
            with pytest.raises(InputError) as refused:
                validate(raw)
            said = str(refused.value)
            assert said.startswith(f"{key}=")
            assert f"{value}: accepted: " in said.replace("'", "")
            assert value == str(BEYOND) or takes in said


@pytest.mark.parametrize(
    ("command", "arguments", "says"), CASES, ids=[f"{command} {line}"[:90] for command, line, _ in CASES]
)
def test_a_wrong_command_line_is_one_line_and_no_file(command: str, arguments: str, says: str, folder: Path) -> None:
    line = the_error_line(call_command(command, *words(arguments), cwd=folder), command)
    for part in says.split("&"):
        assert part in line
    assert any(
        word in line for word in ("accepted: ", "no such ", "did you mean ", "takes no value", "no run found")
    ), line
    left = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    assert left == {*FILES, "FOLDER", "experiment", "loop", "dangling"}


def words(arguments: str) -> list[str]:
    """The words of a line; only texts that the shell would take apart are quoted in the table."""
    return shlex.split(arguments) if "--data '" in arguments else arguments.split()
