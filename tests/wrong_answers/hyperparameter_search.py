"""Answers to the exercises of hyperparameter_search that its tests must not accept."""

COMPARE = """
def compare(ours_val, ours_test, base_val, base_test):
    rows = []
    for validation, test in ((ours_val, ours_test), (base_val, base_test)):
        best = int({choice})
        if {edge}:
            raise ValueError("edge")
        rows.append(best)
    return {estimate}
"""
RIGHT = {
    "choice": "np.mean(validation, axis=1).argmin()",
    "edge": "best in (0, len(validation) - 1)",
    "estimate": "paired_ci(base_test[rows[1]], ours_test[rows[0]])",
}


def comparison(**changes: str) -> str:
    return COMPARE.format(**(RIGHT | changes))


HALVE = """
def halve(errors, candidates, budgets, factor=3):
    rows, spent, before = list(range(candidates)), 0, 0
    for steps in budgets:
        spent += len(rows) * {cost}
        ranked = [r for _, r in sorted(zip(errors(rows, steps), rows){order})]
        rows, before = ranked[: {kept}], steps
    return {winner}, spent
"""
HALVE_RIGHT = {
    "cost": "(steps - before)",
    "order": "",
    "kept": "max(1, len(rows) // factor)",
    "winner": "ranked[0]",
}


def halving(**changes: str) -> str:
    return HALVE.format(**(HALVE_RIGHT | changes))


WRONG = {
    "ex-search-log-uniform": [
        # uniform
        """
def sample_rates(n, low, high, generator):
    return low + (high - low) * torch.rand(n, generator=generator, dtype=torch.float64)
""",
        # whole decades only
        """
def sample_rates(n, low, high, generator):
    first, last = round(math.log10(low)), round(math.log10(high))
    return 10.0 ** torch.randint(first, last + 1, (n,), generator=generator).double()
""",
        # the range of the logarithm, drawn from the global generator
        """
def sample_rates(n, low, high, generator):
    u = torch.rand(n, dtype=torch.float64)
    return low * (high / low) ** u
""",
        # normal in the logarithm, cut at the ends
        """
def sample_rates(n, low, high, generator):
    a, b = math.log(low), math.log(high)
    z = torch.randn(n, generator=generator, dtype=torch.float64)
    return ((a + b) / 2 + (b - a) / 4 * z).clamp(a, b).exp()
""",
        # exponent and base mixed up
        """
def sample_rates(n, low, high, generator):
    u = torch.rand(n, generator=generator, dtype=torch.float64)
    return torch.exp(math.log10(low) + u * (math.log10(high) - math.log10(low)))
""",
    ],
    "ex-search-trials": [
        # the mean number of trials until the first hit
        """
def trials_needed(share, confidence):
    return math.ceil(1 / share)
""",
        # rounded down
        """
def trials_needed(share, confidence):
    return math.floor(math.log(1 - confidence) / math.log(1 - share))
""",
        # the probability that all trials hit
        """
def trials_needed(share, confidence):
    return math.ceil(math.log(confidence) / math.log(share))
""",
        # a sum of probabilities
        """
def trials_needed(share, confidence):
    return math.ceil(confidence / share)
""",
    ],
    "ex-search-halving": [
        halving(cost="steps"),  # every round starts anew
        halving(cost="(budgets[-1] - before)"),
        halving(order=", reverse=True"),  # keeps the worst
        halving(kept="len(rows) // factor"),  # none is left of two
        halving(kept="max(1, len(rows) // 2)"),
        halving(winner="ranked[-1]"),
        halving(winner="min(range(candidates), key=lambda r: errors([r], budgets[0])[0])"),
    ],
    "ex-search-flaws": [
        # as in the paper
        """
def compare(ours_val, ours_test, base_val, base_test):
    return base_test[0].mean() - ours_test.min()
""",
        comparison(choice="np.mean(test, axis=1).argmin()"),
        comparison(choice="np.min(validation, axis=1).argmin()"),
        comparison(edge="False"),
        comparison(edge="best == len(validation) - 1"),
        comparison(edge="best == 0"),
        comparison(estimate="paired_ci(ours_test[rows[0]], base_test[rows[1]])"),
        comparison(estimate="paired_ci(base_val[rows[1]], ours_val[rows[0]])"),
        comparison(estimate="paired_ci(np.sort(base_test[rows[1]]), np.sort(ours_test[rows[0]]))"),
    ],
    "ex-search-predict": [
        """
def prediction():
    return "ABC"
""",
        """
def prediction():
    return "ACB"
""",
    ],
}
