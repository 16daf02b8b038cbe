{{ hourly(order_by='(hour, client_ip, ja4_stable, host)', sources={'int_requests': 'ts'}) }}

with entities as (
    select *
    from {{ ref('int_entity_hour_requests') }}
    where {{ in_hour_window('hour') }}
),

population as (
    select *
    from {{ ref('int_entity_hour_population') }}
    where {{ in_hour_window('hour') }}
),

contradictions as (
    select *
    from {{ ref('int_entity_hour_contradictions') }}
    where {{ in_hour_window('hour') }}
),

headers as (
    select *
    from {{ ref('int_entity_hour_headers') }}
    where {{ in_hour_window('hour') }}
),

timing as (
    select *
    from {{ ref('int_entity_hour_timing') }}
    where {{ in_hour_window('hour') }}
),

rhythm as (
    select *
    from {{ ref('int_entity_hour_rhythm') }}
    where {{ in_hour_window('hour') }}
),

paths as (
    select *
    from {{ ref('int_entity_hour_paths') }}
    where {{ in_hour_window('hour') }}
),

joined as (
    select
        entities.hour as hour,
        entities.client_ip as client_ip,
        entities.ja4_stable as ja4_stable,
        entities.host as host,
        entities.requests as requests,
        entities.connections as connections,
        entities.first_ts as first_ts,
        entities.last_ts as last_ts,
        entities.user_agent as user_agent,
        entities.user_agents as user_agents,
        entities.ua_family as ua_family,
        entities.ua_version as ua_version,
        entities.ja4 as ja4,
        entities.paths as paths,
        entities.status_4xx as status_4xx,
        entities.status_5xx as status_5xx,
        entities.matched_requests as matched_requests,
        entities.pages as pages,
        entities.assets as assets,
        entities.login_attempts as login_attempts,
        entities.login_failures as login_failures,
        entities.response_bytes as response_bytes,
        entities.asn as asn,
        entities.asn_kind as asn_kind,
        entities.country as country,
        entities.cloud as cloud,
        entities.anonymiser as anonymiser,
        entities.crawler_state as crawler_state,
        -- Sums of floating point numbers depend on the order of rows: rounded, a repeated hour is the same.
        {%- for group, features in entity_features().items() %}
            {%- for feature in features %}
                round({{ group }}.{{ feature }}, 9) as {{ feature }},
            {%- endfor %}
        {%- endfor %}
        cast(entities.requests >= 5 as Bool) as is_sufficient
    from entities
    left join population using (hour, client_ip, ja4_stable)
    inner join contradictions using (hour, client_ip, ja4_stable, host)
    inner join headers using (hour, client_ip, ja4_stable, host)
    inner join timing using (hour, client_ip, ja4_stable, host)
    inner join rhythm using (hour, client_ip, ja4_stable, host)
    inner join paths using (hour, client_ip, ja4_stable, host)
)

select * from joined
