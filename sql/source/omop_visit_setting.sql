-- grain: one row per OMOP visit
-- unit: person
-- The setting that records of a visit were made in. An id that two visits share says nothing.
select
    visit.person_id,
    visit.source_id,
    visit.visit_occurrence_id,
    case when count(distinct concept.code) = 1 then min(concept.code) end as setting_code
from raw.omop_visit_occurrence as visit
join ref.source_word as concept
    on concept.list_code = 'visit' and concept.vocabulary_code = 'omop'
    and concept.word = cast(visit.visit_concept_id as varchar)
where visit.visit_occurrence_id is not null
group by visit.person_id, visit.source_id, visit.visit_occurrence_id
