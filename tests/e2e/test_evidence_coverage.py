"""Every number of the evidence can be said in a trial record.

`tests/reference/counts.csv` is the evidence, one count a row. Here a record is written for each of its
trials, with the words of the evidence translated by hand below, and loaded (which audits it), and every
number is looked up again by the patients it is about. `test_records.py` looks those of our trials up.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from meta.errors import RecordError
from meta.records.factors import Factors
from meta.records.patients import NOBODY, Universe
from meta.records.reading.load import load_trial

if TYPE_CHECKING:
    from meta.records.trial import Report, Row, Table, Trial

EVIDENCE = Path(__file__).parents[1] / "reference" / "counts.csv"
Given = dict[str, Any]

WELL: Given = {"differentiation": "well"}
POOR: Given = {"differentiation": "poor"}
NET_G3: Given = {"differentiation": "well", "grade": "G3"}
NET_G12: Given = {"differentiation": "well", "grade": ["G1", "G2"]}
HIGH: Given = {"grade": "G3"}  # NET G3 and NEC, not told apart
LOW: Given = {"grade": ["G1", "G2"]}
ELSEWHERE = {"not": ["pancreas", "gastroesophageal", "intestine"]}


def at(site: object, kind: Given | None = None) -> Given:
    """The patients with this primary site, of all or of one kind."""
    return {**(kind or {}), "site": site}


def also(kind: Given, **extra: object) -> Given:
    """Patients, and what is printed about them beside the counts."""
    return {**kind, **extra}


@dataclass(frozen=True)
class Place:
    """A table of the evidence: the record's report, and what all its rows share."""

    report: str
    table: Given
    rows: dict[str, Given]  # the evidence's words for the patients, and the factors that say it


@dataclass(frozen=True)
class Story:
    """How one trial of the evidence is written down."""

    head: Given
    places: dict[str, list[Place]] = field(default_factory=dict)  # by the evidence's report_key


def response(report: str, rows: dict[str, Given], **shared: object) -> list[Place]:
    """One table of responses."""
    return [Place(report, {"outcome": "response", **shared}, rows)]


JIA_SITES = {
    "pancreas": at("pancreas"),
    "gastro-oesophageal": at("gastroesophageal"),
    "intestine": at("intestine"),
}
NEC_SITES = {
    "NEC pancreas": at("pancreas", POOR),
    "NEC gastro-oesophageal": at("gastroesophageal", POOR),
    "NEC intestine": at("intestine", POOR),
    "NEC other": at(ELSEWHERE, POOR),
    "NET pancreas": at("pancreas", WELL),
    "NET gastrointestinal": at("gastrointestinal", WELL),
    "NET other": at({"not": ["pancreas", "gastrointestinal"]}, WELL),
}
ALL_SITES = {
    "pancreas": at("pancreas"),
    "gastrointestinal": at("gastrointestinal"),
    "other": at({"not": ["pancreas", "gastrointestinal"]}),
}
ESMO_2018 = {
    "all evaluable": {},
    "NET (incl G3)": WELL,
    "NEC (incl MANEC)": POOR,
    "PD-L1+ (>=5% TC or >1% IC)": {"pdl1": "positive"},
    "PD-L1-": {"pdl1": "negative"},
}

