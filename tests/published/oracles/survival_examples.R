# Oracle for docs/survival_cohorts.py: R survival on its own gbsg and rotterdam (node-positive, to 84 months, counted as Royston
# and Altman 2013 do: deaths after the end of recurrence follow-up are events). Writes survival_examples.json.
# Run in this folder: Rscript survival_examples.R
suppressMessages({library(survival); library(jsonlite)})
end <- round(7 * 365.25)
r <- subset(rotterdam, nodes > 0)
recurred <- r$recur == 1 & r$rtime <= end
died <- r$death == 1 & r$dtime <= end
r$time <- ifelse(recurred, r$rtime, pmin(r$dtime, end))
r$status <- as.integer(recurred | died)
r$age3 <- (r$age / 100)^3
r$age3log <- r$age3 * log(r$age / 100)
told <- function(fit, drift = TRUE) {
  v <- list(coefficient = unname(coef(fit)["hormon"]), robust_se = unname(sqrt(fit$var[length(coef(fit)), length(coef(fit))])))
  if (drift) v$p_drift <- unname(cox.zph(fit)$table["hormon", "p"])
  v
}
risks <- function(fit, years) {
  s <- summary(fit, times = years * 365.25)
  split(1 - s$surv, ifelse(grepl("=1", s$strata), "target", "comparator"))
}
out <- list(
  gbsg = list(
    given = told(coxph(Surv(rfstime, status) ~ hormon, gbsg, robust = TRUE)),
    risk = risks(survfit(Surv(rfstime, status) ~ hormon, gbsg), c(1, 3, 5))),
  rotterdam = list(
    events = sum(r$status),
    given = told(coxph(Surv(time, status) ~ hormon, r, robust = TRUE)),
    adjusted = told(coxph(Surv(time, status) ~ age3 + age3log + meno + I(size != "<=20") + I(size == ">50") + I(1 / sqrt(nodes)) +
      I(er / 1000) + hormon, r, robust = TRUE)),
    paper = unname(coef(coxph(Surv(time, status) ~ age3 + age3log + meno + I(size != "<=20") + I(size == ">50") +
      I(1 / sqrt(nodes)) + I(er / 1000) + hormon, r, ties = "breslow"))),
    risk = risks(survfit(Surv(time, status) ~ hormon, r), c(1, 3, 5, 7))))
write(toJSON(out, digits = NA, auto_unbox = TRUE, pretty = TRUE), "survival_examples.json")
