"""Papers that more than one model cites."""

STIJNEN = (
    "Stijnen T, Hamza TH, Özdemir P. Random effects meta-analysis of event outcome in the framework of the "
    "generalized linear mixed model. Stat Med 2010;29:3046–3067. doi:10.1002/sim.4040"
)
ROVER = (
    "Röver C. Bayesian random-effects meta-analysis using the bayesmeta R package. J Stat Softw "
    "2020;93(6):1–51. doi:10.18637/jss.v093.i06"
)
HARDY = (
    "Hardy RJ, Thompson SG. A likelihood approach to meta-analysis with random effects. Stat Med "
    "1996;15:619–629."
)