STORIES: dict[str, Story] = {
    "sintilimab_NCT02937116": Story(
        {"registry": ["NCT02937116"], "regimen": "monotherapy", "line": "later"},
        {
            "jia2022": response(
                "jia-2022",
                {
                    "all": {},
                    "NET": WELL,
                    "NEC": POOR,
                    **ALL_SITES,
                    **NEC_SITES,
                    "NEC PD-L1 TPS>=1%": {**POOR, "pdl1": "positive"},
                    "NEC PD-L1 TPS<1%": {**POOR, "pdl1": "negative"},
                    "NET PD-L1 TPS<1%": {**WELL, "pdl1": "negative"},
                    "PD-L1 not available": {"pdl1": "unknown"},
                },
                criteria="RECIST 1.1",
                assessor="investigator",
                population="enrolled",
            )
        },
    ),
    "toripalimab_NCT03167853": Story(
        {"registry": ["NCT03167853"], "regimen": "monotherapy"},
        {
            "lu2020": response(
                "lu-2020",
                {
                    "all": {},
                    "NET": WELL,
                    "NEC": POOR,
                    **ALL_SITES,
                    **NEC_SITES,
                    "PD-L1>=10%": {"pdl1": "positive"},
                    "PD-L1<10%": {"pdl1": "negative"},
                },
                criteria="RECIST 1.1",
                assessor="investigator",
                population="enrolled",
            ),
            # two criteria on the same patients: one report, two tables
            "esmo2018_recist": response(
                "esmo-2018", ESMO_2018, criteria="RECIST 1.1", population="evaluable"
            ),
            "esmo2018_irrecist": response(
                "esmo-2018", ESMO_2018, criteria="irRECIST", population="evaluable"
            ),
        },
    ),
    "avenec_NCT03352934": Story(
        {"registry": ["NCT03352934"], "regimen": "monotherapy", "countries": ["DE"]},
        {
            "fottner2025": response(
                "fottner-2025", {"all": {}, "NET G3": NET_G3, "NEC": POOR}, criteria="iRECIST"
            ),
            "esmo2023": response("esmo-2023", {"all": {}}),
            "asco2019_interim": [
                Place(
                    "fottner-2019",
                    {
                        "outcome": "response",
                        "criteria": "irRECIST",
                        "population": "enrolled",
                        "via": "jia-2022",
                    },
                    {
                        "all": {},
                        "NET G3 (Jia 2022 split)": WELL,
                        "NEC (Jia 2022 split)": POOR,
                        **{f"{site} (Jia 2022)": given for site, given in JIA_SITES.items()},
                        "other (Jia 2022)": at(ELSEWHERE),
                    },
                ),
                Place(
                    "fottner-2019",
                    {"outcome": "characteristic", "population": "enrolled"},
                    {
                        "pancreas (abstract)": at("pancreas"),
                        "stomach-oesophagus (abstract)": at("gastroesophageal"),
                        "colo-rectum (abstract)": at("intestine/colorectum"),
                        "genito-urinary (abstract)": at("other/genito-urinary"),
                        "lung (abstract)": at("lung"),
                        "ear-nose-throat (abstract)": at("other/ear-nose-throat"),
                        "papilla of Vater (abstract)": at("intestine/papilla-of-vater"),
                    },
                ),
            ],
        },
    ),
    "caboavenec": Story(
        {"regimen": "with-antiangiogenic"},
        {"esmo2023_interim": response("esmo-2023", {"all": {}}, not_evaluable=5)},
    ),
    "pembro_vijayvergia_NCT02939651": Story(
        {"registry": ["NCT02939651"], "regimen": "monotherapy", "countries": ["US"]},
        {
            "bjc2020": response(
                "vijayvergia-2020",
                {
                    "all": {},
                    "NEC": POOR,
                    "NET G3": NET_G3,
                    "pancreas": at("pancreas"),
                    "gastrointestinal": at("gastrointestinal"),
                    "unknown": at("unknown"),
                },
                criteria="RECIST",
            ),
            "asco2018": response(
                "vijayvergia-2018",
                {"all": {}, **JIA_SITES, "other": at(ELSEWHERE)},
                population="enrolled",
                via="jia-2022",
            ),
        },
    ),
    "pembro_utah_NCT03190213": Story(
        {"registry": ["NCT03190213"], "regimen": "monotherapy"},
        {
            "nanets2022": response(
                "nanets-2022", {"all": {}, "NEC": POOR, "NET G3": NET_G3}, criteria="irRECIST"
            )
        },
    ),
    "keynote158_NCT02628067": Story(
        {"registry": ["NCT02628067"], "regimen": "monotherapy", "phase": "2"},
        {
            "strosberg2020": response(
                "strosberg-2020",
                {
                    "all (well-diff NET)": {},
                    "NET": WELL,
                    "pancreas": at("pancreas"),
                    "non-pancreatic": at({"not": ["pancreas"]}),
                    "CPS>=1": also({"pdl1": "positive"}, percent_of_total=15.9, printed="CPS >= 1"),
                },
                criteria="RECIST 1.1",
                assessor="central",
            ),
            "ascogi2019": response("asco-gi-2019", {"all": also({}, percent=3.7, interval=[1.0, 9.3])}),
        },
    ),
    "keynote028_NCT02054806": Story(
        {"registry": ["NCT02054806"], "regimen": "monotherapy", "selected_on": "PD-L1 positive"},
        {
            "mehnert2020": response(
                "mehnert-2020",
                {
                    "all PD-L1+ (both cohorts)": also({}, derived={"n": "25 + 16", "responders": "3 + 1"}),
                    "carcinoid (lung 9, gut 7, other 9)": also(
                        {"cohort": "carcinoid", "site": ["lung", "intestine", "other"]},
                        percent=12.0,
                        interval=[2.5, 31.2],
                    ),
                    "pancreas": also(
                        {"cohort": "pancreatic", "site": "pancreas"}, percent=6.3, interval=[0.2, 30.2]
                    ),
                    "PD-L1+": {"pdl1": "positive"},
                    "NET": WELL,
                },
                criteria="RECIST 1.1",
                assessor="investigator",
            ),
            "esmo2017": response("esmo-2017", {"both cohorts": {}}),
        },
    ),
    "spartalizumab_NCT02955069": Story(
        {"registry": ["NCT02955069"], "regimen": "monotherapy"},
        {
            "yao2021": response(
                "yao-2021",
                {
                    "all": also({}, derived={"n": "95 + 21", "responders": "7 + 1"}),
                    "NET G1/2": also(NET_G12, percent=7.4, interval=[3.0, 14.6]),
                    "GEP-NEC": also(POOR, percent=4.8, interval=[0.1, 23.8]),
                    "NET thoracic": also(at("thoracic", NET_G12), percent=16.7),
                    "NET gastrointestinal": also(at("gastrointestinal", NET_G12), percent=3.1),
                    "NET pancreas": also(at("pancreas", NET_G12), percent=3.0),
                    "NEC GEP": at("gep", POOR),
                },
                criteria="RECIST 1.1",
                assessor="central",
                confirmed=True,
            ),
            "esmo2018": response(
                "esmo-2018",
                {
                    "all": {},
                    "NET thoracic": also(at("thoracic", NET_G12), percent=20.0),
                    "NET gastrointestinal": also(at("gastrointestinal", NET_G12), percent=0),
                    "NET pancreas": also(at("pancreas", NET_G12), percent=3.0),
                    "NEC GEP": also(at("gep", POOR), percent=4.8),
                },
                criteria="RECIST 1.1",
                assessor="central",
            ),
        },
    ),
    "avelumab_NET001_NET002": Story(
        {"registry": ["NCT03278405", "NCT03278379"], "regimen": "monotherapy", "countries": ["CA"]},
        {
            "ejc2022": response(
                "ejc-2022",
                {
                    "all": {},
                    "NEC G3 (NET-001)": {**POOR, "grade": "G3", "cohort": "NET-001"},
                    "NET G2-3 / atypical carcinoid (NET-002)": {**WELL, "cohort": "NET-002"},
                    "GEP": at("gep"),
                    "lung": at("lung"),
                },
                criteria="RECIST 1.1",
            )
        },
    ),
    "pembro_chemo_raj_NCT03136055": Story(
        {
            "registry": ["NCT03136055"],
            "regimen": "monotherapy",
            "arms": {"A": {}, "B": {"regimen": "with-chemotherapy"}},
        },
        {
            "raj2023_partA": response(
                "raj-2023",
                {"EP-PDNEC part A": also({}, percent=7, interval=[0.2, 33.9]), "NEC": POOR},
                arm="A",
                criteria="RECIST 1.1",
                assessor="investigator",
            ),
            "raj2023_partB": response(
                "raj-2023",
                {"EP-PDNEC part B": also({}, percent=5, interval=[0, 22.8]), "NEC": POOR},
                arm="B",
                criteria="RECIST 1.1",
                assessor="investigator",
            ),
        },
    ),
    "dart_S1609_nonpancreatic_NCT02834013": Story(
        {
            "registry": ["NCT02834013"],
            "regimen": "ici-combination",
            "acknowledged": [
                {
                    "report": "patel-2020",
                    "outcome": "response",
                    "finding": "interval-mismatch",
                    "reason": "13 to 64 is printed; neither 8/32 nor 8/18 has that interval.",
                }
            ],
        },
        {
            "patel2020": response(
                "patel-2020",
                {
                    "all non-pancreatic": also({}, interval=[13, 64], percent=25),
                    "high grade": HIGH,
                    "low/intermediate grade": LOW,
                    "gastrointestinal": at("gastrointestinal"),
                    "lung": at("lung"),
                },
                criteria="RECIST 1.1",
            ),
            "aacr2019": response("aacr-2019", {"all": {}, "high grade": also(HIGH, percent=42)}),
        },
    ),
    "dart_S1609_pancreatic": Story(
        {"registry": ["NCT02834013"], "regimen": "ici-combination"},
        {"patel2025": response("patel-2025", {"PNEN": also({}, percent=11), "pancreas": at("pancreas")})},
    ),
    "ca209_538": Story(
        {"regimen": "ici-combination"},
        {
            "klein2020": response(
                "klein-2020",
                {
                    "all": also({}, percent=24),
                    "high grade": also(HIGH, percent=31),
                    "low/intermediate grade": also(LOW, derived={"n": "3 + 13", "responders": "7 - 4"}),
                    "pancreas": also(at("pancreas"), back_calculated={"responders": "43 % of 7"}),
                    "atypical bronchial carcinoid": also(
                        at("lung/atypical-carcinoid", WELL), back_calculated={"responders": "33 % of 9"}
                    ),
                },
                criteria="RECIST 1.1",
            )
        },
    ),
    "dune_NCT03095274": Story(
        {"registry": ["NCT03095274"], "regimen": "ici-combination", "countries": ["ES"]},
        {
            "esmo2020": response(
                "esmo-2020",
                {
                    "all cohorts": also(
                        {}, derived={"n": "27 + 31 + 32 + 33", "responders": "2 + 0 + 2 + 3"}
                    ),
                    "C1 lung carcinoid": also({**at("lung", WELL), "cohort": "C1"}, percent=7.4),
                    "C2 NET gastrointestinal G1/2": {**at("gastrointestinal", NET_G12), "cohort": "C2"},
                    # 2/32 is 6.25 %, a tie: 6.3 and 6.2 are both right
                    "C3 NET pancreas G1/2": also({**at("pancreas", NET_G12), "cohort": "C3"}, percent=6.3),
                    "C4 GEP-NEN G3": also({**at("gep", HIGH), "cohort": "C4"}, percent=9.1),
                    "NET G1/2 (C1-C3)": also(
                        {**WELL, "cohort": ["C1", "C2", "C3"]}, derived={"responders": "2 + 0 + 2"}
                    ),
                },
                criteria="irRECIST",
            ),
            "capdevila2023": response("capdevila-2023", {"all cohorts": {}}),
        },
    ),
    "nipinec_NCT03591731": Story(
        {
            "registry": ["NCT03591731"],
            "regimen": "monotherapy",
            "arms": {"nivo": {}, "nivo-ipi": {"regimen": "ici-combination"}},
        },
        {
            "esmo2021_nivo": response(
                "esmo-2021",
                {
                    "NEC lung LCNEC": also(at("lung", POOR), back_calculated={"responders": "7.3 % of 41"}),
                    "NEC GEP-NEC": also(at("gep", POOR), back_calculated={"responders": "7.1 % of 42"}),
                },
                arm="nivo",
                timepoint="8 weeks",
                population="evaluable",
            ),
            "esmo2021_nivoipi": response(
                "esmo-2021",
                {
                    "NEC lung LCNEC": also(at("lung", POOR), back_calculated={"responders": "18.2 % of 44"}),
                    "NEC GEP-NEC": also(at("gep", POOR), back_calculated={"responders": "11.6 % of 43"}),
                },
                arm="nivo-ipi",
                timepoint="8 weeks",
                population="evaluable",
            ),
        },
    ),
    "atezo_bev_NCT03074513": Story(
        {"registry": ["NCT03074513"], "regimen": "with-antiangiogenic"},
        {
            "halperin2022": response(
                "halperin-2022",
                {
                    "all": also({}, derived={"n": "20 + 20", "responders": "4 + 3"}),
                    "NET pancreas": also(
                        at("pancreas", NET_G12), cohort="pancreatic", percent=20, interval=[5.7, 43.7]
                    ),
                    "NET extrapancreatic": also(
                        at({"not": ["pancreas"]}, NET_G12),
                        cohort="extrapancreatic",
                        percent=15,
                        interval=[3.2, 37.9],
                    ),
                    "NET G1/2": NET_G12,
                },
            )
        },
    ),
    "toripalimab_surufatinib_NCT04169672": Story(
        {"registry": ["NCT04169672"], "regimen": "with-antiangiogenic", "line": "later"},
        {
            "nanets2021": response(
                "nanets-2021",
                {"NEC evaluable": also({}, percent=23.8, interval=[8.22, 47.17]), "NEC": POOR},
                assessor="investigator",
                confirmed=True,
                population="evaluable",
            )
        },
    ),
    "sintilimab_surufatinib_NCT05627427": Story(
        {
            "registry": ["NCT05627427"],
            "regimen": "with-antiangiogenic",
            "arms": {"NEC": {"regimen": "with-chemotherapy"}, "NET": {}},
        },
        {
            "ji2025": [
                Place(
                    "ji-2025",
                    {"outcome": "response", "arm": "NEC"},
                    {
                        "NEC (+chemo, 1L and later)": also(
                            POOR, percent=53.3, back_calculated={"responders": "53.3 % of 30"}
                        ),
                        "NEC first line (+chemo)": also(
                            {**POOR, "cohort": "first line"},
                            percent=65.0,
                            back_calculated={"responders": "65.0 % of 20"},
                        ),
                    },
                ),
                Place("ji-2025", {"outcome": "response", "arm": "NET"}, {"NET G3 (no chemo)": NET_G3}),
            ]
        },
    ),
    "nivo_temozolomide_NCT03728361": Story(
        {"registry": ["NCT03728361"], "regimen": "with-chemotherapy"},
        {
            "owen2023": response(
                "owen-2023",
                {
                    "all NEN": also({}, percent=32.1, interval=[15.9, 52.4]),
                    "lung": also(at("lung"), percent=64),
                    "non-lung": also(at({"not": ["lung"]}), derived={"n": "28 - 11", "responders": "9 - 7"}),
                },
                confirmed=True,
            ),
            "nccn2020_interim": response("nccn-2020", {"evaluable": {}}, population="evaluable"),
        },
    ),
    "planet_NCT03043664": Story(
        {"registry": ["NCT03043664"], "regimen": "with-other"},
        {"ascogi2021": response("asco-gi-2021", {"GEP-NET": {}})},
    ),
    "lu_dotatate_nivo_NCT03325816": Story(
        {"registry": ["NCT03325816"], "regimen": "with-other"},
        {
            "kim2020": response(
                "kim-2020",
                {
                    "all incl 6 SCLC, measurable": {},
                    "lung atypical carcinoid": at("lung/atypical-carcinoid", WELL),
                    # beside the counts: how many of the 6 SCLC patients were measurable is not said
                    "SCLC": also({"cohort": "SCLC"}, responders=1),
                },
                population="evaluable",
            )
        },
    ),
    "nice_nec_NCT03980925": Story(
        {"registry": ["NCT03980925"], "regimen": "with-chemotherapy", "line": "first"},
        {
            "riesco2024": response(
                "riesco-2024",
                {"GEP/unknown G3 NEN, first line": at(["gep", "unknown"], HIGH) | {"percent": 56.8}},
            )
        },
    ),
    "cabozantinib_nivolumab_NCT04197310": Story(
        {"registry": ["NCT04197310"], "regimen": "with-antiangiogenic"},
        {"registry": [Place("registry", {"outcome": "response"}, {"all": {}})]},
    ),
}

