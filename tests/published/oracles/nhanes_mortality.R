# Oracle on real NHANES for pipelines/models/survey_hazard.py: svycoxph of R survey on men of 40 and over with linked deaths, by
# measured estradiol (2013-14) and by T-score (2005-06). Only these sums leave; the rows that nhanes_followed.py writes stay in
# the temporary folder. Run in this folder, after nhanes_followed.py: Rscript nhanes_mortality.R TEMPORARY_FOLDER
suppressMessages({library(survey); library(survival); library(jsonlite)})
from <- commandArgs(trailingOnly = TRUE)[1]
answer <- sapply(c("estradiol", "femoral_neck"), function(name) {
  rows <- read.csv(file.path(from, paste0(name, ".csv")))
  design <- svydesign(id = ~psu_code, strata = ~stratum_code, weights = ~weight, data = rows, nest = TRUE)
  men <- subset(design, inside == 1)
  fit <- svycoxph(Surv(months, died) ~ exposure + age + bmi, design = men)
  list(n = nrow(men), events = fit$nevent, df = degf(men), coefficients = unname(coef(fit)), se = unname(SE(fit)))
}, simplify = FALSE)
write_json(c(list(survey = as.character(packageVersion("survey"))), answer), "nhanes_mortality.json", digits = NA,
           auto_unbox = TRUE, pretty = TRUE)
