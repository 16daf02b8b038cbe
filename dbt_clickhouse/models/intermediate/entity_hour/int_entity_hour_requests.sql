{{ hourly(
    order_by='(hour, client_ip, ja4_stable, host)',
    sources={'int_requests': 'ts'},
    keep='toIntervalDay(15)'
) }}

with source as (
    select *
    from {{ ref('int_requests') }}
    where {{ in_hour_window('ts') }}
),

entities as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        count() as requests,
        uniqExact(conn_id) as connections,
        min(ts) as first_ts,
        max(ts) as last_ts,
        cast(uniqExact(user_agent) as UInt32) as user_agents,
        ifNull({{ commonest('source.ja4') }}, '') as ja4,
        uniqExact(path) as paths,
        countIf(status between 400 and 499) as status_4xx,
        countIf(status between 500 and 599) as status_5xx,
        countIf(join_state = 'matched') as matched_requests,
        countIf(resource = 'page') as pages,
        countIf(resource = 'asset') as assets,
        countIf(is_login_attempt) as login_attempts,
        countIf(is_login_attempt and status in (400, 401, 403, 422)) as login_failures,
        countIf(is_contradicted) as contradicted_requests,
        countIf(is_attack_path) as attack_requests,
        cast(
            if(count(is_disallowed) = 0, null, countIf(is_disallowed)) as Nullable(UInt64)
        ) as disallowed_requests,
        uniqExactIf(ua_engine, is_own_hello and is_browser and ua_engine != '') as ua_engines,
        cast(countIf(has_signature) * 2 > count() as Bool) as is_signed,
        ifNull({{ commonest('source.signature_domain') }}, '') as signature_domain,
        ifNull(sum(response_bytes), 0) as response_bytes,
        -- One address has one network and one country at a time; the larger where a refresh came in between.
        max(asn) as asn,
        max(asn_kind) as asn_kind,
        max(country) as country,
        max(cloud) as cloud,
        max(anonymiser) as anonymiser,
        max(crawler_state) as crawler_state
    from source
    group by hour, client_ip, ja4_stable, host
),

-- The user agent that most requests of an entity have; the larger text in a tie.
user_agents as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        user_agent,
        ua_family,
        ua_version,
        is_browser,
        is_declared_bot
    from source
    group by hour, client_ip, ja4_stable, host, user_agent, ua_family, ua_version, is_browser, is_declared_bot
    order by count() desc, user_agent desc
    limit 1 by hour, client_ip, ja4_stable, host
),

joined as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        requests,
        connections,
        first_ts,
        last_ts,
        user_agent,
        user_agents,
        ua_family,
        ua_version,
        is_browser,
        ja4,
        paths,
        status_4xx,
        status_5xx,
        matched_requests,
        pages,
        assets,
        login_attempts,
        login_failures,
        contradicted_requests,
        attack_requests,
        disallowed_requests,
        ua_engines,
        is_signed,
        -- A signature names its bot better than a user agent does, but speaks for the signed requests only.
        multiIf(is_signed, signature_domain, is_declared_bot, ua_family, '') as claimed_bot,
        response_bytes,
        asn,
        asn_kind,
        country,
        cloud,
        anonymiser,
        crawler_state
    from entities
    inner join user_agents using (hour, client_ip, ja4_stable, host)
)

select * from joined
