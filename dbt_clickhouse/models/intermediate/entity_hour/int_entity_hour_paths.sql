{{ hourly(
    order_by='(hour, client_ip, ja4_stable, host)',
    sources={'int_requests': 'ts'},
    keep='toIntervalDay(15)'
) }}

with source as (
    select
        *,
        {{ path_template('path') }} as template,
        {{ last_number('path') }} as number,
        {{ last_number(referer_path('referer', 'host')) }} as number_of_referer
    from {{ ref('int_requests') }}
    where {{ in_hour_window('ts') }}
),

templates as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        template,
        count() as requests
    from source
    group by hour, client_ip, ja4_stable, host, template
),

-- Shannon entropy: log2(n) - sum(k log2 k) / n.
spread as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        sum(templates.requests) as total,
        if(
            total < 2,
            null,
            greatest(0, 1 - sum(templates.requests * log2(templates.requests)) / total / log2(total))
        ) as path_entropy
    from templates
    group by hour, client_ip, ja4_stable, host
),

-- From one number to the next within a template. What a page's script asks for under the number of that page
-- (its stock, its reviews) is no step: one choice would count once for each such request, and two pages that
-- happen to be equally far from the one before would look like counting.
steps as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        number - lagInFrame(number) over numbered as step,
        row_number() over numbered > 1 as is_step
    from source
    where
        number is not null
        and (resource = 'page' or (resource = 'other' and ifNull(number_of_referer != number, 1)))
    window numbered as (
        partition by hour, client_ip, ja4_stable, host, template
        order by ts asc, conn_id asc, request_seq_on_conn asc
        rows between unbounded preceding and current row
    )
),

-- The first step of a kind is no repetition, so it does not count.
enumerated as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        countIf(is_step) as steps,
        {{ largest_count('assumeNotNull(step)', 'is_step and step != 0') }} as most_alike,
        if(steps = 0, null, greatest(0, most_alike - 1) / steps) as enum_score
    from steps
    group by hour, client_ip, ja4_stable, host
),

-- A page that reloads itself, and what a redirect leads through, is no next page that somebody chose.
visits as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        path != lagInFrame(path) over visited and row_number() over visited > 1 as is_next,
        ifNull(is_typed, 0) as is_typed,
        dateDiff('microsecond', lagInFrame(ts) over visited, ts) / 1e6 as gap_s
    from source
    where resource = 'page' and (status between 200 and 299 or status = 304)
    window visited as (
        partition by hour, client_ip, ja4_stable, host
        order by ts asc, conn_id asc, request_seq_on_conn asc
        rows between unbounded preceding and current row
    )
),

paces as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        countIf(is_next) as page_gaps,
        countIf(is_next and is_typed) as typed_pages,
        if(page_gaps < 2, null, stddevPopIf(gap_s, is_next) / nullIf(avgIf(gap_s, is_next), 0)) as page_gap_cv
    from visits
    group by hour, client_ip, ja4_stable, host
),

entities as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        count() as requests,
        uniqExact(path) as paths,
        countIf(resource = 'page') as pages,
        countIf(resource = 'asset') as assets,
        countIf(status not in (403, 429, 503)) as own_doing,
        countIf(status between 400 and 499 and status not in (403, 429)) as errors_4xx,
        countIf(status between 500 and 599 and status != 503) as errors_5xx,
        countIf(is_sensitive_path) as sensitive_requests,
        max(path = '/robots.txt') as robots_fetched
    from source
    group by hour, client_ip, ja4_stable, host
),

-- What the pages of the host bring with them for everybody else's browser.
resources as (
    select
        hour,
        client_ip,
        host,
        countIf(resource = 'page' and is_browser) as own_pages,
        countIf(resource = 'asset' and is_browser) as own_assets
    from source
    group by hour, client_ip, host
),

norms as (
    select
        hour,
        client_ip,
        host,
        sum(own_pages) over (partition by hour, host) - own_pages as others_pages,
        sum(own_assets) over (partition by hour, host) - own_assets as others_assets
    from resources
),

joined as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        cast(path_entropy as Nullable(Float64)) as path_entropy,
        cast(paths / requests as Nullable(Float64)) as uniq_path_ratio,
        cast(enum_score as Nullable(Float64)) as enum_score,
        cast(if(pages = 0, null, assets / pages) as Nullable(Float64)) as asset_ratio,
        cast(
            if(
                pages = 0 or others_pages = 0 or others_assets = 0,
                null,
                least(1, assets / pages * others_pages / others_assets)
            ) as Nullable(Float64)
        ) as asset_complete,
        cast(if(own_doing = 0, null, errors_4xx / (own_doing + 1)) as Nullable(Float64)) as err4xx_ratio,
        cast(if(own_doing = 0, null, errors_5xx / (own_doing + 1)) as Nullable(Float64)) as err5xx_ratio,
        page_gaps,
        typed_pages,
        cast(page_gap_cv as Nullable(Float64)) as page_gap_cv,
        cast(sensitive_requests / (requests + 1) as Nullable(Float64)) as sensitive_hits,
        cast(robots_fetched as Nullable(Float64)) as robots_fetched
    from entities
    inner join spread using (hour, client_ip, ja4_stable, host)
    left join enumerated using (hour, client_ip, ja4_stable, host)
    left join paces using (hour, client_ip, ja4_stable, host)
    inner join norms using (hour, client_ip, host)
)

select * from joined