# A group, groups inside it without a common patient, and whether they are all of it.
FAMILIES = [
    ("sintilimab_NCT02937116", "jia2022", "NEC", [f"NEC {site}" for site in [*JIA_SITES, "other"]], True),
    ("sintilimab_NCT02937116", "jia2022", "all", list(ALL_SITES), True),
    ("sintilimab_NCT02937116", "jia2022", "pancreas", ["NEC pancreas", "NET pancreas"], False),
    (
        "sintilimab_NCT02937116",
        "jia2022",
        "gastrointestinal",
        ["NEC intestine", "NET gastrointestinal"],
        False,
    ),
    ("toripalimab_NCT03167853", "lu2020", "NET", ["NET pancreas", "NET gastrointestinal", "NET other"], True),
    ("avenec_NCT03352934", "fottner2025", "all", ["NET G3", "NEC"], False),
    ("keynote158_NCT02628067", "strosberg2020", "all (well-diff NET)", ["pancreas", "non-pancreatic"], True),
    (
        "spartalizumab_NCT02955069",
        "yao2021",
        "NET G1/2",
        [f"NET {s}" for s in ("thoracic", "pancreas")],
        False,
    ),
    ("avelumab_NET001_NET002", "ejc2022", "all", ["GEP", "lung"], False),
    (
        "dart_S1609_nonpancreatic_NCT02834013",
        "patel2020",
        "all non-pancreatic",
        ["gastrointestinal", "lung"],
        False,
    ),
    (
        "dune_NCT03095274",
        "esmo2020",
        "NET G1/2 (C1-C3)",
        ["C1 lung carcinoid", "C3 NET pancreas G1/2"],
        False,
    ),
    ("dune_NCT03095274", "esmo2020", "all cohorts", ["NET G1/2 (C1-C3)", "C4 GEP-NEN G3"], False),
    ("atezo_bev_NCT03074513", "halperin2022", "NET G1/2", ["NET pancreas", "NET extrapancreatic"], False),
    ("nivo_temozolomide_NCT03728361", "owen2023", "all NEN", ["lung", "non-lung"], True),
]
# Rows of the evidence that hold no number: there is nothing to say.
EMPTY = {
    "dart_S1609_highgrade_cohort",
    "pembro_lenvatinib_NCT03290079",
    "cabaten_NCT04400474",
    "cabo_nivo_ipi_NCT04079712",
}


