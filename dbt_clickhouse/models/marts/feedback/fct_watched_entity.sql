{{ config(materialized='view') }}

with newest as (
    select max(hour) as hour
    from {{ ref('fct_entity_hour') }}
),

judged as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        requests,
        verdict,
        verdict_source,
        verdict_source_id,
        score_quantile,
        {{ customer_network('client_ip') }} as network
    from {{ ref('fct_entity_verdict') }}
    where hour > (select newest.hour from newest) - toIntervalDay({{ watched_label_days() }})
),

recent as (
    select *
    from judged
    where hour > (select newest.hour from newest) - toIntervalHour(24)
),

-- What a label names: it counts however long ago that was seen.
named as (
    select
        if(client_ip is null, null, {{ customer_network('assumeNotNull(client_ip)') }}) as network,
        cast(if(scope = 'ja4', '', ifNull(ja4, '')) as LowCardinality(String)) as ja4_stable,
        toString(label_id) as label_id
    from {{ ref('dim_label') }}
    where is_active and label = 'bad_bot'
),

-- What else it covers, such as the other addresses of a JA4: in some days, not in all that is kept.
bad as (
    select
        toNullable(network) as network,
        ja4_stable,
        assumeNotNull(verdict_source_id) as label_id
    from judged
    where verdict_source = 'analyst' and verdict = 'bad_bot'
    group by network, ja4_stable, label_id
    union distinct
    select * from named
),

bad_networks as (
    select
        assumeNotNull(bad.network) as network,
        min(label_id) as network_label_id
    from bad
    where bad.network is not null
    group by network
),

everybody as (
    select uniqExact(client_ip) as client_ips
    from recent
),

rarities as (
    select
        ja4_stable,
        -log2(uniqExact(client_ip) / any(everybody.client_ips)) as bits
    from recent
    cross join everybody
    group by ja4_stable
),

-- A popular browser's fingerprint says nothing of those who share it: bits of surprise among the addresses.
bad_ja4s as (
    select
        ja4_stable,
        min(label_id) as ja4_label_id,
        toNullable(any(bits)) as ja4_bits
    from bad
    inner join rarities using (ja4_stable)
    where ja4_stable != '' and bits >= {{ watched_ja4_bits() }}
    group by ja4_stable
),

entities as (
    select
        client_ip,
        ja4_stable,
        host,
        any(recent.network) as network,
        min(hour) as first_hour,
        max(hour) as last_hour,
        count() as hours,
        sum(recent.requests) as requests,
        argMax(recent.verdict, hour) as verdict,
        max(recent.score_quantile) as score_quantile,
        max(ifNull(recent.verdict_source, '') = 'analyst') as is_labelled
    from recent
    group by client_ip, ja4_stable, host
),

watched as (
    select
        client_ip,
        ja4_stable,
        host,
        first_hour,
        last_hour,
        hours,
        entities.requests as requests,
        entities.verdict as verdict,
        entities.score_quantile as score_quantile,
        network_label_id != '' as shares_network,
        ja4_label_id != '' as shares_ja4,
        if(ja4_label_id != '', ja4_label_id, network_label_id) as label_id,
        ja4_bits
    from entities
    left join bad_networks using (network)
    left join bad_ja4s using (ja4_stable)
    where not is_labelled and (network_label_id != '' or ja4_label_id != '')
)

select * from watched
