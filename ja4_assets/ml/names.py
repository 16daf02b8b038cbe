"""Names in the model registry, apart from the module that needs MLflow to import."""

MODEL_NAME = "ja4_entity_forest"
EXPERIMENT = "ja4_entity_forest"
CHAMPION = "champion"
CHALLENGER = "challenger"
