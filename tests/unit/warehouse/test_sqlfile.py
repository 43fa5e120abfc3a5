"""SQL files: the header rules, one bare SELECT, and what it reads wherever it reads it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from pipelines.settings import sql_root
from pipelines.tables import CONTRACTS
from pipelines.warehouse import sqlfile
from pipelines.warehouse.sqlfile import SqlFileError, all_files, read, stored_inputs, tables_read, views_behind

HEAD = "-- grain: one row per person\n-- unit: person\n"


@pytest.fixture
def write(tmp_path):
    def put(text, name="staging/person.sql"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return put


def test_a_file_says_its_table_grain_and_unit(write):
    path = write(HEAD + "select 1 as person_id from raw.a, raw.b")
    file = read(path)
    assert (file.table, file.grain, file.unit, file.reads, file.path) == (
        "staging.person",
        "one row per person",
        "person",
        ("raw.a", "raw.b"),
        path,
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1 must read"),
        ("select 1", "line 1 must read"),
        ("-- Grain: one row per person\n-- unit: person\nselect 1", "line 1 must read"),
        ("-- grain: persons\n-- unit: person\nselect 1", "line 1 must read"),
        ("\n" + HEAD + "select 1", "line 1 must read"),
        ("-- grain: one row per person\nselect 1", "line 2 must read"),
        ("-- grain: one row per person\n-- unit: bucket\nselect 1", "line 2 must read"),
        (HEAD, "one bare SELECT"),
        (HEAD + "selekt 1", "one bare SELECT"),
        (HEAD + "select 1; select 2", "one bare SELECT"),
        (HEAD + "create table t as select 1", "one bare SELECT"),
        (HEAD + "delete from raw.a", "one bare SELECT"),
        (HEAD + "copy raw.a to 'a.csv'", "one bare SELECT"),
        (HEAD + "select * from demo", "table without schema: demo"),
        (HEAD + "with d as (select 1 as n) select * from d, other", "table without schema: other"),
    ],
)
def test_a_file_that_breaks_a_rule_is_named(write, text, says):
    path = write(text)
    with pytest.raises(SqlFileError, match=says) as refused:
        read(path)
    assert str(refused.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("select 1", ()),
        ("with d as (select * from raw.a) select * from d", ("raw.a",)),
        ("with d as (select * from raw.a), e as (select * from d join raw.b using (n)) from e", ("raw.a", "raw.b")),
        ("with recursive d as (select 1 as n union all select n + 1 from d, raw.a) from d", ("raw.a",)),
        ("with d as materialized (with e as (from raw.a) from e) from d", ("raw.a",)),
        ("from raw.a union all by name from raw.b except from raw.c", ("raw.a", "raw.b", "raw.c")),
        ("select (select max(n) from raw.b) from (select * from raw.a)", ("raw.a", "raw.b")),
        ("select * from raw.a where n in (select n from raw.b)", ("raw.a", "raw.b")),
        ("select * from raw.a as a where exists (from raw.b as b where b.n = a.n)", ("raw.a", "raw.b")),
        ("from raw.a as a where not exists (from raw.b as b where b.n = a.n)", ("raw.a", "raw.b")),
        ("from (unpivot raw.a on x, y into name k value v)", ("raw.a",)),
        ("from (unpivot (select x, y from raw.a) on x, y into name k value v)", ("raw.a",)),
        ("from raw.a as a asof left join raw.b as b on a.n = b.n and a.at >= b.at", ("raw.a", "raw.b")),
        ("from raw.a as a, lateral (select * from raw.b as b where b.n = a.n)", ("raw.a", "raw.b")),
        ("from raw.a semi join raw.b using (n) anti join raw.c using (n)", ("raw.a", "raw.b", "raw.c")),
        ("select sum(n) over (order by (select max(n) from raw.b)) from raw.a", ("raw.a", "raw.b")),
        ("from raw.a group by all having count(*) > (select 1 from raw.b)", ("raw.a", "raw.b")),
        ("from raw.a order by (select 1 from raw.b) limit (select 1 from raw.c)", ("raw.a", "raw.b", "raw.c")),
        ("from raw.a as a join raw.a as b on a.n = b.n", ("raw.a",)),
        ("select 'raw.b' as t from raw.a -- raw.c", ("raw.a",)),
    ],
)
def test_reads_are_found_wherever_they_stand(text, reads):
    assert tables_read(text, "here") == reads


def test_every_file_of_the_house_reads_tables_that_have_a_contract():
    files = all_files()
    views = list(sql_root().glob("source/*.sql"))
    assert len(files) == len(list(sql_root().glob("*/*.sql"))) - len(views) > 20
    for file in files:
        assert file.table in CONTRACTS, file.path
        assert set(stored_inputs(file)) <= set(CONTRACTS), file.path
        assert file.reads, file.path
        assert file.table not in file.reads
        contract = CONTRACTS[file.table]
        assert (contract.grain, contract.unit) == (file.grain, file.unit), file.path


@pytest.fixture
def house(monkeypatch, tmp_path, write):
    """A `sql/` of our own."""
    monkeypatch.setattr(sqlfile, "sql_root", lambda: tmp_path)
    return write


def test_a_view_stands_for_the_tables_behind_it(house):
    house(HEAD + "from raw.a", "source/first.sql")
    house(HEAD + "from source.first union all by name from raw.b", "source/second.sql")
    file = read(house(HEAD + "from source.second join source.first using (person_id) join ref.c using (n)"))
    assert stored_inputs(file) == ("raw.a", "raw.b", "ref.c")
    assert [view.table for view in views_behind(file)] == ["source.first", "source.second"]


def test_a_view_makes_no_table(house):
    house(HEAD + "from raw.a", "source/first.sql")
    kept = house(HEAD + "from source.first")
    assert [file.path for file in all_files()] == [kept]


def test_a_view_made_once_is_a_table_of_the_connection(house):
    once = "-- made once: it is small\n"
    first = read(house(HEAD + once + "select 1 as a from raw.a", "source/first.sql"))
    second = read(house(HEAD + "select 1 as a from raw.a", "source/second.sql"))
    assert first.definition.startswith("create table source.first as ")
    assert second.definition.startswith("create view source.second as ")


def test_a_stored_table_is_not_made_once(house):
    with pytest.raises(SqlFileError, match="line 3 says made once"):
        read(house(HEAD + "-- made once: it is small\nfrom raw.a"))


def test_only_a_table_of_the_population_adds_up(house):
    adds_up = "-- adds up: sums\n"
    assert read(house("-- grain: one row per a\n-- unit: population\n" + adds_up + "select 1 as a from raw.a")).adds_up
    with pytest.raises(SqlFileError, match="line 3 says that it adds up"):
        read(house(HEAD + adds_up + "select 1 as a from raw.a", "cohort/other.sql"))


def test_a_view_that_is_not_there_is_named(house):
    file = read(house(HEAD + "from source.first"))
    with pytest.raises(SqlFileError, match=r"reads source\.first, but there is no first\.sql"):
        stored_inputs(file)


def test_views_that_read_each_other_in_a_circle_are_refused(house):
    house(HEAD + "from source.second", "source/first.sql")
    house(HEAD + "from source.first", "source/second.sql")
    with pytest.raises(SqlFileError, match="circle"):
        views_behind(read(house(HEAD + "from source.first")))


def test_threads_that_ask_at_once_get_their_own_answers():
    texts = {f"staging.t{n}": f"select {'1, ' * (n % 7 * 50)} a from staging.t{n}" for n in range(40)}
    texts["broken"] = "select from where"

    def answer(name):
        try:
            return tables_read(texts[name], name)
        except SqlFileError:
            return "refused"

    asked = [name for _ in range(25) for name in texts]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(answer, asked))
    assert found == ["refused" if name == "broken" else (name,) for name in asked]
