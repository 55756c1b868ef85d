"""Items of PRISMA 2020, and where this page answers them."""

from __future__ import annotations

from dataclasses import dataclass

AUTHORS = "for the authors to write"


@dataclass(frozen=True, slots=True)
class Item:
    """An item of the checklist in short; `section` is where an analysis answers it, if one does."""

    number: str
    topic: str
    text: str
    section: str | None = None
    remark: str = ""


ITEMS = (
    Item("1", "Title", "Identify the report as a systematic review"),
    Item("2", "Abstract", "Structured abstract", "answer", "the numbers for it"),
    Item("3–4", "Introduction", "Rationale and objectives", None, "the question stands above each answer"),
    Item(
        "5",
        "Eligibility criteria",
        "Which studies, and how grouped",
        "methods",
        "as the analysis states them",
    ),
    Item("6–7", "Search", "Information sources and strategy"),
    Item("8", "Selection process", "Who screened, and how"),
    Item("9", "Data collection", "How data were collected", "data", "each count with its place; not by whom"),
    Item("10", "Data items", "Outcomes and other variables", "data"),
    Item("11", "Risk of bias", "How it was assessed"),
    Item("12", "Effect measures", "Which, for each outcome", "methods"),
    Item(
        "13a", "Synthesis", "Which studies enter which synthesis", "data", "with the ledger of what did not"
    ),
    Item("13b", "Synthesis", "Preparation of data", "methods"),
    Item("13c", "Synthesis", "Tables and figures", "forest"),
    Item("13d", "Synthesis", "Models, heterogeneity, software", "methods"),
    Item("13e", "Synthesis", "Causes of heterogeneity", "sites"),
    Item("13f", "Synthesis", "Sensitivity analyses", "methods"),
    Item(
        "14",
        "Reporting bias",
        "How missing results were assessed",
        "unreported",
        "unreported counts, not unpublished trials",
    ),
    Item("15", "Certainty", "How it was assessed", "findings", "the authors' to enter"),
    Item(
        "16",
        "Study selection",
        "Flow of studies; excluded ones with reasons",
        "data",
        "reports and rows on record; the search is for the authors",
    ),
    Item(
        "17",
        "Study characteristics",
        "Each study with its reference",
        "data",
        "reports by id, as in the records",
    ),
    Item("18", "Risk of bias in studies", "Assessment of each"),
    Item("19", "Results of studies", "Summary and estimate of each", "forest"),
    Item("20a", "Results of syntheses", "Characteristics of contributing studies", "data"),
    Item("20b", "Results of syntheses", "Estimates, precision, heterogeneity", "answer"),
    Item("20c", "Results of syntheses", "Causes of heterogeneity", "sites"),
    Item("20d", "Results of syntheses", "Sensitivity analyses", "specification"),
    Item("21", "Reporting biases", "Missing results", "unreported"),
    Item("22", "Certainty of evidence", "For each outcome", "findings", "the authors' to enter"),
    Item("23", "Discussion", "Interpretation and limitations"),
    Item("24–26", "Other information", "Registration, support, competing interests"),
    Item("27", "Availability", "Data, code, other materials", "reproduce"),
)
