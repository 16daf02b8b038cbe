"""Rules that judge an entity hour, as data; and the policy that weighs them against the model."""
