# Oracle for pipelines/models/censored.py: survival::survreg, Gaussian, interval2. Data: Tobin's (1958) durable goods as
# shipped in survival, and 60 made rows with left, right, interval and no censoring. Writes censored_input.csv and
# censored.json. Run in this folder: Rscript censored.R
suppressMessages({library(survival); library(jsonlite)})
set.seed(20131)
n <- 60
x1 <- round(rnorm(n), 3); x2 <- rbinom(n, 1, 0.4)
y <- round(1 + 0.8 * x1 - 0.5 * x2 + rnorm(n, sd = 0.7), 3)
kind <- rep(c("exact", "left", "interval", "right"), length.out = n)
kind[kind == "left" & y > 1.2] <- "exact"; kind[kind == "right" & y < 1.5] <- "exact"
lower <- ifelse(kind == "left", NA, ifelse(kind == "right", 1.5, ifelse(kind == "interval", floor(y), y)))
upper <- ifelse(kind == "right", NA, ifelse(kind == "left", 1.2, ifelse(kind == "interval", floor(y) + 1, y)))
mixed <- data.frame(set = "mixed", lower, upper, x1, x2, weight = rep(1:3, length.out = n))
tobit <- data.frame(set = "tobin", lower = ifelse(tobin$durable > 0, tobin$durable, NA), upper = tobin$durable,
                    x1 = tobin$age, x2 = tobin$quant, weight = 1)
write.csv(rbind(mixed, tobit), "censored_input.csv", row.names = FALSE, na = "")
answer <- function(rows, weights) {
  rows$case_weight <- weights
  fit <- survreg(Surv(lower, upper, type = "interval2") ~ x1 + x2, data = rows, weights = case_weight,
                 dist = "gaussian", control = survreg.control(rel.tolerance = 1e-14, maxiter = 200))
  list(coefficients = as.numeric(coef(fit)), log_sigma = log(fit$scale), covariance = unname(fit$var),
       log_likelihood = fit$loglik[2])
}
write_json(list(survival = as.character(packageVersion("survival")), mixed = answer(mixed, 1),
                mixed_weighted = answer(mixed, mixed$weight), tobin = answer(tobit, 1)),
           "censored.json", digits = NA, auto_unbox = TRUE, pretty = TRUE)
