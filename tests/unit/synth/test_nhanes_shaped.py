"""The generated NHANES folder: CDC's shape where the real files are at hand, its truth, its design, its untidy rows."""

import csv
import json
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.errors import BadInput
from pipelines.sources.nhanes import mortality, table_file
from pipelines.sources.nhanes.drop import examine
from pipelines.synth.nhanes_people import biology, people
from pipelines.synth.nhanes_shaped import BMD_PER_LOG_E2_G_CM2, DEFAULT_PERSONS, TRUTH_FILE, write

SEED = 20_130
PERSONS = 20_000
YEARS = {"D": "2005-2006", "H": "2013-2014"}
BMD = {"femoral_neck": "DXXNKBMD", "total_hip": "DXXOFBMD", "lumbar_spine": "DXXOSBMD"}
INHIBITORS = ("ANASTROZOLE", "LETROZOLE", "EXEMESTANE")
ON_THE_AXIS = (*INHIBITORS, "TAMOXIFEN", "ESTRADIOL", "CONJUGATED ESTROGENS", "TESTOSTERONE")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("synth") / "nhanes", PERSONS, SEED)


def read(folder: Path, table: str, cycle: str) -> pl.DataFrame:
    parquet = folder / YEARS[cycle] / f"{table}_{cycle}.parquet"
    if parquet.exists():
        return table_file.read(parquet, "parquet")
    return table_file.read(folder / "xpt" / f"{table}_{cycle}.XPT", "xpt")


def tables(folder: Path) -> list[tuple[str, str]]:
    files = [*folder.glob("20*/*.parquet"), *folder.glob("xpt/*.XPT")]
    return sorted((file.stem[:-2], file.stem[-1]) for file in files)


def study_frame(folder: Path) -> pl.DataFrame:
    """Examined people of 40 and over in 2013-2014 with estradiol and BMI, off drugs on the estrogen axis."""
    frame = read(folder, "DEMO", "H").filter((pl.col("WTMEC2YR") > 0) & (pl.col("RIDAGEYR") >= 40))
    for table in ("TST", "DXXFEM", "DXXSPN", "BMX", "RHQ", "SMQ"):
        frame = frame.join(read(folder, table, "H"), on="SEQN", how="left")
    treated = read(folder, "RXQ_RX", "H").filter(pl.col("RXDDRUG").is_in(ON_THE_AXIS))
    frame = frame.join(treated, on="SEQN", how="anti").drop_nulls(["LBXEST", "BMXBMI"])
    late = (pl.col("RIDAGEYR") >= 60) | (pl.col("RHD043") == 7) | (pl.col("RHQ305") == 1)
    return frame.with_columns(is_postmenopausal=((pl.col("RIAGENDR") == 2) & late).fill_null(False))


def slope_on_log_e2(frame: pl.DataFrame, outcome: str) -> tuple[float, float]:
    """Ordinary least squares slope on log E2 and its standard error, given age, BMI, race and smoking."""
    rows = frame.drop_nulls(outcome)
    smokes = rows["SMQ040"].is_in([1.0, 2.0]).fill_null(False)
    race = [rows["RIDRETH1"] == code for code in (1, 2, 4, 5)]
    age = rows["RIDAGEYR"].to_numpy()
    terms = [np.ones(rows.height), rows["LBXEST"].log(), age, np.maximum(age - 60, 0), rows["BMXBMI"], smokes, *race]
    x, y = np.column_stack([np.asarray(term, dtype=float) for term in terms]), rows[outcome].to_numpy()
    coefficients, residual, *_ = np.linalg.lstsq(x, y, rcond=None)
    variance = residual[0] / (len(y) - x.shape[1]) * np.linalg.inv(x.T @ x)
    return coefficients[1], np.sqrt(variance[1, 1])


def test_every_column_is_cdc_s_with_its_type(folder: Path, nhanes: Path) -> None:
    checked = 0
    for table, cycle in tables(folder):
        real = pl.read_parquet_schema(nhanes / YEARS[cycle] / f"{table}_{cycle}.parquet")
        parquet = folder / YEARS[cycle] / f"{table}_{cycle}.parquet"
        own = pl.read_parquet_schema(parquet) if parquet.exists() else read(folder, table, cycle).schema
        for name, kind in own.items():
            assert name in real, (table, cycle, name)
            assert kind == real[name] or (name == "SEQN" and not parquet.exists()), (table, cycle, name)
            checked += 1
    assert checked > 300


