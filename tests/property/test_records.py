"""What holds of every file and every table, not only of the examples."""

from __future__ import annotations

import string
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meta.errors import Fault, RecordError
from meta.records.audit.arithmetic import MAX_EXPRESSION, evaluate, roundings, unit
from meta.records.audit.checks import audit
from meta.records.factors import FACTORS
from meta.records.patients import NOBODY, Universe
from meta.records.reading.load import load_analysis, load_trial
from meta.records.reading.yaml_nodes import parse
from meta.records.trial import Report, Row, Table, Trial

TRIAL = """\
id: a
drugs: [{name: avelumab}]
regimen: monotherapy
region: West
arms: {A: {}}
reports:
  - id: one
    citation: One
    kind: abstract
    published: 2019-05
    tables:
      - outcome: response
        arm: A
        rows:
          - {n: 30, responders: 3, percent: 10.0, interval: [2.1, 26.5], where: Table 1}
          - {site: {not: [pancreas]}, n: 19, derived: {n: "30 - 11"}, where: Table 1}
    survival: [{endpoint: OS, median: 4.2, where: Table 1}]
"""
ANALYSIS = """\
name: a
question: How many?
trials: [{id: x, where: {differentiation: poor}}]
reports: {as-of: 2022-04}
exclude: [{site: lung}]
by: [region, [region, site]]
models: {conventional: {tau2: DL, level: 0.9}}
sensitivity:
  b: {exclude: [{differentiation: well}], models: {conventional: {interval: hk}}}
  c: each-trial
"""
ODD = (
    *("NO", "010", "1e3", "-1", "0", "999", "0.5", "~", "'x'", '"\\u0007"', "&a", "*a", "<<: {}", "!!set"),
    *(
        "[]",
        "{}",
        "[[]]",
        "{not: [lung]}",
        "{not: []}",
        "[",
        "{",
        "-",
        "?",
        "|",
        ">",
        "%",
        ",",
        ":",
        "#",
        "\t",
    ),
)

small = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)


@pytest.fixture
def refused_or_read(tmp_path: Path) -> Callable[[str | bytes], None]:
    """Write the text as a trial and as an analysis, and read both."""
    path = tmp_path / "a.yaml"

    def read(text: str | bytes) -> None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
        for load in (load_trial, load_analysis):
            for fault in _faults(load, path):
                assert fault.file == "a.yaml"
                assert fault.line <= len(path.read_bytes().splitlines()) + 1
                assert fault.found
                assert fault.allowed
                assert str(fault).isprintable()

    return read


def _faults(load: Callable[[Path, Path], object], path: Path) -> tuple[Fault, ...]:
    try:
        load(path, path.parent)
    except RecordError as error:
        assert error.faults  # noqa: PT017 - whether it is raised is not the point
        return error.faults
    return ()


def test_the_examples_are_fine_as_they_are(tmp_path):
    for load, text in ((load_trial, TRIAL), (load_analysis, ANALYSIS)):
        (tmp_path / "a.yaml").write_text(text)
        assert load(tmp_path / "a.yaml", tmp_path)


@small
@given(text=st.one_of(st.text(), st.binary(), st.text(alphabet=string.printable)))
def test_no_text_raises_anything_but_a_record_error(refused_or_read, text):
    refused_or_read(text)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """Draw a valid record, with up to three places cut out, repeated or replaced by something odd."""
    text = draw(st.sampled_from([TRIAL, ANALYSIS]))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(start + 30, len(text))))
        odd = st.sampled_from(ODD) | st.text(max_size=5)
        text = text[:start] + draw(odd | st.just(text[start:end] * 2) | st.just("")) + text[end:]
    return text


@small
@given(text=mutated())
def test_no_mutation_of_a_record_raises_anything_but_a_record_error(refused_or_read, text):
    refused_or_read(text)


@st.composite
def one_value_replaced(draw: st.DrawFn) -> str:
    """Draw a valid record, with one of its values replaced by a value of another type."""
    text = draw(st.sampled_from([TRIAL, ANALYSIS]))
    places = [i for i in range(len(text)) if text.startswith(": ", i) or text.startswith("[", i)]
    start = draw(st.sampled_from(places)) + 1
    end = next(i for i in range(start + 1, len(text)) if text[i] in ",]}\n")
    value = draw(
        st.sampled_from(["3", "-3", "0.5", "x", "[x]", "[3]", "{x: 3}", "{}", "[]", "true", "null", "''"])
    )
    return f"{text[:start]} {value}{text[end:]}"


@small
@given(text=one_value_replaced())
def test_no_value_of_another_type_raises_anything_but_a_record_error(refused_or_read, text):
    refused_or_read(text)


keys = st.text(string.ascii_lowercase, min_size=2, max_size=6).filter(
    lambda key: key not in {"no", "on", "off", "yes", "true", "false", "null"}
)
scalars = st.one_of(
    st.integers(-(10**14), 10**14),
    st.booleans(),
    st.none(),
    st.text(string.ascii_letters + string.digits + " .:#'", max_size=8).map(str),
    st.decimals(-1000, 1000, places=3).map(float),
)
data = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4)
)


