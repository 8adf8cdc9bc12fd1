"""How an answer is found in a text: numbers, choices, matches of a pattern. Knows no judge and no task."""