def test_every_variable_that_the_pipeline_reads_from_these_files_is_there(
    folder: Path, nhanes: Path, root: Path
) -> None:
    declared: dict[str, set[str]] = {}
    with (root / "sql" / "ref" / "nhanes_variable.csv").open(newline="") as lines:
        for row in csv.DictReader(lines):
            declared.setdefault(row["family"], set()).add(row["variable"])
    for table, cycle in tables(folder):
        real = {name.replace("X_MULT_", "_MULT_") for name in read(nhanes, table, cycle).columns}
        missing = (declared.get(table.lower(), set()) & real) - set(read(folder, table, cycle).columns)
        assert not missing, (table, cycle, missing)


def test_nobody_shares_a_respondent_number_with_a_real_person(folder: Path, nhanes: Path) -> None:
    largest = max(pl.read_parquet(file, columns=["SEQN"])["SEQN"].max() for file in nhanes.glob("*/DEMO*.parquet"))
    assert min(read(folder, "DEMO", cycle)["SEQN"].min() for cycle in "DH") > largest


def test_the_reader_takes_every_file_and_nothing_is_wrong(folder: Path) -> None:
    drop = examine(folder)
    assert drop.problems == () and drop.notes == ()
    landed = {file.relative_path for file in drop.tables}
    assert {"xpt/DEMO_H.XPT", "xpt/OSQ_H.XPT", "2013-2014/TST_H.parquet", "lookup/RXQ_DRUG.parquet"} <= landed
    assert [file.relative_path for file in drop.files if file.status != "recognized"] == [TRUTH_FILE]
    assert all(file.rows_without_key == 0 for file in drop.tables)


def test_same_arguments_same_bytes_whenever_it_is_written(tmp_path: Path) -> None:
    first = write(tmp_path / "first", 300, SEED)
    time.sleep(1.1)  # SAS transport headers hold the time to the second
    second, other = write(tmp_path / "second", 300, SEED), write(tmp_path / "other", 300, SEED + 1)
    files = sorted(file.relative_to(first) for file in first.rglob("*") if file.is_file())
    assert len(files) == 38
    assert all((first / file).read_bytes() == (second / file).read_bytes() for file in files)
    same = [file for file in files if (first / file).read_bytes() == (other / file).read_bytes()]
    assert same == [Path("lookup/RXQ_DRUG.parquet")]


def test_a_person_does_not_depend_on_how_many_others_there_are(tmp_path: Path) -> None:
    few, many = write(tmp_path / "few", 200, SEED), write(tmp_path / "many", 600, SEED)
    for table, cycle in tables(few):
        if table not in ("DEMO", "TRIGLY"):  # weights add up to the population, however many carry them
            own = read(few, table, cycle)
            assert own.equals(read(many, table, cycle).filter(pl.col("SEQN").is_in(own["SEQN"].unique().implode())))


def test_estradiol_medians_and_the_fill_below_the_limit(folder: Path) -> None:
    frame = (
        read(folder, "TST", "H")
        .join(read(folder, "DEMO", "H"), on="SEQN")
        .join(read(folder, "RHQ", "H"), on="SEQN", how="left")
    )
    men = frame.filter((pl.col("RIAGENDR") == 1) & (pl.col("RIDAGEYR") >= 20))
    late = frame.filter((pl.col("RIAGENDR") == 2) & (pl.col("RIDAGEYR") >= 60))
    early = frame.filter((pl.col("RHQ031") == 1) & (pl.col("RIDAGEYR").is_between(20, 44)))
    assert men["LBXEST"].median() == pytest.approx(23, abs=1.5)
    assert late["LBXEST"].median() == pytest.approx(5, abs=0.8)
    assert early["LBXEST"].median() == pytest.approx(60, abs=8)
    assert 0.15 < late["LBDESTLC"].mean() < 0.35 and men["LBDESTLC"].mean() < 0.01
    filled = frame.filter(pl.col("LBDESTLC") == 1)["LBXEST"]
    assert filled.unique().to_list() == [2.117]  # 2.994 / sqrt(2)
    assert frame.filter(pl.col("LBDESTLC") == 0)["LBXEST"].min() >= 2.994
    assert frame["LBXEST"].is_null().equals(frame["LBDESTLC"].is_null())


