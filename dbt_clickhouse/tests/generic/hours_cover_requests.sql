{#
  Fails for every hour of the run whose requests here are not as many as in the request facts: a join that drops or
  multiplies entities, or an hour that was rebuilt in one of the two only.
#}
{% test hours_cover_requests(model) %}

with entities as (
    select
        hour,
        toInt64(sum(requests)) as requests
    from {{ model }}
    where
        hour >= (select toStartOfHour(min(ts)) from {{ ref('int_requests') }} where {{ in_hour_window('ts') }})
        and {{ in_hour_window('hour') }}
    group by hour
),

facts as (
    select
        hour,
        toInt64(count()) as requests
    from {{ ref('int_requests') }}
    where {{ in_hour_window('ts') }}
    group by hour
)

select
    facts.hour,
    facts.requests as expected,
    entities.requests as found
from facts
left join entities on facts.hour = entities.hour
where facts.requests != entities.requests

{% endtest %}
