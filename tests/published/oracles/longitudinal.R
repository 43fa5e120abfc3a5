# Oracle for pipelines/models/mixed_trajectory.py (lme4), marginal_structural.py (lm and glm with sandwich::vcovCL, HC0 by person)
# and bent_line.py (segmented). Made rows: bone by year and dose, weighed rows of persons, a bend. Writes longitudinal_input.csv
# and longitudinal.json. Run in this folder: Rscript longitudinal.R
suppressMessages({library(lme4); library(sandwich); library(segmented); library(jsonlite)})
set.seed(20241)
people <- 90
visits <- sample(1:5, people, replace = TRUE)
person <- rep(seq_len(people), visits)
dose <- rep(rbinom(people, 2, 0.4), visits)
year <- round(unlist(lapply(visits, function(k) sort(runif(k, 0, 4)))), 3)
z <- round(rnorm(length(person)), 3)
own <- cbind(rnorm(people, 0, 0.12), rnorm(people, 0, 0.011))
y <- round(-0.05 - 0.008 * year - 0.006 * year * dose + 0.01 * z + own[person, 1] + own[person, 2] * year +
           rnorm(length(person), 0, 0.02), 5)
weight <- round(runif(length(person), 0.3, 3), 3)
event <- rbinom(length(person), 1, plogis(-0.4 + 0.5 * dose - 0.3 * z + 4 * own[person, 1]))
panel <- data.frame(person, dose, year, z, y, weight, event)
write.csv(panel, "longitudinal_input.csv", row.names = FALSE)
mixed <- lmer(y ~ year * dose + z + (year | person), panel, REML = TRUE,
              control = lmerControl(optimizer = "nloptwrap", optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-14, maxeval = 1e5)))
sds <- as.data.frame(VarCorr(mixed))
robust <- function(fit) list(coefficients = unname(coef(fit)),
  se = unname(sqrt(diag(vcovCL(fit, cluster = panel$person, type = "HC0", cadjust = FALSE)))))
line <- lm(y ~ year + dose + z, panel, weights = weight)
hazard <- suppressWarnings(glm(event ~ year + dose + z, binomial, panel, weights = weight,
                               control = glm.control(epsilon = 1e-14, maxit = 100)))
n <- 300
x <- round(rnorm(n, 3, 0.6), 4)
u <- round(rnorm(n), 4)
bone <- round(1.5 * pmin(x - 3, 0) + 0.4 * u + rnorm(n, 0, 0.5), 4)
bent <- segmented(lm(bone ~ x + u), seg.Z = ~x, psi = 3, control = seg.control(n.boot = 0, tol = 1e-12, it.max = 200))
write_json(list(
  versions = lapply(c(lme4 = "lme4", sandwich = "sandwich", segmented = "segmented"), function(p) as.character(packageVersion(p))),
  mixed = list(coefficients = unname(fixef(mixed)), se = unname(sqrt(diag(as.matrix(vcov(mixed))))),
               sds = sds$sdcor[c(1, 2, 4)], correlation = sds$sdcor[3], criterion = unname(REMLcrit(mixed))),
  line = robust(line), hazard = robust(hazard),
  bent = list(x = x, u = u, y = bone, place = unname(bent$psi[1, "Est."]), slopes = unname(slope(bent)$x[, "Est."]))),
  "longitudinal.json", digits = NA, auto_unbox = TRUE, pretty = TRUE)
