# Oracle for pipelines/models/imputation.py: the 25-row example of mice (mice::nhanes), 20 imputations, lm in each.
# Writes imputation.json: the completed-data estimates and covariances, and what mitools, mice and mitml make of them.
# Run in this folder: Rscript imputation.R
suppressMessages({library(mice); library(mitools); library(mitml); library(jsonlite)})
imputed <- mice(nhanes, m = 20, seed = 7, printFlag = FALSE)
full <- with(imputed, lm(chl ~ age + bmi + hyp))
null <- with(imputed, lm(chl ~ age))
estimates <- t(sapply(full$analyses, coef))
covariances <- lapply(full$analyses, vcov)
m <- nrow(estimates)
between <- apply(estimates, 2, var)
within <- rowMeans(sapply(covariances, diag))
df_complete <- 15
rubin <- MIcombine(lapply(seq_len(m), function(i) estimates[i, ]), covariances, df.complete = df_complete)
infinite <- MIcombine(lapply(seq_len(m), function(i) estimates[i, ]), covariances)
scalar <- lapply(seq_len(ncol(estimates)), function(j) {
  p <- pool.scalar(estimates[, j], sapply(covariances, function(v) v[j, j]), n = df_complete + 1, k = 1)
  list(df = p$df, r = p$r, fmi = p$fmi, t = p$t)
})
joint <- function(df) {
  test <- if (is.infinite(df)) testModels(full$analyses, null$analyses, method = "D1")$test
          else testModels(full$analyses, null$analyses, method = "D1", df.com = df)$test
  list(F = test[1, "F.value"], k = test[1, "df1"], v = test[1, "df2"], p = test[1, "P(>F)"], r = test[1, "RIV"])
}
d1 <- D1(full, null, dfcom = df_complete)$result
write_json(list(
  mice = as.character(packageVersion("mice")), mitools = as.character(packageVersion("mitools")),
  mitml = as.character(packageVersion("mitml")),
  estimates = unname(estimates), covariances = unname(lapply(covariances, unname)), df_complete = df_complete,
  mitools_coefficients = unname(coef(rubin)), mitools_covariance = unname(vcov(rubin)),
  mitools_df_infinite = unname(infinite$df), mitools_missinfo_infinite = unname(infinite$missinfo),
  mice_scalar = scalar, d1_mice = unname(as.numeric(d1)),
  d1_15 = joint(15), d1_40 = joint(40), d1_infinite = joint(Inf)),
  "imputation.json", digits = NA, auto_unbox = TRUE, pretty = TRUE)
