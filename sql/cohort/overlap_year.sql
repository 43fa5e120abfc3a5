-- grain: one row per study, cohort, eligibility step and year of time zero
-- unit: population
-- The years that a rule on overlap lets in. A list and no shares: one person more or less leaves it as it is, so that
-- eligibility is asked again of those alone who changed.
select year.study_id, year.cohort_code, criterion.step_number, year.index_year
from cohort.index_year as year
join ref.study_criterion as criterion
    on criterion.study_id = year.study_id
    and criterion.cohort_code = year.cohort_code
    and criterion.criterion_code = 'overlap_years'
where year.smallest_share >= criterion.minimum
