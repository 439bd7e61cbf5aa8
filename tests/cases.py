"""The table of cases: every method on every model on every data set, small enough to train in a test.

A new method, model or data set adds one row here and is then covered by every property that holds for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path

from homotopy_bench.data import cifar10, mnist, shakespeare
from homotopy_bench.data.published import missing
from tests.servers import needed

ADAMW = ("optimizer=adamw", "continuation=linear")
"""What the other methods choose by themselves."""

METHODS: dict[str, tuple[str, ...]] = {
    "baseline": ("method=baseline",),
    "identity-linear": ("method=identity_homotopy", "method.path=linear"),
    "identity-residual": ("method=identity_homotopy", "method.path=residual"),
    "identity-circular": ("method=identity_homotopy", "method.path=circular"),
    "identity-preactivation": ("method=identity_homotopy", "method.path=preactivation"),
    "identity-shallow": ("method=identity_homotopy", "method.order=shallow_first"),
    "convexity-deep": ("method=convexity_annealing", "method.order=deep_first"),
    "tailored-activation": ("method=tailored_activation", "method.cosine=0.5"),
    "decay-centre": ("method=decay_centre", "method.strength=0.1"),
    "skip-multipliers": ("method=skip_multipliers", "continuation=linear"),
    "identity-fading": ("method=identity_homotopy", "method.path=fading"),
    "convexity-literal": ("method=convexity_annealing", "method.form=literal"),
    "convexity-preserving": ("method=convexity_annealing", "method.form=variance_preserving"),
    "convexity-shared": ("method=convexity_annealing", "method.theta=shared", "method.theta_penalty=0.01"),
    "convexity-per-neuron": (
        "method=convexity_annealing",
        "method.theta=per_neuron",
        "method.form=variance_preserving",
    ),
    "hta": ("method=hta", *ADAMW),
    "l2-schedule": ("method=l2_schedule", *ADAMW),
    "curvature-lr": ("method=curvature_lr", "lr_schedule.dense_steps=4", "lr_schedule.every=3"),
}

BRANCHES = ("model.skip=false", "model.activation=relu", "model.dropout=0.1")
"""A transformer that every method can deform."""

MODELS: dict[str, tuple[str, ...]] = {
    "mlp-default": ("model=mlp", "model.depth=3", "model.width=8", "model.init=default"),
    "mlp-kaiming": ("model=mlp", "model.depth=4", "model.width=12", "model.init=kaiming"),
    "mlp-orthogonal": ("model=mlp", "model.depth=4", "model.width=12", "model.init=orthogonal"),
    "mlp-batchnorm": ("model=mlp", "model.depth=4", "model.width=12", "model.block=batchnorm"),
    "mlp-layernorm": ("model=mlp", "model.depth=4", "model.width=12", "model.block=layernorm"),
    "mlp-residual": ("model=mlp", "model.depth=4", "model.width=12", "model.block=residual"),
    "mlp-scaled-residual": ("model=mlp", "model.depth=4", "model.width=12", "model.block=scaled_residual"),
    "mlp-rezero": ("model=mlp", "model.depth=4", "model.width=12", "model.block=rezero"),
    "mlp-small-residual": ("model=mlp", "model.depth=4", "model.width=12", "model.block=small_residual"),
    "mlp-dirac": ("model=mlp", "model.depth=4", "model.width=12", "model.block=dirac"),
    "mlp-dirac-normalized": ("model=mlp", "model.depth=4", "model.width=12", "model.block=dirac_normalized"),
    "cnn-dirac": ("model=cnn", "model.depth=4", "model.width=6", "model.block=dirac", "model.init=delta_orthogonal"),
    "mlp-tailored": ("model=mlp", "model.depth=4", "model.width=12", "model.activation=dks_tanh"),
    "mlp-identity": ("model=mlp", "model.depth=4", "model.width=12", "model.init=identity"),
    "cnn": ("model=cnn", "model.depth=4", "model.width=6"),
    "cnn-image": ("model=cnn", "model.depth=4", "model.width=4"),
    "vgg11": ("model=vgg11", "model.width=0.0625"),
    "vit": (
        "model=vit",
        "model.width=8",
        "model.heads=2",
        "model.depth=2",
        "model.patch=10",
        *BRANCHES,
        "model.norm=post",
    ),
    "transformer": ("model=transformer", "model.width=8", "model.heads=2", "model.depth=2", *BRANCHES),
    "mlp-looks-linear": ("model=mlp", "model.depth=4", "model.width=12", "model.init=looks_linear"),
}

FEW = ("dataset.subset=80", "dataset.test_subset=40", "training.batch_size=12")
"""72 training images make 6 steps an epoch."""

TEXT = Path(__file__).parent.parent / "LICENSE"
"""A text of a thousand bytes: 120 windows of 8 for training make 10 steps an epoch."""

DATASETS: dict[str, tuple[str, ...]] = {
    "mnist1d": ("dataset=mnist1d", "dataset.samples=500"),
    "mnist": ("dataset=mnist", *FEW),
    "cifar10": ("dataset=cifar10", *FEW),
    "text": ("dataset=text", f"dataset.file={TEXT}", "dataset.context=8", "training.batch_size=12"),
}
"""Options of a data set come last: those of the images make fewer and smaller batches."""

IMAGES = ("cnn-image", "vgg11")
"""Models that take images only in these tests."""

FOLDERS = {"mnist": "mnist", "cifar10": "cifar-10-batches-bin", "shakespeare": "text"}
"""Folders of the real data sets, which tests do not download."""


def need_data(dataset: str, root: Path) -> None:
    """Skip the test where a data set is not at hand, or fail it where the environment requires it by name.

    A folder is not enough: a download that failed leaves one.
    """
    files = {"mnist": mnist.FILES, "cifar10": cifar10.FILES, "shakespeare": (shakespeare.FILE,)}.get(dataset, ())
    lacking = f"HOMOTOPY_BENCH_DATA names no folder with the files of {FOLDERS[dataset]}/" if files else None
    needed(dataset, lacking if missing(root, files) else None)


PLAIN = ("mlp-default", "mlp-kaiming", "mlp-orthogonal", "mlp-looks-linear")
"""Models that the independent reference loop knows, with the methods baseline and identity homotopy."""

SMALL = ("training.epochs=5", "training.batch_size=32", "hardware.dtype=float64")
"""360 training samples make 11 steps an epoch, 55 in all."""

STARTS = ("mlp-default", "mlp-kaiming", "mlp-looks-linear", "mlp-identity")
"""Models that differ from mlp-orthogonal in initial values alone, as the members of every mixture do."""

ALIKE = (
    *("mlp-layernorm", "mlp-residual", "mlp-rezero", "mlp-small-residual"),
    *("mlp-dirac", "mlp-dirac-normalized", "cnn-dirac"),
)
"""Models that a method of each kind is tried with: they differ from others in what one layer computes."""

ELSEWHERE = (*IMAGES, *STARTS, *ALIKE, "mlp-tailored", "vit", "transformer")
"""Models that not every method is tried on, or not on signals."""

NEW_PATHS = (
    *("identity-preactivation", "identity-shallow", "convexity-deep"),
    *("tailored-activation", "decay-centre", "skip-multipliers"),
)
"""Methods that vary others, and are tried with and without convolutions and running statistics."""

FEW_METHODS = ("baseline", "identity-circular", "convexity-preserving", "hta")
"""A method of each kind."""

_ON_ALL = [method for method in METHODS if method not in (*NEW_PATHS, "identity-fading")]

_SIGNALS = (
    *product(_ON_ALL, [model for model in MODELS if model not in ELSEWHERE], ["mnist1d"]),
    *product([*FEW_METHODS, "identity-fading", "convexity-shared", "curvature-lr"], ["transformer"], ["text"]),
    *product(["baseline", "identity-residual", "hta"], ["vit"], ["mnist1d"]),
    *product(["baseline", "identity-circular"], ["mlp-tailored"], ["mnist1d"]),
    *product(NEW_PATHS, ["mlp-batchnorm", "cnn"], ["mnist1d"]),
    *product([method for method in _ON_ALL if method.startswith(("baseline", "identity"))], STARTS, ["mnist1d"]),
    *product(FEW_METHODS, ALIKE, ["mnist1d"]),
)
_PHOTOGRAPHS = ("baseline", "identity-circular", "convexity-preserving", "convexity-per-neuron")
_COMBINATIONS = (
    *_SIGNALS,
    *product(_ON_ALL, ["cnn-image"], ["mnist"]),
    *product(_PHOTOGRAPHS, ["vgg11"], ["cifar10"]),
    ("identity-residual", "cnn-image", "cifar10"),
    ("identity-linear", "vgg11", "mnist"),
)

CASES: dict[str, tuple[str, ...]] = {
    "/".join(names): (*METHODS[names[0]], *MODELS[names[1]], *SMALL, *DATASETS[names[2]]) for names in _COMBINATIONS
}
"""Every method on a model of each kind, and a method of each kind on every model."""

ON_REAL_DATA = {name for name in CASES if name.rpartition("/")[2] in FOLDERS}
"""The cases that are skipped where no real data are."""

MIXTURES = [
    name
    for name in CASES
    if not name.startswith(("identity-linear/", "identity-residual/"))
    or f"identity-circular/{name.partition('/')[2]}" not in CASES
]
"""The cases whose mixtures differ: the path of identity homotopy is a member's own, and each stands in all of them."""

