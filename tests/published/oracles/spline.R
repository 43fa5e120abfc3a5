# Oracle for pipelines/models/spline.py: Hmisc::rcspline.eval, norm = 2, linear term included. Writes spline.json.
# Run in this folder: Rscript spline.R
suppressMessages({library(Hmisc); library(jsonlite)})
x <- c(-1, 0.2, 1.1, 1.9, 2.5, 3.3, 4.2, 5.4, 7, 12)
four <- c(1.1, 2.3, 3.1, 5.4); three <- c(0.5, 2, 4)
eval <- function(knots) unname(matrix(as.numeric(rcspline.eval(x, knots = knots, inclx = TRUE, norm = 2)), nrow = length(x)))
write_json(list(hmisc = as.character(packageVersion("Hmisc")), x = x, four_knots = four, four = eval(four),
                three_knots = three, three = eval(three)), "spline.json", digits = NA, pretty = TRUE, auto_unbox = TRUE)
