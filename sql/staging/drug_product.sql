-- grain: one row per product and ingredient
-- unit: population
-- What each product that any source names holds: by concept or code, by the delivered vocabulary, or by the words of
-- its name, in this order. A name found inside a longer one ('estradiol' in 'ethinyl estradiol') does not count.
-- Strength: from the vocabulary, else from the text; in a product of several ingredients only from the part of the
-- text that names the ingredient. Products that no list knows keep one row without an ingredient, and say so.
with product as (
    select
        *,
        ' ' || trim(regexp_replace(
            lower(concat_ws(' ', ingredient_text, drug_text, source_concept_name, concept_name)), '[^a-z0-9]+', ' ', 'g'
        )) || ' ' as name_words,
        ' ' || trim(regexp_replace(lower(concat_ws(' ', ingredient_text, drug_text)), '[^a-z0-9]+', ' ', 'g')) || ' '
            as own_words
    from source.drug_product_named
),
name as (
    select distinct
        ingredient,
        ' ' || trim(regexp_replace(drug_name, '[^a-z0-9]+', ' ', 'g')) || ' ' as words
    from ref.drug
),
spotted as (
    select
        product.product_id, name.ingredient, name.words,
        contains(product.own_words, name.words) as is_own_word,
        length(product.name_words) - length(replace(product.name_words, name.words, '  ')) as covered
    from product
    join name on contains(product.name_words, name.words)
),
by_name as (
    select distinct spotted.product_id, spotted.ingredient, spotted.is_own_word
    from spotted
    where not exists (
        select 1 from spotted as longer
        where longer.product_id = spotted.product_id
            and longer.ingredient <> spotted.ingredient
            and longer.words <> spotted.words
            and contains(longer.words, spotted.words)
    )
),
concept as (
    select product_id, concept_id from product where concept_id is not null
    union
    select product_id, source_concept_id from product where source_concept_id is not null
),
coded as (
    select product_id, 'omop' as vocabulary_code, cast(concept_id as varchar) as code from concept
    union
    select product_id, code_system, code from product where code_system is not null and code is not null
),
by_code as (
    select coded.product_id, listed.ingredient, listed.product_name
    from coded
    join ref.drug_code as listed on listed.vocabulary_code = coded.vocabulary_code and listed.code = coded.code
),
by_vocabulary as (
    select
        concept.product_id,
        held.ingredient,
        max(held.strength_mg) as strength_mg,
        max(held.concentration_mg_per_ml) as concentration_mg_per_ml,
        max(held.volume_ml) as volume_ml
    from concept
    join source.drug_vocabulary as held on held.concept_id = concept.concept_id
    group by concept.product_id, held.ingredient
),
candidate as (
    select product_id, ingredient, 1 as rank, 'code' as resolution_code from by_code
    union all
    select product_id, ingredient, 2, 'vocabulary' from by_vocabulary
    union all
    select product_id, ingredient, 3, 'name' from by_name
),
chosen as (
    select product_id, ingredient, min(rank) as rank, arg_min(resolution_code, rank) as resolution_code
    from (
        select candidate.*
        from candidate
        left join by_name as own
            on own.product_id = candidate.product_id and own.ingredient = candidate.ingredient and own.is_own_word
        qualify candidate.rank = min(candidate.rank) over (partition by candidate.product_id)
            or (candidate.rank = 3 and own.is_own_word)
    )
    group by product_id, ingredient
),
held as (
    select
        product.product_id,
        coalesce(chosen.ingredient, '') as ingredient,
        coalesce(
            chosen.resolution_code,
            case
                when product.drug_text is not null or product.ingredient_text is not null
                    or product.concept_name is not null or product.source_concept_name is not null then 'not_listed'
                when product.code is not null or product.concept_id is not null or product.source_concept_id is not null
                    then 'unread_code'
                else 'no_drug'
            end
        ) as resolution_code,
        count(*) over (partition by product.product_id) as n_ingredients,
        coalesce(
            product.drug_text, by_code.product_name, product.source_concept_name, product.concept_name,
            product.ingredient_text, product.code, ''
        ) as drug_name,
        lower(coalesce(product.strength_text, '')) as strength_words,
        lower(coalesce(
            product.drug_text, by_code.product_name, product.source_concept_name, product.concept_name, ''
        )) as text_words,
        lower(concat_ws(' ', product.form_text, product.drug_text, by_code.product_name, product.source_concept_name,
            product.concept_name)) as form_words,
        product.concept_id,
        product.source_concept_id
    from product
    left join chosen on chosen.product_id = product.product_id
    left join (
        select product_id, ingredient, min(product_name) as product_name from by_code group by product_id, ingredient
    ) as by_code on by_code.product_id = chosen.product_id and by_code.ingredient = chosen.ingredient
),
parted as (
    select
        held.*,
        unnest(
            case
                when n_ingredients = 1
                    then [case when regexp_matches(strength_words, '\d') then strength_words else text_words end]
                else regexp_split_to_array(text_words, '\s/\s|\s\+\s|;|\swith\s|\sand\s')
            end
        ) as part
    from held
),
alias as (
    select ingredient, words from name
    union
    select distinct ingredient, ' ' || trim(regexp_replace(ingredient, '[^a-z0-9]+', ' ', 'g')) || ' '
    from chosen
),
-- A part that names two of the ingredients says the strength of neither.
told as (
    select
        product_id, ingredient, part,
        count(*) over (partition by product_id, part) as n_named,
        n_ingredients
    from parted
    where n_ingredients = 1 or exists (
        select 1 from alias
        where alias.ingredient = parted.ingredient
            and contains(' ' || trim(regexp_replace(parted.part, '[^a-z0-9]+', ' ', 'g')) || ' ', alias.words)
    )
    qualify n_ingredients = 1 or n_named = 1
),
measured as (
    select
        parted.product_id,
        parted.ingredient,
        min(nullif(regexp_extract(part, '(\d+(?:[.,]\d+)?)\s*(?:mg|mcg|ug|µg|g|gm)\b', 1), '')) as number_text,
        min(nullif(regexp_extract(part, '\d+(?:[.,]\d+)?\s*(mg|mcg|ug|µg|g|gm)\b', 1), '')) as unit_text,
        min(nullif(regexp_extract(
            part, '\d\s*(?:mg|mcg|ug|µg|g|gm)\s*(?:/|per)\s*(\d+(?:\.\d+)?)?\s*(?:ml|milliliter)\b', 0
        ), '')) as per_ml_text,
        min(nullif(regexp_extract(
            part, '\d\s*(?:mg|mcg|ug|µg|g|gm)\s*(?:/|per)\s*(\d+(?:\.\d+)?)\s*(?:ml|milliliter)\b', 1
        ), '')) as denominator_text,
        bool_or(regexp_matches(
            part,
            '\d\s*(?:mg|mcg|ug|µg|g|gm)\s*(?:/|per)\s*(?:\d+\s*)?(?:h|hr|hour|day|d|24|actuat|act|pump|spray|dose)'
        )) as is_rate,
        min(nullif(regexp_extract(part, '(\d+(?:\.\d+)?)\s*%', 1), '')) as percent_text,
        count(distinct part) as n_parts
    from told as parted
    group by parted.product_id, parted.ingredient
),
written as (
    select
        product_id,
        ingredient,
        cast(replace(number_text, ',', '.') as double)
            * case unit_text when 'mg' then 1 when 'g' then 1000 when 'gm' then 1000 else 0.001e0 end as amount_mg,
        per_ml_text is not null as is_per_ml,
        coalesce(cast(denominator_text as double), 1) as denominator_ml,
        is_rate,
        10 * cast(percent_text as double) as percent_mg_per_ml
    from measured
    where n_parts = 1
),
form as (
    select held.product_id, held.ingredient, arg_max(word.code, length(word.word)) as form_code
    from held
    join ref.source_word as word
        on word.list_code = 'form' and word.vocabulary_code = 'word'
        and contains(
            ' ' || trim(regexp_replace(held.form_words, '[^a-zéèü0-9]+', ' ', 'g')) || ' ', ' ' || word.word || ' '
        )
    group by held.product_id, held.ingredient
),
class as (
    select ingredient, any_value(drug_class) as drug_class, any_value(route_code) as route_code,
        any_value(marketed_strength_mg) as marketed_strength_mg
    from ref.drug
    group by ingredient
),
joined as (
    select
        held.product_id,
        held.ingredient,
        held.resolution_code,
        held.n_ingredients,
        held.drug_name,
        held.form_words,
        class.drug_class,
        class.marketed_strength_mg,
        form.form_code,
        case
            when regexp_matches(held.form_words, '\boral\b|\bpo\b') then 'oral'
            when form.form_code = 'pellet' then 'implant'
            when regexp_matches(held.form_words, '\bvag') then 'vaginal'
            when regexp_matches(held.form_words, '\btopical\b') then 'topical'
            when regexp_matches(held.form_words, '\bintramuscular\b') then 'intramuscular'
            when regexp_matches(held.form_words, '\bsubcutaneous\b') then 'subcutaneous'
            when regexp_matches(held.form_words, '\btransdermal\b') or form.form_code = 'patch' then 'transdermal'
            else class.route_code
        end as route_code,
        coalesce(
            vocabulary.strength_mg,
            case when not written.is_per_ml and not written.is_rate then written.amount_mg end
        ) as strength_mg,
        coalesce(
            vocabulary.concentration_mg_per_ml,
            case when written.is_per_ml then written.amount_mg / written.denominator_ml end,
            case when written.amount_mg is null then written.percent_mg_per_ml end
        ) as concentration_mg_per_ml,
        coalesce(
            vocabulary.volume_ml,
            try_cast(nullif(regexp_extract(held.form_words, '(?:^|\s)(\d+(?:\.\d+)?)\s*ml\s', 1), '') as double),
            case when written.is_per_ml and written.denominator_ml > 1 then written.denominator_ml end
        ) as volume_ml
    from held
    left join class on class.ingredient = held.ingredient
    left join form on form.product_id = held.product_id and form.ingredient = held.ingredient
    left join written on written.product_id = held.product_id and written.ingredient = held.ingredient
    left join by_vocabulary as vocabulary
        on vocabulary.product_id = held.product_id and vocabulary.ingredient = held.ingredient
)
select
    product_id,
    ingredient,
    resolution_code,
    drug_name,
    drug_class,
    n_ingredients,
    strength_mg,
    concentration_mg_per_ml,
    volume_ml,
    form_code,
    route_code,
    case
        when concentration_mg_per_ml is not null then printf('%g mg/mL', concentration_mg_per_ml)
        when strength_mg is not null then printf('%g mg', strength_mg) || coalesce(' ' || form_code, '')
        when n_ingredients = 1 then drug_name
    end as strength_text,
    regexp_matches(form_words, '\bcompound|\bcmpd\b|\bcpd\b')
        or coalesce(drug_class = 'aromatase_inhibitor' and form_code in ('pellet', 'troche'), false)
        or coalesce(
            n_ingredients > 1
            and bool_or(drug_class = 'aromatase_inhibitor') over product_rows
            and bool_or(drug_class = 'androgen') over product_rows, false
        )
        or coalesce(
            marketed_strength_mg is not null and strength_mg is not null
            and not list_contains(
                list_transform(string_split(marketed_strength_mg, '|'), lambda s: cast(s as double)), strength_mg
            ), false
        ) as is_compounded
from joined
window product_rows as (partition by product_id)
