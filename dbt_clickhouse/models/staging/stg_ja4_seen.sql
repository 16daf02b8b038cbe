with source as (
    select *
    from {{ source('arrival', 'agg_ja4_seen') }}
),

merged as (
    select
        ja4_stable,
        cast(min(source.first_ts) as DateTime64(6, 'UTC')) as first_ts,
        cast(max(source.last_ts) as DateTime64(6, 'UTC')) as last_ts,
        argMinMerge(source.first_client_ip) as first_client_ip,
        arrayMap(
            pair -> pair.1,
            arraySort(
                pair -> (-toInt64(pair.2), pair.1),
                arrayZip(mapKeys(sumMap(source.variants)), mapValues(sumMap(source.variants)))
            )
        ) as variants,
        argMaxMerge(source.ja4_r) as ja4_r,
        argMaxMerge(source.ja4_o) as ja4_o,
        argMaxMerge(source.ja3_hash) as ja3_hash,
        uniqCombined64Merge(12) (source.ja3_hashes) as ja3_hashes,
        cast(max(source.tls_version) as Nullable(UInt16)) as tls_version,
        argMaxMerge(source.alpn) as alpn,
        cast(max(source.has_grease) as Nullable(Bool)) as has_grease,
        cast(max(source.has_ech) as Nullable(Bool)) as has_ech,
        cast(max(source.has_pq_group) as Nullable(Bool)) as has_pq_group,
        argMaxMerge(source.hello_len) as hello_len,
        argMaxMerge(source.segments) as segments,
        argMaxMerge(source.tcp_signature) as tcp_signature,
        argMaxMerge(source.hello_skeleton) as hello_skeleton
    from source
    group by ja4_stable
)

select * from merged
