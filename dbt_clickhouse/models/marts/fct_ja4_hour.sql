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
)

select * from joined
