-- grain: one row per spelling of site, side and vertebrae
-- unit: person
-- Words of a site are looked up whole, after words of a side and vertebra numbers were taken out: 'LT FEMUR NECK' is
-- the left femoral neck, 'AP Spine L2-L4' the lumbar spine of three vertebrae. Each spelling is read once.
with given as (
    select site_text, side_text, vertebrae_text from source.omop_dxa
    union
    select site_text, side_text, vertebrae_text from source.flat_dxa
),
plain as (
    select
        *,
        trim(regexp_replace(lower(coalesce(site_text, '')), '[^a-z0-9äöüßáéèíóúñ]+', ' ', 'g'))
            as site_words,
        trim(regexp_replace(lower(coalesce(side_text, '')), '[^a-z0-9äöüßáéèíóúñ]+', ' ', 'g'))
            as side_words,
        lower(coalesce(vertebrae_text, '') || ' ' || coalesce(site_text, '')) as vertebrae_words
    from given
),
side_word as (
    select
        list(code) as any_side,
        list(code) filter (where value_code = 'left') as left_words,
        list(code) filter (where value_code = 'right') as right_words,
        list(code) filter (where value_code = 'both') as both_words
    from ref.dxa_code
    where list_code = 'side'
),
levelled as (
    select
        *,
        string_split(site_words, ' ') as words,
        regexp_extract(vertebrae_words, '\bl?([1-4])\s*(?:-|–|:|to|bis|a|à)\s*l?([1-4])\b', ['top', 'bottom']) as span,
        list_sort(list_distinct(regexp_extract_all(vertebrae_words, '\bl([1-4])', 1))) as single
    from plain
),
counted as (
    select
        levelled.* exclude (span, single),
        case
            when span.top <> '' and span.top < span.bottom then list_transform(
                range(try_cast(span.top as bigint), try_cast(span.bottom as bigint) + 1), lambda n: cast(n as varchar)
            )
            when len(single) > 0 then single
        end as levels,
        array_to_string(
            list_filter(
                words, lambda word: not list_contains(any_side, word) and not regexp_full_match(word, 'l[1-4](l[1-4])?')
            ),
            ' '
        ) as rest,
        case
            when list_has_any(words, both_words) then 'both'
            when list_has_any(words, left_words) and list_has_any(words, right_words) then 'both'
            when list_has_any(words, left_words) then 'left'
            when list_has_any(words, right_words) then 'right'
        end as side_in_site
    from levelled
    cross join side_word
)
select
    counted.site_text,
    counted.side_text,
    counted.vertebrae_text,
    coalesce(
        whole.value_code, part.value_code,
        case
            when counted.rest = '' and len(counted.levels) = 1 then 'l' || counted.levels[1]
            when counted.rest = '' and len(counted.levels) > 1 then 'lumbar_spine'
        end
    ) as site_code,
    coalesce(written.value_code, counted.side_in_site) as side_code,
    len(counted.levels) as n_vertebrae,
    case
        when try_cast(counted.levels[-1] as bigint) - try_cast(counted.levels[1] as bigint) + 1 = len(counted.levels)
            and len(counted.levels) > 1 then 'L' || counted.levels[1] || '-L' || counted.levels[-1]
        else 'L' || array_to_string(counted.levels, ',L')
    end as vertebrae_code
from counted
left join ref.dxa_code as whole on whole.list_code = 'site' and whole.code = counted.site_words
left join ref.dxa_code as part on part.list_code = 'site' and part.code = counted.rest
left join ref.dxa_code as written on written.list_code = 'side' and written.code = counted.side_words