@dataclass(frozen=True)
class Count:
    """A row of the evidence."""

    trial: str
    report: str
    stratum: str
    n: int | None
    responders: int | None
    region: str
    drugs: str
    year: str
    unverified: bool

    @property
    def name(self) -> str:
        return f"{self.trial}/{self.report}/{self.stratum}"


def evidence() -> list[Count]:
    with EVIDENCE.open(encoding="utf-8", newline="") as lines:
        return [
            Count(
                trial=row["trial_key"],
                report=row["report_key"],
                stratum=row["stratum"],
                n=int(row["n"]) if row["n"] else None,
                responders=int(row["responders"]) if row["responders"] else None,
                region=row["region"],
                drugs=row["drug"],
                year=row["year"],
                unverified=row["status"] == "unverified",
            )
            for row in csv.DictReader(lines)
        ]


COUNTS = evidence()
SAID = [count for count in COUNTS if count.trial not in EMPTY]


class OneByOne(yaml.SafeDumper):
    """YAML without aliases, which records do not allow."""

    def ignore_aliases(self, *_: object) -> bool:
        return True


def record(trial: str) -> tuple[str, str]:
    """The id and the YAML text of a record with everything the evidence says about a trial."""
    story, counts = STORIES[trial], [count for count in SAID if count.trial == trial]
    reports: dict[str, Given] = {}
    for key, places in story.places.items():
        year = next(count.year for count in counts if count.report == key)
        for place in places:
            report = reports.setdefault(place.report, new_report(place.report, year))
            rows = [row_of(given, words, key, counts, place.table) for words, given in place.rows.items()]
            report["tables"].append({**place.table, "where": "Abstract", "rows": rows})
    head = {
        "id": trial.lower().replace("_", "-"),
        "drugs": [{"name": drug} for drug in counts[0].drugs.split("+")],
        "region": counts[0].region,
        "sources": [{"id": "jia-2022", "citation": "Jia 2022"}] if trial != "sintilimab_NCT02937116" else [],
        **story.head,
        "reports": list(reports.values()),
    }
    return str(head["id"]), yaml.dump(head, Dumper=OneByOne, sort_keys=False, allow_unicode=True)


