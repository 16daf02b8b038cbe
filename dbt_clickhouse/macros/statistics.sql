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
    if({{ total }} = 0, null, greatest(0, -log2(({{ hits }} + 1) / ({{ total }} + {{ outcomes }}))))
{%- endmacro %}


{#
  Rows (hour, client_ip, given…, outcome, hits, total, outcomes) over `claims`, one row for each distinct claim of a
  client address: how many other addresses claim the same outcome under the same `given`, how many claims they
  make in all, and how many outcomes there are. The client's own claims are left out of hits and total, or a heavy
  bot would be the population that it is compared with.
#}
{% macro claims_of_others(claims, given, outcome, outcomes_within) -%}
    select
        hour,
        client_ip,
        {{ given | join(', ') }},
        {{ outcome }},
        count() over (partition by hour, {{ given | join(', ') }}, {{ outcome }}) - 1 as hits,
        count() over (partition by hour, {{ given | join(', ') }})
        - count() over (partition by hour, {{ given | join(', ') }}, client_ip) as total,
        uniqExact({{ outcome }}) over (partition by {{ outcomes_within | join(', ') }}) as outcomes
    from {{ claims }}
{%- endmacro %}


{#
  Regularity of positive numbers as RITA (Active Countermeasures, beacon analysis) scores it, 0 to 1: the mean of
  1 - |Bowley skewness| and (median - median absolute deviation) / median, at least 0. The skewness is 0 where the
  quartiles are closer than 10 apart or the median equals one of them. Null below 3 numbers.
  `quartiles` holds the three quartiles of the array `numbers`.
#}
{% macro beacon_score(numbers, quartiles) -%}
    if(
        length({{ numbers }}) < 3,
        null,
        (
            1
            - if(
                {{ quartiles }}[3] - {{ quartiles }}[1] < 10
                or {{ quartiles }}[2] = {{ quartiles }}[1]
                or {{ quartiles }}[2] = {{ quartiles }}[3],
                0,
                abs({{ quartiles }}[1] + {{ quartiles }}[3] - 2 * {{ quartiles }}[2])
                / ({{ quartiles }}[3] - {{ quartiles }}[1])
            )
            + greatest(
                0,
                1
                - arrayReduce(
                    'quantileExactInclusive(0.5)', arrayMap(n -> abs(n - {{ quartiles }}[2]), {{ numbers }})
                ) / {{ quartiles }}[2]
            )
        ) / 2
    )
{%- endmacro %}


{# The three quartiles of an array, interpolated as spreadsheets and numpy do. #}
{% macro quartiles(numbers) -%}
    arrayReduce('quantilesExactInclusive(0.25, 0.5, 0.75)', {{ numbers }})
{%- endmacro %}


{# Largest of the counts that sumMap collected; 0 without any. #}
{% macro largest_count(key, condition) -%}
    arrayMax(arrayPushBack((sumMapIf([{{ key }}], [toInt64(1)], {{ condition }})).2, 0))
{%- endmacro %}
