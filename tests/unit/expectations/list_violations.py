"""What breaks each rule of the code lists and of the lists that studies become, one statement a rule."""

BREAKS = {
    "ref.analyte.plausible_within_possible": (
        "update ref.analyte set plausible_maximum = maximum + 1 where analyte_code = 'estrone'"
    ),
    "ref.analyte.usual_within_plausible": (
        "update ref.analyte set usual_maximum_men = plausible_maximum + 1 where analyte_code = 'estradiol'"
    ),
    "ref.analyte.usual_in_pairs": "update ref.analyte set usual_minimum_women = null where analyte_code = 'estradiol'",
    "ref.analyte.unit_converts_to_itself": "update ref.analyte set canonical_unit = 'kg' where analyte_code = 'lh'",
    "ref.analyte.has_a_name": "delete from ref.analyte_code where analyte_code = 'estrone'",
    "ref.analyte_code.names_lower_case": "update ref.analyte_code set code = 'E2' where code = 'e2'",
    "ref.analyte_code.implied_unit_converts": (
        "update ref.analyte_code set implied_unit = 'kg' where implied_unit is not null and vocabulary_code = 'loinc'"
    ),
    "ref.unit.spelled_as_compared": "update ref.unit set spelling = 'Pg/mL' where spelling = 'pg/ml'",
    "ref.unit.concepts_are_numbers": "update ref.unit set spelling = 'x1' where spelling = '8554'",
    "ref.unit.read_as_itself": "delete from ref.unit where spelling = 'ng/dl'",
    "ref.unit_factor.factor_positive": (
        "update ref.unit_factor set factor = 0 where analyte_code = 'shbg' and ucum_code = 'nmol/L'"
    ),
    "ref.unit_factor.unit_spelled": (
        "update ref.unit_factor set ucum_code = 'furlong' where analyte_code = 'estrone' and ucum_code = 'ng/mL'"
    ),
    "ref.unit_factor.molar_mass_agrees": (
        "update ref.unit_factor set factor = factor * 1.1 where analyte_code = 'estradiol' and ucum_code = 'pmol/L'"
    ),
    "ref.unit_factor.prefixes_agree": (
        "update ref.unit_factor set factor = factor * 10 where analyte_code = 'testosterone' and ucum_code = 'ng/mL'"
    ),
    "ref.result_word.lower_case": (
        "update ref.result_word set word = 'Negative' where meaning = 'no_result' and word = (select "
        "min(word) from ref.result_word where meaning = 'no_result' and word > 'a')"
    ),
    "ref.result_word.no_number": "update ref.result_word set word = '5' where word = '###'",
    "ref.fill_value.code_is_the_value": "update ref.fill_value set value = 1 where fill_code = '-9'",
    "ref.fill_value.no_result_looks_so": (
        "update ref.fill_value set fill_code = '120', value = 120 where fill_code = '9999'"
    ),
    "ref.nhanes_variable.factor_positive": "update ref.nhanes_variable set factor = 0 where variable = 'LBXEST'",
    "ref.nhanes_variable.analyte_known": "update ref.nhanes_variable set code = 'x2' where variable = 'LBXTST'",
    "ref.nhanes_variable.comment_in_family": (
        "update ref.nhanes_variable set comment_variable = 'X' where comment_variable is not null"
    ),
    "ref.nhanes_variable.factor_as_in_list": (
        "update ref.nhanes_variable set factor = 10 where domain = 'lab' and family = 'vid'"
    ),
    "ref.nhanes_variable.unit_as_analyte": (
        "update ref.nhanes_variable set canonical_unit = 'kg' where domain = 'lab' and family = 'ghb'"
    ),
    "ref.nhanes_variable.names_written_alike": (
        "update ref.nhanes_variable set variable = lower(variable) where variable = 'RIAGENDR'"
    ),
    "ref.nhanes_scanner.cycle_is_a_letter": "update ref.nhanes_scanner set cycle_code = '2005' where cycle_code = 'D'",
    "ref.nhanes_scanner.maker_known": "update ref.nhanes_scanner set manufacturer = 'x3' where cycle_code = 'H'",
    "ref.omop_column.names_lower_case": (
        "update ref.omop_column set column_name = 'Note' where column_name = 'quantity'"
    ),
    "ref.omop_column.kind_as_named": "update ref.omop_column set kind = 'text' where column_name = 'measurement_date'",
    "ref.flat_column.names_lower_case": "update ref.flat_column set column_name = 'Sex' where column_name = 'sex_text'",
    "ref.flat_column.kind_as_named": "update ref.flat_column set type = 'text' where column_name = 'died_on'",
    "ref.flat_column.decimals_are_text": "update ref.flat_column set type = 'number' where is_decimal = 'yes'",
    "ref.drug.lower_case": "update ref.drug set drug_name = 'Tamoxifen' where drug_name = 'tamoxifen'",
    "ref.drug.one_class_per_ingredient": "update ref.drug set drug_class = 'nitrate' where drug_name = 'zocor'",
    "ref.drug.atc_written_so": "update ref.drug set atc_code = 'L02' where drug_name = 'letrozole'",
    "ref.drug.rxnorm_written_so": "update ref.drug set rxnorm_code = 'x4' where drug_name = 'exemestane'",
    "ref.drug.one_rxnorm_per_ingredient": "update ref.drug set rxnorm_code = '1' where drug_name = 'femara'",
    "ref.drug.strengths_read": "update ref.drug set marketed_strength_mg = '1|-1' where drug_name = 'anastrozole'",
    "ref.drug.label_dose_positive": "update ref.drug set label_dose_mg_per_day = 0 where drug_name = 'raloxifene'",
    "ref.drug.inhibitors_as_labelled": "update ref.drug set label_dose_mg_per_day = 10 where drug_name = 'arimidex'",
    "ref.drug.route_known": "update ref.drug set route_code = 'x5' where drug_name = 'fulvestrant'",
    "ref.drug_code.lower_case": "update ref.drug_code set code = upper(code) where code = 'l02bg03'",
    "ref.drug_code.atc_as_in_drug": "update ref.drug_code set ingredient = 'tamoxifen' where code = 'l02bg04'",
    "ref.drug_code.rxnorm_one_ingredient": (
        "insert into ref.drug_code select * replace ('tamoxifen' as ingredient) from ref.drug_code where code = '72965'"
    ),
    "ref.episode_rule.one_primary_gap": "update ref.episode_rule set is_primary = 'yes' where ingredient = 'denosumab'",
    "ref.episode_rule.late_is_no_gap": (
        "update ref.episode_rule set grace_days = 60 where ingredient = 'goserelin' and gap_days = 60"
    ),
    "ref.episode_rule.others_have_a_rule": "delete from ref.episode_rule where ingredient = '*'",
    "ref.supply_duration.lasts_at_most_a_year": (
        "update ref.supply_duration set duration_days = 1000 where ingredient = 'denosumab'"
    ),
    "ref.pharmacokinetic.half_life_as_labelled": (
        "update ref.pharmacokinetic set volume_l = 1000 where ingredient = 'anastrozole' and variant_code = 'high'"
    ),
    "ref.pharmacokinetic.absorbed_before_lost": (
        "update ref.pharmacokinetic set absorption_per_h = 0.001 where ingredient = 'letrozole' and "
        "variant_code = 'low'"
    ),
    "ref.pharmacokinetic.centre_between_ends": (
        "update ref.pharmacokinetic set clearance_l_per_h = 700 where ingredient = 'exemestane' and "
        "variant_code = 'central'"
    ),
    "ref.inhibition.centre_between_ends": (
        "update ref.inhibition set imax_pct = 99 where sex_code = 'male' and ingredient = 'letrozole' and "
        "variant_code = 'central'"
    ),
    "ref.inhibition.label_dose_as_measured": (
        "update ref.inhibition set d50_label_pct = 100 where sex_code = 'female' and ingredient = "
        "'anastrozole' and variant_code = 'central'"
    ),
    "ref.e2_band.bands_tile": "update ref.e2_band set below_pg_ml = 19 where sex_code = 'male' and band_code = 'low'",
    "ref.bone_reference.young_adult_mean": (
        "update ref.bone_reference set sd_g_cm2 = 0.012 where site_code = 'total_hip' and reference_code = 'white_male'"
    ),
    "ref.bone_reference.men_denser": (
        "update ref.bone_reference set mean_g_cm2 = 1.25 where site_code = 'femoral_neck' and reference_code "
        "= 'white_female'"
    ),
    "ref.sbmd.three_makers": "delete from ref.sbmd where site_code = 'total_hip' and manufacturer = 'norland'",
    "ref.sbmd.near_identity": (
        "update ref.sbmd set slope = 10.55 where site_code = 'lumbar_spine' and manufacturer = 'norland'"
    ),
    "ref.sbmd.lunar_reads_higher": (
        "update ref.sbmd set intercept = 0.4 where site_code = 'femoral_neck' and manufacturer = 'lunar'"
    ),
    "ref.vertebra_reference.four_vertebrae": (
        "delete from ref.vertebra_reference where manufacturer = 'lunar' and site_code = 'l1'"
    ),
    "ref.vertebra_reference.denser_downwards": (
        "update ref.vertebra_reference set mean_g_cm2 = 0.9 where manufacturer = 'hologic' and site_code = 'l3'"
    ),
    "ref.dxa_code.lower_case": "update ref.dxa_code set code = 'Spine' where code = 'spine'",
    "ref.dxa_code.factors_positive": (
        "update ref.dxa_code set value_code = 'x6' where list_code = 'unit' and value_code = '0.001'"
    ),
    "ref.dxa_code.side_is_a_side": (
        "update ref.dxa_code set value_code = 'up' where list_code = 'side' and value_code = 'both'"
    ),
    "ref.dxa_code.model_has_known_maker": "update ref.dxa_code set value_code = 'x7' where list_code = 'model'",
    "ref.clinical_limit.only_scores_below_zero": (
        "update ref.clinical_limit set value = -1 where limit_code = 'bmd_minimum'"
    ),
    "ref.clinical_limit.days_are_whole": (
        "update ref.clinical_limit set value = 90.5 where limit_code = 'e2_baseline_days'"
    ),
    "ref.clinical_limit.percent_says_so": (
        "update ref.clinical_limit set value = 300 where limit_code = 'lsc_total_hip_pct'"
    ),
    "ref.clinical_limit.change_beyond_precision": (
        "update ref.clinical_limit set value = 0.5 where limit_code = 'lsc_femoral_neck_pct'"
    ),
    "ref.claim.all_28": "update ref.claim set claim_id = 'H99' where claim_id = 'H9'",
    "ref.claim.judgeable": "update ref.claim set delta = null where claim_id = 'H22'",
    "ref.claim.absence_told": "update ref.claim set answered_by = null where claim_id = 'H28'",
    "ref.claim.one_hash": "update ref.claim set rules_hash = 'another' where claim_id = 'H20'",
    "ref.run_setting.smallest_cell": "update ref.run_setting set value_text = '5' where setting_code = 'min_cell'",
    "ref.run_setting.evidence_known": (
        "update ref.run_setting set value_text = 'rumour' where setting_code = 'evidence_source'"
    ),
    "ref.run_setting.all_given": "delete from ref.run_setting where setting_code = 'bone_reference'",
    "ref.source_word.lower_case": "update ref.source_word set word = 'Male' where word = 'male' and list_code = 'sex'",
    "ref.source_word.concepts_are_numbers": (
        "update ref.source_word set word = 'x8' where word = '8507' and list_code = 'sex'"
    ),
    "ref.source_word.code_is_a_name": (
        "update ref.source_word set code = 'Not known' where word = '8532' and list_code = 'sex'"
    ),
    "ref.disposition_reason.code_is_a_name": (
        "update ref.disposition_reason set reason_code = 'No Sex' where reason_code = 'no_sex'"
    ),
    "ref.disposition_reason.says_why": (
        "update ref.disposition_reason set meaning = 'bad' where reason_code = 'person_unknown'"
    ),
    "ref.observation_code.numbers_have_a_unit": (
        "update ref.observation_code set unit_code = null where observation_code = 'systolic_bp' and "
        "vocabulary_code = 'loinc'"
    ),
    "ref.observation_code.one_unit_per_observation": (
        "update ref.observation_code set unit_code = 'kPa' where observation_code = 'diastolic_bp' and "
        "vocabulary_code = 'loinc'"
    ),
    "ref.observation_code.limits_in_pairs": (
        "update ref.observation_code set maximum = null where observation_code = 'diastolic_bp' and "
        "vocabulary_code = 'omop'"
    ),
    "ref.observation_answer.lower_case": (
        "update ref.observation_answer set answer = 'Never' where observation_code = 'smoking_status' and "
        "answer = 'never'"
    ),
    "ref.observation_answer.of_an_answer": (
        "update ref.observation_answer set observation_code = 'weight' where observation_code = "
        "'smoking_status' and answer = 'never smoker'"
    ),
    "ref.observation_unit.factor_positive": (
        "update ref.observation_unit set factor = 0 where observation_code = 'weight' and unit_word = 'kgs'"
    ),
    "ref.observation_unit.canonical_unit_is_one": (
        "update ref.observation_unit set factor = 2 where observation_code = 'height' and factor = 1"
    ),
    "ref.symptom_code.one_symptom_per_code": (
        "insert into ref.symptom_code select * replace ('fatigue' as symptom_code) from ref.symptom_code "
        "where code = 'M25.5'"
    ),
    "ref.symptom_code.has_a_system": "update ref.symptom_code set symptom_code = 'x9' where code = 'M25.6'",
    "ref.symptom_system.has_codes": "delete from ref.symptom_code where symptom_code = 'hair_loss'",
    "ref.symptom_proxy.system_known": "update ref.symptom_proxy set system_code = 'x10' where system_code = 'fluid'",
    "ref.symptom_proxy.ingredient_of_class": (
        "update ref.symptom_proxy set drug_class = 'ssri' where ingredient = 'tamoxifen'"
    ),
    "ref.procedure_code.written_as_compared": "update ref.procedure_code set code = lower(code) where code = 'G0130'",
    "ref.procedure_code.one_procedure_per_code": (
        "insert into ref.procedure_code select * replace ('x11' as procedure_code) from ref.procedure_code "
        "where code = '77080'"
    ),
    "ref.condition_concept.concept_is_a_number": (
        "update ref.condition_concept set concept_id = 'x12' where concept_id = '80502'"
    ),
    "ref.condition_concept.code_is_staged": (
        "update ref.condition_concept set condition_code = 'x13' where condition_code = '102447009'"
    ),
    "ref.condition_set.no_opposites": (
        "update ref.condition_set set code = (select min(code) from ref.condition_set where condition_set = "
        "'er_negative' and vocabulary_code = 'icd10cm') where condition_set = 'er_positive' and "
        "vocabulary_code = 'icd10cm'"
    ),
    "ref.menopause_code.no_opposites": (
        "insert into ref.menopause_code select * replace ('Z90.72' as code, 'ovaries_work' as evidence_code) "
        "from ref.menopause_code where code = 'Z90.722'"
    ),
    "ref.marker.class_known": "update ref.marker set confounding_class = 'x14' where marker_code = 'crp'",
    "ref.marker_band.bands_tile": (
        "update ref.marker_band set from_value = 6 where marker_code = 'hba1c' and band_code = 'diabetes'"
    ),
    "ref.marker_band.marker_known": "update ref.marker_band set marker_code = 'x15' where marker_code = 'pth'",
    "ref.assessment.threshold_says_which_side": (
        "update ref.assessment set threshold_included = null where observation_code = 'phq9_score'"
    ),
    "ref.assessment.real_change_positive": (
        "update ref.assessment set real_change = 0 where observation_code = 'gad7_score'"
    ),
    "ref.turnover_marker.change_as_published": (
        "update ref.turnover_marker set least_significant_pct = 3 where analyte_code = 'ctx'"
    ),
    "ref.study.hash_is_one": (
        "update ref.study set protocol_hash = 'x16' where study_id = (select min(study_id) from ref.study)"
    ),
    "ref.study.of_adults": (
        "update ref.study set minimum_age_years = 300 where study_id = (select max(study_id) from ref.study)"
    ),
    "ref.study.cohorts_where_asked": "update ref.study set arm_rule = 'cohort' where arm_rule = 'sex'",
    "ref.study.has_an_outcome": (
        "delete from ref.study_outcome where study_id = (select min(study_id) from ref.study_outcome)"
    ),
    "ref.study_cycle.written_as_years": (
        "update ref.study_cycle set cycle_label = '2013' where cycle_label = (select min(cycle_label) from "
        "ref.study_cycle)"
    ),
    "ref.study_cohort.set_known": (
        "update ref.study_cohort set set_code = 'x17' where study_id = (select min(study_id) from ref.study_cohort)"
    ),
    "ref.study_cohort.counts_within_follow_up": (
        "update ref.study_cohort set follow_up_from_days = follow_up_days where study_id = (select "
        "max(study_id) from ref.study_cohort)"
    ),
    "ref.study_cohort.has_arms": "delete from ref.study_arm where study_id = (select min(study_id) from ref.study_arm)",
    "ref.study_criterion.steps_in_order": (
        "update ref.study_criterion set step_number = 99 where study_id = (select min(study_id) from "
        "ref.study_criterion) and step_number = 1"
    ),
    "ref.study_criterion.set_known": (
        "update ref.study_criterion set set_code = 'x18' where set_code = (select min(set_code) from "
        "ref.study_criterion)"
    ),
    "ref.study_criterion.leaves_days_to_look_at": (
        "update ref.study_criterion set except_last_days = 9999, look_back_days = 30 where study_id = (select "
        "max(study_id) from ref.study_criterion)"
    ),
    "ref.study_criterion.of_a_cohort": (
        "update ref.study_criterion set cohort_code = 'x19' where study_id = (select max(study_id) from "
        "ref.study_criterion)"
    ),
    "ref.study_arm.of_a_cohort": (
        "update ref.study_arm set cohort_code = 'x20' where study_id = (select max(study_id) from ref.study_arm)"
    ),
    "ref.study_arm.named_once": (
        "insert into ref.study_arm select * replace (99 as arm_number) from ref.study_arm where study_id = "
        "(select min(study_id) from ref.study_arm)"
    ),
    "ref.study_arm.dose_has_a_bound": "update ref.study_arm set above = null, up_to = null where rule_code = 'dose'",
    "ref.study_arm.set_known": (
        "update ref.study_arm set set_code = 'x21' where set_code = (select min(set_code) from ref.study_arm)"
    ),
    "ref.study_censor.of_a_cohort": (
        "update ref.study_censor set cohort_code = 'x22' where study_id = (select max(study_id) from ref.study_censor)"
    ),
    "ref.study_censor.set_known": (
        "update ref.study_censor set set_code = 'x23' where study_id = (select min(study_id) from ref.study_censor)"
    ),
    "ref.study_contrast.two_arms": (
        "update ref.study_contrast set comparator_code = target_code where study_id = (select min(study_id) "
        "from ref.study_contrast)"
    ),
    "ref.study_contrast.arms_known": (
        "update ref.study_contrast set target_code = 'x24' where study_id = (select max(study_id) from "
        "ref.study_contrast)"
    ),
    "ref.study_contrast.outcome_known": (
        "update ref.study_contrast set outcome_code = 'x25' where study_id = (select max(study_id) from "
        "ref.study_contrast)"
    ),
    "ref.study_contrast.window_within_horizon": (
        "update ref.study_contrast set window_days = horizon_days where study_id = (select max(study_id) from "
        "ref.study_contrast)"
    ),
    "ref.study_contrast.followed_so_long": (
        "update ref.study_contrast set horizon_days = 99999 where study_id = (select min(study_id) from "
        "ref.study_contrast)"
    ),
    "ref.continuous_outcome.subject_known": (
        "update ref.continuous_outcome set subject_code = 'x26' where kind_code = 'dxa'"
    ),
    "ref.continuous_outcome.difference_positive": (
        "update ref.continuous_outcome set detectable_difference = 0 where outcome_code = 'lh_iu_l'"
    ),
    "ref.study_set.code_known": (
        "update ref.study_set set code = 'x27' where kind_code = 'drug' and code = (select min(code) from "
        "ref.study_set where kind_code = 'drug')"
    ),
    "ref.study_covariate.known_where_cohorts": (
        "update ref.study_covariate set covariate_code = 'x28' where study_id in (select study_id from "
        "ref.study where arm_rule = 'cohort') and covariate_code = 'age_years'"
    ),
    "ref.study_outcome.has_a_primary": (
        "update ref.study_outcome set is_primary = false where study_id = (select min(study_id) from ref.study_outcome)"
    ),
}
