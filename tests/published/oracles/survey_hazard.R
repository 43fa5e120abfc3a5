# Oracle for pipelines/models/survey_hazard.py: R survey's svycoxph on the Mayo clinic's PBC patients (survival::pbc), treated as
# a stratified, clustered, weighted sample; times in whole months, so that many are tied. Writes survey_hazard_input.csv (the
# rows) and survey_hazard.json (the answers). Run in this folder: Rscript survey_hazard.R
suppressMessages({library(survival); library(survey); library(jsonlite)})
people <- subset(pbc, !is.na(protime))
rows <- data.frame(
  months = ceiling(people$time / 30.4375), days = people$time + people$id / 1000, died = as.integer(people$status == 2), age = people$age, log_bili = log(people$bili),
  protime = people$protime, is_female = as.integer(people$sex == "f"),
  stratum_code = people$id %% 8L, psu_code = (people$id %/% 8L) %% 3L, weight = 1 + (people$id * 37L %% 11L) / 4)
write.csv(rows, "survey_hazard_input.csv", row.names = FALSE)
design <- svydesign(id = ~psu_code, strata = ~stratum_code, weights = ~weight, data = rows, nest = TRUE)
# A domain that leaves clusters without people.
domains <- list(all = design, women = subset(design, is_female == 1), old = subset(design, age > 62),
                late = subset(update(design, entry = 24), months > 24))
told <- function(d, name) {
  model <- if (name == "late") Surv(entry, months, died) ~ log_bili + age + protime else
    Surv(months, died) ~ log_bili + age + protime
  fit <- svycoxph(model, design = d)
  list(n = nrow(d), events = fit$nevent, df = degf(d), coefficients = unname(coef(fit)), covariance = unname(vcov(fit)))
}
fits <- sapply(names(domains), function(name) told(domains[[name]], name), simplify = FALSE)
# svycoxph takes no other ties than Efron's: its own steps with Breslow's.
rows$relative <- rows$weight / mean(rows$weight)
plain <- coxph(Surv(months, died) ~ log_bili + age + protime, data = rows, weights = relative, ties = "breslow")
breslow <- list(coefficients = unname(coef(plain)),
                covariance = svyrecvar(resid(plain, "dfbeta", weighted = TRUE), design$cluster, design$strata, design$fpc))
# Survival of two values of a covariate, standardised over everybody. predict() of svycoxph gives the curve of one set of
# covariates; its error leaves out how hazard and ratios go together, so the jackknife over clusters (JKn) is asked instead.
one <- svycoxph(Surv(days, died) ~ log_bili, design = design)
curves <- predict(one, newdata = data.frame(log_bili = c(0, 2)), type = "curve", se = FALSE)
at <- c(700, 1800, 3200)
alone <- lapply(curves, function(curve) curve$surv[findInterval(at, curve$time)])
standardised <- function(w, data) {
  used <- data[w > 0, ]; used$w <- w[w > 0]
  fit <- coxph(Surv(days, died) ~ log_bili + age + protime, data = used, weights = w, ties = "breslow")
  base <- basehaz(fit, centered = FALSE)
  hazard <- base$hazard[findInterval(at, base$time)]
  as.numeric(sapply(c(0, 2), function(value) {
    moved <- used; moved$log_bili <- value
    relative <- exp(as.matrix(moved[c("log_bili", "age", "protime")]) %*% coef(fit))
    sapply(hazard, function(h) 1 - weighted.mean(exp(-h * relative), used$w))
  }))
}
jackknife <- as.svrepdesign(design, type = "JKn", mse = TRUE)
replicated <- withReplicates(jackknife, standardised)
write_json(list(r = R.version.string, survey = as.character(packageVersion("survey")), fits = fits, breslow = breslow, at = at,
                log_bili = c(0, 2), alone = unname(alone), risks = as.numeric(coef(replicated)),
                risk_covariance = unname(as.matrix(vcov(replicated)))),
           "survey_hazard.json", digits = NA, auto_unbox = TRUE, pretty = TRUE)
