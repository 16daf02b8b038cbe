{{ whole(order_by='ja4_stable') }}

with activity as (
    select
        ja4_stable,
        min(first_ts) as first_seen,
        max(last_ts) as last_seen,
        sum(requests) as requests,
        sum(hellos) as hellos
    from {{ ref('fct_ja4_hour') }}
    where ja4_stable != ''
    group by ja4_stable
),

traits as (
    select *
    from {{ ref('stg_ja4_seen') }}
),

known as (
    select
        traits.ja4_stable as ja4_stable,
        arrayStringConcat(arraySort(groupUniqArray(references.client)), ', ') as known_client,
        arraySort(groupUniqArray(references.family)) as known_families
    from traits
    array join traits.variants as variant
    inner join {{ ref('known_fingerprints') }} as references on variant = references.ja4
    group by traits.ja4_stable
),

joined as (
    select
        activity.ja4_stable as ja4_stable,
        activity.first_seen as first_seen,
        activity.last_seen as last_seen,
        activity.requests as requests,
        activity.hellos as hellos,
        traits.variants as variants,
        traits.ja4_r as ja4_r,
        traits.ja4_o as ja4_o,
        traits.ja3_hash as ja3_hash,
        traits.ja3_hashes as ja3_hashes,
        traits.tls_version as tls_version,
        traits.alpn as alpn,
        traits.has_grease as has_grease,
        traits.has_ech as has_ech,
        traits.has_pq_group as has_pq_group,
        traits.hello_len as hello_len,
        traits.segments as segments,
        traits.tcp_signature as tcp_signature,
        nullIf(known.known_client, '') as known_client,
        known.known_families as known_families,
        traits.hello_skeleton as hello_skeleton
    from activity
    left join traits on activity.ja4_stable = traits.ja4_stable
    left join known on activity.ja4_stable = known.ja4_stable
)

select * from joined
