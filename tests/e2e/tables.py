"""Tables that `fit` is tried on, and what is read off its JSON."""

from __future__ import annotations

TABLE1 = "trial,region,x,n\na,Asia,5,18\nb,Asia,6,32\nc,West,2,29\nd,West,1,21\n"
CORNERS = {
    "no responder in four arms": [(0, 10), (0, 25), (0, 7), (0, 60)],
    "only responders in four arms": [(10, 10), (25, 25), (7, 7), (60, 60)],
    "no responder and only responders": [(0, 10), (10, 10), (0, 30), (30, 30)],
    "one trial": [(3, 20)],
    "one trial without responder": [(0, 20)],
    "two trials": [(3, 20), (5, 18)],
    "two equal trials": [(3, 20), (3, 20)],
    "one patient": [(0, 1)],
}


def table_of(arms):
    return "x,n\n" + "".join(f"{x},{n}\n" for x, n in arms)


def numbers(data, at=""):
    """Every number with its place."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from numbers(value, f"{at}.{key}")
    elif isinstance(data, list):
        for i, value in enumerate(data):
            yield from numbers(value, f"{at}[{i}]")
    elif isinstance(data, int | float) and not isinstance(data, bool):
        yield at, data
