"""What the columns of the table of contrasts mean."""

from collections.abc import Mapping

LEGEND: Mapping[str, str] = {
    "difference": "a - b, mean over tasks",
    "these_tasks": "95% CI from draws within these tasks",
    "new_tasks": "95% CI by the task-level t, widened where tasks are skewed",
    "p": "for new tasks, or for these tasks where there are few",
    "holm": "p, adjusted for the number of primary contrasts (Holm); those tested for these tasks count only if none "
    "is tested for new tasks",
    "bias": "difference in the judge's bias between the arms that would erase the conclusion",
    "missing_a": "missing values of a",
    "missing_b": "missing values of b",
    "bounds": "smallest and largest possible difference, whatever the missing values are",
    "worst": "the same, with sampling error (Imbens and Manski)",
    "tipping": "how far missing values must differ from the observed ones to reverse the conclusion, as a share of "
    "the range; empty if no values could, or if nothing is concluded",
    "delivered": "the difference over delivered rollouts only",
    "sign_flip": "exact p by flipping the signs of tasks",
    "d_z": "the difference in SDs of the tasks' differences, 95% CI by the noncentral t",
    "in_draw_sd": "the difference in SDs of one arm over draws of a task, 95% CI by the noncentral t",
    "largest_task": "the task that contributes most to the difference",
    "difference_without": "the difference without that task; without p: its p value",
    "equivalence_p": "p value of the test that rejects a difference beyond the margin; equivalence holm: adjusted",
    "judge_share": "the judge's share of the variance of a score over draws, missing where it is not separable",
    "auc": "AUC with which the judge separates good from bad anchor texts",
    "r": "correlation of the arms over all pairs",
    "r_within": "the same, with task means removed",
    "output_tokens": "use by a, divided by use by b; the same for tokens, calls and money",
    "matched": "whether the compute of both arms is within 10%",
    "identical_calls": "share of the calls of the arm with fewer that have a byte-identical twin in the other arm",
    "loops_a": "loops of the first condition",
    "loops_b": "loops of the second condition",
    "df": "degrees of freedom of t over loops",
    "confounds": "what else differs between the arms",
}
