"""The output check of ad-hoc queries on a small warehouse with planted small groups: what may leave, and what is refused."""

from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.errors import BadInput
from pipelines.settings import Settings
from pipelines.warehouse import release_ledger
from pipelines.warehouse.release_output import Output, release

MIN_CELL = 11


def people(n: int = 400) -> pl.DataFrame:
    """Women of three towns, one of them small; one who earns more than all others; few who never told."""
    number = pl.int_range(n, eager=True)
    return pl.DataFrame({"person_id": number}).with_columns(
        sex_code=pl.when(number % 2 == 0).then(pl.lit("female")).otherwise(pl.lit("male")),
        birth_year=1940 + number % 40,
        race_code=pl.when(number < 6).then(pl.lit("rare")).when(number < 150).then(pl.lit("b")).otherwise(pl.lit("c")),
    )


def write(home: Path, frame: pl.DataFrame, evidence: str = "real", value: pl.Expr | None = None) -> Settings:
    settings = Settings(home=home, memory_gb=0.5, threads=1)
    home.mkdir(exist_ok=True)
    path = home / "warehouse.duckdb"
    path.unlink(missing_ok=True)
    labs = frame.select("person_id", value=pl.lit(1.0) if value is None else value)
    with duckdb.connect(str(path)) as made:
        made.execute("create schema staging; create schema mart")
        made.register("people", frame.to_arrow())
        made.register("labs", labs.to_arrow())
        made.execute("create table staging.person as from people; create table staging.lab_result as from labs")
        made.execute(f"create table mart.build as select '{evidence}' as evidence_source")
    return settings


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return write(tmp_path / "home", people(), value=(pl.col("person_id") * 37 % 101).cast(pl.Float64))


def ask(settings: Settings, sql: str) -> Output:
    return release(settings, settings.home / "warehouse.duckdb", sql)


BY_RACE = "select race_code, count(distinct person_id) as n from staging.person group by race_code"


def test_counts_are_made_by_us_rounded_and_the_small_one_is_hidden_with_another(home: Settings) -> None:
    found = ask(home, BY_RACE)
    assert found.frame.columns == ["race_code", "n", "n_people"]
    assert found.frame.rows() == [("c", 253, 253)], "the rare, and the smaller of the others, which would tell it"
    assert sum(found.hidden.values()) == 2


def test_public_people_are_counted_exactly(tmp_path: Path) -> None:
    settings = write(tmp_path / "home", people(), evidence="public_survey")
    assert ask(settings, BY_RACE).frame.rows() == [("c", 250, 250)]
    assert not (settings.home / "state").exists()


def test_a_line_of_a_table_of_two_keys_tells_no_small_cell(home: Settings) -> None:
    found = ask(
        home, "select race_code, sex_code, count(*) as n from staging.person group by race_code, sex_code"
    ).frame
    for key in ("race_code", "sex_code"):
        hidden = 3 if key == "sex_code" else 2
        for _, part in found.group_by(key):
            assert hidden - part.height != 1, "one hidden cell of a line is the total less the others"


def test_nothing_at_all_is_a_refusal(home: Settings) -> None:
    with pytest.raises(BadInput, match="nothing of it may leave: fewer than 11 people"):
        ask(home, "select count(*) as n from staging.person where race_code = 'rare'")


def test_a_mean_of_ones_and_noughts_counts_people_too(home: Settings) -> None:
    share = "select avg(case when race_code = 'rare' then 1 else 0 end) as share from staging.person"
    found = ask(home, share)
    assert found.frame.row(0, named=True)["share"] is None
    moved = ask(home, share.replace("then 1 else 0", "then 8 else 7"))
    assert moved.frame.row(0, named=True)["share"] is None
    fair = ask(home, share.replace("= 'rare'", "= 'b'"))
    assert fair.frame.row(0, named=True)["share"] == 0.36


def test_a_mean_that_few_have_or_few_lack_is_hidden(home: Settings) -> None:
    some = "select avg(case when race_code = 'rare' then null else birth_year end) as mean from staging.person"
    assert ask(home, some).frame["mean"].to_list() == [None]
    few = "select avg(case when race_code = 'rare' then birth_year end) as mean from staging.person"
    assert ask(home, few).frame["mean"].to_list() == [None]


def test_one_person_makes_up_no_sum(tmp_path: Path) -> None:
    rich = pl.when(pl.col("person_id") == 7).then(1e6).otherwise(pl.col("person_id") * 37 % 101)
    settings = write(tmp_path / "home", people(), value=rich)
    found = ask(
        settings,
        "select sum(value) as total, avg(value) as mean, stddev(value) as sd, count(*) as n from staging.lab_result",
    )
    row = found.frame.row(0, named=True)
    assert (row["total"], row["mean"], row["n"]) == (None, None, 396)
    assert any("two of them" in reason for reason in found.hidden)


