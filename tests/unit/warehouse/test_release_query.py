"""Which ad-hoc queries are understood, and that every way to put one person behind a number that looks like many is refused."""

import pytest

from pipelines.errors import BadInput
from pipelines.warehouse.release_query import Aggregate, read

PERSON = "from staging.person"


def test_a_query_is_taken_apart() -> None:
    query = read(
        """
        select p.sex_code, case when l.value > 3 then 'high' else 'low' end as band,
            count(distinct p.person_id) as n, count(*), count(l.value) as values, avg(l.value * 2) as mean
        from staging.person p join staging.lab_result l using (person_id)
        left join ref.analyte a on a.analyte_code = l.analyte_code
        where l.value between 3 and 5 and year(l.drawn_on) = 2020
        group by p.sex_code, band
        """
    )
    assert query.columns == ("sex_code", "band", "n", "count_star()", "values", "mean")
    assert [name for name, _ in query.keys] == ["sex_code", "band"]
    assert query.aggregates[0] == Aggregate("n", "people")
    assert query.aggregates[1] == Aggregate("count_star()", "rows")
    assert [a.kind for a in query.aggregates[2:]] == ["count", "avg"]
    assert "WHERE" in query.source and "USING (person_id)" in query.source


def test_the_same_question_has_one_hash_however_it_is_laid_out() -> None:
    one = read("select sex_code, count(*) as n from staging.person where birth_year > 1950 group by sex_code")
    other = read(
        "SELECT sex_code,\n COUNT(*) n FROM staging.person -- a comment\nWHERE (birth_year > 1950) GROUP BY sex_code"
    )
    third = read("select sex_code, count(*) as n from staging.person where birth_year > 1951 group by sex_code")
    assert one.digest == other.digest != third.digest


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("drop table staging.person", "one SELECT"),
        (f"select count(*) {PERSON}; select 1", "several statements"),
        ("select 1", "name a table of people"),
        (f"select * {PERSON}", "neither a column of GROUP BY"),
        (f"select sex_code {PERSON} group by sex_code", "nothing is counted"),
        (f"select birth_year, count(*) {PERSON} group by sex_code", "neither a column of GROUP BY"),
        (f"select count(*) {PERSON} group by sex_code", "must name every column of GROUP BY"),
        (f"select sex_code, count(*) {PERSON} group by all", "GROUP BY ALL"),
        (f"select sex_code, count(*) {PERSON} group by 1", "not their places"),
        (f"select sex_code, count(*) {PERSON} group by rollup (sex_code)", "ROLLUP"),
        (f"select count(*) {PERSON} having count(*) > 3", "HAVING"),
        (f"select count(*) {PERSON} order by 1", "ORDER BY"),
        (f"select distinct count(*) {PERSON}", "DISTINCT"),
        (f"select count(*) {PERSON} limit 1", "LIMIT"),
        (f"select count(*) {PERSON} union all select 1", "set operation"),
        (f"with one as (select 1) select count(*) {PERSON}", "WITH"),
        (f"select max(birth_year) {PERSON}", "one person's"),
        (f"select median(birth_year) {PERSON}", "one person's"),
        (f"select list(birth_year) {PERSON}", "one person's"),
        (f"select any_value(birth_year) {PERSON}", "one person's"),
        (f"select arg_max(birth_year, sex_code) {PERSON}", "one person's"),
        (f"select sum(birth_year) / count(*) {PERSON}", "compute with what is released"),
        (f"select sum(birth_year) over () {PERSON}", "neither a column"),
        (f"select avg(birth_year) filter (where sex_code = 'female') {PERSON}", "FILTER"),
        (f"select count(distinct birth_year) {PERSON}", "person_id alone"),
        (f"select sum(birth_year + (select 1)) {PERSON}", "subquery"),
        (f"select count(*) {PERSON} where birth_year = (select min(birth_year) {PERSON})", "subquery"),
        (f"select count(*) {PERSON} where person_id <> 17", "person_id tells one person"),
        (f"select person_id % 2 as half, count(*) {PERSON} group by half", "person_id tells one person"),
        (f"select avg(person_id) {PERSON}", "person_id tells one person"),
        ("select count(*) from staging.dxa_scan where scan_id = 'a'", "scan_id tells"),
        (f"select count(*) {PERSON} where rowid < 9", "rowid tells"),
        (f"select count(*) {PERSON} where random() < 0.5", r"random\(\) is not among"),
        (f"select count(*) {PERSON} where getenv('HOME') = ''", r"getenv\(\) is not among"),
        (f"select avg(x) from (select birth_year as x {PERSON})", "no subquery"),
        ("select count(*) from read_parquet('x.parquet')", "no function, no file"),
        ("select count(*) from 'x.parquet'", "no such table"),
        ("select count(*) from staging.person as p (a, b, c)", "other names for columns"),
        (f"select count(*) {PERSON} tablesample 10 percent", "sample"),
        ("select avg(l.value) from staging.person p, staging.lab_result l", r"USING \(person_id\)"),
        ("select avg(l.value) from staging.person p join staging.lab_result l on true", r"USING \(person_id\)"),
        ("select count(*) from staging.person p full join staging.death d using (person_id)", "only JOIN and LEFT JOIN"),
        ("select count(*) from staging.person p natural join staging.death d", "only JOIN and LEFT JOIN"),
        ("select count(*) from ref.drug d left join staging.person p on true", "table of people first"),
        ("select count(*) from ref.drug", "no table of people"),
        ("select count(*) from mart.attrition", "neither a table of people nor a code list"),
        ("select count(*) from models.effect_estimate", "neither a table of people nor a code list"),
        (f"select sex_code, count(*) as sex_code {PERSON} group by sex_code", "two columns"),
    ],
)  # fmt: skip
def test_what_could_hide_who_is_behind_a_number_is_refused(sql: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        read(sql)
