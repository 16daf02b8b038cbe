-- The database user of the dashboard on a ClickHouse server: it reads the marts and adds to three tables.
-- Run it as an admin after the first build of the marts; replace the password, or name it afterwards with `alter user`.
create user if not exists ja4_dashboard identified with sha256_password by 'change-me-4'
    settings max_execution_time = 30, max_memory_usage = 4000000000;

-- The marts that its pages read.
grant select on ja4_processing.dim_ja4 to ja4_dashboard;
grant select on ja4_processing.dim_label to ja4_dashboard;
grant select on ja4_processing.dim_model to ja4_dashboard;
grant select on ja4_processing.dim_setting to ja4_dashboard;
grant select on ja4_processing.fct_alert to ja4_dashboard;
grant select on ja4_processing.fct_asn_hour to ja4_dashboard;
grant select on ja4_processing.fct_audit to ja4_dashboard;
grant select on ja4_processing.fct_campaign to ja4_dashboard;
grant select on ja4_processing.fct_campaign_hour to ja4_dashboard;
grant select on ja4_processing.fct_campaign_member to ja4_dashboard;
grant select on ja4_processing.fct_entity_hour to ja4_dashboard;
grant select on ja4_processing.fct_entity_judgement to ja4_dashboard;
grant select on ja4_processing.fct_entity_verdict to ja4_dashboard;
grant select on ja4_processing.fct_ip_hour to ja4_dashboard;
grant select on ja4_processing.fct_ja4_hour to ja4_dashboard;
grant select on ja4_processing.fct_join_accuracy to ja4_dashboard;
grant select on ja4_processing.fct_model_drift to ja4_dashboard;
grant select on ja4_processing.fct_model_evaluation to ja4_dashboard;
grant select on ja4_processing.fct_request to ja4_dashboard;
grant select on ja4_processing.fct_request_minute to ja4_dashboard;
grant select on ja4_processing.fct_review_rank to ja4_dashboard;
grant select on ja4_processing.fct_sensor_minute to ja4_dashboard;
grant select on ja4_processing.fct_watched_entity to ja4_dashboard;

-- What those of them that are views read in turn: a view runs with the rights of whoever asks it.
grant select on ja4_processing.analyst_labels to ja4_dashboard;
grant select on ja4_processing.audit_log to ja4_dashboard;
grant select on ja4_processing.campaign_members to ja4_dashboard;
grant select on ja4_processing.campaigns to ja4_dashboard;
grant select on ja4_processing.detection_settings to ja4_dashboard;
grant select on ja4_processing.int_requests to ja4_dashboard;
grant select on ja4_processing.model_drift to ja4_dashboard;
grant select on ja4_processing.model_evaluations to ja4_dashboard;
grant select on ja4_processing.model_versions to ja4_dashboard;
grant select on ja4_processing.raw_agent_ticks to ja4_dashboard;
grant select on ja4_processing.review_ranks to ja4_dashboard;
grant select on ja4_processing.stg_agent_ticks to ja4_dashboard;

-- What those views look up.
grant dictGet on ja4_processing.intel_asn to ja4_dashboard;

-- What people decide.
grant insert on ja4_processing.analyst_labels to ja4_dashboard;
grant insert on ja4_processing.audit_log to ja4_dashboard;
grant insert on ja4_processing.detection_settings to ja4_dashboard;