def as_yaml(value: object) -> str:
    """Write flow-style YAML by the rules of the records: text always in quotes."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {as_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_yaml, value)) + "]"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    names = {True: "true", False: "false", None: "null"}
    return names[value] if value is None or isinstance(value, bool) else repr(value)


@given(value=st.dictionaries(keys, data, min_size=1))
def test_what_is_written_plainly_is_read_back(value):
    document = parse(as_yaml(value), "a.yaml")
    assert document.faults == []
    assert document.data == value


numbers = st.integers(0, 999)
operators = st.sampled_from("+-*/")


@given(st.recursive(numbers.map(str), lambda e: st.tuples(e, operators, e).map(lambda p: f"({' '.join(p)})")))
def test_arithmetic_is_exact(expression):
    if len(expression) > MAX_EXPRESSION:
        with pytest.raises(ValueError, match="at most"):
            evaluate(expression)
        return
    exact = "".join(f"Fraction({part})" if part.isdigit() else part for part in _tokens(expression))
    try:
        expected = eval(exact, {"Fraction": Fraction})
    except ZeroDivisionError:
        with pytest.raises(ValueError, match="division by zero"):
            evaluate(expression)
    else:
        assert evaluate(expression) == expected


def _tokens(expression: str) -> list[str]:
    return expression.replace("(", " ( ").replace(")", " ) ").split()


@given(expression=st.text(max_size=250) | st.text("0123456789+-*/() ", max_size=250))
def test_no_expression_raises_anything_but_a_value_error(expression):
    try:
        assert isinstance(evaluate(expression), Fraction)
    except ValueError:
        pass


@given(count=st.integers(0, 200), total=st.integers(1, 200), digits=st.integers(0, 3))
def test_a_rounding_is_within_half_a_unit_and_prints_that_way(count, total, digits):
    exact, step = Fraction(100 * count, total), Fraction(1, 10**digits)
    rounded = roundings(exact, step)
    assert all(abs(value - exact) * 2 <= step and value % step == 0 for value in rounded)
    assert len(rounded) == 1 or all(abs(value - exact) * 2 == step for value in rounded)
    # Python's round is half to even of the nearest float, so one of ours unless it is near a tie
    if abs(abs(exact / step % 1) - Fraction(1, 2)) > Fraction(1, 10**6):
        assert rounded == {Fraction(repr(round(count / total * 100, digits)))}


@given(st.decimals(0, 100, places=2))
def test_a_printed_number_is_a_multiple_of_its_unit(printed):
    assert unit(printed) == Fraction(1, 100)
    assert Fraction(printed) % unit(printed) == 0


@given(st.integers(0, 99), st.text(string.digits, min_size=1, max_size=6))
def test_a_decimal_number_keeps_its_text(whole, decimals):
    number = parse(f"x: {whole}.{decimals}", "a.yaml").data["x"]
    assert number == float(f"{whole}.{decimals}")
    assert number.text == f"{whole}.{decimals}"


sites = st.sampled_from(FACTORS["site"].values)
differentiations = st.sampled_from(["well", "poor", "unknown"])


@given(one=sites, other=sites)
def test_sites_are_nested_or_apart(one, other):
    universe = Universe([])
    first, second = universe.patients({"site": one}), universe.patients({"site": other})
    assert first & second in {NOBODY, first, second}


@given(
    factors=st.lists(st.fixed_dictionaries({}, optional={"site": sites, "differentiation": differentiations}))
)
def test_more_conditions_never_mean_more_patients(factors):
    universe = Universe(factors)
    for given_factors in factors:
        whole = universe.everyone
        for name, value in given_factors.items():
            assert universe.patients(given_factors).inside(universe.patients({name: value}))
            whole &= universe.patients({name: value})
        assert whole == universe.patients(given_factors)


@st.composite
def true_tables(draw: st.DrawFn) -> Table:
    """Draw patients one by one, then print margins of them: nothing of it can contradict anything."""
    leaf = st.sampled_from(["pancreas", "intestine", "gastroesophageal", "lung", "other", "unknown"])
    patients = draw(st.lists(st.tuples(leaf, differentiations, st.booleans()), max_size=25))
    conditions = st.fixed_dictionaries({}, optional={"site": sites, "differentiation": differentiations})
    rows = []
    for asked in draw(st.lists(conditions, max_size=8)):
        universe = Universe([])
        mask = universe.patients(asked)
        meant = [p for p in patients if universe.patients({"site": p[0], "differentiation": p[1]}) & mask]
        responders = sum(response for *_, response in meant)
        percent = Decimal(f"{100 * responders / len(meant):.1f}") if meant else None
        n = len(meant) if draw(st.booleans()) else None
        rows.append(
            Row(**asked, n=n, responders=responders if draw(st.booleans()) else None, percent=percent)
        )
    return Table(outcome="response", rows=tuple(rows))


@settings(max_examples=200)
@given(table=true_tables())
def test_margins_of_real_patients_never_contradict_each_other(table):
    assert audit(_trial(table)) == ()


@settings(max_examples=200)
@given(table=true_tables(), more=st.integers(1, 5))
def test_a_group_larger_than_all_patients_is_always_found(table, more):
    n = max((row.n or 0 for row in table.rows), default=0)
    rows = (*table.rows, Row(n=n), Row(site="thymus", n=n + more))
    found = audit(_trial(Table(outcome="response", rows=rows)))
    at = f"reports[0].tables[0].rows[{len(rows) - 1}].n"
    assert (at, "part-exceeds-whole") in {(finding.at, finding.finding) for finding in found}


def _trial(table: Table) -> Trial:
    report = Report(id="a", citation="A", kind="abstract", published="2019", tables=(table,))
    return Trial(id="t", drugs=(), regimen="monotherapy", region="West", reports=(report,))
