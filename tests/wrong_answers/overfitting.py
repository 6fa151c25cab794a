"""Wrong answers to the exercises of `chapters/overfitting.md`, by the label of the exercise."""

TRAIN_UNTIL = """
def train_until(model, run_epoch, validation_loss, patience, max_epochs):
    best, waited = float("inf"), 0
    for epoch in range(1, max_epochs + 1):
        run_epoch()
        loss = validation_loss()
        if loss {better} best:
            best, state = loss, {state}
            {reset}
        else:
            waited += 1
        if waited {enough} patience:
            {end}
    {restore}
    return epoch
"""
RIGHT = {
    "better": "<",
    "state": "copy.deepcopy(model.state_dict())",
    "reset": "waited = 0",
    "enough": ">=",
    "end": "break",
    "restore": "model.load_state_dict(state)",
}


def train_until(**change: str) -> str:
    return TRAIN_UNTIL.format(**{**RIGHT, **change})


WRONG = {
    "ex-over-stopping": [
        train_until(better="<=", state="model.state_dict()", enough=">"),  # as printed
        train_until(better="<="),
        train_until(enough=">"),
        train_until(state="model.state_dict()"),
        train_until(state="dict(model.state_dict())"),  # a new dictionary of the same tensors
        train_until(
            state="{n: p.clone() for n, p in model.named_parameters()}",  # no buffers
            restore="model.load_state_dict(state, strict=False)",
        ),
        train_until(reset="pass"),
        train_until(restore="pass"),
        # back to the best only where it stopped early
        train_until(end="model.load_state_dict(state); break", restore="pass"),
    ],
    "ex-over-minimum-norm": [
        # least squares for k <= n only
        """
def minimum_norm_fit(A, y):
    return torch.linalg.solve(A.T @ A, A.T @ y)
""",
        # a solution, not the shortest
        """
def minimum_norm_fit(A, y):
    n, k = A.shape
    if k <= n:
        return torch.linalg.pinv(A) @ y
    w = torch.zeros(k, dtype=A.dtype)
    w[:n] = torch.linalg.solve(A[:, :n], y)
    return w
""",
        # zero singular values are inverted
        """
def minimum_norm_fit(A, y):
    U, s, Vt = torch.linalg.svd(A, full_matrices=False)
    return Vt.T @ ((U.T @ y) / s)
""",
        # ridge
        """
def minimum_norm_fit(A, y):
    U, s, Vt = torch.linalg.svd(A, full_matrices=False)
    return Vt.T @ (s / (s**2 + 1e-3) * (U.T @ y))
""",
    ],
    "ex-over-shrink": [
        # ridge with the penalty 1 / (rate * steps)
        """
def descend(A, y, rate, steps):
    U, s, Vt = torch.linalg.svd(A, full_matrices=False)
    return Vt.T @ (s / (s**2 + 1 / (rate * max(steps, 1e-12))) * (U.T @ y))
""",
        # s in the place of s^2
        """
def descend(A, y, rate, steps):
    U, s, Vt = torch.linalg.svd(A, full_matrices=False)
    return Vt.T @ ((1 - (1 - rate * s) ** steps) / s * (U.T @ y))
""",
        # one step too many
        """
def descend(A, y, rate, steps):
    U, s, Vt = torch.linalg.svd(A, full_matrices=False)
    return Vt.T @ ((1 - (1 - rate * s**2) ** (steps + 1)) / s * (U.T @ y))
""",
        # gradient flow
        """
def descend(A, y, rate, steps):
    U, s, Vt = torch.linalg.svd(A, full_matrices=False)
    return Vt.T @ ((1 - torch.exp(-rate * s**2 * steps)) / s * (U.T @ y))
""",
    ],
    "ex-over-worst-n": [
        # more data always help
        """
def prediction():
    return 320, 40
""",
        # the peak is not at k = n
        """
def prediction():
    return 320, 80
""",
    ],
    "ex-over-bias-variance": [
        # the naive bias
        """
def decompose(f, y):
    return ((f.mean(0) - y) ** 2).mean(), f.var(0, correction=0).mean()
""",
        # the bias is not corrected
        """
def decompose(f, y):
    return ((f.mean(0) - y) ** 2).mean(), f.var(0, correction=1).mean()
""",
        # variance over examples
        """
def decompose(f, y):
    variance = f.var(1, correction=1).mean()
    return ((f - y) ** 2).mean() - variance, variance
""",
        # the whole variance is taken off
        """
def decompose(f, y):
    variance = f.var(0, correction=1).mean()
    return ((f.mean(0) - y) ** 2).mean() - variance, variance
""",
    ],
}
