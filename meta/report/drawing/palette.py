"""The colours and dashes of every figure; in grey, marks differ by their shapes."""

from __future__ import annotations

INK, GREY, LIGHT_GREY, MID_GREY = "#000000", "#595959", "#A6A6A6", "#8C8C8C"
WHITE = "#FFFFFF"
# Okabe and Ito's colours
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, INK)
TINTS = {BLUE: "#C6DDEE", VERMILION: "#F5D9C6"}
LIGHT_BLUE = "#6BAED6"
REGIONS = {0.95: "#D6E6F2", 0.8: "#93C1E0", 0.5: "#3E8FC4"}  # of the posterior, by the mass within
HEAT = "cividis_r"  # perceptually uniform, monotone in grey; light is low

DASHED, SHORT_DASHES = (0, (4, 2.5)), (0, (2, 1.5))
