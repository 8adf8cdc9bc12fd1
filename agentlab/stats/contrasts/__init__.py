"""Two arms compared: paired differences, effect sizes, power, several looks, several tests."""
