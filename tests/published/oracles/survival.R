# Oracle for pipelines/models/survival_curve.py and cox.py: R survival on its own data (lung, veteran, heart, pbc, mgus2)
# and on survival_input.csv (written by survival_export.py). Writes survival.json and mgus2.csv (the public rows that the
# tests need and that lie nowhere else: `mgus2` of R package survival, 1,384 people of the Mayo Clinic with a monoclonal
# gammopathy, Kyle et al. (2002), NEJM 346:564; prepared by Therneau, LGPL >= 2). Run in this folder: Rscript survival.R
suppressMessages({library(survival); library(jsonlite)})
point <- function(fit, at, scale = 1) {
  s <- summary(fit, times = at)
  list(survival = as.numeric(s$surv), se = as.numeric(s$std.err))
}
states <- function(fit, at) {
  s <- summary(fit, times = at)
  list(pstate = unname(s$pstate), se = unname(s$std.err))
}
curve <- list()
l <- survfit(Surv(time, status) ~ 1, data = lung)
curve$lung <- c(point(l, c(100, 365, 730)), list(median = unname(quantile(l, .5)$quantile)),
                as.list(summary(l, rmean = 365.25)$table[c("rmean", "se(rmean)")]))
for (a in 1:2) curve[[paste0("veteran_", a)]] <-
  point(survfit(Surv(time, status) ~ 1, data = veteran[veteran$trt == a, ]), c(30, 90, 180, 365))
heart_curve <- survfit(Surv(start, stop, event) ~ 1, data = heart, id = id, cluster = id)
curve$heart <- point(heart_curve, c(30, 90, 365, 730))
pbc$months <- pbc$time
pbc$kind <- factor(pbc$status, 0:2, c("censored", "transplant", "death"))
curve$pbc <- states(survfit(Surv(months, kind) ~ 1, data = pbc), c(365, 1826, 3652))
m <- mgus2
m$etime <- with(m, ifelse(pstat == 0, futime, ptime)); m$e <- with(m, ifelse(pstat == 0, 2 * death, 1))
m$kind <- factor(m$e, 0:2, c("censored", "pcm", "death"))
write.csv(data.frame(months = m$etime, event = m$e, is_man = as.integer(m$sex == "M"), age = m$age, mspike = m$mspike),
          "mgus2.csv", row.names = FALSE, na = "")
for (s in c("F", "M")) curve[[paste0("mgus2_", s)]] <-
  states(survfit(Surv(etime, kind) ~ 1, data = m[m$sex == s, ]), c(60, 120, 240))
rows <- read.csv("survival_input.csv")
for (s in unique(rows$set)) {
  d <- rows[rows$set == s, ]
  # Competing curves of survfit follow a person with the weight of the first row: give it, so that the numbers are comparable.
  d$own <- ave(d$weight, d$person, FUN = function(w) w[1]); d$kind <- factor(d$event, 0:2, c("censored", "one", "two"))
  curve[[s]] <- list(
    aj = states(survfit(Surv(start, stop, kind) ~ 1, data = d, id = person, weights = own, cluster = person), c(6, 12, 20)),
    km = point(survfit(Surv(start, stop, event > 0) ~ 1, data = d, id = person, weights = weight, cluster = person,
                       robust = TRUE), c(6, 12, 20)))
}
told <- function(fit) {
  v <- vcov(fit)
  naive <- if (is.null(fit$naive.var)) fit$var else fit$naive.var
  list(coefficients = unname(coef(fit)), se = unname(sqrt(diag(v))), naive_se = unname(sqrt(diag(naive))),
       loglik = fit$loglik, n = fit$n, events = fit$nevent)
}
tested <- function(fit, transform) {
  z <- cox.zph(fit, transform = transform, terms = FALSE)
  unname(z$table[, c("chisq", "df", "p")])
}
based <- function(fit, at) {
  b <- basehaz(fit, centered = FALSE)
  if (is.null(b$strata)) approx(c(0, b$time), c(0, b$hazard), at, method = "constant", rule = 2)$y else
    unname(lapply(split(b, b$strata), function(p) approx(c(0, p$time), c(0, p$hazard), at, method = "constant", rule = 2)$y))
}
cox <- list()
v <- coxph(Surv(time, status) ~ trt + karno, data = veteran)
cox$veteran <- c(told(v), list(zph_km = tested(v, "km"), zph_identity = tested(v, "identity"), zph_log = tested(v, "log"),
                              base = based(v, c(30, 90, 365))))
