-- An exact JA4 or a ja4_stable; a ja4_stable of that name wins over a variant.
select
    ja4_stable,
    first_seen,
    last_seen,
    requests,
    hellos,
    variants,
    ja4_r,
    ja4_o,
    ja3_hash,
    ja3_hashes,
    tls_version,
    alpn,
    has_grease,
    has_ech,
    has_pq_group,
    hello_len,
    segments,
    tcp_signature,
    known_client,
    hello_skeleton
from dim_ja4
where ja4_stable = {fingerprint:String} or has(variants, {fingerprint:String})
order by ja4_stable = {fingerprint:String} desc, requests desc, ja4_stable asc
limit 1
