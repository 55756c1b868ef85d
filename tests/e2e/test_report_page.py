"""The report as its reader has it: its numbers are the runs', nothing leaves the page, all can be read."""

from __future__ import annotations

import csv
import io
import re
import shutil

import pytest

from meta.records.storing.outputs import Outputs
from meta.report.page.html import REPORT, write_report
from meta.report.page.whatif import stored_panels
from meta.workflow.pool import every_stored

LONG = "Interminabilumab" * 12
NAMES = ("<script>alert(1)</script>&amp;", f"\u05d0\u05d1\u05d2 {LONG}", "😀 gamma $x_1$")
TRIAL = """\
id: {id}
drugs: [{{name: {drug!r}, target: PD-1}}]
regimen: monotherapy
region: {region}
reports:
  - id: smith-2020
    citation: A paper
    kind: full-paper
    published: "2020-0{month}"
    tables:
      - outcome: response
        criteria: RECIST 1.1
        where: {where!r}
        rows:
          - {{n: {n}, responders: {responders}}}
          - {{differentiation: well, n: 4{well}}}
      - outcome: disease-control
        where: Table 2
        rows: [{{n: {n}, events: {control}}}]
      - outcome: adverse-event-grade-3
        where: Table 3
        rows: [{{term: any, n: {n}, events: 2}}]
    survival: [{{endpoint: OS, median: 4.2, unit: months, where: Table 4}}]
"""
ANALYSIS = """\
name: hostile
question: "How <b>many</b> respond, & who knows?"
trials: all
by: [region]
thresholds: [0.1]
certainty: {rating: low, reason: "<i>few</i> patients"}
models: {primary: {model: bayes-binomial}, frequentist: none}
sensitivity:
  without: {exclude: [{differentiation: well}], unresolved: drop, by: []}
  bound: {exclude: [{differentiation: well}], unresolved: bound, models: {conventional: none}}
"""


def write_root(root):
    (root / "trials").mkdir(parents=True)
    (root / "analyses").mkdir()
    arms = (
        ("alpha", "Asia", 3, 20, ", responders: 1"),
        ("beta", "West", 5, 31, ""),
        ("gamma", "West", 0, 12, ""),
    )
    for i, (name, region, responders, n, well) in enumerate(arms):
        text = TRIAL.format(
            id=name, drug=NAMES[i], region=region, responders=responders, n=n, well=well, month=9 - i,
            where=f"Table 1 <img src=x onerror=alert({i})>", control=responders + 2,
        )  # fmt: skip
        (root / "trials" / f"{name}.yaml").write_text(text, encoding="utf-8")
    (root / "analyses" / "hostile.yaml").write_text(ANALYSIS, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def out(tmp_path_factory, cli):
    """A small root with names that are meant to break a page, pooled."""
    root = write_root(tmp_path_factory.mktemp("page") / "root")
    result = cli("pool", "--root", root)
    assert result.code == 0, result.err
    assert REPORT in result.out
    return root / "out"


@pytest.fixture(scope="module")
def text(out):
    return (out / REPORT).read_text(encoding="utf-8")


def test_every_number_on_the_page_is_the_stored_one(out, text, assert_as_stored):
    page = assert_as_stored(out, text)
    assert len(page.numbers) > 150
    assert {"pct", "num2", "int", "chance", "p"} <= {how for _, _, how, _ in page.numbers}


def test_a_number_that_is_not_the_runs_is_found(out, text, assert_as_stored):
    value, shown = re.search(r'<data class="n" value="(0\.\d+)"[^>]*data-as="pct">([\d.]+)<', text).groups()
    with pytest.raises(AssertionError):
        assert_as_stored(out, text.replace(f'value="{value}"', f'value="{float(value) + 1e-12!r}"'))
    wrong = f"{float(shown) + 0.1:.1f}"
    with pytest.raises(AssertionError):
        assert_as_stored(out, text.replace(f'data-as="pct">{shown}<', f'data-as="pct">{wrong}<'))


def test_no_other_digit_stands_on_the_page(text, read_page):
    others = [said.strip() for said in read_page(text).others if re.search(r"\d", said)]
    assert not others


def test_ids_are_unique_and_links_lead_to_them(text, read_page):
    ids = read_page(text).ids
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]*)"', text)) <= set(ids)


def test_texts_of_records_are_text(text):
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;" in text
    assert "How &lt;b&gt;many&lt;/b&gt; respond, &amp; who knows?" in text


def test_the_page_is_written_again_only_if_something_changed(out, tmp_path):
    folder = shutil.copytree(out, tmp_path / "out")
    runs = every_stored(out.parent, folder)
    whatif = stored_panels(runs, folder)
    assert not write_report(runs, Outputs(folder), whatif=whatif)
    assert write_report(runs[:-1], Outputs(folder), whatif=whatif)
    assert write_report(runs, Outputs(folder), whatif=whatif)
    assert (folder / REPORT).read_bytes() == (out / REPORT).read_bytes()


def test_authors_enter_their_certainty(text):
    assert "&lt;i&gt;few&lt;/i&gt; patients" in text


