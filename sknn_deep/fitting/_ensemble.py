"""Several networks of different seeds as one estimator."""

from collections.abc import Sequence

import numpy as np
from sklearn.base import BaseEstimator, clone

from sknn_deep._sklearn_private import (
    CALLBACK_ATTRIBUTES,
    has_callbacks,
    with_callbacks,
)
from sknn_deep.data import FitData, random_state_of
from sknn_deep.fitting._epoch_tasks import task_data
from sknn_deep.fitting._solvers import FitPlan
from sknn_deep.fitting._together import train_together


def fit_members(
    ensemble: BaseEstimator,
    members: Sequence[BaseEstimator],
    data: FitData,
    *,
    incremental: bool,
) -> None:
    """Train all members on the same checked data, together where that can be done."""
    plans = []
    for member in members:
        _share_checked(ensemble, member)
        plans.append(member._plan_fit(data, incremental=incremental))
    if has_callbacks(ensemble) and not incremental:
        _train_as_tasks(ensemble, members, plans)
    else:
        errors, _ = train_together(members, plans)
        for error in errors:
            if error is not None:
                raise error
    # Only now, for no curve to grow where another member fails.
    for member, plan in zip(members, plans, strict=True):
        member._end_fit(plan)


@with_callbacks
def _train_one(member: BaseEstimator, plan: FitPlan) -> None:
    member._train(plan)


def _train_as_tasks(ensemble, members, plans) -> None:
    """Train one after the other, each a task of scikit-learn's callbacks."""
    data = task_data(plans[0].samples)
    context = ensemble._init_callback_context(max_subtasks=len(members))
    context.call_on_fit_task_begin(estimator=ensemble, **data)
    for member, plan in zip(members, plans, strict=True):
        task = context.subcontext(task_name="network")
        with task.propagate_callback_context(member):
            task.call_on_fit_task_begin(estimator=ensemble, **data)
            _train_one(member, plan)
            task.call_on_fit_task_end(estimator=ensemble, **data)
    context.call_on_fit_task_end(estimator=ensemble, **data)


def make_members(ensemble: BaseEstimator) -> list[BaseEstimator]:
    """Make the estimators of the single networks, each with a seed of its own."""
    random_state = random_state_of(ensemble.random_state)
    seeds = random_state.randint(np.iinfo(np.int32).max, size=ensemble.n_estimators)
    return [_clone_single(ensemble).set_params(random_state=int(s)) for s in seeds]


def _clone_single(ensemble: BaseEstimator) -> BaseEstimator:
    single = clone(ensemble).set_params(n_estimators=1)
    for name in CALLBACK_ATTRIBUTES:  # an ensemble hands them down itself
        vars(single).pop(name, None)
    return single


def renew_members(ensemble: BaseEstimator) -> list[BaseEstimator]:
    """Copy the members to go on with, with the parameters as they are now."""
    members = ensemble.estimators_
    if len(members) != ensemble.n_estimators:
        raise ValueError(
            f"{type(ensemble).__name__} cannot go on training {len(members)} networks "
            f"with n_estimators={ensemble.n_estimators}. Restore n_estimators, or fit "
            "a new estimator."
        )
    renewed = []
    for member in members:
        copy = _clone_single(ensemble).set_params(random_state=member.random_state)
        vars(copy).update(_learned(member))
        renewed.append(copy)
    return renewed


def _learned(estimator: BaseEstimator) -> dict:
    """Give the attributes that are neither parameters nor scikit-learn's callbacks."""
    others = {*estimator.get_params(deep=False), *CALLBACK_ATTRIBUTES}
    return {k: v for k, v in vars(estimator).items() if k not in others}


def _share_checked(ensemble: BaseEstimator, member: BaseEstimator) -> None:
    """Tell a member what the check of the data taught the ensemble."""
    own = ("estimators_", "n_iter_", "loss_", "device_")
    learned = _learned(ensemble)
    vars(member).update({k: v for k, v in learned.items() if k not in own})
