# What base R makes of exported files: one line a fact, name and value apart by a tab. No package beside base and utils.
# The first argument is summarised_result.csv, the second a folder of tables of CohortMethod.
given <- commandArgs(trailingOnly = TRUE)
say <- function(...) cat(paste(..., sep = "\t"), "\n", sep = "")

result <- read.csv(given[1], colClasses = "character", na.strings = "NA", check.names = FALSE)
result$result_id <- as.integer(result$result_id)
say("columns", paste(names(result), collapse = ","))
say("rows", nrow(result))
say("result_id", class(result$result_id), sum(is.na(result$result_id)))
for (column in setdiff(names(result), "result_id")) say("missing", column, class(result[[column]]), sum(is.na(result[[column]])))

is_hidden <- result$estimate_value == "-"
say("hidden", sum(is_hidden))
for (kind in c("numeric", "integer", "percentage", "proportion")) {
  values <- result$estimate_value[result$estimate_type == kind & !is_hidden]
  read <- suppressWarnings(as.numeric(values))
  say("type", kind, length(values), sum(is.na(read)), format(sum(read), digits = 15))
}
whole <- as.numeric(result$estimate_value[result$estimate_type == "integer" & !is_hidden])
say("fractions among integers", sum(whole != round(whole)))

# omopgenerics lays a column of names and one of levels out by " &&& ": as many of one as of the other.
for (pair in c("group", "strata", "additional")) {
  names_of <- strsplit(result[[paste0(pair, "_name")]], " &&& ", fixed = TRUE)
  levels_of <- strsplit(result[[paste0(pair, "_level")]], " &&& ", fixed = TRUE)
  say("uneven", pair, sum(lengths(names_of) != lengths(levels_of)))
}

for (path in sort(list.files(given[2], "[.]csv$", full.names = TRUE))) {
  table <- read.csv(path, check.names = FALSE)
  whole <- 0; broken <- 0
  for (column in grep("_id$", names(table), value = TRUE)) {
    if (is.numeric(table[[column]])) {
      own <- table[[column]][!is.na(table[[column]])]
      whole <- whole + sum(own %% 1000003)  # a sum of the numbers themselves would pass 2^53
      broken <- broken + sum(own != round(own) | own > 2^53)
    }
  }
  kinds <- vapply(table, function(x) class(x)[1], "")
  say("table", basename(path), nrow(table), ncol(table), format(whole, digits = 17, scientific = FALSE), broken,
      paste(names(table)[kinds == "character"], collapse = ","))
}
