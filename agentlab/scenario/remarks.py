"""What is no mistake in a design, but stands in the way of its run or is seldom meant."""

from collections.abc import Iterator

from agentlab.judges.gate import too_few
from agentlab.mapping import mapping
from agentlab.models.readiness import obstacles
from agentlab.scenario.design import Design
from agentlab.scenario.loop_remarks import loop_remarks
from agentlab.scenario.overlap import WORDS, shared
from agentlab.scenario.repeated import sentences
from agentlab.stats.contrasts.fewest import FEWEST_TASKS
from agentlab.text import pluralize


def remarks(design: Design) -> list[str]:
    """A sentence for each thing that is in the way or odd.

    These are models that cannot be called as they are, what tools and judges lack on this machine, agents that will
    write tool calls as tags, agents that take part in no condition, tasks that repeat each other or share their text,
    clusters that are too few, held-out tasks that share a passage with what is learned from, criteria that ask the
    same, judges with too few anchor texts, and of a loop what keeps it from learning or from being told apart.
    """
    return [
        *_models(design),
        *machine_lacks(design),
        *_tagged(design),
        *_idle(design),
        *sentences(design.tasks.values(), design.cluster is not None),
        *_clusters(design),
        *_overlaps(design),
        *_asked_twice(design),
        *few_anchors(design),
        *loop_remarks(design),
    ]


def few_anchors(design: Design) -> list[str]:
    """A sentence for each judge that scores or compares, and has too few anchor texts to be believed."""
    documents = mapping(design.tree.get("judges"))
    return too_few({name: documents[name] for name in (*design.judges, *design.of_two)})


def _models(design: Design) -> Iterator[str]:
    judges = {**design.judges, **design.selectors, **design.of_two}.values()
    specs = [spec for condition in design.conditions for spec in condition.models.values()]
    specs += [design.models[judge.model] for judge in judges if judge.model is not None]
    yield from dict.fromkeys(sentence for spec in specs for sentence in obstacles(spec))


def machine_lacks(design: Design) -> list[str]:
    """A sentence for each thing that tools and judges need and this machine does not have, such as a sandbox."""
    agents = [agent for condition in design.conditions for agent in condition.organization.agents]
    toolsets = {id(toolset): toolset for agent in agents for toolset in agent.tools}.values()
    judges = [getattr(judge, "config", None) for judge in (*design.judges.values(), *design.selectors.values())]
    lacking = [getattr(part, "lacking", None) for part in (*toolsets, *judges)]
    return list(dict.fromkeys(filter(None, (says() for says in lacking if says is not None))))


def _tagged(design: Design) -> Iterator[str]:
    tagged = [(a, c.models[a.model].name) for c in design.conditions for a in c.organization.agents if a.guide]
    for model in dict.fromkeys(model for _, model in tagged):
        names = ", ".join(dict.fromkeys(agent.name for agent, of in tagged if of == model))
        yield (
            f"{model} has no native tool calls: {names} will write tool calls as tags, which the system prompt explains"
        )


def _idle(design: Design) -> Iterator[str]:
    acting = {agent.name for condition in design.conditions for agent in condition.organization.agents}
    for name in mapping(mapping(design.tree.get("organization")).get("agents")):
        if name not in acting and f"{name}.1" not in acting:
            yield f"agent {name!r} takes part in no condition"


def _clusters(design: Design) -> Iterator[str]:
    if design.independent == len(design.tasks) or len(design.tasks) < FEWEST_TASKS:
        return
    if design.independent < FEWEST_TASKS:
        of = f"{len(design.tasks)} tasks in {pluralize(design.independent, 'cluster')}"
        yield f"{of}: nothing can be concluded about new tasks, because at least {FEWEST_TASKS} clusters are needed"


def _asked_twice(design: Design) -> Iterator[str]:
    for judge, document in mapping(design.tree.get("judges")).items():
        first: dict[str, str] = {}
        for name, criterion in mapping(mapping(document).get("criteria")).items():
            text = " ".join(str(mapping(criterion).get("text", "")).split())
            if first.setdefault(text, name) != name:
                yield (
                    f"criteria {first[text]!r} and {name!r} of judge {judge!r} ask the same "
                    f"question, so it counts twice"
                )


def _overlaps(design: Design) -> Iterator[str]:
    """Of a loop: held-out prompts that have a long passage in common with what is learned from."""
    loop, tasks = design.loop, design.tasks.values()
    if loop is None:
        return
    learned = [task.prompt for task in tasks if loop.split(task).role == "learn"]
    learned += [entry["content"] for row in loop.first for entry in row.messages[:-1]]
    held = {task.id: task.prompt for task in tasks if loop.split(task).role != "learn"}
    if alike := list(shared(learned, held)):
        name, run = alike[0]
        yield (
            f"{pluralize(len(alike), 'task')} of {len(held)} that are not learned from share {WORDS} words in a row "
            f"with a prompt that is, such as {name!r}: '{run}'. Their results may show memorization"
        )
