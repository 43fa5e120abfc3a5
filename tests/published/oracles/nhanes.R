# Oracle on the real NHANES 2013-14 files, for survey.py and for the whole of e2_bmd.py after the imputation:
# 1. femoral neck BMD of men on age and log2 E2, measured E2 alone, a domain of the whole examined sample;
# 2. postmenopausal women, femoral neck, the study's own model in each imputed data set, pooled.
# Only these sums leave; the person-level rows of nhanes_export.py stay in the temporary folder.
# Run in this folder, after nhanes_export.py: Rscript nhanes.R TEMPORARY_FOLDER
suppressMessages({library(survey); library(mitools); library(mice); library(survival); library(Hmisc); library(jsonlite)})
from <- commandArgs(trailingOnly = TRUE)[1]
rows <- read.csv(file.path(from, "examined.csv"), stringsAsFactors = FALSE)
choices <- fromJSON(file.path(from, "choices.json"))
rows$measured <- !is.na(rows$e2_lo_pg_ml) & rows$e2_lo_pg_ml == rows$e2_hi_pg_ml
rows$log2_e2 <- ifelse(rows$measured, log2(rows$e2_hi_pg_ml), NA)
rows$man <- !is.na(rows$population) & rows$population == "men"
design <- svydesign(id = ~psu_code, strata = ~stratum_code, weights = ~exam_weight, data = rows, nest = TRUE)
men <- subset(design, man & measured & !is.na(femoral_neck_bmd_g_cm2))
fit <- svyglm(femoral_neck_bmd_g_cm2 ~ age_years + log2_e2, design = men)
mean_bmd <- svymean(~femoral_neck_bmd_g_cm2, men)
test <- regTermTest(fit, ~ age_years + log2_e2, df = degf(men))
first <- list(n = nrow(men), df = degf(men), coefficients = unname(coef(fit)), se = unname(SE(fit)),
              mean = as.numeric(coef(mean_bmd)), mean_se = as.numeric(SE(mean_bmd)),
              wald = as.numeric(test$Ftest) * test$df)

imputed <- read.csv(file.path(from, "imputed.csv"))
rows <- merge(rows, imputed, by = "person_id", all.x = TRUE)
rows$pm <- rows$person_id %in% imputed$person_id
rows$age <- (rows$age_years - 60) / 10
counts <- table(rows$race_ethnicity_code[rows$pm])
rare <- as.integer(names(counts)[counts < 30])
rows$race <- factor(ifelse(rows$race_ethnicity_code %in% rare, 0, rows$race_ethnicity_code))
rows$race <- relevel(rows$race, ref = names(which.max(counts)))
design <- svydesign(id = ~psu_code, strata = ~stratum_code, weights = ~exam_weight, data = rows, nest = TRUE)
m <- choices$n_imputations
one <- function(i, spline) {
  x <- rows[[paste0("log2_e2_", i)]]
  basis <- matrix(NA_real_, nrow(rows), length(choices$knots) - 1)
  basis[rows$pm, ] <- rcspline.eval(x[rows$pm], knots = choices$knots, inclx = TRUE, norm = 2)
  d <- subset(update(design, basis = if (spline) basis else basis[, 1, drop = FALSE]), pm)
  fit <- svyglm(femoral_neck_bmd_g_cm2 ~ basis + age + I(age^2) + bmi_kg_m2 + is_current_smoker + race, design = d)
  keep <- grep("^basis", names(coef(fit)))
  list(b = unname(coef(fit)[keep]), v = unname(as.matrix(vcov(fit))[keep, keep, drop = FALSE]), df = degf(d))
}
pooled <- function(spline) {
  fits <- lapply(seq_len(m), one, spline = spline)
  total <- MIcombine(lapply(fits, `[[`, "b"), lapply(fits, `[[`, "v"))
  between <- apply(do.call(rbind, lapply(fits, `[[`, "b")), 2, var)
  list(b = as.numeric(coef(total)), v = unname(as.matrix(vcov(total))),
       df = mice:::barnard.rubin(m, between, diag(as.matrix(vcov(total))), fits[[1]]$df))
}
linear <- pooled(FALSE); splined <- pooled(TRUE)
# The design-adjusted D1: mitml's own D1, times (df - k + 1) / df, with Reiter's df where nu*_com = df - k + 1. mitml
# takes nu and forms nu (nu + 1) / (nu + 3) from it, so it is given the nu that makes this equal df - k + 1.
joint <- function(terms) {
  fits <- lapply(seq_len(m), one, spline = TRUE)
  q <- sapply(fits, function(f) f$b[terms]); u <- sapply(fits, function(f) f$v[terms, terms], simplify = "array")
  k <- length(terms); df <- fits[[1]]$df
  nu <- uniroot(function(x) x * (x + 1) / (x + 3) - (df - k + 1), c(1, 100), tol = 1e-13)$root
  d1 <- mitml:::.D1(q, u, nu)
  f <- (df - k + 1) / df * as.numeric(d1$F)
  list(statistic = f, k = k, df_denominator = d1$v, relative_increase = d1$r, p = pf(f, k, d1$v, lower.tail = FALSE))
}
association <- joint(1:3); nonlinearity <- joint(2:3)
at <- rcspline.eval(c(log2(20), choices$reference), knots = choices$knots, inclx = TRUE, norm = 2)
contrast <- at[1, ] - at[2, ]
p <- rows[rows$pm, ]
p$lower <- ifelse(p$e2_lo_pg_ml == 0, NA, log(p$e2_lo_pg_ml)); p$upper <- log(p$e2_hi_pg_ml)
tobit <- survreg(Surv(lower, upper, type = "interval2") ~ femoral_neck_bmd_g_cm2 + age + I(age^2) + bmi_kg_m2 +
                 is_current_smoker + race + log(exam_weight) + factor(stratum_code) + log(testosterone_ng_dl),
                 data = p, dist = "gaussian", control = survreg.control(rel.tolerance = 1e-13, maxiter = 200))
second <- list(n = sum(rows$pm), per_doubling = linear$b, per_doubling_se = sqrt(linear$v[1, 1]), per_doubling_df = linear$df,
               spline = splined$b, spline_covariance = splined$v, difference_at_20 = sum(contrast * splined$b),
               difference_at_20_se = sqrt(drop(t(contrast) %*% splined$v %*% contrast)),
               association = association, nonlinearity = nonlinearity,
               tobit_outcome = unname(coef(tobit)["femoral_neck_bmd_g_cm2"]),
               tobit_outcome_se = sqrt(vcov(tobit)["femoral_neck_bmd_g_cm2", "femoral_neck_bmd_g_cm2"]),
               tobit_log_sigma = log(tobit$scale), tobit_log_likelihood = tobit$loglik[2])
write_json(list(survey = as.character(packageVersion("survey")), men_measured = first, postmenopausal_imputed = second),
           "nhanes.json", digits = NA, auto_unbox = TRUE, pretty = TRUE)
