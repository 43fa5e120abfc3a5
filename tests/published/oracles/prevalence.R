# Oracle for the intervals of pipelines/models/bone_prevalence.py: R survey::svyciprop, method "logit", on the schools of
# survey_input.csv. Writes prevalence.json. Run in this folder, after survey.R: Rscript prevalence.R
suppressMessages({library(survey); library(jsonlite)})
rows <- read.csv("survey_input.csv")
design <- svydesign(id = ~psu_code, strata = ~stratum_code, weights = ~weight, data = rows, nest = TRUE)
domains <- list(all = design, elementary = subset(design, is_elementary == 1), few_learners = subset(design, ell < 8))
answer <- lapply(domains, function(d) {
  share <- svyciprop(~I(meals > 50), d, method = "logit", df = degf(d))
  list(share = as.numeric(share), df = degf(d), interval = as.numeric(confint(share)))
})
write_json(list(r = R.version.string, survey = as.character(packageVersion("survey")), domains = answer),
           "prevalence.json", digits = NA, auto_unbox = TRUE, pretty = TRUE)
