"""Two arms compared: paired differences, effect sizes, power, interim analyses, several tests."""
