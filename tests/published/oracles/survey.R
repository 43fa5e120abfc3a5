# Oracle for pipelines/models/survey.py and wald.py: R survey on 200 California schools (survey::api, apistrat), treated
# as clustered by county within school type. Writes survey_input.csv (the rows) and survey.json (the answers).
# Run in this folder: Rscript survey.R
suppressMessages({library(survey); library(jsonlite)})
data(api)
rows <- data.frame(
  stratum_code = as.integer(apistrat$stype), psu_code = as.integer(apistrat$cnum), weight = apistrat$pw,
  api00 = apistrat$api00, api99 = apistrat$api99, ell = apistrat$ell, meals = apistrat$meals,
  is_award = as.integer(apistrat$awards == "Yes"), is_elementary = as.integer(apistrat$stype == "E"))
write.csv(rows, "survey_input.csv", row.names = FALSE)
design <- svydesign(id = ~psu_code, strata = ~stratum_code, weights = ~weight, data = rows, nest = TRUE)
domains <- list(all = design, award = subset(design, is_award == 1), few_learners = subset(design, ell < 8),
                elementary = subset(design, is_elementary == 1))
answer <- lapply(domains, function(d) {
  mean <- svymean(~api00, d); share <- svymean(~I(1 * (meals > 50)), d); total <- svytotal(~api00, d)
  fit <- svyglm(api00 ~ api99 + ell + meals, design = d)
  df <- degf(d)
  test <- regTermTest(fit, ~ ell + meals, df = df)
  k <- test$df
  adjusted <- (df - k + 1) / df * as.numeric(test$Ftest)
  w <- weights(d)[weights(d) > 0]
  list(n = nrow(d), df = df, kish = sum(w)^2 / sum(w^2),
       mean = as.numeric(coef(mean)), mean_se = as.numeric(SE(mean)),
       share = as.numeric(coef(share)), share_se = as.numeric(SE(share)),
       total = as.numeric(coef(total)), total_se = as.numeric(SE(total)),
       quantiles = as.numeric(coef(svyquantile(~api00, d, c(.05, .25, .5, .9), qrule = "math", ci = FALSE))),
       coefficients = as.numeric(coef(fit)), covariance = unname(as.matrix(vcov(fit))),
       wald = k * as.numeric(test$Ftest), wald_k = k, adjusted_f = adjusted,
       adjusted_p = pf(adjusted, k, df - k + 1, lower.tail = FALSE))
})
write_json(list(r = R.version.string, survey = as.character(packageVersion("survey")), probabilities = c(.05, .25, .5, .9),
                domains = answer), "survey.json", digits = NA, auto_unbox = TRUE, pretty = TRUE)