def test_rows_are_no_people(tmp_path: Path) -> None:
    """Four hundred results of three people: three people."""
    settings = write(tmp_path / "home", people().with_columns(person_id=pl.col("person_id") % 3))
    with pytest.raises(BadInput, match="nothing of it may leave"):
        ask(settings, "select avg(value) as mean from staging.lab_result")


def test_another_query_that_leaves_one_person_out_is_hidden(home: Settings) -> None:
    everybody = (
        "select avg(value) as mean from staging.person join staging.lab_result using (person_id) where birth_year > {}"
    )
    mean = ask(home, everybody.format(1900)).frame["mean"][0]
    assert mean == pytest.approx(50.3, abs=1)
    with pytest.raises(BadInput, match="differs by few people from a row that another query told"):
        ask(home, everybody.format(1940))
    assert ask(home, everybody.format(1942)).frame["mean"].null_count() == 0


def test_three_queries_tell_no_more_than_two(home: Settings) -> None:
    """Everybody less two parts that leave few people out: no two of the three differ by few."""
    sql = "select avg(value) as mean from staging.person join staging.lab_result using (person_id) where {}"
    assert ask(home, sql.format("birth_year > 1900")).frame["mean"].null_count() == 0
    assert ask(home, sql.format("birth_year < 1960")).frame["mean"].null_count() == 0
    with pytest.raises(BadInput, match="can be reckoned down to few people"):
        ask(home, sql.format("birth_year > 1960"))  # those born in 1960, ten, are in neither part
    assert ask(home, sql.format("birth_year > 1961")).frame["mean"].null_count() == 0, "twenty are left"


def test_what_was_told_before_stands_and_parts_of_a_whole_may_be_asked(home: Settings) -> None:
    by_sex = (
        "select sex_code, avg(value) as mean from staging.person join staging.lab_result using (person_id) "
        "where {} group by sex_code"
    )
    for part in ("birth_year > 1900", "birth_year < 1960", "birth_year >= 1960", "birth_year < 1970"):
        found = ask(home, by_sex.format(part))
        assert found.frame.height == 2 and found.frame["mean"].null_count() == 0 and not sum(found.hidden.values()), (
            part
        )


def test_without_the_memory_the_difference_tells_them(home: Settings) -> None:
    """The attack that the test above stops: two means and their numbers, to three figures, tell the sum of ten people."""
    sql = "select count(*) as n from staging.person where birth_year > {}"
    with duckdb.connect(str(home.home / "warehouse.duckdb"), read_only=True) as reader:
        one, other = (reader.execute(sql.format(year)).fetchone()[0] for year in (1900, 1940))
    assert one - other == 10


def test_the_same_query_the_night_after_tells_no_newcomer(home: Settings) -> None:
    sql = "select count(distinct person_id) as n, avg(value) as mean from staging.lab_result"
    value = (pl.col("person_id") * 37 % 101).cast(pl.Float64)
    first = ask(home, sql).frame
    few = write(home.home, people(403), value=pl.when(pl.col("person_id") >= 400).then(5e3).otherwise(value))
    assert ask(few, sql).frame.equals(first)
    many = write(home.home, people(415), value=pl.when(pl.col("person_id") >= 400).then(500.0).otherwise(value))
    later = ask(many, sql).frame
    assert later["mean"][0] > first["mean"][0] and later["n"][0] % MIN_CELL == 0


def test_after_a_withdrawal_no_number_with_them_is_told(home: Settings) -> None:
    sql = "select avg(value) as mean from staging.lab_result"
    ask(home, sql)
    release_ledger.forget_estimates(home)
    value = (pl.col("person_id") * 37 % 101 * 3).cast(pl.Float64)
    after = ask(write(home.home, people(398), value=value), sql)
    assert after.frame["mean"].to_list() == [None]
    assert any("told before" in reason for reason in after.hidden)


def test_the_warehouse_is_read_only_and_nothing_else_can_be_read(home: Settings, tmp_path: Path) -> None:
    from pipelines.warehouse.release_output import _reader

    (tmp_path / "secret.csv").write_text("a\n1\n")
    with _reader(home, home.home / "warehouse.duckdb") as reader:
        for sql in (
            f"from '{tmp_path / 'secret.csv'}'",
            "set enable_external_access = true",
            "create table staging.x (a int)",
        ):
            with pytest.raises(duckdb.Error):
                reader.execute(sql)


def test_a_query_that_fails_says_why(home: Settings) -> None:
    with pytest.raises(BadInput, match="the query fails"):
        ask(home, "select count(*) as n from staging.person where shoe_size > 3")
    with pytest.raises(BadInput, match="the query fails"):
        ask(home, "select avg(sex_code) as mean from staging.person")
