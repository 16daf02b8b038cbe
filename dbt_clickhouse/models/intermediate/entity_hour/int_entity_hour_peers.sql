{{ hourly(
    order_by='(hour, client_ip, ja4_stable, host)',
    sources={'int_requests': 'ts'},
    keep='toIntervalDay(15)'
) }}

-- Who asks for the same kinds of pages at the same times. Comparing everybody with everybody would cost the
-- square of an hour's entities. So entities meet only within a block: one host, one busiest minute (two that
-- correlate at over 0.8 nearly always share it), and one of 8 bands of 2 MinHashes of their path templates,
-- where two sets that share 60 % meet with 97 % probability (1 - (1 - 0.6^2)^8). And each is compared with at
-- most 64 entities of a block, the lowest by a hash of the address: an hour costs at most 512 comparisons an
-- entity, whatever somebody stages.
with source as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        toMinute(ts) as minute,
        toUInt32(cityHash64({{ path_template('path') }})) as template
    from {{ ref('int_requests') }}
    where {{ in_hour_window('ts') }}
),

-- The 256 lowest hashes of an entity with more templates stand for all of them.
visits as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        count() as requests,
        arraySlice(arraySort(groupUniqArray(template)), 1, 256) as templates,
        groupArray(minute) as moments,
        arrayMap(each -> toUInt32(countEqual(moments, each)), range(60)) as minutes,
        60 * arraySum(arrayMap(each -> pow(each, 2), minutes)) - pow(requests, 2) as spread
    from source
    group by hour, client_ip, ja4_stable, host
    having requests >= 5 and spread > 0
),

signed as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        requests,
        templates,
        minutes,
        spread,
        indexOf(minutes, arrayMax(minutes)) as busiest,
        arrayMap(
            seed -> arrayMin(
                arrayMap(template -> toUInt32(intHash64(template + bitShiftLeft(seed, 32))), templates)
            ),
            range(toUInt64(16))
        ) as lowest,
        arrayMap(pair -> cityHash64(lowest[2 * pair + 1], lowest[2 * pair + 2]), range(8)) as bands
    from visits
),

banded as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        requests,
        templates,
        minutes,
        spread,
        busiest,
        bands,
        position,
        bands[position] as band
    from signed
    array join arrayEnumerate(bands) as position
),

candidates as (
    select
        hour,
        host,
        busiest,
        position,
        band,
        client_ip as peer_ip,
        requests as peer_requests,
        templates as peer_templates,
        minutes as peer_minutes,
        spread as peer_spread,
        bands as peer_bands
    from banded
    order by cityHash64(client_ip) asc, client_ip asc, ja4_stable asc
    limit 64 by hour, host, busiest, position, band
),

-- A block has one candidate at least, so no entity is lost; two that share several bands count in the first.
compared as (
    select
        banded.hour as hour,
        banded.client_ip as client_ip,
        banded.ja4_stable as ja4_stable,
        banded.host as host,
        uniqExactIf(
            peer_ip,
            banded.client_ip != peer_ip
            and 60 * toFloat64(arrayDotProduct(banded.minutes, peer_minutes))
            - toFloat64(banded.requests) * peer_requests
            > 0.8 * sqrt(banded.spread * peer_spread)
            and arrayFirstIndex((mine, theirs) -> mine = theirs, banded.bands, peer_bands) = banded.position
            and arrayJaccardIndex(banded.templates, peer_templates) > 0.6
        ) as peers
    from banded
    inner join candidates using (hour, host, busiest, position, band)
    group by hour, client_ip, ja4_stable, host
),

measured as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        cast(compared.peers as Nullable(Float64)) as sync_peers
    from compared
)

select * from measured
