{{ hourly(order_by='(hour, ja4_stable)', sources={'int_requests': 'ts', 'raw_tls_hellos': 'ts'}) }}

with requests as (
    select *
    from {{ ref('int_requests') }}
    where {{ in_hour_window('hour') }}
),

-- One hour more than the window: a hello at 10:59:59 is used by a request at 11:00:01.
used_connections as (
    select distinct conn_id
    from {{ ref('stg_http_requests') }}
    where {{ in_hour_window('ts', hours_after=1) }}
),

hellos as (
    select
        hour,
        ja4_stable,
        ts,
        conn_id not in (select used_connections.conn_id from used_connections) as is_unused
    from {{ ref('stg_tls_hellos') }}
    where not is_second_hello and {{ in_hour_window('ts') }}
),

request_totals as (
    select
        hour,
        ja4_stable,
        count() as requests,
        uniqExact(conn_id) as connections,
        uniqExact(client_ip) as client_ips,
        uniqExact(host) as hosts,
        uniqExact(user_agent) as user_agents,
        uniqExact(path) as paths,
        countIf(is_browser) as browser_requests,
        countIf(http_major >= 2) as h2h3_requests,
        countIf(status between 400 and 499) as status_4xx,
        countIf(is_contradicted) as contradicted_requests,
        countIf(resource = 'asset' and status in (200, 206, 304)) as cacheable_requests,
        uniqExact(asn) as asns,
        min(ts) as first_ts,
        max(ts) as last_ts
    from requests
    group by hour, ja4_stable
),

hello_totals as (
    select
        hour,
        ja4_stable,
        count() as hellos,
        countIf(is_unused) as hellos_unused,
        min(ts) as first_ts,
        max(ts) as last_ts
    from hellos
    group by hour, ja4_stable
),

joined as (
    select
        hour,
        ja4_stable,
        request_totals.requests as requests,
        request_totals.connections as connections,
        request_totals.client_ips as client_ips,
        request_totals.hosts as hosts,
        request_totals.user_agents as user_agents,
        request_totals.paths as paths,
        if(requests = 0, null, request_totals.browser_requests / requests) as browser_ratio,
        if(requests = 0, null, request_totals.h2h3_requests / requests) as h2h3_ratio,
        request_totals.status_4xx as status_4xx,
        request_totals.asns as asns,
        if(requests = 0, null, request_totals.contradicted_requests / requests) as heuristic_ratio,
        if(requests = 0, null, request_totals.cacheable_requests / requests) as cache_ratio,
        hello_totals.hellos as hellos,
        hello_totals.hellos_unused as hellos_unused,
        multiIf(
            requests = 0, hello_totals.first_ts,
            hellos = 0, request_totals.first_ts,
            least(request_totals.first_ts, hello_totals.first_ts)
        ) as first_ts,
        greatest(request_totals.last_ts, hello_totals.last_ts) as last_ts
    from request_totals
    full outer join hello_totals using (hour, ja4_stable)
),

-- Among the fingerprints with a request; '' is no fingerprint.
marked as (
    select
        *,
        ja4_stable != '' and requests > 0 as is_placed
    from joined
),

placed as (
    select
        *,
        rank() over (partition by hour, is_placed order by requests desc) as reqs_place,
        rank() over (partition by hour, is_placed order by client_ips desc) as ips_place,
        rank() over (partition by hour, is_placed order by user_agents desc) as uas_place,
        rank() over (partition by hour, is_placed order by paths desc) as paths_place,
        count() over (partition by hour, is_placed order by requests asc) - 1 as reqs_at_most,
        count() over (partition by hour, is_placed order by client_ips asc) - 1 as ips_at_most,
        count() over (partition by hour, is_placed) - 1 as others
    from marked
),

ranked as (
    select
        hour,
        ja4_stable,
        requests,
        connections,
        client_ips,
        hosts,
        user_agents,
        paths,
        browser_ratio,
        h2h3_ratio,
        status_4xx,
        asns,
        heuristic_ratio,
        cache_ratio,
        hellos,
        hellos_unused,
        first_ts,
        last_ts,
        if(is_placed, toNullable(reqs_place), null) as reqs_rank,
        if(is_placed, toNullable(ips_place), null) as ips_rank,
        if(is_placed, toNullable(uas_place), null) as uas_rank,
        if(is_placed, toNullable(paths_place), null) as paths_rank,
        if(is_placed and others > 0, reqs_at_most / others, null) as reqs_quantile,
        if(is_placed and others > 0, ips_at_most / others, null) as ips_quantile
    from placed
)

select * from ranked
