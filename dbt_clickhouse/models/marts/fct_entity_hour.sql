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

peers as (
    select *
    from {{ ref('int_entity_hour_peers') }}
    where {{ in_hour_window('hour') }}
),

-- Nullable, because an unmatched row of a left join is otherwise filled with 0.
hello_clients as (
    select
        * except (hellos, unused_hellos),
        toNullable(hellos) as hellos,
        toNullable(unused_hellos) as unused_hellos
    from {{ ref('int_entity_hour_hellos') }}
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
        paths.page_gaps as page_gaps,
        paths.typed_pages as typed_pages,
        entities.response_bytes as response_bytes,
        entities.asn as asn,
        entities.asn_kind as asn_kind,
        entities.country as country,
        entities.cloud as cloud,
        entities.anonymiser as anonymiser,
        entities.crawler_state as crawler_state,
        entities.attack_requests as attack_requests,
        entities.disallowed_requests as disallowed_requests,
        entities.ua_engines as ua_engines,
        entities.is_signed as is_signed,
        entities.claimed_bot as claimed_bot,
        hello_clients.hellos as hellos,
        hello_clients.unused_hellos as unused_hellos,
        round(contradictions.tcp_os_mismatch, 9) as tcp_os_mismatch,
        round(contradictions.h2_ua_mismatch, 9) as h2_ua_mismatch,
        round(headers.ch_missing, 9) as ch_missing,
        round(headers.ch_brand_false, 9) as ch_brand_false,
        round(headers.encoding_poor, 9) as encoding_poor,
        round(headers.http10_share, 9) as http10_share,
        round(paths.page_gap_cv, 9) as page_gap_cv,
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
    left join peers using (hour, client_ip, ja4_stable, host)
    left join hello_clients using (hour, client_ip)
),

-- Whoever only opens connections has no request to be an entity by; strays of a few hellos stay out.
silent as (
    select
        hour,
        client_ip,
        cast(hello_clients.ja4_stable as LowCardinality(String)) as ja4_stable,
        cast('' as LowCardinality(String)) as host,
        0 as requests,
        toUInt64(assumeNotNull(hello_clients.hellos)) as connections,
        first_hello_ts as first_ts,
        last_hello_ts as last_ts,
        cast('' as LowCardinality(String)) as user_agent,
        1 as user_agents,
        'none' as ua_family,
        null as ua_version,
        hello_clients.ja4 as ja4,
        {%- for count in [
            'paths', 'status_4xx', 'status_5xx', 'matched_requests', 'pages', 'assets', 'login_attempts',
            'login_failures', 'page_gaps', 'typed_pages', 'response_bytes'
        ] %}
            0 as {{ count }},
        {%- endfor %}
        {{ intel('asn', 'asn', 'client_ip') }} as asn,
        {{ intel('autonomous_system', 'kind', 'toUInt64(asn)') }} as asn_kind,
        {{ intel('country', 'country', 'client_ip') }} as country,
        {{ intel('cloud', 'name', 'client_ip') }} as cloud,
        {{ intel('anonymiser', 'name', 'client_ip') }} as anonymiser,
        'none' as crawler_state,
        0 as attack_requests,
        null as disallowed_requests,
        0 as ua_engines,
        false as is_signed,
        '' as claimed_bot,
        hello_clients.hellos as hellos,
        hello_clients.unused_hellos as unused_hellos,
        {%- for share in [
            'tcp_os_mismatch', 'h2_ua_mismatch', 'ch_missing', 'ch_brand_false', 'encoding_poor', 'http10_share',
            'page_gap_cv'
        ] %}
            null as {{ share }},
        {%- endfor %}
        {%- for group, features in entity_features().items() %}
            {%- for feature in features %}
                null as {{ feature }},
            {%- endfor %}
        {%- endfor %}
        false as is_sufficient
    from hello_clients
    left anti join entities using (hour, client_ip)
    where hello_clients.unused_hellos >= {{ fewest_unused_hellos() }}
)

select * from joined
union all
select * from silent