DEFORMING = {name: case for name, case in CASES.items() if not name.startswith(("baseline/", "curvature-lr/"))}
"""The cases in which t changes the network."""

PATHS = (("method.path=linear",), ("method.path=residual",), ("method.path=circular",))
ORDERS = (
    ("method.order=shallow_first", "method.path=linear"),
    ("method.order=deep_first", "method.path=circular"),
    ("method.order=together", "method.path=residual"),
)
BENDING_ORDERS = (("method.order=together",), ("method.order=shallow_first",), ("method.order=deep_first",))
PENALTIES = ((), ("method.theta_penalty=0.01",), ("method.theta_penalty=0.1",))
LEVELS = (
    ("method.L=[0.3,0.2]", "method.epochs_per_level=1"),
    ("method.L=[0.1]",),
    ("method.L=[0.5,0.02]", "method.spacing=geometric", "method.levels=3", "method.epochs_per_level=1"),
)
WEIGHTS = (("method.anchor=0.5",), ("method.coupling=0.0",), ("method.coupling=0.3",))
RULES = (
    ("lr_schedule.stability=1.0",),
    ("lr_schedule.decay=0.9", "lr_schedule.start=0.5"),
    ("lr_schedule.growth=1.5",),
)

OWN: dict[str, tuple[tuple[str, ...], ...]] = {
    **dict.fromkeys(("identity-linear", "identity-residual", "identity-circular", "identity-fading"), PATHS),
    "tailored-activation": (("method.cosine=0.5",), ("method.cosine=0.4",), ("method.cosine=0.6",)),
    "decay-centre": (("method.strength=0.1",), ("method.strength=0.0",), ("method.strength=2.0",)),
    "skip-multipliers": (("method.rate=1e-3",), ("method.rate=0.1",), ("method.rate=0.01",)),
    "identity-shallow": ORDERS,
    "convexity-deep": BENDING_ORDERS,
    **dict.fromkeys(("convexity-shared", "convexity-per-neuron"), PENALTIES),
    "hta": tuple((*levels, *weights) for levels, weights in zip(LEVELS, WEIGHTS, strict=True)),
    "l2-schedule": LEVELS,
    "curvature-lr": RULES,
}
"""The numbers of a method in which three members of one ensemble differ."""