def new_report(name: str, year: str) -> Given:
    kind = "registry" if name == "registry" else "abstract"
    return {"id": name, "citation": name, "kind": kind, "published": year or "unknown", "tables": []}


def row_of(given: Given, words: str, report: str, counts: list[Count], table: Given) -> Given:
    """A row as the record has it: its factors, and the counts that the evidence has in those words."""
    row = dict(given)
    if table["outcome"] == "characteristic":
        row["term"] = "baseline"
    for count in counts:
        if (count.report, count.stratum) == (report, words):
            row |= {
                name: value for name in ("n", "responders") if (value := getattr(count, name)) is not None
            }
            row |= {"status": "unverified"} if count.unverified else {}
    return row


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Trial]:
    """Write, load and audit the record of a trial, once."""
    loaded: dict[str, Trial] = {}

    def load(trial: str) -> Trial:
        if trial not in loaded:
            root = tmp_path_factory.mktemp("evidence")
            name, text = record(trial)
            path = root / "trials" / f"{name}.yaml"
            path.parent.mkdir()
            path.write_text(text, encoding="utf-8")
            loaded[trial] = load_trial(path, root).trial
        return loaded[trial]

    return load


def factors(given: Given) -> Given:
    """The factors among what a row says, with tuples for lists as in a loaded row."""
    stated = {name: given[name] for name in Factors.__dataclass_fields__ if name in given}
    return {name: frozen(value) for name, value in stated.items()}


def frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: frozen(inner) for key, inner in value.items()}
    return tuple(value) if isinstance(value, list) else value


def meaning(count: Count) -> tuple[Place, Given]:
    """Where the evidence's row stands, and which patients it is about."""
    places = [place for place in STORIES[count.trial].places[count.report] if count.stratum in place.rows]
    assert len(places) == 1, f"{count.name}: {len(places)} tables have these words"
    return places[0], factors(places[0].rows[count.stratum])


def tables(trial: Trial, place: Place) -> Iterator[Table]:
    """The tables of the place's report that share its outcome, criteria, arm and so on."""
    report: Report = next(report for report in trial.reports if report.id == place.report)
    for table in report.tables:
        if all(getattr(table, name) == value for name, value in place.table.items()):
            yield table


def rows_about(trial: Trial, count: Count) -> list[Row]:
    """The rows of a record, found by their patients, that the evidence's row is about."""
    place, given = meaning(count)
    rows = [row for table in tables(trial, place) for row in table.rows]
    universe = Universe([given, *(row.given() for row in rows)])
    return [row for row in rows if universe.patients(row.given()) == universe.patients(given)]


def test_every_number_of_the_evidence_has_its_words() -> None:
    told = {
        (trial, key, words)
        for trial, story in STORIES.items()
        for key, places in story.places.items()
        for place in places
        for words in place.rows
    } - {("lu_dotatate_nivo_NCT03325816", "kim2020", "SCLC")}
    assert told == {(count.trial, count.report, count.stratum) for count in SAID}
    assert all(count.n is None and count.responders is None for count in COUNTS if count.trial in EMPTY)


