{#
  Fails for every value of the run's hours outside its range or that is no number, naming the column; null passes. `ranges` maps a
  column to [low, high], or [low] without an upper end. One query for all columns: as a test each, they took
  longer than the model that they test.
#}
{% test within(model, ranges) %}

with built as (
    select *
    from {{ model }}{{ where_built(model) }}
),

outside as (
    {% for column, limits in ranges.items() %}
        select
            '{{ column }}' as column_outside,
            toFloat64({{ column }}) as found
        from built
        where
            {{ column }} < {{ limits[0] }}
            or {{ column }} > {{ limits[1] if limits | length > 1 else 'inf' }}
            or isNaN(ifNull(toFloat64({{ column }}), 0))
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select * from outside

{% endtest %}
