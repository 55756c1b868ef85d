# R's side of the bench. Rscript peers.R COUNTS.csv: one set of arms a line, x1,…,xk,n1,…,nk.
# Says which packages there are, then reads lines "TASK RUNS" and answers each with one line: processor seconds a run
# over all sets, then every number found, set by set; NA where R gave up.
packages <- c("metafor", "lme4", "bayesmeta")
there <- sapply(packages, requireNamespace, quietly = TRUE)
if (there["metafor"]) suppressMessages(library(metafor))
cat(paste(c("R", as.character(getRversion()),
            unlist(lapply(packages[there], function(p) c(p, as.character(packageVersion(p)))))), collapse = " "), "\n")
flush(stdout())

tasks <- list(
  conventional = function(x, n) {
    d <- escalc(measure = "PLO", xi = x, ni = n)
    f <- rma(yi, vi, data = d, method = "REML", test = "knha")
    p <- predict(f)
    c(f$tau2, f$b, f$ci.lb, f$ci.ub, p$pi.lb, p$pi.ub, f$QE, f$QEp, f$I2 / 100)
  },
  reml = function(x, n) {
    d <- escalc(measure = "PLO", xi = x, ni = n)
    f <- rma(yi, vi, data = d, method = "REML")
    c(f$tau2, f$b)
  },
  glmm = function(x, n) {
    f <- rma.glmm(measure = "PLO", xi = x, ni = n)
    c(f$tau2, f$b, f$se)
  },
  glmm7 = function(x, n) {
    f <- rma.glmm(measure = "PLO", xi = x, ni = n, nAGQ = 7)
    c(f$tau2, f$b, f$se)
  },
  bayesmeta = function(x, n) {
    d <- escalc(measure = "PLO", xi = x, ni = n)
    f <- bayesmeta::bayesmeta(y = as.numeric(d$yi), sigma = sqrt(d$vi), mu.prior.mean = -2, mu.prior.sd = 2,
                              tau.prior = function(t) bayesmeta::dhalfnormal(t, scale = 1.25))
    c(f$summary["median", "mu"], f$summary["95% lower", "mu"], f$summary["95% upper", "mu"],
      f$summary["median", "tau"])
  })

counts <- unname(as.matrix(read.csv(commandArgs(trailingOnly = TRUE)[1], header = FALSE)))
k <- ncol(counts) / 2
requests <- file("stdin", "r")
while (length(line <- readLines(requests, n = 1)) > 0) {
  request <- strsplit(line, " ")[[1]]
  one <- function(i) {
    tryCatch(suppressWarnings(tasks[[request[1]]](counts[i, 1:k], counts[i, k + 1:k])), error = function(e) NA_real_)
  }
  runs <- as.integer(request[2])
  start <- sum(proc.time()[1:2])
  for (run in seq_len(runs)) found <- lapply(seq_len(nrow(counts)), one)
  seconds <- (sum(proc.time()[1:2]) - start) / runs
  width <- max(lengths(found))
  numbers <- unlist(lapply(found, function(z) if (length(z) == width) z else rep(NA_real_, width)))
  cat(paste(sprintf("%.17g", c(seconds, numbers)), collapse = " "), "\n")
  flush(stdout())
}