# Looker 2012 in reference/domain.md 2f for total hip of men and spine; NHANES 2005-2014 for the femoral neck of women.
@pytest.mark.parametrize(
    ("sex", "age", "table", "column", "mean"),
    [
        (1, 45, "DXXFEM", "DXXOFBMD", 1.040),
        (1, 75, "DXXFEM", "DXXOFBMD", 0.961),
        (1, 65, "DXXSPN", "DXXOSBMD", 1.070),
        (2, 45, "DXXSPN", "DXXOSBMD", 1.056),
        (2, 75, "DXXSPN", "DXXOSBMD", 0.902),
        (2, 65, "DXXFEM", "DXXNKBMD", 0.72),
    ],
)
def test_bmd_falls_with_age_near_the_published_means(
    folder: Path, sex: int, age: int, table: str, column: str, mean: float
) -> None:
    frame = pl.concat(
        [
            read(folder, table, c)
            .select("SEQN", column)
            .join(read(folder, "DEMO", c).select("SEQN", "RIAGENDR", "RIDAGEYR"), on="SEQN")
            for c in "DH"
        ]
    )
    rows = frame.filter((pl.col("RIAGENDR") == sex) & pl.col("RIDAGEYR").is_between(age - 5, age + 4))
    assert rows[column].mean() == pytest.approx(mean, abs=0.03)
    assert 0.10 < rows[column].std() < 0.19


@pytest.mark.parametrize("site", BMD)
def test_least_squares_finds_the_published_slope_in_men(folder: Path, site: str) -> None:
    slope, error = slope_on_log_e2(study_frame(folder).filter(pl.col("RIAGENDR") == 1), BMD[site])
    assert error < 0.015
    assert abs(slope - BMD_PER_LOG_E2_G_CM2[site]) < 3.5 * error


@pytest.mark.parametrize("site", BMD)
def test_least_squares_comes_near_it_in_women_whose_low_values_are_filled(folder: Path, site: str) -> None:
    slope, error = slope_on_log_e2(study_frame(folder).filter("is_postmenopausal"), BMD[site])
    assert error < 0.015
    assert slope == pytest.approx(BMD_PER_LOG_E2_G_CM2[site], abs=3.5 * error + 0.1 * BMD_PER_LOG_E2_G_CM2[site])


def test_the_truth_itself_is_unbiased_over_seeds() -> None:
    slopes = []
    for seed in range(30):
        p = people(seed, "H", 4_000)
        b, of = biology(p), p.is_male & (p.age >= 40)
        race = [p.race[of] == code for code in (1, 2, 4, 5)]
        age = p.age[of]
        x = np.column_stack(
            [np.ones(of.sum()), b.log_e2[of], age, np.maximum(age - 60, 0), p.bmi[of], p.smoking[of] == 2, *race]
        )
        slopes.append(np.linalg.lstsq(x, b.bmd["total_hip"][of], rcond=None)[0][1])
    assert np.mean(slopes) == pytest.approx(BMD_PER_LOG_E2_G_CM2["total_hip"], abs=4 * np.std(slopes) / np.sqrt(30))
    assert np.std(slopes) / np.sqrt(30) < 0.003


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_default_number_of_persons_makes_the_study_estimable(tmp_path: Path, seed: int) -> None:
    frame = study_frame(write(tmp_path / "nhanes", DEFAULT_PERSONS, seed)).drop_nulls("DXXNKBMD")
    women = frame.filter("is_postmenopausal")
    assert frame.filter(pl.col("RIAGENDR") == 1).height >= 300 and women.height >= 200
    weight = women["WTMEC2YR"]
    assert weight.sum() ** 2 / (weight**2).sum() > 100
    assert frame.select("SDMVSTRA", "SDMVPSU").unique().height == 30


@pytest.mark.parametrize(("cycle", "first_stratum", "population"), [("D", 44, 291.6e6), ("H", 104, 311.2e6)])
def test_the_design_is_complex(folder: Path, cycle: str, first_stratum: int, population: float) -> None:
    demo = read(folder, "DEMO", cycle)
    psus = demo.group_by("SDMVSTRA").agg(pl.col("SDMVPSU").n_unique()).sort("SDMVSTRA")
    assert psus["SDMVSTRA"].to_list() == list(range(first_stratum, first_stratum + 15))
    assert psus["SDMVPSU"].to_list() == [2] * 15
    assert demo["WTINT2YR"].sum() == pytest.approx(population, rel=1e-6)
    examined, interviewed = (demo.filter(pl.col("RIDSTATR") == status) for status in (2, 1))
    assert examined["WTMEC2YR"].sum() == pytest.approx(population, rel=1e-6)
    assert examined["WTMEC2YR"].std() / examined["WTMEC2YR"].mean() > 0.4
    assert interviewed["WTMEC2YR"].drop_nulls().unique().to_list() == [0]
    assert 0 < interviewed["WTMEC2YR"].null_count() < 0.3 * interviewed.height
    assert (demo["RIDAGEYR"] >= 40).mean() == pytest.approx(0.6, abs=0.02)
    assert demo["RIDAGEYR"].max() == (85 if cycle == "D" else 80)


