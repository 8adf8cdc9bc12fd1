"""The columns of a run's frames, frame by frame with their dtypes: no factor may be named like one of them."""

PLACE = {"rollout": "category", "task": "category", "condition": "category", "draw": "int64"}
"""Where a row belongs; in most frames its first columns, with one per factor after `condition`."""
ROLLOUT = {"rollout": "str", "task": "str", "condition": "str", "generation": "int64", "draw": "int64"}
"""The same in the frames of rollouts, where every row has its own."""
USED = {
    "calls": "int64",
    "turns": "int64",
    "rounds": "int64",
    "turns_cut": "int64",
    "uncounted": "int64",
    "input_tokens": "Int64",
    "output_tokens": "Int64",
    "reasoning_tokens": "Int64",
    "seconds": "float64",
    "cost": "float64",
    "priced": "bool",
}
LOST = {"bounced": "int64", "unparsed": "int64", "truncated": "int64"}
BASELINE = {"of": "str", "budget": "float64", "spent": "float64", "steps": "Int64"}
INFERENCE = {
    "particles": "Int64",
    "attempts": "Int64",
    "accepted": "Int64",
    "unscored": "Int64",
    "ess": "float64",
    "log_evidence": "float64",
}
ROLLOUTS = {
    **ROLLOUT,
    "seed": "int64",
    "attempt": "int64",
    "status": "str",
    "output": "str",
    "output_via": "str",
    "error": "str",
    **USED,
    "messages": "int64",
    **LOST,
    "output_words": "int64",
    "output_cut": "bool",
    "log_probability": "float64",
    "log_weight": "float64",
    **BASELINE,
    **INFERENCE,
}
FORK = {
    "parent": "str",
    "at": "str",
    "round": "Int64",
    "agents": "object",
    "fork": "int64",
    "fresh": "bool",
    "change": "str",
}
PARTICLES = {
    "particle": "str",
    "index": "int64",
    "ancestor": "str",
    "round": "Int64",
    "log_weight": "float64",
    "weight": "float64",
    "status": "str",
    "output": "str",
    "chosen": "bool",
}
MEASURES = {**ROLLOUT, "status": "str", "output_words": "int64"}
MEASURE = {"": "float64", "_draws": "int64", "_outcome": "str"}
"""What is put behind a measure's name for its columns."""
MESSAGES = {
    "index": "int64",
    "round": "int64",
    "sender": "str",
    "to": "object",
    "kind": "str",
    "content": "str",
    "ref": "str",
}
CALLS = {
    "particle": "str",
    "round": "int64",
    "actor": "str",
    "purpose": "str",
    "judge": "str",
    "judge_draw": "Int64",
    "k": "int64",
    "attempt": "int64",
    "model": "str",
    "served_model": "str",
    "request_id": "str",
    "stop": "str",
    "text": "str",
    "input_tokens": "Int64",
    "output_tokens": "Int64",
    "reasoning_tokens": "Int64",
    "cache_read_tokens": "Int64",
    "cache_write_tokens": "Int64",
    "reasoning": "str",
    "notice": "str",
    "started": "datetime64[us, UTC]",
    "seconds": "float64",
    "cost": "float64",
    "seeded": "bool",
    "tries": "int64",
    "error": "str",
    "tool_calls": "str",
    "tool_results": "str",
    "logprobs": "str",
    "settings": "str",
    "prompt_hash": "str",
}
SCORES = {
    "judge": "str",
    "judge_draw": "int64",
    "criterion": "str",
    "outcome": "str",
    "value": "float64",
    "label": "str",
    "reason": "str",
    "call": "Int64",
    "mass": "float64",
}
ANCHORS = {"anchor": "str", "family": "str", "role": "str", "text": "str", **SCORES}
PAIRS = {
    "factor": "str",
    "a": "str",
    "b": "str",
    "within": "str",
    "rollout_a": "str",
    "rollout_b": "str",
    "task": "str",
    "draw": "int64",
    "judge": "str",
    "judge_draw": "int64",
    "order": "int64",
    "criterion": "str",
    "outcome": "str",
    "label": "str",
    "winner": "str",
    "reason": "str",
}
GROUPS = {"judge": "str", "group": "Int64", "size": "Int64"}
LABELS = {"measure": "str", "rater": "str", "value": "float64", "probability": "float64"}
AGENTS = {
    "agent": "str",
    **{name: dtype for name, dtype in USED.items() if name != "rounds"},
    "sent": "int64",
    **LOST,
}
EDGES = {
    "sender": "str",
    "recipient": "str",
    "sent": "int64",
    "late": "int64",
    **LOST,
    "output_tokens": "float64",
    "seconds": "float64",
    "cost": "float64",
    "dropped_later": "int64",
}
OBJECTION = {
    "message": "int64",
    "round": "int64",
    "by": "str",
    "to": "object",
    "quote": "str",
    "answered": "Int64",
    "surviving": "bool",
    "late": "bool",
    "dropped_by": "object",
}
TICKETS = {
    "ticket": "str",
    "by": "str",
    "owner": "str",
    "state": "str",
    "opened": "int64",
    "closed": "Int64",
    "after": "object",
    "reviewed_by": "str",
    "reviews": "int64",
    "changes": "int64",
    "moves": "int64",
    "planted": "object",
    "caught": "object",
    "not_planted": "object",
    "carries": "object",
    "text": "str",
    "owner_report": "str",
    "reason": "str",
}
KEPT = {"reason": "str", "value": "float64", "rows": "int64"}
DISTANCES = {
    "replies": "int64",
    "log_probability": "float64",
    "base_log_probability": "float64",
    "log_ratio": "float64",
    "left_out": "str",
}
GENERATIONS = {
    "condition": "str",
    "generation": "int64",
    "split": "str",
    "role": "str",
    "tasks": "int64",
    "rollouts": "int64",
    "passed": "float64",
    "coverage": "float64",
    "distinct": "float64",
    "words": "float64",
    "output_cut": "float64",
    "tokens": "Int64",
    "cost": "float64",
    "kept": "Int64",
    "duplicates": "Int64",
    "cut_off": "Int64",
    "not_good_enough": "Int64",
    "hinted": "Int64",
    "rows": "Int64",
    "recipe": "str",
    "digest": "str",
    "trained_on": "Int64",
    "loss": "float64",
    "training_seconds": "float64",
    "error": "str",
}
CARRIES = "carries_"
"""What is put before the name of a constraint for its column in `tickets`."""
CONDITIONS = {
    "condition": "str",
    "agents": "Int64",
    "edges": "Int64",
    "density": "float64",
    "depth": "Int64",
    "facts": "object",
}
ROLES = {
    "condition": "str",
    "agent": "str",
    "model": "str",
    "distance": "Int64",
    "betweenness": "float64",
    "in_degree": "Int64",
    "out_degree": "Int64",
    "briefed": "bool",
}
FRAMES = {
    "rollouts": ROLLOUTS,
    "forks": {**ROLLOUTS, **FORK},
    "particles": {**PLACE, **PARTICLES},
    "measures": MEASURES,
    "messages": {**PLACE, **MESSAGES},
    "calls": {**PLACE, **CALLS},
    "scores": {**PLACE, **SCORES},
    "fork_scores": {**PLACE, **SCORES},
    "anchors": ANCHORS,
    "pairs": PAIRS,
    "groups": {"rollout": "str", "task": "str", "condition": "str", "draw": "int64", **GROUPS},
    "labels": {**PLACE, **LABELS},
    "agents": {**PLACE, **AGENTS},
    "edges": {**PLACE, **EDGES},
    "objections": {**PLACE, "judge": "str", "judge_draw": "int64", **OBJECTION},
    "tickets": {**PLACE, **TICKETS},
    "rows": {**PLACE, **KEPT},
    "distances": {**PLACE, **DISTANCES},
    "generations": GENERATIONS,
    "variables": {**PLACE, "status": "str"},
    "conditions": CONDITIONS,
    "roles": ROLES,
}
"""Every frame by its name in `Run`; a column per factor, and those of each measure, come on top."""
_APART = ("anchors", "pairs", "rows", "distances", "generations")
RESERVED = frozenset(name for frame, own in FRAMES.items() for name in own if frame not in _APART) | {"key", "id"}
"""What no factor may be called: the columns of every frame that has one per factor, and `key` and `id` of the file."""
ABOUT_ROLLOUTS = frozenset(name for frame in ("rollouts", "measures", "forks") for name in FRAMES[frame])
"""Columns of the frames with a row per rollout, to which what is known of its task may be joined."""
MEASURED = frozenset({**FRAMES["measures"], **FRAMES["forks"]})
"""What no measure may be called: the columns of the frames that have some per measure."""