@pytest.mark.parametrize("trial", STORIES)
def test_a_record_can_say_all_of_a_trial(trial: str, written: Callable[[str], Trial]) -> None:
    record = written(trial)
    numbers = [row for report in record.reports for table in report.tables for row in table.rows]
    assert len(numbers) >= sum(count.trial == trial for count in SAID)


@pytest.mark.parametrize("count", SAID, ids=lambda count: count.name)
def test_a_number_comes_back_with_its_patients(count: Count, written: Callable[[str], Trial]) -> None:
    found = rows_about(written(count.trial), count)
    assert [(row.n, row.responders) for row in found] == [(count.n, count.responders)]
    assert (found[0].status == "unverified") == count.unverified


@pytest.mark.parametrize(("trial", "report", "whole", "parts", "exact"), FAMILIES)
def test_groups_hold_each_other_as_the_evidence_means_them(
    trial: str, report: str, whole: str, parts: list[str], exact: bool
) -> None:
    groups = {
        count.stratum: meaning(count)[1] for count in SAID if (count.trial, count.report) == (trial, report)
    }
    universe = Universe(groups.values())
    patients = {words: universe.patients(given) for words, given in groups.items()}
    together = NOBODY
    for part in parts:
        assert together.disjoint(patients[part]), f"{part} shares patients with the parts before it"
        together |= patients[part]
    assert together.inside(patients[whole])
    assert (together == patients[whole]) == exact


def test_patients_counted_by_responders_alone(written: Callable[[str], Trial]) -> None:
    rows = written("lu_dotatate_nivo_NCT03325816").reports[0].tables[0].rows
    assert [(row.n, row.responders) for row in rows if row.cohort == "SCLC"] == [(None, 1)]


def test_an_acknowledged_contradiction_is_still_looked_for(tmp_path: Path) -> None:
    name, text = record("dart_S1609_nonpancreatic_NCT02834013")
    silent = yaml.safe_load(text) | {"acknowledged": []}
    path = tmp_path / f"{name}.yaml"
    path.write_text(yaml.dump(silent, Dumper=OneByOne), encoding="utf-8")
    with pytest.raises(RecordError, match="interval-mismatch"):
        load_trial(path, tmp_path)