def test_bmd_varies_more_between_psus_than_chance_would_let_it(folder: Path) -> None:
    frame = (
        pl.concat(
            [
                read(folder, "DXXFEM", cycle)
                .join(read(folder, "DEMO", cycle), on="SEQN")
                .select("RIAGENDR", "SDMVSTRA", "SDMVPSU", "RIDAGEYR", "DXXOFBMD")
                for cycle in "DH"
            ]
        )
        .drop_nulls()
        .filter(pl.col("RIDAGEYR") >= 20)
    )
    group = ["RIAGENDR", pl.col("RIDAGEYR") // 10]
    frame = frame.with_columns(r=pl.col("DXXOFBMD") - pl.col("DXXOFBMD").mean().over(group))
    between = frame.group_by("SDMVSTRA", "SDMVPSU").agg(n=pl.len(), mean=pl.col("r").mean())
    chi_square = (between["n"] * between["mean"] ** 2).sum() / frame["r"].var()
    assert chi_square > 2 * between.height


def test_aromatase_inhibitors_put_most_women_below_the_limit_and_men_not(folder: Path) -> None:
    taking = read(folder, "RXQ_RX", "H").filter(pl.col("RXDDRUG").is_in(INHIBITORS))
    frame = taking.join(read(folder, "TST", "H"), on="SEQN").join(read(folder, "DEMO", "H"), on="SEQN")
    women, men = (frame.filter(pl.col("RIAGENDR") == sex) for sex in (2, 1))
    assert set(women["RXDDRUG"]) == set(INHIBITORS) and set(men["RXDDRUG"]) == {"ANASTROZOLE"}
    assert women["LBDESTLC"].mean() > 0.8 and men["LBDESTLC"].mean() < 0.5
    assert set(men["RXDRSC1"]) == {"E29.1"}
    cancer = read(folder, "MCQ", "H").filter(pl.col("MCQ230A") == 14)
    assert set(women["SEQN"]) <= set(cancer["SEQN"])


def test_prescriptions_have_cdc_s_sentinels_and_counts(folder: Path) -> None:
    for cycle in "DH":
        rows = read(folder, "RXQ_RX", cycle)
        assert rows["SEQN"].unique().sort().equals(read(folder, "DEMO", cycle)["SEQN"].sort())
        assert {77777.0, 99999.0} < set(rows["RXDDAYS"].drop_nulls())
        named = rows.filter(pl.col("RXDDRUG") != "")
        assert {"55555", "99999", "TAMOXIFEN", "TESTOSTERONE", "HYDROCHLOROTHIAZIDE; LISINOPRIL"} < set(
            named["RXDDRUG"]
        )
        assert named["RXDUSE"].unique().to_list() == [1] and set(
            named.filter(pl.col("RXDDRUG").is_in(["55555", "99999"]))["RXDDRGID"]
        ) == {""}
        assert (named.group_by("SEQN").agg(pl.len() == pl.col("RXDCOUNT").first())["len"]).all()
        nothing = rows.filter(pl.col("RXDDRUG") == "")
        assert nothing["SEQN"].is_unique().all() and nothing["RXDDAYS"].null_count() == nothing.height
        assert 2 in set(nothing["RXDUSE"]) and 1 not in set(nothing["RXDUSE"])
        assert rows.null_count().select("RXDDRUG", "RXDDRGID").row(0) == (0, 0)


def test_invalid_and_missing_scans_have_no_value(folder: Path) -> None:
    for cycle in "DH":
        femur, spine = read(folder, "DXXFEM", cycle), read(folder, "DXXSPN", cycle)
        assert set(femur["DXAFMRST"]) == {1, 2, 3, 4, 5}
        for frame, status, value in ((femur, "DXAFMRST", "DXXNKBMD"), (spine, "DXASPNST", "DXXOSBMD")):
            assert frame.filter(pl.col(status) != 1)[value].null_count() == frame.filter(pl.col(status) != 1).height
            assert frame.filter(pl.col(status) == 1)[value].null_count() == 0
        assert (femur.filter(pl.col("DXAFMRST") == 2)["DXXFMBCC"] > 0).all()
        for level in ("L1", "L2", "L3", "L4"):
            assert (spine[f"DXX{level}BMD"].is_not_null() == (spine[f"DXX{level}BCC"] == 0).fill_null(False)).all()
        bad = pl.any_horizontal(pl.col(f"DXXL{level}BCC") > 0 for level in range(1, 5))
        assert spine.filter(bad).height == spine.filter(pl.col("DXASPNST") == 2).height > 100
        total = spine.filter(pl.col("DXASPNST") == 1)
        mineral = sum(total[f"DXXL{level}BMC"] for level in range(1, 5)) / sum(
            total[f"DXXL{level}A"] for level in range(1, 5)
        )
        assert ((mineral - total["DXXOSBMD"]).abs() < 0.002).all()


def test_whole_body_has_five_rows_that_differ_only_where_imputed(folder: Path) -> None:
    frame = read(folder, "DXX", "D")
    one = frame.group_by("SEQN").agg(
        pl.col("_MULT_").sort(), pl.col("DXITOTBN", "DXILS", "DXAEXSTS").first(),
        total=pl.col("DXDTOBMD").n_unique(), spine=pl.col("DXXLSBMD").n_unique(), known=pl.col("DXDTOBMD").count(),
    )  # fmt: skip
    assert all(numbers == [1, 2, 3, 4, 5] for numbers in one["_MULT_"].to_list())
    assert (one.filter(pl.col("DXITOTBN") == 1)["total"] > 1).all()
    assert (one.filter(pl.col("DXITOTBN") == 0)["total"] == 1).all()
    assert (one.filter(pl.col("DXILS") == 2)["spine"] > 1).all() and (
        one.filter(pl.col("DXILS") == 0)["spine"] == 1
    ).all()
    assert (one.filter(pl.col("DXITOTBN").is_null() | (pl.col("DXITOTBN") == 2))["known"] == 0).all()
    assert set(one["DXITOTBN"]) == {None, 0, 1, 2}


def test_blood_pressure_has_diastolic_zeros_and_low_bone_goes_with_fracture(folder: Path) -> None:
    assert (read(folder, "BPX", "H")["BPXDI1"] == 0).sum() > 0
    frame = read(folder, "OSQ", "H").join(read(folder, "DXXFEM", "H"), on="SEQN")
    hip = {told: frame.filter(pl.col("OSQ010A") == told)["DXXNKBMD"].mean() for told in (1, 2)}
    assert hip[1] < hip[2] - 0.03
    assert set(frame["OSQ060"]) == {1, 2, 9}


def test_deaths_follow_age_and_the_lines_are_those_of_nchs(folder: Path) -> None:
    for cycle, release in (("D", "2005_2006_MORT_2015"), ("H", "2013_2014_MORT_2019")):
        path = folder / "mortality" / f"NHANES_{release}_PUBLIC.dat"
        frame = mortality.read(path).join(read(folder, "DEMO", cycle), on="SEQN", validate="1:1")
        assert frame.height == PERSONS // 2
        assert frame.filter(pl.col("RIDAGEYR") < 18)["ELIGSTAT"].unique().to_list() == [2]
        followed = frame.filter(pl.col("ELIGSTAT") == 1)
        dead = followed.group_by(pl.col("RIDAGEYR") // 10).agg(pl.col("MORTSTAT").mean()).sort("RIDAGEYR")["MORTSTAT"]
        assert dead.slice(2).is_sorted() and dead[-1] > 0.35
        assert followed.filter(pl.col("MORTSTAT") == 1)["UCOD_LEADING"].null_count() == 0
        assert (
            (followed.filter(pl.col("RIDSTATR") == 1)["PERMTH_EXM"]).null_count()
            == followed.filter(pl.col("RIDSTATR") == 1).height
        )
        assert (followed["PERMTH_EXM"] <= followed["PERMTH_INT"]).all()
    lines = (folder / "mortality" / "NHANES_2005_2006_MORT_2015_PUBLIC.dat").read_text().splitlines()
    assert {len(line) for line in lines} == {48}


def test_truth_is_told_and_foreign_folders_are_left_alone(tmp_path: Path) -> None:
    folder = write(tmp_path / "new", 2, SEED)
    truth = json.loads((folder / TRUTH_FILE).read_text())
    assert truth["evidence_source"] == "simulated" and truth["bmd_per_log_e2_g_cm2"] == BMD_PER_LOG_E2_G_CM2
    assert write(folder, 4, SEED) == folder
    assert read(folder, "DEMO", "H").height == 2
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "DEMO_H.parquet").write_bytes(b"mine")
    with pytest.raises(BadInput, match="not an empty folder"):
        write(mine, 100, SEED)
    assert [file.name for file in mine.iterdir()] == ["DEMO_H.parquet"]
    for persons in (0, 1, 600_001):
        with pytest.raises(BadInput, match="between 2 and 600000"):
            write(tmp_path / "none", persons, SEED)
    assert not (tmp_path / "none").exists()