cox$veteran_age <- told(coxph(Surv(time, status) ~ trt + celltype + karno + age, data = veteran))
vb <- coxph(Surv(time, status) ~ trt + karno, data = veteran, ties = "breslow")
cox$veteran_breslow <- c(told(vb), list(base = based(vb, c(30, 90, 365))))
vs <- coxph(Surv(time, status) ~ trt + karno + strata(celltype), data = veteran)
cox$veteran_strata <- c(told(vs), list(zph_km = tested(vs, "km"), base = based(vs, c(30, 90))))
split <- survSplit(Surv(time, status) ~ ., data = veteran, cut = c(90), episode = "tgroup", id = "id")
cox$veteran_split <- told(coxph(Surv(tstart, time, status) ~ trt + karno:strata(tgroup), data = split))
# The model of the package's vignette on time-dependent coefficients.
split <- survSplit(Surv(time, status) ~ ., data = veteran, cut = c(90, 180), episode = "tgroup", id = "id")
cox$veteran_split_twice <- told(coxph(Surv(tstart, time, status) ~ trt + prior + karno:strata(tgroup), data = split))
h <- coxph(Surv(start, stop, event) ~ age + year + surgery + transplant, data = heart, cluster = id)
cox$heart <- c(told(h), list(zph_identity = tested(coxph(Surv(start, stop, event) ~ age + year + surgery + transplant,
                                                        data = heart), "identity")))
p <- coxph(Surv(time, status == 2) ~ age + edema + log(bili) + log(protime) + log(albumin), data = pbc)
cox$pbc <- c(told(p), list(zph_km = tested(p, "km")))
lw <- lung[!is.na(lung$ph.ecog), ]; lw$w <- 0.5 + (seq_len(nrow(lw)) %% 5) / 4
cox$lung_weighted <- told(coxph(Surv(time, status) ~ age + ph.ecog + wt.loss + strata(sex), data = lw, weights = w,
                                robust = TRUE))
for (s in unique(rows$set)) {
  d <- rows[rows$set == s, ]
  form <- if (s == "strata") Surv(start, stop, event == 1) ~ x + arm + z + strata(site) else
    Surv(start, stop, event == 1) ~ x + arm + z
  for (ties in c("efron", "breslow")) {
    f <- coxph(form, data = d, weights = weight, cluster = person, ties = ties)
    cox[[paste(s, ties, sep = "_")]] <- c(told(f), list(base = based(f, c(6, 12, 20))))
  }
}
gray <- function(data, etype, form) {
  fg <- finegray(form, data = data, etype = etype)
  coxph(Surv(fgstart, fgstop, fgstatus) ~ age + is_man, weights = fgwt, data = fg, cluster = person)
}
mg <- data.frame(person = seq_len(nrow(m)), etime = m$etime, kind = m$kind, age = m$age, is_man = as.integer(m$sex == "M"))
fine <- list()
for (k in c("pcm", "death")) fine[[paste0("mgus2_", k)]] <- told(gray(mg, k, Surv(etime, kind) ~ .))
suppressMessages(library(cmprsk))
for (k in 1:2) {
  f <- crr(m$etime, as.integer(m$e), cbind(age = m$age, is_man = as.integer(m$sex == "M")), failcode = k, cencode = 0)
  fine[[paste0("cmprsk_mgus2_", k)]] <- list(coefficients = unname(f$coef), se = unname(sqrt(diag(f$var))))
}
single <- rows[rows$set == "strata", ]
last <- single[!duplicated(single$person, fromLast = TRUE), ]
for (k in 1:2) {
  f <- crr(last$stop, last$event, cbind(last$x, last$arm), failcode = k, cencode = 0)
  fine[[paste0("cmprsk_strata_", k)]] <- list(coefficients = unname(f$coef), se = unname(sqrt(diag(f$var))))
  last$kind <- factor(last$event, 0:2, c("censored", "one", "two"))
  fg <- finegray(Surv(stop, kind) ~ ., data = last[c("person", "stop", "kind", "x", "arm")], etype = c("one", "two")[k])
  for (ties in c("efron", "breslow")) fine[[paste("strata", k, ties, sep = "_")]] <-
    told(coxph(Surv(fgstart, fgstop, fgstatus) ~ x + arm, weights = fgwt, data = fg, cluster = person, ties = ties))
}
write_json(list(r = R.version.string, survival = as.character(packageVersion("survival")),
                cmprsk = as.character(packageVersion("cmprsk")), curve = curve, cox = cox, fine = fine),
           "survival.json", digits = NA, auto_unbox = TRUE, pretty = TRUE)
