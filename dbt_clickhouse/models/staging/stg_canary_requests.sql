with source as (
    select *
    from {{ source('sensor', 'raw_http_requests') }} {{ newest_by_key() }}
),

renamed as (
    select
        sensor,
        ts,
        {{ hour_of('ts') }} as hour,
        {{ minute_of('ts') }} as minute,
        splitByChar('-', assumeNotNull(canary_nonce)) as nonce_parts,
        nonce_parts[1] as run,
        toInt64OrZero(nonce_parts[3]) as number,
        concat(nonce_parts[1], '-', nonce_parts[2]) as sent_label,
        splitByChar('.', lower(ifNull(sni, '')))[1] as joined_label,
        protocol,
        toString(join_state) as join_state
    from source
    where canary_nonce is not null
)

select
    sensor,
    ts,
    hour,
    minute,
    run,
    number,
    sent_label,
    joined_label,
    protocol,
    join_state
from renamed
