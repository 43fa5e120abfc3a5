"""Single rows that cannot be used: each is set aside with its file, row and rule, and the rest of the drop goes on.

Form -> (name of its file, its bytes, rows in, rows staged, {row: rule of the quarantine}). Rows that are neither staged nor
quarantined repeat another row or hold nothing that is read.
"""

from datetime import date, timedelta
from itertools import count

PEOPLE, LABS, DXA, DRUGS = "id,sex,born\n", "id,test,value,unit,day\n", "id,site,bmd,unit,day\n", "id,drug,sig,n,day\n"
GOOD_LAB = "p1,estradiol,{},pg/mL,{}\n"
NEXT_YEAR = date.today().year + 1
_DAYS = (date(2010, 1, 1) + timedelta(number) for number in count())


def _labs(*rows: str) -> bytes:
    """A good row first, of a day of its own, then the others."""
    return (LABS + GOOD_LAB.format(20, next(_DAYS)) + "".join(row + "\n" for row in rows)).encode()


def _dxa(*rows: str) -> bytes:
    return (DXA + f"p2,total hip,0.9,g/cm2,{next(_DAYS)}\n" + "".join(row + "\n" for row in rows)).encode()


def _drugs(*rows: str) -> bytes:
    return (
        DRUGS + f"p3,letrozole 2.5 mg,1 tab daily,30,{next(_DAYS)}\n" + "".join(row + "\n" for row in rows)
    ).encode()


SET_ASIDE: dict[str, tuple[str, bytes, int, int, dict[int, str]]] = {
    "a row too short and one too long": (
        "labs_ragged.csv",
        _labs("p2,estradiol,21", "p2,estradiol,21,pg/mL,2019-01-06,more,cells"),
        3,
        1,
        {2: "wrong_cell_count", 3: "wrong_cell_count"},
    ),
    "text after a closing quote": (
        "labs_quote.csv",
        _labs('p2,"estra"diol,22,pg/mL,2019-01-07'),
        2,
        1,
        {2: "quote_inside_cell"},
    ),
    "a NUL byte in a row": (
        "labs_nul.csv",
        _labs("p2,estra\0diol,22,pg/mL,2019-01-08"),
        2,
        1,
        {2: "nul_byte"},
    ),
    "a carriage return in a row": (
        "labs_return.csv",
        _labs("p2,estra\rdiol,22,pg/mL,2019-01-09"),
        2,
        1,
        {2: "stray_carriage_return"},
    ),
    "a row of more than a MiB": (
        "labs_long.csv",
        _labs(f"p2,{'x' * (1 << 20)},22,pg/mL,2019-01-10"),
        2,
        1,
        {2: "row_too_long"},
    ),
    "a date that the calendar has not": (
        "labs_february.csv",
        _labs("p2,estradiol,22,pg/mL,2019-02-31"),
        2,
        1,
        {2: "not_a_date"},
    ),
    "a date of another format": (
        "labs_format.csv",
        _labs("p2,estradiol,22,pg/mL,11.01.2019"),
        2,
        1,
        {2: "not_a_date"},
    ),
    "a month where the day should be": (
        "us_labs.csv",
        (LABS + "p4,estradiol,23,pg/mL,25/03/2019\np4,estradiol,24,pg/mL,03/25/2019\n").encode(),
        2,
        1,
        {2: "not_a_date"},
    ),
    "no date": ("labs_undated.csv", _labs("p2,estradiol,22,pg/mL,"), 2, 1, {2: "date_missing"}),
    "a date to come": (
        "labs_future.csv",
        _labs(f"p2,estradiol,22,pg/mL,{NEXT_YEAR}-06-01"),
        2,
        1,
        {2: "date_in_future"},
    ),
    "a date of the century before last": (
        "labs_old.csv",
        _labs("p2,estradiol,22,pg/mL,1819-01-12"),
        2,
        1,
        {2: "not_a_date"},
    ),
    "a date before the birth": (
        "labs_unborn.csv",
        _labs("p2,estradiol,22,pg/mL,1930-01-12"),
        2,
        1,
        {2: "before_birth"},
    ),
    "a number with two readings": (
        "labs_marks.csv",
        _labs('p2,estradiol,"1,234",pg/mL,2019-01-13'),
        2,
        1,
        {2: "ambiguous_number"},
    ),
    "a number beyond floating point": (
        "labs_overflow.csv",
        _labs("p2,estradiol,1e400,pg/mL,2019-01-14"),
        2,
        1,
        {2: "value_unreadable"},
    ),
    "a fill value": ("labs_fill.csv", _labs("p2,estradiol,99999,pg/mL,2019-01-15"), 2, 1, {2: "fill_value"}),
    "a negative result": (
        "labs_negative.csv",
        _labs("p2,estradiol,-5,pg/mL,2019-01-15"),
        2,
        1,
        {2: "value_impossible"},
    ),
    "an unknown unit": ("labs_unit.csv", _labs("p2,estradiol,22,furlong,2019-01-16"), 2, 1, {2: "unit_unknown"}),
    "no unit, and no habit to tell it": ("labs_bare.csv", _labs("p2,LH,6,,2019-01-17"), 2, 1, {2: "unit_missing"}),
    "no person": ("labs_nobody.csv", _labs(",estradiol,22,pg/mL,2019-01-18"), 2, 1, {2: "no_person_key"}),
    "a person whom no person file names": (
        "labs_stranger.csv",
        _labs("x99,estradiol,22,pg/mL,2019-01-19"),
        2,
        1,
        {2: "person_unknown"},
    ),
    "a row twice": ("labs_twice.csv", (LABS + 2 * GOOD_LAB.format(20, "2019-01-20")).encode(), 2, 1, {}),
    "a person twice, alike": ("people_alike.csv", (PEOPLE + "a1,female,1950\na1,female,1950\n").encode(), 2, 1, {}),
    "a person twice, of two sexes": (
        "people_apart.csv",
        (PEOPLE + "b1,female,1950\nb1,male,1950\n").encode(),
        2,
        0,
        {1: "conflicting_person", 2: "conflicting_person"},
    ),
    "a person without a sex": ("people_sexless.csv", (PEOPLE + "c1,,1950\n").encode(), 1, 0, {1: "no_sex"}),
    "a year of birth beyond 64 bits": (
        "people_huge.csv",
        (PEOPLE + "d1,female,99999999999999999999\nd2,female,1950\n").encode(),
        2,
        1,
        {1: "not_a_whole_number"},
    ),
    "a negative bone density": (
        "dxa_negative.csv",
        _dxa("p2,total hip,-0.9,g/cm2,2019-02-05"),
        2,
        1,
        {2: "bmd_impossible"},
    ),
    "a bone density of 14.2": ("dxa_high.csv", _dxa("p2,total hip,14.2,g/cm2,2019-03-05"), 2, 1, {2: "bmd_impossible"}),
    "a bone density in words": (
        "dxa_words.csv",
        _dxa("p2,total hip,osteopenic,g/cm2,2019-04-05"),
        2,
        1,
        {2: "value_unreadable"},
    ),
    "a site that no skeleton has": (
        "dxa_site.csv",
        _dxa("p2,left wing,0.9,g/cm2,2019-05-05"),
        2,
        1,
        {2: "site_unknown"},
    ),
    "an error of a spreadsheet": (
        "dxa_error.csv",
        _dxa("p2,total hip,#N/A,g/cm2,2019-06-05"),
        2,
        1,
        {2: "value_unreadable"},
    ),
    "a quantity that is infinite": (
        "drugs_inf.csv",
        _drugs("p3,letrozole 2.5 mg,1 tab daily,inf,2019-01-06"),
        2,
        1,
        {2: "not_a_number"},
    ),
    "a quantity beyond floating point": (
        "drugs_huge.csv",
        _drugs("p3,letrozole 2.5 mg,1 tab daily,1e400,2019-01-07"),
        2,
        1,
        {2: "not_a_number"},
    ),
    "a prescription of nothing": ("drugs_none.csv", _drugs("p3,,1 tab daily,30,2019-01-08"), 2, 1, {2: "no_drug"}),
}

