{#
  How suspicious an entity hour is, 0 to 1: what the rules of its decision and its newest score say together.

  The same number as `ja4_assets/rules/suspicion.py`, which says what it means and is what detection is measured
  by; a test holds both equal. Made here too, because a score is newer than the decision it did not change. The
  decision has the rules' part in its confidence: combined if rules speak against the entity hour, the weight of
  the one that speaks for it otherwise.
#}
{% macro suspicion() -%}
    1
    - (1 - if(verdict_source = 'rule' and verdict in ('suspicious', 'bad_bot'), {{ said_by_rules() }}, 0))
    * (
        1
        - ifNull({{ model_most() }} / (1 + exp((threshold - anomaly_score) / {{ model_width() }})), 0)
        * (1 - if(verdict_source = 'rule' and verdict = 'good_bot', {{ said_by_rules() }}, 0))
    )
{%- endmacro %}

{% macro said_by_rules() -%} toFloat64(ifNull(confidence, 0)) {%- endmacro %}

{# What the strangest score alone amounts to. #}
{% macro model_most() -%} 0.55 {%- endmacro %}

{# Difference of anomaly scores that changes the odds by e. #}
{% macro model_width() -%} 0.04 {%- endmacro %}
