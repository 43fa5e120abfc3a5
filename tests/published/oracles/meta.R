# Oracle for pipelines/models/meta_summary.py and empirical_null.py: R metafor::rma on the 13 trials of BCG vaccine (Colditz et
# al. 1994, as dat.bcg of metafor) and on 40 made-up negative controls. Writes meta.json. Run in this folder: Rscript meta.R
suppressMessages({library(metafor); library(jsonlite)})
counts <- read.csv("meta_input.csv")
fit <- function(y, v, method) {
  plain <- rma(y, v, method = method, control = list(threshold = 1e-12, tol = 1e-12, maxiter = 10000))
  tested <- update(plain, test = "knha")
  k <- length(y)
  reach <- qt(0.975, k - 2) * sqrt(tested$se^2 + plain$tau2)
  list(tau2 = plain$tau2, mean = as.numeric(plain$beta), se = plain$se, q = plain$QE, q_p = plain$QEp, i2 = plain$I2,
       knha_se = tested$se, knha = c(tested$ci.lb, tested$ci.ub), knha_p = tested$pval,
       prediction = as.numeric(plain$beta) + c(-reach, reach), log_likelihood = as.numeric(logLik(plain)))
}
trials <- lapply(c(ratio = "RR", odds = "OR"), function(measure) {
  d <- escalc(measure = measure, ai = tpos, bi = tneg, ci = cpos, di = cneg, data = counts)
  list(y = as.numeric(d$yi), v = as.numeric(d$vi), reml = fit(d$yi, d$vi, "REML"), paule_mandel = fit(d$yi, d$vi, "PM"),
       ml = fit(d$yi, d$vi, "ML"))
})
set.seed(20)
se <- round(runif(40, 0.05, 0.5), 3)
y <- round(0.15 + 0.2 * rnorm(40) + se * rnorm(40), 3)
controls <- list(y = y, se = se, ml = fit(y, se^2, "ML"))
write_json(list(r = R.version.string, metafor = as.character(packageVersion("metafor")), trials = trials, controls = controls),
           "meta.json", digits = NA, auto_unbox = TRUE, pretty = TRUE)