def test_trials_stand_by_date_and_further_outcomes_beside(page):
    dates = page.locator("#hostile-1-dated tbody tr td:first-child").all_inner_texts()
    assert dates == ["2020-07", "2020-08", "2020-09"]
    assert "5/20" in page.locator("#hostile-1-outcome-disease-control").inner_text()
    assert "2/31" in page.locator("#hostile-1-outcome-adverse-event-grade-3").inner_text()
    assert "4.2 months" in page.locator("#hostile-1-outcome-OS").inner_text()


def test_report_command(out, text, cli, tmp_path):
    root = out.parent
    html = cli("report", "--root", root, "-o", tmp_path / "page.html")
    assert (html.code, (tmp_path / "page.html").read_text(encoding="utf-8")) == (0, text)
    said = cli("report", "--root", root, "--format", "md").out
    assert "## hostile" in said
    assert "<script>" not in said
    assert '"name": "hostile"' in cli("report", "--root", root, "--format", "json").out
    assert cli("report", "--root", root, "--format", "pdf").code == 2
    assert "no stored run" in cli("report", "--root", tmp_path).err


@pytest.fixture(scope="module")
def page(browser, out):
    """The page opened from disk, with what it has said and asked for."""
    context = browser.new_context(accept_downloads=True, viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    opened.said, opened.asked = [], []
    opened.on("console", lambda message: opened.said.append(message.text))
    opened.on("pageerror", lambda error: opened.said.append(str(error)))
    opened.on("dialog", lambda dialog: (opened.said.append(dialog.message), dialog.dismiss()))
    opened.on("request", lambda request: opened.asked.append(request.url))
    opened.goto((out / REPORT).as_uri())
    yield opened
    context.close()


def test_nothing_leaves_the_page_and_nothing_fails(page):
    assert page.said == []
    assert [url for url in page.asked if not url.startswith(("file:", "data:", "blob:"))] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible(page, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.emulate_media(color_scheme=scheme)
    page.evaluate(UNFOLD)
    found = axe.run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []


UNFOLD = "document.querySelectorAll('details').forEach((part) => { part.open = true; })"
OVERLAPS = """() => {
  const boxes = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, parent = node.parentElement;
    if (!node.data.trim() || parent.closest("svg, script, .skip, sup")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const scroller = parent.closest(".scroll");
    const edge = scroller ? scroller.getBoundingClientRect().right : Infinity;
    for (const box of range.getClientRects())
      if (box.width > 0 && box.left < edge)
        boxes.push([box.left, box.top, Math.min(box.right, edge), box.bottom, node.data.trim()]);
  }
  boxes.sort((a, b) => a[1] - b[1]);
  const found = [];
  boxes.forEach((a, i) => {
    for (let j = i + 1; j < boxes.length && boxes[j][1] < a[3]; j++) {
      const b = boxes[j];
      const wide = Math.min(a[2], b[2]) - Math.max(a[0], b[0]), high = Math.min(a[3], b[3]) - b[1];
      const least = Math.min(a[3] - a[1], b[3] - b[1]);
      if (wide > 1 && high > 0.3 * least) found.push([a[4], b[4]]);
    }
  });
  return found;
}"""


@pytest.mark.parametrize("width", [375, 768, 1440])
def test_text_fits(page, width):
    """Boxes of lines may overlap by a third of their height, which is the room above and below letters."""
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate(UNFOLD)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(OVERLAPS) == []


def test_hostile_names_are_seen_as_they_are(page):
    rows = page.locator("tbody th").all_inner_texts()
    for name in NAMES:
        assert any(name in row for row in rows), name


def test_rows_say_their_count_and_source(page):
    said = page.locator(".hit title").all_text_contents()
    assert any("3/20" in one and "trials/alpha.yaml" in one for one in said)
    box = page.locator(".hit").first
    box.scroll_into_view_if_needed()
    box.hover()
    assert box.evaluate("(one) => getComputedStyle(one).fill") != "none"


def downloaded(page, selector):
    with page.expect_download() as found:
        page.locator(selector).first.click()
    return found.value.suggested_filename, found.value.path().read_bytes()


def test_figures_are_saved(page):
    name, svg = downloaded(page, "[data-svg]")
    assert name == "hostile.overall.svg"
    assert svg.startswith(b'<?xml version="1.0"')
    assert b"<text" in svg
    name, png = downloaded(page, "[data-png]")
    assert name == "hostile.overall.png"
    assert png.startswith(b"\x89PNG")
    assert len(png) > 10_000  # an empty canvas of this size takes a few hundred bytes


def test_tables_are_saved_and_copied(page):
    name, content = downloaded(page, "[data-csv]")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert name.endswith("-answers.csv")
    column = [rows[0].index(name) for name in ("Patients", "Responders/n", "Trials")]
    shown = [[row[i] for i in column] for row in rows if len(row) == len(rows[0])]
    assert ["All trials", "8/63", "3"] in shown
    page.locator("[data-copy]").first.click()  # a clipboard takes its time
    page.locator("#status", has_text=re.compile("^Copied$")).wait_for(state="attached", timeout=10_000)


def test_the_theme_button(page):
    page.emulate_media(color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.locator("#theme").click()
    assert page.evaluate(ground) != light
    assert page.locator("#theme").get_attribute("aria-pressed") == "true"
    page.locator("#theme").click()
    assert page.evaluate(ground) == light


def test_nothing_was_said_in_the_end(page):
    """Last in the module: no error of the policy or the script came up while buttons were pressed."""
    assert page.said == []
