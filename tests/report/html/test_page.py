"""The page of a report: its numbers are those of the JSON, nothing on it acts, and nothing is asked from outside."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import math
import re
import statistics
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import pytest

from homotopy_bench.report import build_report, read_runs, read_studies, to_dict
from homotopy_bench.report.cells import name, percent, probability
from homotopy_bench.report.curves import read_curve
from homotopy_bench.report.html.headline import headline
from homotopy_bench.report.html.heat_map import COLOURS, colour_of
from homotopy_bench.report.html.page import to_html
from homotopy_bench.report.structure import Report
from homotopy_bench.report.tuning_curve import expected_best, tuning_band
from homotopy_bench.report.verdict import verdicts
from tests.report.html.conftest import TRIALS, write_curve, write_search
from tests.report.html.parsed import Parsed


def made(root: Path, *, anonymous: bool = False) -> tuple[Report, str, Parsed]:
    records = read_runs([root])
    report = build_report(records)
    command = "homotopy-report outputs --html report.html"
    page = to_html(report, records, command, studies=read_studies([root]), anonymous=anonymous)
    return report, page, Parsed(page)


def downloads(parsed: Parsed) -> dict[str, str]:
    files: dict[str, str] = json.loads(parsed.contents["script"][0])
    return files


@pytest.fixture(name="report_page", scope="module")
def _report_page(study):
    return made(study)


def test_tables_have_the_numbers_of_the_json_report(report_page):
    report, _, parsed = report_page
    document = to_dict(report)
    for number, section in enumerate(document["sections"]):
        lines = parsed.tables[f"accuracy-{number}"][1:]
        assert len(lines) == len(section["rows"]) == 4
        for cells, row in zip(lines, section["rows"], strict=True):
            numbers = [str(row["runs"]), str(row["diverged"]), percent(row["mean"]), percent(row["std"])]
            numbers += [percent(row["iqm"])]
            assert cells[0] == f"{row['method']} {row['label']}"
            assert cells[2:7] == numbers
            bounds = row["interval"]
            assert cells[7] == f"[{percent(bounds['low'])}, {percent(bounds['high'])}]"
        for cells, one in zip(parsed.tables[f"comparison-{number}"][1:], section["comparisons"], strict=True):
            assert cells[2:4] == [str(one["pairs"]), percent(one["mean_difference"], sign=True)]
            assert cells[5:7] == [probability(one["p_value"]), probability(one["p_holm"])]


def test_the_embedded_files_have_the_same_numbers(report_page):
    report, _, parsed = report_page
    found = downloads(parsed)
    assert json.loads(found["report.json"]) == json.loads(
        json.dumps(to_dict(report, "homotopy-report outputs --html report.html"))
    )
    runs = list(csv.DictReader(io.StringIO(found["runs.csv"])))
    accuracies = [value for section in report.sections for row in section.rows for value in row.accuracies]
    assert [float(run["test_acc"]) for run in runs] == accuracies
    rows = list(csv.DictReader(io.StringIO(found["rows.csv"])))
    means = [row.mean for section in report.sections for row in section.rows]
    assert [float(row["mean"]) for row in rows] == means
    evaluations = list(csv.DictReader(io.StringIO(found["evaluations.csv"])))
    assert len(evaluations) == 4 * len(runs)


def test_curves_have_the_means_of_the_metrics(report_page):
    report, _, parsed = report_page
    for number, section in enumerate(report.sections):
        lines = parsed.tables[f"curve-numbers-{number}"][1:]
        expected = []
        for row in section.rows:
            curves = [read_curve(Path(path)) for path in row.paths]
            for epoch in sorted(set.intersection(*(set(curve) for curve in curves))):
                targets = [curve[epoch][0] for curve in curves]
                mean = statistics.fmean(targets)
                expected.append([name(row), f"{epoch:g}", "-" if math.isnan(mean) else percent(mean)])
        assert [[cells[0], cells[1], cells[6]] for cells in lines] == expected
        assert [cells[2] for cells in lines[:4]] == ["100", "200", "300", "400"]


def test_seeds_stand_with_the_baseline_of_the_same_seed(report_page):
    report, _, parsed = report_page
    for number, section in enumerate(report.sections):
        baseline = next(row for row in section.rows if row.method == "baseline" and row.label == section.baseline.label)
        theirs = dict(zip(baseline.seeds, baseline.accuracies, strict=True))
        expected = [
            [
                name(row),
                str(seed),
                percent(value),
                percent(theirs[seed]),
                "yes" if seed in row.collapsed_seeds else "no",
            ]
            for row in section.rows
            for seed, value in zip(row.seeds, row.accuracies, strict=True)
        ]
        assert parsed.tables[f"seed-numbers-{number}"][1:] == expected


def test_a_diverged_run_is_seen_and_misses_its_target(report_page):
    report, page, parsed = report_page
    number = next(index for index, section in enumerate(report.sections) if section.dataset == "mnist1d")
    lines = [
        cells
        for cells in parsed.tables[f"target-numbers-{number}"]
        if cells[:2] == ["baseline model.init=kaiming", "90 %"]
    ]
    assert [cells[3:5] for cells in lines] == [["5", "4"]]
    assert page.count('class="stroke"') >= 5  # a cross in every panel of the curves, and among the seeds


def test_sections_stand_in_order_with_verdicts_first(report_page):
    report, _, parsed = report_page
    headings = [f"{one.dataset} / {one.model}" for one in report.sections]
    expected = [
        "Verdicts",
        *headings,
        "Studies",
        "Over all sections",
        "Not in the tables",
        "Provenance",
        "How to read this",
    ]
    assert parsed.contents["h2"] == expected
    said = [sentence for section in report.sections for sentence in verdicts(section)]
    assert parsed.contents["li"][: len(said)] == said
    assert [words for words in parsed.words if words in map(headline, report.sections)] == list(
        map(headline, report.sections)
    )
    assert parsed.tables["excluded"][1][0] == "failed"
    assert parsed.tables["excluded"][1][2] == "CUDA out of memory"


def test_every_picture_has_words_and_every_figure_its_numbers(report_page):
    _, page, parsed = report_page
    drawings = re.findall(r"<svg [^>]*>(?:<title>[^<]+</title>)?", page)
    assert drawings
    for one in drawings:
        named = re.search(r'role="img" aria-label="[^"]+"><title>', one)
        assert named or 'class="sign" aria-hidden="true"' in one, one
    figures = re.findall(r"<figure>.*?</figure>", page)
    assert len(figures) == parsed.elements["figure"] >= 7
    for one in figures:
        assert "<figcaption>" in one
        assert "<details><summary>Numbers of this figure</summary><div" in one


def test_settings_that_differ_stand_beside_each_other(report_page):
    _, _, parsed = report_page
    head, *lines = parsed.tables["differences-0"]
    assert len(head) == 5
    by_key = {cells[0]: cells[1:] for cells in lines}
    assert set(by_key["model.init"]) == {"kaiming", "orthogonal"}
    assert set(by_key["method.name"]) == {"baseline", "identity_homotopy"}
    assert "model.depth" not in by_key  # equal everywhere
    assert "seed" not in by_key


def test_profiles_are_said_in_words(report_page):
    _, _, parsed = report_page
    words = " ".join(parsed.words)
    assert "identity_homotopy is the cheapest, or as cheap, on 2 of 2 problems and reaches the target on 2" in words
    assert len(parsed.tables["profile-numbers"]) == 1 + 2 * 2


def test_tuning_curves_have_the_numbers_of_the_trials(report_page):
    _, _, parsed = report_page
    head, *lines = parsed.tables["tuning-numbers-0"]
    assert head == ["study", "value", "k, trials", "accuracy, %", "95 % band, all k at once"]
    values = [trial[2] for trial in TRIALS] + [0.1]
    expected = [
        ["by-chance", "expected best", str(k), percent(mean), f"[{percent(bound.low)}, {percent(bound.high)}]"]
        for k, (mean, bound) in enumerate(zip(expected_best(values), tuning_band(values), strict=True), 1)
    ]
    assert [line for line in lines if line[0] == "by-chance"] == expected
    best_so_far = [0.30, 0.32, 0.34, 0.36, 0.38, 0.40, 0.40]
    expected = [["by-tpe", "best so far", str(k), percent(best), "-"] for k, best in enumerate(best_so_far, 1)]
    assert [line for line in lines if line[0] == "by-tpe"] == expected


def test_the_page_says_which_bands_hold_and_why_others_are_not_there(report_page):
    _, page, parsed = report_page
    said = " ".join(parsed.contents["li"])
    assert "at least 95 % of such bands hold the true curve at every k at once" in said
    assert "by-tpe: sampler tpe: its sampler learns from earlier trials" in said
    assert "by-chance: " not in said  # nothing limits what holds there
    assert page.count('class="band"') == page.count('class="dashed"') == 1


def test_studies_have_their_provenance(report_page):
    _, page, _ = report_page
    made_by = page[page.index("<h3>study by-tpe</h3>") : page.index("<h3>This page</h3>")]
    for told in ("<code>0.1.0</code>", "<code>2.11.0</code>", "a processor", "2023-11-14", "0123456789ab"):
        assert told in made_by


def test_every_trial_is_a_dot_at_its_learning_rate_and_warm_up(report_page):
    _, page, parsed = report_page
    expected = [
        [str(number), status, percent(accuracy), f"{rate:.4g}", f"{warmup:.4g}", "400"]
        for number, (rate, warmup, accuracy, status) in enumerate([*TRIALS, (0.2, 0.5, 0.1, "diverged")])
    ]
    head = ["validation accuracy, %", "optimizer.lr", "continuation.warmup_fraction", "gradients"]
    assert parsed.tables["trials-study-1"] == [["trial", "status", *head], *expected]
    assert parsed.tables["trials-study-0"][-1] == ["6", "pruned", "it was pruned", "-", "0.001", "0.3", "400"]
    figure = next(one for one in re.findall(r"<figure>.*?</figure>", page) if "warm-up: by-chance" in one)
    dots = re.findall(r'trial (\d): completed.*?cx="([\d.]+)" cy="([\d.]+)" r="6.5" class="cell" fill="(#\w+)"', figure)
    at = [tuple(map(float, dot[1:3])) for dot in dots]
    assert [dot[0] for dot in dots] == list("012345")
    steps = [after[0] - before[0] for before, after in pairwise(at)]
    assert steps == pytest.approx([steps[0]] * 5, abs=0.02)  # each learning rate is three times the one before
    assert sorted(range(6), key=lambda one: -at[one][1]) == sorted(range(6), key=lambda one: TRIALS[one][1])
    assert [dot[3] for dot in dots] == [colour_of((trial[2] - 0.1) / 0.3) for trial in TRIALS]
    assert figure.count('class="cell ring"') == 1
    assert figure.count('class="stroke"') == 1  # the trial that diverged


def test_colours_of_a_heat_map_rise_in_lightness():
    """In CIE L*, so that a reader without colour sees the order."""

    def lightness(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        y = sum(w * one for w, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
        return 116.0 * math.pow(y, 1 / 3) - 16.0

    found = [lightness(colour_of(share / 40)) for share in range(41)]
    assert all(after - before > 1.0 for before, after in pairwise(found))
    assert found[-1] - found[0] > 75
    assert (colour_of(-1.0), colour_of(2.0)) == (COLOURS[0], COLOURS[-1])


def test_studies_alone_make_a_page_and_their_faults_are_left_out_by_name(study, write_run, tmp_path):
    write_search(write_run, tmp_path / "whole", TRIALS, n_trials=9)
    torn = write_search(write_run, tmp_path / "torn", TRIALS)
    (torn / "multirun.yaml").write_text("hydra: {sweeper: {study")
    _, _, parsed = made(tmp_path)
    assert parsed.contents["h2"] == ["Verdicts", "Studies", "Over all sections", "Not in the tables", "Provenance"]
    assert parsed.tables["studies-0"][1][:6] == ["whole", "baseline", "random", "6 completed", "6", "9"]
    assert [cells[:2] for cells in parsed.tables["excluded"][1:]] == [["study", str(torn)]]
    trials = list(csv.DictReader(io.StringIO(downloads(parsed)["trials.csv"])))
    assert [(float(one["learning_rate"]), float(one["val_acc"])) for one in trials] == [(a, c) for a, _, c, _ in TRIALS]
    assert "12 runs of searches, with seeds from 1000 on" in " ".join(parsed.words)


def test_studies_of_unequal_length_stand_apart(write_run, tmp_path):
    for folder_name, epochs in (("a", 40), ("b", 40), ("c", 7)):
        folder = write_search(write_run, tmp_path / folder_name, TRIALS)
        for number in range(len(TRIALS)):
            file = folder / str(number) / "summary.json"
            document = json.loads(file.read_text())
            document["config"]["training"]["epochs"] = epochs
            file.write_text(json.dumps(document))
    _, _, parsed = made(tmp_path)
    groups = [[cells[0] for cells in parsed.tables[f"studies-{number}"][1:]] for number in (0, 1)]
    assert sorted(groups) == [["a", "b"], ["c"]]
    assert "mnist1d / mlp (training.epochs=7)" in parsed.words


def test_the_page_asks_for_nothing_from_outside(report_page):
    _, page, parsed = report_page
    assert not {"link", "img", "iframe", "object", "embed", "base", "form", "video", "audio"} & set(parsed.elements)
    for tag, key, value in parsed.attributes:
        assert key not in ("src", "style", "srcset", "action", "xlink:href"), tag
        assert not key.startswith("on"), tag
        if key == "href":
            assert value.startswith("#")
    for outside in ("http:", "https:", "@import", "url("):
        assert outside not in page
    policy = next(value for tag, key, value in parsed.attributes if (tag, key) == ("meta", "content"))
    for kind, content in (("script-src", parsed.contents["script"][1]), ("style-src", parsed.contents["style"][0])):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert parsed.elements["script"] == 2
    assert parsed.elements["style"] == 1


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script><svg onload=alert(1)>",
    "' onmouseover='alert(1)",
    "</title><style>*{display:none}</style>",
    "<!--",
    "=cmd|' /C calc'!A0",
    "]]>&lt;b&gt;\u202egpj",
]


@pytest.mark.parametrize("words", HOSTILE)
def test_markup_in_names_and_reasons_is_shown_and_does_nothing(words, write_run, tmp_path):
    for seed in range(3):
        for number, method in enumerate(("baseline", f"m{words}")):
            folder = write_run(
                tmp_path / "runs" / f"{number}{seed}", method=method, seed=seed, acc=0.5 + 0.01 * seed,
                dataset=f"d{words}", model=f"o{words}", overrides=(f"model.init={words}",), code_version=words,
                settings={"model": {"init": words if number else "kaiming"}}, processor=words, gradients=300,
            )  # fmt: skip
            write_curve(folder, (0.2, 0.4, 0.5))
    write_run(tmp_path / "runs" / "failed", acc=None, status="failed", reason=words)
    write_search(
        write_run, tmp_path / "runs" / "s", TRIALS, method=f"m{words}", dataset=f"d{words}", study=words, sampler=words,
        pruner=words,
    )  # fmt: skip
    _, page, parsed = made(tmp_path / "runs")
    assert parsed.elements["script"] == 2
    assert parsed.elements["style"] == 1
    assert not {"img", "b"} & set(parsed.elements)
    assert not [key for _, key, _ in parsed.attributes if key.startswith("on")]
    shown = "".join(parsed.words)
    assert words.replace("\u202e", "\\u202e") in shown
    for content in downloads(parsed).values():
        assert content
    for file in ("rows.csv", "trials.csv"):
        rows = csv.DictReader(io.StringIO(downloads(parsed)[file]))
        assert all(not (value or "").startswith(("=", "+", "-", "@")) for row in rows for value in row.values())
    assert "<!--" not in page


def test_cells_of_csv_files_are_no_formulas(write_run, tmp_path):
    for number, method in enumerate(("=1+1", "+1", "-1", "@x")):
        write_curve(write_run(tmp_path / "runs" / str(number), method=method, acc=0.5), (0.5,))
    _, _, parsed = made(tmp_path / "runs")
    methods = [row["method"] for row in csv.DictReader(io.StringIO(downloads(parsed)["rows.csv"]))]
    assert sorted(methods) == ["'+1", "'-1", "'=1+1", "'@x"]


def test_an_anonymous_page_says_neither_where_nor_who_nor_when(write_run, tmp_path, monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "msmith")
    monkeypatch.setattr("socket.gethostname", lambda: "vm")
    root = tmp_path / "home" / "jdoe" / "secret-project" / "2026-01-02"
    for seed in range(3):
        folder = write_run(root / str(seed), seed=seed, acc=0.5, settings={"dataset": {"root": f"{root}/data"}})
        write_curve(folder, (0.4, 0.5))
    write_run(root / "again", seed=0, acc=0.5, age=9, settings={"dataset": {"root": f"{root}/data"}})
    reason = f"OSError: {root}/data/x.npy: no such file on vm, said MSmith; "
    reason += "mail jdoe@cluster.example.org, C:\\Users\\jdoe, ~jdoe/w.npz, ../../home/jdoe/m.npz, ./jdoe.npz"
    write_run(root / "failed", acc=None, status="failed", reason=reason)
    write_search(write_run, root / "study-of-jdoe", TRIALS, study="tuned")
    (root / "no-study").mkdir()
    (root / "no-study" / "trials.csv").write_text("")
    damaged = write_run(root / "damaged", seed=4, acc=0.5, settings={"dataset": {"root": f"{root}/data"}})
    (damaged / "metrics.jsonl").write_text("no json\n{}\n")
    summary = json.loads((root / "0" / "summary.json").read_text())
    summary["command"] = f"homotopy-train hydra.run.dir={root}/0"
    (root / "0" / "summary.json").write_text(json.dumps(summary))

    _, open_page, _ = made(root)
    assert str(root) in open_page
    assert "2023-11-14 22:13" in open_page  # when the records were written
    _, page, parsed = made(root, anonymous=True)
    for told in (str(root), str(tmp_path), "jdoe", "secret-project", "2026-01-02", "2023-11-14", "homotopy-train"):
        assert told not in page, told
    for told in ("vm", "msmith"):
        assert not re.search(rf"\b{told}\b", " ".join(parsed.words), re.IGNORECASE), told
    assert "no such file" in page  # what is no secret stays
    assert downloads(parsed)["runs.csv"].count("run ") == 4


def test_folders_named_like_numbers_and_methods_rename_nothing(write_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number, method in enumerate(("baseline", "hta")):
        for folder, seed in ((method, 0), (str(number), 1), (f"{number}e-3", 2)):
            write_curve(write_run(Path(folder), method=method, seed=seed, acc=0.5), (0.4, 0.5))
    write_run(Path("of_jdoe"), seed=0, acc=0.4, age=9)
    records = list(read_runs([Path(one) for one in ("baseline", "hta", "0", "1", "0e-3", "1e-3", "of_jdoe")]))
    open_page, page = (
        Parsed(to_html(build_report(records), records, "", anonymous=anonymous)) for anonymous in (False, True)
    )
    assert page.tables["accuracy-0"] == open_page.tables["accuracy-0"]
    assert not [one for one in page.words if "of_jdoe" in one]
    assert "used instead is run" in " ".join(page.words)


def test_a_user_named_like_a_setting_renames_nothing(study, monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "kaiming")
    monkeypatch.setattr("socket.gethostname", lambda: "baseline")
    _, _, parsed = made(study, anonymous=True)
    assert any(cells[0] == "baseline model.init=kaiming" for cells in parsed.tables["accuracy-0"])


def test_an_anonymous_page_has_the_same_numbers(study, report_page):
    _, _, parsed = made(study, anonymous=True)
    for key, lines in report_page[2].tables.items():
        if key != "excluded":
            assert parsed.tables[key] == lines


def test_a_long_curve_is_whole(write_run, tmp_path):
    values = [round(0.3 + 0.2 * math.sin(epoch / 7), 4) for epoch in range(3000)]
    write_curve(write_run(tmp_path / "runs" / "long", acc=0.5), values)
    _, page, _ = made(tmp_path / "runs")
    d = re.findall(r'<path d="(M[^"]*)" class="thick"', page)[0]
    assert len(re.findall(r"l", d)) > 2500
    assert "\u2026" not in d


def test_runs_without_curves_or_without_a_baseline_make_a_page(write_run, tmp_path):
    for seed in range(2):
        write_run(tmp_path / "runs" / str(seed), method="hta", seed=seed, acc=0.5)
    _, _, parsed = made(tmp_path / "runs")
    assert "comparison-0" not in parsed.tables
    assert len(parsed.tables["accuracy-0"]) == 2
    assert "No performance profile" in " ".join(parsed.words)


def test_a_page_without_any_run(study):
    failed = read_runs([study / "failed"])
    parsed = Parsed(to_html(build_report(failed), failed))
    assert parsed.contents["h2"][0] == "Verdicts"
    assert len(parsed.tables["excluded"]) == 2


def test_the_script_and_the_style_can_be_embedded():
    for file in ("page.js", "page.css"):
        assert "</" not in files("homotopy_bench.report.html").joinpath(file).read_text(encoding="utf-8")
