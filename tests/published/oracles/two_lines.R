# Oracle for pipelines/models/two_lines.py: the two-lines test of Simonsohn (2018), written from the paper with mgcv, sandwich and
# lmtest, on made-up rows of every shape. Writes two_lines.json. Run in this folder: Rscript two_lines.R
suppressMessages({library(mgcv); library(sandwich); library(lmtest); library(jsonlite)})
half <- function(x, y, z, xc, side) {
  above <- if (side == 1) x > xc else x >= xc
  d <- data.frame(y = y, low = ifelse(above, 0, x - xc), high = ifelse(above, x - xc, 0), jump = as.numeric(above))
  fit <- if (is.null(z)) lm(y ~ low + high + jump, d) else lm(y ~ low + high + jump + z, d)
  coeftest(fit, vcov. = vcovHC(fit, "HC3"), df = Inf)[side + 1, ]
}
test <- function(x, y, z = NULL) {
  frame <- data.frame(x = x, y = y)
  fit <- if (is.null(z)) gam(y ~ s(x, bs = "cr", k = 10)) else gam(y ~ z + s(x, bs = "cr", k = 10))
  at <- data.frame(x = x)
  if (!is.null(z)) at$z <- matrix(colMeans(z), nrow = length(x), ncol = ncol(z), byrow = TRUE)
  told <- predict(fit, at, se.fit = TRUE)
  inside <- x > quantile(x, 0.1) & x < quantile(x, 0.9)
  square <- coef(if (is.null(z)) lm(y ~ x + I(x^2)) else lm(y ~ x + I(x^2) + z))
  falls <- square[2] + 2 * square[3] * min(x) <= 0
  f <- as.numeric(told$fit)[inside]; se <- as.numeric(told$se.fit)[inside]
  flat <- x[inside][if (falls) f - se < min(f) else f + se > max(f)]
  first <- median(flat)
  z1 <- abs(half(x, y, z, first, 1)[3]); z2 <- abs(half(x, y, z, first, 2)[3])
  xc <- as.numeric(quantile(flat, z2 / (z1 + z2)))
  one <- half(x, y, z, xc, 1); two <- half(x, y, z, xc, 2)
  list(edf = sum(fit$edf), fitted = as.numeric(told$fit)[1:20], fitted_se = as.numeric(told$se.fit)[1:20], first = first,
       place = xc, slopes = as.numeric(c(one[1], two[1])), se = as.numeric(c(one[2], two[2])),
       p = as.numeric(c(one[4], two[4])))
}
set.seed(20181)
n <- 1500
x <- rnorm(n, log(25), 0.45)
z <- cbind(rnorm(n) + 0.3 * (x - log(25)), rbinom(n, 1, 0.4))
curve <- list(
  u = 0.15 + 0.9 * (x - log(25))^2,
  inverted = pmax(0.9 - 1.1 * (x - log(25))^2, 0.02),
  monotone = plogis(-1.5 + 1.2 * (x - log(25))),
  flattening = plogis(-2.2 + 2.5 * pmax(log(30) - x, 0)),
  none = rep(0.2, n)
)
cases <- lapply(curve, function(p) as.numeric(runif(n) < pmin(p, 0.98)))
confounded <- as.numeric(runif(n) < pmin(pmax(0.1 + 0.5 * (x - log(25))^2 + 0.05 * z[, 1] + 0.1 * z[, 2], 0.01), 0.98))
write.csv(round(data.frame(x = x, z1 = z[, 1], z2 = z[, 2], do.call(cbind, cases), confounded = confounded), 6),
          "two_lines_input.csv", row.names = FALSE)
d <- read.csv("two_lines_input.csv")
out <- lapply(names(cases), function(name) test(d$x, d[[name]]))
names(out) <- names(cases)
out$confounded <- test(d$x, d$confounded, cbind(d$z1, d$z2))
out$mgcv <- as.character(packageVersion("mgcv"))
write_json(out, "two_lines.json", digits = NA, pretty = TRUE, auto_unbox = TRUE)
