"""The page in a real browser, with and without its script, wide and narrow."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess

import pytest

from homotopy_bench.report import build_report, read_runs, read_studies
from homotopy_bench.report.html.page import to_html
from homotopy_bench.report.html.renewal import Renewal
from tests.servers import needed

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(name="browse", scope="module")
def _browse(study, tmp_path_factory):
    browser = next((found for one in BROWSERS if (found := shutil.which(one))), None)
    needed("chromium", None if browser else f"none of {', '.join(BROWSERS)} is installed")
    folder = tmp_path_factory.mktemp("browser")
    records = read_runs([study])
    page = to_html(build_report(records), records, studies=read_studies([study]))
    (folder / "page.html").write_text(page, encoding="utf-8")

    def browse(name: str, content: str | None = None, **beside: str) -> tuple[str, str]:
        """Return the document that the browser has after its scripts, and what stands in its console."""
        for other, page in beside.items():
            (folder / f"{other}.html").write_text(page, encoding="utf-8")
        if content is not None:
            (folder / name).write_text(content, encoding="utf-8")
        command = [
            browser or "", "--headless=new", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
            "--enable-logging=stderr", "--virtual-time-budget=3000", f"--user-data-dir={folder / 'profile'}",
            "--dump-dom", f"file://{folder}/{name}",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)

    return browse


def test_the_policy_lets_the_own_script_and_style_work_and_complains_of_nothing(browse):
    document, console = browse("page.html")
    assert console == ""
    assert 'class="scripted"' in document


def test_the_fragment_of_the_address_is_the_view(browse):
    fragment = "dataset=blobs&method=baseline&x+axis=t&sort-accuracy-0=4.ascending"
    document, console = browse(f"page.html#{fragment}")
    assert console == ""
    assert re.search(r'<section id="section-1" [^>]*class="hidden"', document)
    assert not re.search(r'<section id="section-0" [^>]*class="hidden"', document)
    assert re.search(r'<div data-dataset="mnist1d" [^>]*class="hidden"><h3>', document)  # its studies
    rows = re.findall(r'<tr data-row="0-\d" data-method="(\w+)"([^>]*)>', document)
    assert rows
    assert all(("hidden" in rest) == (method != "baseline") for method, rest in rows)
    table = re.search(r'<table id="accuracy-0".*?</table>', document, re.DOTALL)
    assert table is not None
    assert 'aria-sort="ascending"' in table[0]
    means = [float(re.findall(r"<td>([\d.]+)</td>", line)[2]) for line in re.findall(r"<tr data.*?</tr>", table[0])]
    assert means == sorted(means)


def test_two_rows_are_compared_by_their_differing_settings_alone(browse):
    document, _ = browse("page.html#compare-0-0=0-0&compare-0-1=0-2")
    table = re.search(r'<table id="differences-0".*?</table>', document, re.DOTALL)
    assert table is not None
    head, *lines = re.findall(r"<tr.*?</tr>", table[0], re.DOTALL)
    assert head.count('class="words hidden"') == 2
    shown = [line for line in lines if not line.startswith('<tr class="hidden"')]
    assert 0 < len(shown) <= len(lines)
    for line in shown:
        first, second = re.findall(r'<td class="words(?: )?">([^<]*)</td>', line)
        assert first != second


MEASURE = """<body style="margin:0"><iframe id="f" src="page.html" width="{width}" height="900" {sandbox}></iframe>
<script>f.onload = () => {{
  const page = f.contentDocument, of = (one) => page.defaultView.getComputedStyle(one);
  const panels = [...page.querySelectorAll(".panels > div")].filter((one) => of(one).display !== "none");
  document.title = [page.documentElement.scrollWidth, page.documentElement.className, panels.length,
    page.querySelectorAll(".panels").length, of(page.querySelector(".controls")).display].join(" ");
}}</script>"""


@pytest.mark.parametrize("width", [400, 1600])
@pytest.mark.parametrize("scripted", [True, False], ids=["script", "no script"])
def test_nothing_is_wider_than_the_window_and_one_panel_of_each_figure_is_shown(browse, width, scripted):
    sandbox = "" if scripted else 'sandbox="allow-same-origin"'
    document, _ = browse(f"measure-{width}-{scripted}.html", MEASURE.format(width=width, sandbox=sandbox))
    title = re.search(r"<title>(.*?)</title>", document)
    assert title is not None, document[:500]
    wide, *rest = title[1].split(" ")
    assert int(wide) <= width
    assert rest[0] == ("scripted" if scripted else "")
    assert rest[1] == rest[2] != "0"
    assert rest[3] == ("block" if scripted else "none")


ACT = """<iframe id="f" src="page.html" width="1000" height="900"></iframe>
<script>f.onload = async () => {
  const view = f.contentWindow, page = f.contentDocument, one = (selector) => page.querySelector(selector);
  const row = one("#section-0 figure g[data-row='0-1']");
  row.dispatchEvent(new view.PointerEvent("pointerover", { bubbles: true }));
  const lit = [...page.querySelectorAll("#section-0 g[data-row]")].filter((g) => !g.classList.contains("dimmed"));
  const others = lit.filter((g) => g.dataset.row !== "0-1").length;
  one("#studies .legend [data-row='study-1']").dispatchEvent(new view.PointerEvent("pointerover", { bubbles: true }));
  const dim = [...page.querySelectorAll("#studies g[data-row].dimmed")].map((g) => g.dataset.row).join();
  one("#studies-0 thead th").click();
  const first = one("#studies-0 tbody th").textContent;
  one("#cost-0 thead th").click();
  const select = one("select[data-state=method]");
  select.value = "baseline";
  select.dispatchEvent(new view.Event("change"));
  one("input[data-kind='x axis'][value=seconds]").click();
  const checked = page.querySelectorAll("input.choice[value=seconds]:checked").length;
  const kept = [];
  view.HTMLAnchorElement.prototype.click = () => {};  // a browser that downloads does not end
  view.URL.createObjectURL = (blob) => (kept.push(blob), "#kept");
  for (const button of page.querySelectorAll("button[data-download]")) button.click();
  const embedded = JSON.parse(one("#downloads").textContent);
  const texts = await Promise.all(kept.map((blob) => blob.text()));
  const same = Object.values(embedded).every((text, index) => text === texts[index]);
  document.title = JSON.stringify({ dim, first, lit: lit.length, others, checked, same, files: texts.length });
  document.body.dataset.hash = view.location.hash;
}</script>"""


def test_pointer_clicks_and_downloads(browse):
    document, console = browse("act.html", ACT)
    assert console == ""
    title = re.search(r"<title>(.*?)</title>", document)
    assert title is not None, document[:500]
    found = json.loads(title[1])
    assert found["lit"] >= 3  # in each figure of the section that shows the row
    assert found["others"] == 0
    assert found["checked"] == 2  # one click, the same axis in both sections
    assert (found["dim"], found["first"]) == ("study-0", "by-tpe")
    assert (found["same"], found["files"]) == (True, 5)
    for part in ("sort-cost-0=0.descending", "method=baseline", "x+axis=seconds"):
        assert part in document


RENEWED = """<iframe id="f" src="renewed.html#dataset=blobs&x+axis=t" width="1000" height="900"></iframe>
<script>let loads = 0;
f.onload = () => {
  const page = f.contentDocument;
  if (++loads === 1) page.querySelector("#section-0 figure details").open = true;
  if (loads !== 3) return;
  const unfolded = [...page.querySelectorAll("details[open]")].length;
  const own = page.querySelector("#section-0 figure details").open;
  const hidden = page.querySelector("#section-1").classList.contains("hidden");
  document.title = JSON.stringify({ hash: f.contentWindow.location.hash, unfolded, own, hidden });
  f.remove();
};</script>"""


def test_a_page_that_is_renewed_loads_itself_again_and_keeps_the_view(browse, study):
    records = read_runs([study])
    page = to_html(build_report(records), records, renewal=Renewal(1.0, None))
    document, console = browse("renew.html", RENEWED, renewed=page)
    assert console == ""
    title = re.search(r"<title>(.*?)</title>", document)
    assert title is not None, document[:500]
    assert json.loads(html.unescape(title[1])) == {
        "hash": "#dataset=blobs&x+axis=t", "unfolded": 1, "own": True, "hidden": True
    }  # fmt: skip
