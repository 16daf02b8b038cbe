{#
  Share of rows whose flag is 1 among those where it is not null, smoothed towards 0 by one clean pseudo-row:
  k / (n + 1). Null where no row could show it. A share of 5 out of 5 is 0.83 and 500 out of 500 is 0.998, so
  few observations are never as damning as many, and no violation is 0 whatever n is (the symmetric
  (k + 1) / (n + 2) would make a quiet, innocent client look guiltier than a busy one).
#}
{% macro smoothed_share(flag) -%}
    if(count({{ flag }}) = 0, null, sum({{ flag }}) / (count({{ flag }}) + 1))
{%- endmacro %}


{#
  Distinct non-empty values of a string column, commonest first, ties in alphabetical order. Exact and
  deterministic, which topK and any are not: two runs over one hour must give the same row. Name the column with
  its table: ClickHouse otherwise reads a result of the same name in place of the column.
#}
{% macro by_frequency(column) -%}
    {%- set alias = 'frequency_' ~ column.split('.')[-1] -%}
    {%- set text = "ifNull(cast(" ~ column ~ " as Nullable(String)), '')" -%}
    arrayMap(
        pair -> pair.1,
        arraySort(
            pair -> (-pair.2, pair.1),
            arrayZip(
                (sumMapIf([{{ text }}], [toInt64(1)], {{ text }} != '') as {{ alias }}).1,
                {{ alias }}.2
            )
        )
    )
{%- endmacro %}


{# The first of `by_frequency`; null where every value is empty or null. #}
{% macro commonest(column) -%}
    nullIf({{ by_frequency(column) }}[1], '')
{%- endmacro %}


{#
  Surprise in bits of an outcome seen `hits` times in `total` observations of the rest of the population, with
  add-one smoothing over `outcomes` possible values. Null where the rest of the population is empty.
#}
{% macro surprise_bits(hits, total, outcomes) -%}
    if({{ total }} = 0, null, -log2(({{ hits }} + 1) / ({{ total }} + {{ outcomes }})))
{%- endmacro %}