# Files that look odd and are right: nothing is set aside. Form -> (name, bytes, rows in, rows staged).
HARMLESS: dict[str, tuple[str, bytes, int, int]] = {
    "a header and no row": ("labs_header.csv", LABS.encode(), 0, 0),
    "UTF-16 with its mark": ("labs_utf16.csv", _labs().decode().encode("utf-16"), 1, 1),
    "a byte order mark": ("labs_mark.csv", b"\xef\xbb\xbf" + _labs(), 1, 1),
    "Windows-1252": (
        "labs_1252.csv",
        (LABS + "p1,Östradiol,20,pg/mL,2019-01-23\n").encode("cp1252"),
        1,
        0,
    ),
    "lines that end in carriage returns": ("labs_mac.csv", _labs().replace(b"\n", b"\r"), 1, 1),
    "a path with a quote and a line feed": ('labs_o\'clock\n"24".csv', _labs(), 1, 1),
    "2,000 columns": (
        "labs_wide.csv",
        (
            LABS.strip()
            + "".join(f",c{n}" for n in range(2000))
            + "\np1,estradiol,20,pg/mL,2019-01-26"
            + ",1" * 2000
            + "\n"
        ).encode(),
        1,
        1,
    ),
    "a name that differs in letter case alone": ("LABS_mark.csv", _labs(), 1, 1),
    "an age of -3 (staged without an age)": (
        "aged.csv",
        b"id,sex,age,seen\ne1,female,-3,2019-01-01\ne2,male,50,2019-01-01\n",
        2,
        2,
    ),
}
