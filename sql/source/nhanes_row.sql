-- grain: one row per source row of a table that staging reads
-- unit: person
-- What must become of each row of a survey, by the row alone.
with content as (
    select person_id, source_file, source_row, source_id, drop_id, 'demo' as family,
        case when RIAGENDR in (1, 2) then 'staged' else 'no_sex' end as found
    from raw.nhanes_demo
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'tst',
        case when coalesce(LBXEST, LBXTST, LBXSHBG) is not null then 'staged' else 'no_value' end
    from raw.nhanes_tst
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'sschl',
        case when coalesce(SSSE2, SSTESTO, SSSHBG) is not null then 'staged' else 'no_value' end
    from raw.nhanes_sschl
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'tchol',
        case when LBXTC is not null then 'staged' else 'no_value' end
    from raw.nhanes_tchol
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'hdl',
        case when LBDHDD is not null then 'staged' else 'no_value' end
    from raw.nhanes_hdl
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'trigly',
        case when coalesce(LBXTR, LBDLDL) is not null then 'staged' else 'no_value' end
    from raw.nhanes_trigly
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'lab13',
        case when coalesce(LBXTC, LBDHDL, LBXHDD) is not null then 'staged' else 'no_value' end
    from raw.nhanes_lab13
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'lab13am',
        case when coalesce(LBXTR, LBDLDL) is not null then 'staged' else 'no_value' end
    from raw.nhanes_lab13am
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'ghb',
        case when LBXGH is not null then 'staged' else 'no_value' end
    from raw.nhanes_ghb
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'lab10',
        case when LBXGH is not null then 'staged' else 'no_value' end
    from raw.nhanes_lab10
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'vid',
        case when coalesce(LBXVIDMS, LBDVIDMS) is not null then 'staged' else 'no_value' end
    from raw.nhanes_vid
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'lab11',
        case when coalesce(LBXBAP, LBDBAP, URXNT, URDNT, LBXCRP, LBXPT21) is not null then 'staged' else 'no_value' end
    from raw.nhanes_lab11
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'crp',
        case when LBXCRP is not null then 'staged' else 'no_value' end
    from raw.nhanes_crp
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'biopro',
        case when coalesce(LBXSCR, LBXSCA, LBXSAL) is not null then 'staged' else 'no_value' end
    from raw.nhanes_biopro
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'lab18',
        case
            when coalesce(LBXSCR, LBDSCR, LBXSCA, LBXSAL, LBXFSH, LBXLH) is not null then 'staged'
            else 'no_value'
        end
    from raw.nhanes_lab18
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'pth',
        case when LBXPT21 is not null then 'staged' else 'no_value' end
    from raw.nhanes_pth
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'dxxfem',
        case when DXAFMRST in (1, 2) then 'staged' else 'not_scanned' end
    from raw.nhanes_dxxfem
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'dxxspn',
        case when DXASPNST in (1, 2) then 'staged' else 'not_scanned' end
    from raw.nhanes_dxxspn
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'dxx',
        case
            when coalesce(DXDTOBMD, DXXLSBMD, DXXPEBMD) is null then 'not_scanned'
            when _MULT_ = 1 then 'staged'
            when (DXDTOBMD is not null and coalesce(DXITOTBN, DXITOT) > 0)
                or (DXXLSBMD is not null and DXILS > 0)
                or (DXXPEBMD is not null and DXIPE > 0) then 'staged'
            else 'repeats_first_imputation'
        end
    from raw.nhanes_dxx
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'dxx_repeat',
        case when coalesce(DX2TOBMD, DX2LSBMD, DX2PEBMD) is not null then 'staged' else 'not_scanned' end
    from raw.nhanes_dxx_repeat
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'rxq_rx',
        case
            when coalesce(nullif(trim(RXDDRUG), ''), nullif(trim(RXD240B), '')) in ('55555', '77777', '99999')
                then 'drug_name_unknown'
            when coalesce(nullif(trim(RXDDRUG), ''), nullif(trim(RXD240B), '')) is not null then 'staged'
            when coalesce(RXDUSE, RXD030) in (1, 2) then 'staged'
            else 'no_answer'
        end
    from raw.nhanes_rxq_rx
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'mcq',
        case
            when MCQ160B in (1, 2) or MCQ160C in (1, 2) or MCQ160D in (1, 2) or MCQ160E in (1, 2)
                or MCQ160F in (1, 2) or MCQ220 in (1, 2) then 'staged'
            else 'no_answer'
        end
    from raw.nhanes_mcq
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'osq',
        case
            when OSQ010A in (1, 2) or OSQ010B in (1, 2) or OSQ010C in (1, 2) or OSQ060 in (1, 2) then 'staged'
            else 'no_answer'
        end
    from raw.nhanes_osq
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'rhq',
        case
            when RHQ030 in (1, 2) or RHQ031 in (1, 2) or RHQ040 < 77 or RHD042 < 77 or RHD043 < 77 or RHD143 in (1, 2)
                or RHD280 in (1, 2) or RHQ300 in (1, 2) or RHQ305 in (1, 2) or RHQ540 in (1, 2) then 'staged'
            else 'no_answer'
        end
    from raw.nhanes_rhq
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'bmx',
        case when coalesce(BMXBMI, BMXWT, BMXHT, BMXWAIST) is not null then 'staged' else 'no_value' end
    from raw.nhanes_bmx
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'bpx',
        case
            when greatest(BPXSY1, BPXSY2, BPXSY3, BPXSY4, BPXDI1, BPXDI2, BPXDI3, BPXDI4) > 0 then 'staged'
            else 'no_value'
        end
    from raw.nhanes_bpx
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'smq',
        case when SMQ020 in (1, 2, 3) or SMQ040 in (1, 2, 3) then 'staged' else 'no_answer' end
    from raw.nhanes_smq
    union all
    select person_id, source_file, source_row, source_id, drop_id, 'mortality',
        case when ELIGSTAT = 1 and coalesce(PERMTH_EXM, PERMTH_INT) is not null then 'staged' else 'not_followed_up' end
    from raw.nhanes_mortality
)
select
    content.person_id,
    content.source_file,
    content.source_row,
    content.family,
    case
        when content.found = 'no_sex' or person.person_id is null then 'quarantined'
        when content.found = 'drug_name_unknown' then 'quarantined'
        when content.found = 'staged' then 'staged'
        when content.found = 'repeats_first_imputation' then 'duplicate'
        else 'out_of_scope'
    end as disposition,
    case
        when content.found = 'no_sex' then 'no_sex'
        when person.person_id is null then 'respondent_not_in_demo'
        when content.found <> 'staged' then content.found
    end as reason,
    content.source_id,
    content.drop_id
from content
left join staging.person as person on person.person_id = content.person_id
