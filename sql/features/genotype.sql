-- grain: one row per person with a genotype
-- unit: person
-- A genotype does not change: records that disagree tell nothing. Few sources hold any.
with limits as (
    select max(value) as long_from from ref.clinical_limit where limit_code = 'ttta_long_repeats'
),
told as (
    select
        person_id,
        observation_code,
        cast(round(min(value)) as bigint) as value,
        min(value) <> max(value) as is_conflicting
    from staging.observation
    where observation_code in (
        'cyp19a1_rs700518', 'cyp19a1_rs4646', 'cyp19a1_rs10046', 'cyp19a1_ttta_shorter', 'cyp19a1_ttta_longer'
    )
    group by person_id, observation_code
),
typed as (
    select
        person_id,
        max(value) filter (where observation_code = 'cyp19a1_rs700518' and not is_conflicting) as rs700518_a,
        max(value) filter (where observation_code = 'cyp19a1_rs4646' and not is_conflicting) as rs4646_t,
        max(value) filter (where observation_code = 'cyp19a1_rs10046' and not is_conflicting) as rs10046_t,
        max(value) filter (where observation_code = 'cyp19a1_ttta_shorter' and not is_conflicting) as ttta_shorter,
        max(value) filter (where observation_code = 'cyp19a1_ttta_longer' and not is_conflicting) as ttta_longer,
        bool_or(is_conflicting) as is_conflicting
    from told
    group by person_id
)
select
    typed.*,
    cast(typed.ttta_shorter >= limits.long_from as bigint) + cast(typed.ttta_longer >= limits.long_from as bigint)
        as ttta_long
from typed
cross join limits