TRAINED_ANGLES = ("convexity-shared", "convexity-per-neuron", "skip-multipliers")
"""Methods whose deformation has parameters of its own: no baseline stands beside them."""

_CLIPPING = ("training.clip_norm=0.5", "training.clip_norm=null", "training.clip_norm=2.0", "training.clip_norm=1.0")
_PENALISED = (
    (),
    ("training.l1=1e-3", "training.label_smoothing=0.1"),
    ("training.l2=1e-2",),
    ("training.l1=1e-3", "training.l2=1e-3", "training.label_smoothing=0.3"),
)
_INITIAL = {
    "mlp": ("default", "kaiming", "orthogonal", "looks_linear"),
    "mlp-small-residual": ("default", "kaiming", "orthogonal", "identity"),
    "mlp-tailored": ("default", "kaiming", "orthogonal", "mean_preserving"),
    "mlp-dirac": ("default", "kaiming", "orthogonal", "identity"),
    "mlp-dirac-normalized": ("default", "kaiming", "orthogonal", "kaiming"),
    "cnn": ("glorot", "kaiming", "orthogonal", "default"),
    "cnn-dirac": ("delta_orthogonal", "kaiming", "identity", "default"),
    "vgg": ("default", "kaiming", "orthogonal", "kaiming"),
    "vit": ("default", "kaiming", "orthogonal", "gpt2"),
    "tra": ("gpt2", "kaiming", "orthogonal", "glorot"),
}
_RATES = ("constant", "warmup_cosine", "step", "linear_warmup")


DROPPING = ("vgg11", "vit", "transformer")
"""Models with dropout."""


def mixture(case: str, optimizer: str, rates: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return what varies in four members of one program, which differ in every key that is a member's own in a case.

    The last is a baseline where one can stand beside the method.

    Args:
        case: A name of :data:`CASES`.
        optimizer: Name of the update rule.
        rates: Its hyper-parameters, for each member.
    """
    method, model, _ = case.split("/")
    everything: list[tuple[str, ...]] = []
    for member in range(4):
        joins = member == 3 and method not in TRAINED_ANGLES
        varied = [f"optimizer={optimizer}", *rates[member], f"seed={5 + member}"]
        varied += [
            _CLIPPING[member],
            *_PENALISED[member],
            f"model.init={_INITIAL.get(model, _INITIAL[model[:3]])[member]}",
        ]
        varied += [f"lr_schedule{'.base' if method == 'curvature-lr' else ''}={_RATES[member]}"]
        if model in DROPPING:
            varied += [f"model.dropout={(0.5, 0.2, 0.3, 0.1)[member]}"]
        if joins:
            varied += ["method=baseline", "continuation=constant"]
        else:
            varied += OWN[method][member % 3] if method in OWN else ()
        if case in DEFORMING and not joins:
            follows = "levels" if method in ("hta", "l2-schedule") else "adaptive"
            varied += [f"continuation={('linear', 'cosine', follows, 'stepwise')[member]}"]
            if follows == "adaptive" and member == 2:
                varied += ["continuation.check_fraction=0.05", "continuation.first_step=0.3"]
        everything.append(tuple(varied))
    return everything


REFERENCED = {
    name: case
    for name, case in CASES.items()
    if name.split("/")[1] in PLAIN and name.startswith(("baseline", "identity")) and not name.startswith(NEW_PATHS)
}
"""The cases that the independent reference loop covers."""
