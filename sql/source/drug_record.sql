-- grain: one row per delivered drug row and record
-- unit: person
-- What a product holds is found once, in staging.drug_product. Orders that were never filled, or came back, are kept
-- with their status: an order is not a fill. A drug that is named but not read here is out of scope; an unread code
-- is set aside.
with given as (
    select * from source.omop_drug
    union all by name
    select * from source.flat_drug
),
hashed as (
    select *, hash(record_id, product_id, record_type, started_on, ended_on, sig_text, quantity, days_supply,
        refills, status_code) as content
    from given
),
keyed as (
    select *, coalesce(record_id, 'row ' || content) as record_key from hashed
),
repeated as (
    select person_id, source_id, record_key from keyed group by all having count(*) > 1
),
placed as (
    select
        source_file, source_row, record_number,
        case
            when drop_sequence < max(drop_sequence) over (partition by person_id, source_id, record_key)
                then 'superseded'
            when min(content) over delivered <> max(content) over delivered then 'conflicting_id'
            when row_number() over (delivered order by source_file, source_row, record_number) > 1 then 'repeated_row'
        end as repetition
    from keyed
    semi join repeated using (person_id, source_id, record_key)
    window delivered as (partition by person_id, source_id, record_key, drop_sequence)
),
judged as (
    select
        keyed.* exclude (content, record_key),
        coalesce(
            placed.repetition,
            case
                when withdrawn.drop_sequence > keyed.drop_sequence then 'retracted'
                when keyed.status_code = 'entered_in_error' then 'entered_in_error'
                when product.resolution_code = 'no_drug' then 'no_drug'
                when product.resolution_code = 'not_listed' then 'drug_not_listed'
                when product.resolution_code = 'unread_code' then 'drug_code_unknown'
                when keyed.started_on is null then 'date_missing'
                when keyed.started_on > bound.known_until then 'date_in_future'
                when keyed.started_on < date '1900-01-01' then 'date_impossible'
                when keyed.started_on < bound.earliest_on then 'before_birth'
                when keyed.started_on > bound.latest_on then 'after_death'
            end
        ) as reason
    from keyed
    left join placed using (source_file, source_row, record_number)
    left join source.flat_withdrawn as withdrawn
        on withdrawn.person_id = keyed.person_id and withdrawn.source_id = keyed.source_id
        and withdrawn.record_id = keyed.record_id and withdrawn.kind = 'prescription'
    left join source.date_bound as bound on bound.person_id = keyed.person_id
    left join (select distinct product_id, resolution_code from staging.drug_product where ingredient = '') as product
        on product.product_id = keyed.product_id
)
select
    *,
    'drug' as family,
    case
        when reason in ('superseded', 'repeated_row') then 'duplicate'
        when reason in ('retracted', 'entered_in_error', 'drug_not_listed') then 'out_of_scope'
        when reason is not null then 'quarantined'
        else 'staged'
    end as disposition
from judged
