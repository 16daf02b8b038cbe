{{ hourly(
    order_by='(hour, ja4_stable, client_ip)',
    sources={'int_requests': 'ts'},
    keep='toIntervalDay(15)'
) }}

with source as (
    select
        hour,
        ja4_stable,
        client_ip,
        asn,
        user_agent,
        path,
        is_browser,
        http_major,
        is_contradicted,
        resource,
        status
    from {{ ref('int_requests') }}
    where ja4_stable != '' and {{ in_hour_window('ts') }}
),

clients as (
    select
        hour,
        ja4_stable,
        client_ip,
        any(asn) as asn,
        count() as requests,
        countIf(is_browser) as browser_requests,
        countIf(http_major >= 2) as h2h3_requests,
        countIf(is_contradicted) as contradicted_requests,
        countIf(resource = 'asset' and status in (200, 206, 304)) as cacheable_requests
    from source
    group by hour, ja4_stable, client_ip
),

-- Values that only one address of the fingerprint has: they go when that address is left out.
{%- for item in ['user_agent', 'path'] %}
    {{ item }}_owners as (
        select
            hour,
            ja4_stable,
            {{ item }},
            any(source.client_ip) as client_ip,
            uniqExact(source.client_ip) as owners
        from source
        group by hour, ja4_stable, {{ item }}
    ),

    {{ item }}_alone as (
        select
            hour,
            ja4_stable,
            client_ip,
            count() as alone
        from {{ item }}_owners
        where owners = 1
        group by hour, ja4_stable, client_ip
    ),

    {{ item }}_totals as (
        select
            hour,
            ja4_stable,
            count() as total
        from {{ item }}_owners
        group by hour, ja4_stable
    ),
{%- endfor %}

networks as (
    select
        hour,
        ja4_stable,
        asn,
        sum(clients.requests) as requests
    from clients
    group by hour, ja4_stable, asn
),

network_spread as (
    select
        hour,
        ja4_stable,
        sum(networks.requests * log2(networks.requests)) as weighted
    from networks
    group by hour, ja4_stable
),

counted as (
    select
        clients.hour as hour,
        clients.ja4_stable as ja4_stable,
        clients.client_ip as client_ip,
        clients.requests as own_requests,
        sum(clients.requests) over (partition by hour, ja4_stable) as reqs_all,
        count() over (partition by hour, ja4_stable) as ips_all,
        user_agent_totals.total as uas_all,
        path_totals.total as paths_all,
        toUInt64(reqs_all - own_requests) as reqs,
        toUInt64(ips_all - 1) as ips,
        toUInt64(uas_all - user_agent_alone.alone) as uas,
        toUInt64(paths_all - path_alone.alone) as paths,
        sum(clients.browser_requests) over (partition by hour, ja4_stable)
        - clients.browser_requests as browser,
        sum(clients.h2h3_requests) over (partition by hour, ja4_stable) - clients.h2h3_requests as h2h3,
        sum(clients.contradicted_requests) over (partition by hour, ja4_stable)
        - clients.contradicted_requests as contradicted,
        sum(clients.cacheable_requests) over (partition by hour, ja4_stable)
        - clients.cacheable_requests as cacheable,
        -- The sum of k log2 k over networks, with the client's own requests taken out of its network.
        network_spread.weighted
        - networks.requests * log2(networks.requests)
        + if(
            networks.requests > own_requests,
            (networks.requests - own_requests) * log2(networks.requests - own_requests),
            0
        ) as network_weighted
    from clients
    inner join networks
        on
            clients.hour = networks.hour
            and clients.ja4_stable = networks.ja4_stable
            and clients.asn = networks.asn
    inner join network_spread using (hour, ja4_stable)
    inner join user_agent_totals using (hour, ja4_stable)
    inner join path_totals using (hour, ja4_stable)
    left join user_agent_alone using (hour, ja4_stable, client_ip)
    left join path_alone using (hour, ja4_stable, client_ip)
)

select * from counted
