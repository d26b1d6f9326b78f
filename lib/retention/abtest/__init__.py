"""Experiments: design, sufficient statistics, estimates, trust checks, sequential reading, verdict.

Every estimate is arithmetic on frozen, addable statistics that one engine query produces; nothing
here knows of files, runs or notebooks.

Examples
--------
>>> from retention.abtest import Moments, MetricDefinition, estimate
>>> a = Moments.of_sums("y", 3407, 1396.87, 52377.9767)
>>> b = Moments.of_sums("y", 3461, 2422.7, 134698.29)
>>> round(estimate(a, b, MetricDefinition("y", "y")).difference, 2)
0.29
"""

from __future__ import annotations

from retention.abtest.assignment import assign, assign_experiment, draw_planned
from retention.abtest.baseline import (
    Baseline,
    SizePlan,
    baseline,
    baselines_table,
    curve_of,
    design_metrics,
    past_units,
    plan_sizes,
    untreated_units,
)
from retention.abtest.bayes import NormalPrior, Posterior, beta_binomial_chance, posterior
from retention.abtest.codes import AbtestCode
from retention.abtest.collect import collect
from retention.abtest.confidence_sequence import (
    always_valid,
    mixture_boundary,
    mixture_rho,
    sequence_half_width,
)
from retention.abtest.contrasts import contrast
from retention.abtest.decision import Decision, DecisionRule, Guardrail, Verdict, decide
from retention.abtest.design import (
    Design,
    PowerCurve,
    detectable_effect,
    duration_days,
    equal_arms,
    power_at,
    power_curve,
    proportion_design,
    required_units,
)
from retention.abtest.estimates import Estimate, estimate
from retention.abtest.estimators import estimate_arm, gather, look_plan
from retention.abtest.evaluate import evaluate
from retention.abtest.experiment import Analysis, Experiment, read_experiment
from retention.abtest.heterogeneity import segment_effects
from retention.abtest.metrics import MetricDefinition, MetricKind, NullPolicy, Role
from retention.abtest.multiplicity import adjust, correct
from retention.abtest.planning import clusters_of, guardrail_sizes
from retention.abtest.programme import Programme, programme
from retention.abtest.proportions import score_interval, score_test
from retention.abtest.register import changes_table, plan_check, register
from retention.abtest.rehearsal import (
    PlanRehearsal,
    planned_columns,
    rehearsal_checks,
    rehearse_plan,
    rehearse_planned,
)
from retention.abtest.relative import RelativeLift, relative_lift
from retention.abtest.result import ExperimentResult
from retention.abtest.sample_ratio import (
    exact_p_value,
    sample_ratio,
    sequential_sample_ratio,
)
from retention.abtest.sequential import constant_bounds, sequential_plan
from retention.abtest.simulation import Rehearsal, rehearse, rehearse_all
from retention.abtest.since_assignment import EffectSinceAssignment, effect_since_assignment
from retention.abtest.statistics import Cell, Moments, Statistics
from retention.abtest.study import studies, studies_summary, studies_table
from retention.abtest.watching import (
    as_units_came_in,
    assignment_log,
    came_in_summary,
    currencies,
    experiment_units,
    since_assignment,
    since_summary,
)

__all__ = [
    "AbtestCode",
    "Analysis",
    "Baseline",
    "Cell",
    "Decision",
    "DecisionRule",
    "Design",
    "EffectSinceAssignment",
    "Estimate",
    "Experiment",
    "ExperimentResult",
    "Guardrail",
    "MetricDefinition",
    "MetricKind",
    "Moments",
    "NormalPrior",
    "NullPolicy",
    "PlanRehearsal",
    "Posterior",
    "PowerCurve",
    "Programme",
    "Rehearsal",
    "RelativeLift",
    "Role",
    "SizePlan",
    "Statistics",
    "Verdict",
    "adjust",
    "always_valid",
    "as_units_came_in",
    "assign",
    "assign_experiment",
    "assignment_log",
    "baseline",
    "baselines_table",
    "beta_binomial_chance",
    "came_in_summary",
    "changes_table",
    "clusters_of",
    "collect",
    "constant_bounds",
    "contrast",
    "correct",
    "currencies",
    "curve_of",
    "decide",
    "design_metrics",
    "detectable_effect",
    "draw_planned",
    "duration_days",
    "effect_since_assignment",
    "equal_arms",
    "estimate",
    "estimate_arm",
    "evaluate",
    "exact_p_value",
    "experiment_units",
    "gather",
    "guardrail_sizes",
    "look_plan",
    "mixture_boundary",
    "mixture_rho",
    "past_units",
    "plan_check",
    "plan_sizes",
    "planned_columns",
    "posterior",
    "power_at",
    "power_curve",
    "programme",
    "proportion_design",
    "read_experiment",
    "register",
    "rehearsal_checks",
    "rehearse",
    "rehearse_all",
    "rehearse_plan",
    "rehearse_planned",
    "relative_lift",
    "required_units",
    "sample_ratio",
    "score_interval",
    "score_test",
    "segment_effects",
    "sequence_half_width",
    "sequential_plan",
    "sequential_sample_ratio",
    "since_assignment",
    "since_summary",
    "studies",
    "studies_summary",
    "studies_table",
    "untreated_units",
]
