"""Search by Optuna, trials together and one after the other.

    python examples/benchmarks/bench_optuna.py
    python examples/benchmarks/bench_optuna.py --trials 30 --rounds 3

Candidates of 64-100-10 on digits, three folds: learning rate x alpha x dropout, by TPE
and a median pruner. ``BatchedOptunaSearchCV`` takes turns with optuna-integration's
``OptunaSearchCV`` over the same estimator, each with a seed of its own in each round;
a ratio is the batched search's time divided by the other's, the median over the rounds.
The time is that of the processor, in all threads. Needs optuna-integration.
"""

import time
import warnings
from functools import partial
from statistics import mean

from alternation import Run, alternate, median_ratio, median_seconds
from arguments import make_parser
from report import describe_load, format_table, load_average, write_json
from sklearn.datasets import load_digits

from sknn_deep import MLPClassifier
from sknn_deep.model_selection import BatchedOptunaSearchCV

BATCHED, ONE_BY_ONE = "batched", "optuna-integration"


def main(argv=None):
    args = parse_arguments(argv)
    # Here, for the help to be had without them.
    import optuna
    from optuna.distributions import FloatDistribution
    from optuna_integration import OptunaSearchCV

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = {
        "learning_rate_init": FloatDistribution(1e-4, 1e-1, log=True),
        "alpha": FloatDistribution(1e-6, 1.0, log=True),
        "dropout": FloatDistribution(0.0, 0.5),
    }
    X, y = load_digits(return_X_y=True)
    data = (X / 16).astype("float32"), y
    network = MLPClassifier(max_iter=args.epochs, tol=0, random_state=0)
    options = {
        "n_trials": args.trials,
        "cv": 3,
        "enable_pruning": True,
        "refit": False,
    }
    searches = {
        BATCHED: partial(
            BatchedOptunaSearchCV,
            network,
            space,
            n_parallel_trials=args.parallel,
            **options,
        ),
        ONE_BY_ONE: partial(
            OptunaSearchCV, network, space, max_iter=args.epochs, **options
        ),
    }
    states = {name: [] for name in searches}
    load_before = load_average()
    alternation = alternate(
        {
            name: partial(search, make, data, states[name])
            for name, make in searches.items()
        },
        args.rounds,
        max_repeats=0,
    )
    rounds = alternation.rounds

    print(
        f"digits, 64-100-10, {args.epochs} epochs, 3 folds: {args.trials} trials, "
        f"{args.parallel} at a time"
    )
    rows = [
        [
            name,
            f"{median_seconds(rounds, name):.2f}",
            "" if name == BATCHED else f"{median_ratio(rounds, BATCHED, name):.2f}",
            f"{mean(played[name].accuracy for played in rounds):.4f}",
            *(f"{mean(column):.1f}" for column in zip(*states[name], strict=True)),
        ]
        for name in searches
    ]
    headings = ["", "CPU seconds", "batched/this", "best score", "complete", "epochs"]
    print(format_table(headings, rows))
    print("means of scores, of trials that were completed, and of all trials' epochs")
    print(describe_load(load_before))
    write_json(
        args.json,
        benchmark="optuna",
        settings=vars(args),
        rounds=[{name: vars(run) for name, run in r.items()} for r in rounds],
    )


def search(make, data, states, seed):
    """Search once; take note of how many trials and epochs there were."""
    import optuna

    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # experimental, not converged
        start = time.process_time()
        make(study=study).fit(*data)
        seconds = time.process_time() - start
    complete = study.get_trials(states=[optuna.trial.TrialState.COMPLETE])
    n_epochs = sum(len(trial.intermediate_values) for trial in study.trials)
    states.append((len(complete), n_epochs))
    return Run(seconds, study.best_value)


def parse_arguments(argv=None):
    parser = make_parser(__doc__, rounds=5)
    parser.add_argument("--trials", type=int, default=60, metavar="N")
    parser.add_argument("--parallel", type=int, default=16, metavar="N")
    parser.add_argument("--epochs", type=int, default=40, metavar="N")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
