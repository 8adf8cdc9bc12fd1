"""What the columns of the table of contrasts mean."""

from collections.abc import Mapping

LEGEND: Mapping[str, str] = {
    "difference": "a - b, mean over tasks",
    "these_tasks": "95% CI from draws within these tasks",
    "new_tasks": "95% CI by the task-level t, drawn out where tasks are skewed",
    "p": "for new tasks, or for these where there are few",
    "holm": "p adjusted within all primary contrasts that are about new tasks, or about these where none is",
    "bias": "of the judge between the arms, that would erase what is concluded",
    "missing_a": "values of a that are missing",
    "missing_b": "values of b that are missing",
    "bounds": "least and greatest difference, whatever the missing values are",
    "worst": "the same with sampling error (Imbens and Manski)",
    "tipping": "how far missing values must lie off those that are there to turn the conclusion, as a share of the "
    "range; none where nothing can, or nothing is concluded",
    "delivered": "the difference over delivered rollouts alone",
    "sign_flip": "exact p by flipping the signs of tasks",
    "d_z": "the difference in SDs of the tasks' differences, 95% CI by the noncentral t",
    "in_draw_sd": "the difference in SDs of one arm over draws of a task, 95% CI by the noncentral t",
    "largest_task": "to which the difference owes most",
    "difference_without": "what is left without that task; without p: its p",
    "equivalence_p": "that the difference is beyond the margin; equivalence holm: adjusted",
    "judge_share": "the judge's noise in the variance of a score over draws, missing where it is not separable",
    "auc": "good against bad anchor texts, as the judge scores them",
    "r": "correlation of the arms over all pairs",
    "r_within": "the same with task means taken out",
    "output_tokens": "what a used for one of b; so are tokens, calls and money",
    "matched": "whether the compute of both arms is within a tenth",
    "identical_calls": "share of calls with a byte-identical twin in the other arm",
    "confounds": "in what else the arms differ",
}
