"""Names in the model registry and of the checks, apart from the modules that need MLflow or scikit-learn."""

MODEL_NAME = "ja4_entity_forest"
EXPERIMENT = "ja4_entity_forest"
CHAMPION = "champion"
CHALLENGER = "challenger"

SCORES_VARY = "scores_vary"
AS_GOOD = "as_good_on_labelled_clients"
NO_SLICE_WORSE = "no_slice_has_more_false_alarms"
FAST_ENOUGH = "fast_enough"
RANKS_ALIKE = "ranks_like_the_champion"
FAITHFUL = "explanations_are_faithful"
