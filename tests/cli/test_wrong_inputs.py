"""Every wrong input ends with exit code 2 and one line that names it, its value and what would be accepted."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig

from homotopy_bench.cli.train import main
from tests.cli.runner import TINY, call_main, files, metrics, run_cli, summary, the_error_line, trained
from tests.composing import composed_as_in_a_multirun

SEEDS = "accepted: an integer from 0 to 9223372036854775807"
POSITIVE = "accepted: a number > 0"
NOT_NEGATIVE = "accepted: a number >= 0"
WHOLE = "accepted: an integer >= 1"
BELOW_ONE = "accepted: a number >= 0 and < 1"
SHARE = "accepted: a number > 0 and <= 1"
METHODS = (
    "accepted: baseline, convexity_annealing, curvature_lr, decay_centre, hta, identity_homotopy, l2_schedule, "
    "skip_multipliers, tailored_activation"
)
FALLING = "accepted: a list of numbers > 0, each smaller than the one before, at least one"
OVERRIDE = "accepted: KEY=VALUE, +KEY=VALUE or ~KEY"

# The arguments; what the line begins with, None for the last argument as it was written; what else it says.
WRONG: tuple[tuple[str, str | None, str], ...] = (
    # names
    ("sead=1", None, "did you mean 'seed'?"),
    ("training.epoch=1", None, "did you mean 'training.epochs'?"),
    ("trainin.epochs=1", None, "did you mean 'training.epochs'?"),
    ("training.label_smooting=0.1", None, "did you mean 'training.label_smoothing'?"),
    ("lr=0.1", None, "did you mean 'optimizer.lr'?"),
    ("logger=wandb logger.wandb.projet=x", None, "no such key; did you mean 'logger.wandb.project'?"),
    ("logger=[wandb,mlflow] logger.mlflow.experimnt=x", None, "did you mean 'logger.mlflow.experiment'?"),
    ("logger.wandb.projet=x", None, "did you mean 'logger.wandb.project' with logger=wandb?"),
    ("logger.wandb.project=x", None, "no such key; it needs logger=wandb"),
    ("model.kernel=5", None, "it needs model=cnn; known: model.name, model.depth, model.width"),
    ("model.kernl=5", None, "did you mean 'model.kernel' with model=cnn?"),
    ("hydra/launcher=joblib hydra.launcher.n_job=2", None, "did you mean 'hydra.launcher.n_jobs'?"),
    ("hydra.run.dirr=x", None, "--hydra-help"),
    ("+training.foo=1", "training.foo=1", "known: epochs, batch_size, clip_norm"),
    ("+model.dept=3", "model.dept=3", "did you mean 'depth'?"),
    ("+foo=1", "foo=1", "known: seed, dataset, model, method"),
    ("methd=baseline", None, "did you mean 'method'?"),
    ("method=basline", None, f"{METHODS}; did you mean 'baseline'?"),
    ("model=mpl", None, "did you mean 'mlp'?"),
    ("dataset=mnist1", None, "did you mean 'mnist1d'?"),
    ("continuation=linar", None, "did you mean 'linear'?"),
    ("optimizer=adm", None, "did you mean 'adam'?"),
    ("lr_schedule=cosine", None, "did you mean 'warmup_cosine'?"),
    ("hardware=gpu", None, "did you mean 'cpu'?"),
    ("logger=nune", None, "did you mean 'none'?"),
    ("paths=defalt", None, "did you mean 'default'?"),
    ("experiment=identity_homotopy_sorce", None, "did you mean 'identity_homotopy_source'?"),
    ("model.init=xavier", None, "accepted: default, kaiming, orthogonal, looks_linear"),
    (
        "model.name=mpl",
        None,
        "accepted: cnn, gpt2, mlp, transformer, vgg11, vgg13, vgg16, vgg19, vit; did you mean 'mlp'?",
    ),
    ("dataset.protocol=sauce", None, "accepted: standard, source"),
    ("method.path=straight", None, "accepted: linear, residual, circular"),
    ("hardware.dtype=float16", None, "accepted: float32, float64, bfloat16"),
    ("hardware.dtype=tf32", None, "accepted: float32, float64, bfloat16"),
    ("hardware=auto hardware.dtype=float16", None, "accepted: float32, float64, bfloat16 or null"),
    (
        "hardware=cuda hardware.dtype=float16",
        None,
        "need a loss scale for every member, which is not there; accepted: ",
    ),
    ("hardware=cuda hardware.dtype=int8", None, "accepted: float32, tf32, float64, bfloat16"),
    ("hardware.deterministic=1", None, "accepted: true or false"),
    ("method=null", None, METHODS),
    # types
    ("training.epochs=many", None, WHOLE),
    ("training.epochs=1.5", None, WHOLE),
    ("training.epochs=true", None, WHOLE),
    ("training.epochs='5'", None, WHOLE),
    ("training.epochs=[1,2]", "training.epochs=[1, 2]", WHOLE),
    ("training.epochs=null", None, WHOLE),
    ("optimizer.lr=fast", None, POSITIVE),
    ("optimizer.lr=true", None, POSITIVE),
    ("seed=1.5", None, SEEDS),
    ("seed=true", None, SEEDS),
    ("paths.outputs=5", None, "accepted: a text that is not empty"),
    ("training=5", None, "'training' with its options"),
    # ranges
    ("seed=-1", None, SEEDS),
    ("training.epochs=0", None, WHOLE),
    ("training.batch_size=0", None, WHOLE),
    ("training.eval_every=0", None, WHOLE),
    ("training.checkpoint_every=0", None, WHOLE),
    ("training.clip_norm=0", None, "accepted: a number > 0 or null"),
    ("training.clip_norm=-1", None, "accepted: a number > 0 or null"),
    ("training.l1=-1", None, NOT_NEGATIVE),
    ("training.l2=-0.5", None, NOT_NEGATIVE),
    ("training.l2=inf", None, NOT_NEGATIVE),
    ("training.l2=null", None, NOT_NEGATIVE),
    ("training.label_smoothing=1", None, BELOW_ONE),
    ("training.label_smoothing=-0.1", None, BELOW_ONE),
    ("optimizer.lr=0", None, POSITIVE),
    ("optimizer.lr=-1", None, POSITIVE),
    ("optimizer.lr=nan", None, POSITIVE),
    ("optimizer.lr=inf", None, POSITIVE),
    ("optimizer.weight_decay=-1", None, NOT_NEGATIVE),
    ("optimizer.beta2=1", None, BELOW_ONE),
    ("optimizer.eps=0", None, POSITIVE),
    ("optimizer=sgd optimizer.momentum=1", None, BELOW_ONE),
    ("optimizer=lbfgs optimizer.max_iter=0", None, WHOLE),
    ("optimizer=lbfgs optimizer.max_eval=0", None, f"{WHOLE} or null"),
    ("optimizer=lbfgs optimizer.history_size=0", None, WHOLE),
    ("optimizer=lbfgs optimizer.tolerance_grad=-1", None, NOT_NEGATIVE),
    ("optimizer=lbfgs optimizer.line_search=armijo", None, "accepted: strong_wolfe, none"),
    ("optimizer=lbfgs optimizer.lr=0", None, POSITIVE),
    ("optimizer=natural_gradient optimizer.damping=0", None, POSITIVE),
    ("optimizer=natural_gradient optimizer.every=0", None, WHOLE),
    ("lr_schedule.warmup_fraction=1", None, BELOW_ONE),
    ("lr_schedule=linear_warmup lr_schedule.warmup_fraction=1", None, BELOW_ONE),
    ("lr_schedule.final_fraction=2", None, "accepted: a number >= 0 and <= 1"),
    ("lr_schedule=step lr_schedule.every=0", None, SHARE),
    ("lr_schedule=step lr_schedule.gamma=2", None, SHARE),
    ("lr_schedule=inverse lr_schedule.stairs=0", None, WHOLE),
    ("lr_schedule=trace", "lr_schedule.run=null", "accepted: the folder of a run that has ended"),
    ("lr_schedule=trace lr_schedule.run=nowhere", None, "no such folder; accepted: the folder of a run"),
    ("lr_schedule=trace lr_schedule.run=FILE", None, "no such folder; accepted: the folder of a run"),
    ("lr_schedule=trace lr_schedule.run=.", None, "its metrics.jsonl is missing or has no complete line"),
    ("lr_schedule=trace lr_schedule.run=5", None, "accepted: a text or null"),
    ("continuation=shuffled continuation.warmup_fraction=0", None, SHARE),
    ("continuation.warmup_fraction=0", None, SHARE),
    ("continuation.warmup_fraction=1.5", None, SHARE),
    ("continuation=stepwise continuation.stages=0", None, WHOLE),
    ("continuation=polynomial continuation.power=0", None, POSITIVE),
    ("model.depth=0", None, WHOLE),
    ("model=cnn model.kernel=0", None, WHOLE),
    ("model=cnn model.padding=none", None, "accepted: same, valid"),
    ("model=cnn model.init=looks_linear", None, "accepted: default, kaiming, orthogonal, glorot"),
    ("model=cnn model.first_kernel=4", "model=cnn", "first_kernel must be odd, not 4"),
    ("model.width=0", None, WHOLE),
    ("dataset.validation_fraction=0", None, "accepted: a number > 0 and < 1"),
    ("dataset.validation_fraction=1", None, "accepted: a number > 0 and < 1"),
    ("dataset.samples=77", None, "a multiple of 50"),
    ("hardware.threads=0", None, WHOLE),
    ("lr_schedule=step lr_schedule.start=1", None, BELOW_ONE),
    ("lr_schedule=curvature lr_schedule.form=best", None, "accepted: cap, kappa"),
    ("lr_schedule=curvature lr_schedule.estimator=trace", None, "accepted: power, hutchinson, gradient_proxy, secant"),
    ("lr_schedule=curvature lr_schedule.every=0", None, WHOLE),
    ("lr_schedule=curvature lr_schedule.decay=0", None, SHARE),
    ("lr_schedule=curvature lr_schedule.target=-1", None, "accepted: a number > 0 or null"),
    (
        "lr_schedule=curvature lr_schedule@lr_schedule.base=curvature",
        "lr_schedule.base=curvature",
        "accepted: an open-loop schedule",
    ),
    (
        "lr_schedule=curvature lr_schedule@lr_schedule.base=warmup_cosine lr_schedule.base.warmup_fraction=2",
        "lr_schedule.base.warmup_fraction=2",
        BELOW_ONE,
    ),
    (
        "lr_schedule=curvature lr_schedule.clip_threshold=1 training.clip_norm=null",
        "lr_schedule.clip_threshold=1.0",
        "needs",
    ),
    ("method=hta lr_schedule=curvature lr_schedule.scope=per_layer", "lr_schedule.scope=per_layer", "accepted: global"),
    ("lr_schedule=curvature optimizer=lbfgs", "lr_schedule=curvature", "accepted: an open-loop schedule"),
    ("method=hta method.split=halves", None, "accepted: layers, channels, random"),
    ("method=hta method.groups=1", None, "accepted: an integer >= 2"),
    ("method=hta method.L=[]", None, FALLING),
    ("method=hta method.L=[0.005,0.01]", "method.L=[0.005, 0.01]", FALLING),
    ("method=hta method.L=[0.01,0]", "method.L=0", "accepted: a list, each entry a number > 0"),
    ("method=hta method.L=0.01", None, "accepted: a list, each entry a number > 0"),
    ("method=hta method.epochs_per_level=0", None, f"{WHOLE} or a list, each entry an integer >= 1"),
    ("method=l2_schedule method.L=[-1]", "method.L=-1", "accepted: a list, each entry a number > 0"),
    ("hardware=cuda hardware.index=-1", None, "accepted: an integer >= 0"),
    # combinations
    ("method=baseline continuation=linear", None, "accepted: constant"),
    ("method=baseline continuation=shuffled", None, "accepted: constant"),
    ("continuation=levels", None, "method=identity_homotopy has no levels; accepted: adaptive, constant"),
    (
        "method=hta continuation=adaptive",
        None,
        "accepted: constant, cosine, jump, levels, linear, polynomial, stepwise",
    ),
    (
        "method=hta continuation=shuffled",
        None,
        "accepted: constant, cosine, jump, levels, linear, polynomial, stepwise",
    ),
    ("method=hta training.epochs=24", None, "accepted: an integer >= 25, the epochs of the 6 levels of L and one on f"),
    (
        "method=hta method.spacing=linear method.levels=1",
        "method=hta",
        "levels=1 has no room for the first and the last",
    ),
    (
        "method=convexity_annealing method.theta=shared continuation=shuffled",
        None,
        "t must not fall; accepted: adaptive",
    ),
    ("method=hta method.epochs_per_level=[1,2]", "method=hta", "2 entries for 6 levels of L"),
    ("method=hta method.levels=3", "method=hta", "levels=3 needs spacing=geometric or linear"),
    ("method=hta method.update=literal", "optimizer.lr=0.05", "accepted: a number < 0.00475, update=proximal"),
    ("method=hta method.update=released", "method=hta", "update=released needs split=channels, not layers"),
    (
        "method=hta method.update=released method.split=channels",
        "training.clip_norm=1.0",
        "clipping copy by copy would part; accepted: null",
    ),
    ("optimizer=sgd optimizer.momentum=0 optimizer.nesterov=true", "optimizer=sgd", "nesterov=true needs momentum > 0"),
    ("optimizer=lbfgs training.clip_norm=1.0", None, "not clipped ones; accepted: null"),
    ("method=hta optimizer=lbfgs", None, "method=hta changes gradients or steps by itself; accepted: adam, adamw, sgd"),
    ("method=l2_schedule optimizer=lbfgs", None, "accepted: adam, adamw, sgd"),
    (
        "method=convexity_annealing method.theta=shared optimizer=lbfgs",
        None,
        "method=convexity_annealing changes gradients or steps by itself; accepted: adam, adamw, sgd",
    ),
    ("model.init=looks_linear model.width=63", "model=mlp", "width must be even, not 63"),
    (
        "optimizer=sgd optimizer.beta1=0.9",
        None,
        "it needs optimizer=adam or adamw; known: optimizer.name, optimizer.lr, optimizer.momentum",
    ),
    # what the configuration needs
    ("~seed", "seed=(missing)", "must be given"),
    ("~training.epochs", "training.epochs=(missing)", "must be given"),
    ("~sead", None, "did you mean 'seed'?"),
    ("~method", None, METHODS),
    ("seed=${nowhere}", None, "'nowhere' not found; accepted: a value, or ${KEY} with a key that exists"),
    ("optimizer.lr=${oc.env:NO_SUCH_VARIABLE}", None, "'NO_SUCH_VARIABLE' not found"),
    # the grammar of overrides
    ("a", None, OVERRIDE),
    ("seed=[", None, OVERRIDE),
    ("seed==5", None, OVERRIDE),
    ("+seed=1", None, "accepted: seed=1"),
    ("+method=baseline", None, "accepted: method=baseline"),
    ("seed=1,2", None, "accepted: one value; -m runs several"),
    ("--config-name=other", None, "accepted: config"),
    ("--frobnicate", None, "no such option; accepted: KEY=VALUE and GROUP=CHOICE without dashes"),
    ("--seed=3", None, "no such option; accepted: KEY=VALUE and GROUP=CHOICE without dashes"),
    ("--multrun", None, "did you mean '--multirun'?"),
    ("seed=1 --cfg jobs", "--cfg jobs", "accepted: job, hydra, all"),
    ("--cfg", None, "accepted: job, hydra, all"),
    ("--multirun=2", None, "--multirun takes no value"),
    ("-m seed=1,2 --cfg job", "--cfg --multirun", "accepted: one of --run, --multirun, --cfg"),
    ("method=hat --help", "method=hat", "did you mean 'hta'?"),
    ("--help metod", None, "no such group or key; did you mean 'method'?"),
    # folders
    ("paths.outputs=FILE/below", None, "accepted: a folder that can be made and written"),
    ("paths.outputs=/proc/homotopy", None, "accepted: a folder that can be made and written"),
    ("resume=nowhere", None, "accepted: the folder of a run"),
    ("resume=", None, "accepted: the folder of a run"),
    ("resume=FILE", None, "accepted: the folder of a run"),
    ("resume=. seed=1", "resume=.", "leave out 'seed=1'"),
    ("resume=a resume=b", "resume=a", "leave out 'resume=b'"),
)


@pytest.mark.parametrize("arguments", ["sead=1", "training.epochs=0", "seed=[", "resume=nowhere"])
def test_a_process_ends_as_a_call_of_main_does(arguments: str, tmp_path: Path) -> None:
    line = the_error_line(run_cli(arguments, cwd=tmp_path))
    assert line == the_error_line(call_main(arguments, cwd=tmp_path))


def test_a_call_of_main_leaves_no_trace_in_its_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def state() -> tuple[object, ...]:
        root = logging.getLogger()
        hydra = (GlobalHydra.instance().is_initialized(), HydraConfig.instance().cfg)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TORCH")}  # torch's own
        return environment, list(sys.argv), Path.cwd(), hydra, list(root.handlers), root.level

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    (tmp_path / "best.yaml").write_text("# @package _global_\nseed: 3\n")
    run = (*TINY, "training.epochs=1")
    for arguments in (
        ("--help",),
        ("seed=-1",),
        ("--cfg", "job", "experiment=best.yaml"),
        run,
        ("-m", *run, "seed=0,1"),
    ):
        monkeypatch.setattr(sys, "argv", ["homotopy-train", *arguments])
        before = state()
        with suppress(SystemExit):
            main()
        assert state() == before, arguments


def test_a_launcher_that_says_no_number_is_a_wrong_input(tmp_path: Path) -> None:
    said = {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "MASTER_ADDR": "localhost", "MASTER_PORT": ""}
    line = the_error_line(call_main("--version", cwd=tmp_path, **said))
    assert line == "MASTER_PORT=: accepted: an integer, as torchrun and srun set it"


@pytest.mark.parametrize(("arguments", "begins", "says"), WRONG, ids=[arguments for arguments, _, _ in WRONG])
def test_a_wrong_input_leaves_no_run(arguments: str, begins: str | None, says: str, tmp_path: Path) -> None:
    (tmp_path / "FILE").touch()
    words = arguments.split()
    with composed_as_in_a_multirun():
        line = the_error_line(call_main(*words, cwd=tmp_path))
    expected = begins or words[-1]
    assert line.startswith(f"{expected}: "), line
    assert says in line
    assert [path.name for path in tmp_path.iterdir()] == ["FILE"]


# Hydra has made the run's folder when these are found.
WRONG_LATER = (
    ("training.batch_size=5000", None, "accepted: at most the 360 training samples"),
    ("model.depth=1", "method=identity_homotopy", "depth >= 2"),
    ("method=skip_multipliers model=mlp model.depth=1", "method=skip_multipliers", "mlp and cnn need depth >= 2"),
    ("method=decay_centre model.block=dirac", "method=decay_centre", "the decay of I + V has the centre I"),
    (
        "method=hta method.epochs_per_level=1 method.groups=5",
        None,
        "split=layers; accepted: 2 to 4, the layers of the model",
    ),
    ("hydra.run.dir=FILE/below", None, "accepted: a folder that can be made and written"),
    ("hydra.run.dir=/proc/homotopy", None, "accepted: a folder that can be made and written"),
    ("hydra.run.dir=${nowhere}", None, "'nowhere' not found"),
    ("hardware=cuda hardware.index=99", None, "CUDA devices here; accepted: "),
)


@pytest.mark.parametrize(
    ("arguments", "begins", "says"), WRONG_LATER, ids=[arguments for arguments, _, _ in WRONG_LATER]
)
def test_a_wrong_input_trains_nothing(arguments: str, begins: str | None, says: str, tmp_path: Path) -> None:
    (tmp_path / "FILE").touch()
    words = arguments.split()
    line = the_error_line(call_main(*TINY, *words, cwd=tmp_path))
    assert line.startswith(f"{begins or words[-1]}: "), line
    assert says in line
    assert trained(tmp_path) == []
    for record in tmp_path.rglob("summary.json"):
        assert summary(record.parent)["status"] == "failed"
        assert summary(record.parent)["reason"] == line


def test_a_split_that_is_too_small_is_warned_of(tmp_path: Path) -> None:
    tiny = call_main(*TINY, "training.epochs=1", "dataset.test_subset=1", "hydra.run.dir=run", cwd=tmp_path)
    warning = "the test split has 1 samples for 10 classes: no accuracy on it means anything"
    assert (tiny.returncode, tiny.stdout.count(f"warning: {warning}")) == (0, 1)
    assert warning in (tmp_path / "run" / "train.log").read_text()
    assert "warning" not in call_main(*TINY, "training.epochs=1", cwd=tmp_path).stdout


def test_a_machine_without_cuda_says_so(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    line = the_error_line(call_main(*TINY, "hardware=cuda", cwd=tmp_path))
    assert line.startswith("hardware.index=0: ")
    assert "sees 0 CUDA devices here; accepted: hardware=cpu" in line
    assert trained(tmp_path) == []


def test_a_traceback_is_shown_on_request(tmp_path: Path) -> None:
    done = run_cli("training.epochs=0", cwd=tmp_path, HYDRA_FULL_ERROR="1")
    assert done.returncode != 0
    assert "Traceback (most recent call last)" in done.stderr
    assert "training.epochs" in done.stderr.splitlines()[-1]


def test_one_wrong_job_of_a_multirun_stops_no_other(tmp_path: Path) -> None:
    done = call_main("-m", *TINY, "training.epochs=1", "seed=0,-1,2", "hydra.sweep.dir=sweep", cwd=tmp_path)
    assert the_error_line(done) == f"seed=-1: {SEEDS}"
    jobs = [summary(tmp_path / "sweep" / str(job)) for job in range(3)]
    assert [job["status"] for job in jobs] == ["completed", "failed", "completed"]
    assert jobs[1]["reason"] == f"seed=-1: {SEEDS}"
    assert metrics(tmp_path / "sweep" / "1") == []


@pytest.mark.parametrize("flags", [[], ["--run"], ["--config-dir=more", "experiment=own"], ["-cn", "config"]])
def test_a_folder_with_a_run_is_not_written_to(flags: list[str], killed_run: Path) -> None:
    own = killed_run.parent / "more" / "experiment" / "own.yaml"
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text("# @package _global_\ntraining:\n  epochs: 7\n")
    before = {name: (killed_run / name).read_bytes() for name in files(killed_run)}
    line = the_error_line(call_main(*flags, *TINY, "seed=5", "hydra.run.dir=run", cwd=killed_run.parent))
    assert line.startswith("hydra.run.dir=run: this folder already holds a run")
    assert "resume=" in line
    assert {name: (killed_run / name).read_bytes() for name in files(killed_run)} == before
