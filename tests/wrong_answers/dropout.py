"""Wrong answers to the exercises of `chapters/dropout.md`, by the label of the exercise."""

PAIR = """
def dropout_pair():
    def dropout(x, p, training):
        if not training or p == 0:
            return x, torch.ones_like(x)
        if p == 1:
            return torch.zeros_like(x), torch.zeros_like(x)
        noise = {noise}
        return x * noise, noise

    return dropout, lambda dy, noise: {backward}
"""

NET = """
class Net(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.p = p
        self.hidden, self.output = nn.Linear(20, 64), nn.Linear(64, 5)
        self.drop = nn.Dropout(p)

    def forward(self, x):
        x = {inputs}
        h = F.relu(self.hidden(x))
        {mask}
        return self.output(h)

def make_net(p):
    return Net(p)
"""

REESTIMATE = """
@torch.no_grad()
def reestimate(model, X):
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm1d)]
    {mode}
    for norm in norms:
        {reset}
        norm.momentum = {momentum}
        norm.train()
    model(X)
    for norm in norms:
        norm.momentum = {after}
    {end}
"""


def reestimate(
    mode: str = "model.eval()",
    reset: str = "norm.reset_running_stats()",
    momentum: str = "None",
    after: str = "0.1",
    end: str = "model.eval()",
) -> str:
    """A version of the function with one or more lines changed."""
    return REESTIMATE.format(mode=mode, reset=reset, momentum=momentum, after=after, end=end)


WRONG = {
    "ex-drop-forward": [
        # p as the probability to keep
        PAIR.format(noise="(torch.rand_like(x) < p) / p", backward="dy * noise"),
        # not scaled
        PAIR.format(noise="(torch.rand_like(x) >= p).to(x.dtype)", backward="dy * noise"),
        # one mask for the batch
        PAIR.format(noise="(torch.rand_like(x[:1]) >= p) / (1 - p)", backward="dy * noise"),
        # one mask for all units of an example
        PAIR.format(noise="(torch.rand_like(x[:, :1]) >= p) / (1 - p)", backward="dy * noise"),
        # the gradient has the mask but not the scale
        PAIR.format(noise="(torch.rand_like(x) >= p) / (1 - p)", backward="dy * (noise > 0)"),
        # division by zero at p = 1
        PAIR.format(noise="(torch.rand_like(x) >= p) / (1 - p)", backward="dy * noise").replace(
            "p == 1", "p > 1"
        ),
        # the classic form: scaled in evaluation
        """
def dropout_pair():
    def dropout(x, p, training):
        noise = (torch.rand_like(x) >= p).to(x.dtype) if training else (1 - p) * torch.ones_like(x)
        return x * noise, noise

    return dropout, lambda dy, noise: dy * noise
""",
    ],
    "ex-drop-bugs": [
        # as printed
        NET.format(
            inputs="F.dropout(x, self.p)",
            mask="h = h * (torch.rand(64) > self.p) if self.training else h",
        ),
        # the inputs are still dropped in evaluation
        NET.format(inputs="F.dropout(x, self.p)", mask="h = self.drop(h)"),
        # the mask is still shared
        NET.format(
            inputs="self.drop(x)",
            mask="h = h * (torch.rand(64) > self.p) / (1 - self.p) if self.training else h",
        ),
        # the scale is still missing
        NET.format(
            inputs="self.drop(x)",
            mask="h = h * (torch.rand_like(h) > self.p) if self.training else h",
        ),
        # no dropout of the inputs
        NET.format(inputs="x", mask="h = self.drop(h)"),
        # no dropout of the hidden units
        NET.format(inputs="self.drop(x)", mask="pass"),
    ],
    "ex-drop-shift": [
        # the slide's formula, without the mean
        """
def variance_ratio(c, v, p=0.0, beta=0.0):
    return (1 - p) * 3 / (3 + beta**2)
""",
        # variances of the noises added
        """
def variance_ratio(c, v, p=0.0, beta=0.0):
    s2 = p / (1 - p) + beta**2 / 3
    return v / (v + (v + c**2) * s2)
""",
        # ratios multiplied
        """
def variance_ratio(c, v, p=0.0, beta=0.0):
    ratio = lambda s2: v / (v + (v + c**2) * s2)
    return ratio(p / (1 - p)) * ratio(beta**2 / 3)
""",
        # p keeps
        """
def variance_ratio(c, v, p=0.0, beta=0.0):
    s2 = (1 + beta**2 / 3) / (p or 1) - 1
    return v / (v + (v + c**2) * s2)
""",
    ],
    "ex-drop-ridge": [
        # plain ridge
        """
def dropout_regression(X, y, p):
    penalties = p / (1 - p) * X.square().sum(0).mean() * torch.ones_like(X[0])
    return torch.linalg.solve(X.T @ X + torch.diag(penalties), X.T @ y), penalties
""",
        # p keeps
        """
def dropout_regression(X, y, p):
    penalties = (1 - p) / max(p, 1e-9) * X.square().sum(0)
    return torch.linalg.solve(X.T @ X + torch.diag(penalties), X.T @ y), penalties
""",
        # the variance of the features instead of their sum of squares
        """
def dropout_regression(X, y, p):
    penalties = p / (1 - p) * X.var(0) * len(X)
    return torch.linalg.solve(X.T @ X + torch.diag(penalties), X.T @ y), penalties
""",
        # no penalty at all
        """
def dropout_regression(X, y, p):
    return torch.linalg.lstsq(X, y[:, None]).solution[:, 0], p / (1 - p) * X.square().sum(0)
""",
    ],
    "ex-drop-reestimate": [
        # dropout is on
        reestimate(mode="model.train()"),
        # the old averages stay in
        reestimate(reset="pass", momentum="0.1"),
        # averages forgotten, but only a tenth of the batch comes in
        reestimate(momentum="0.1"),
        # the momentum is lost
        reestimate(after="None"),
        # left in training mode
        reestimate(end="model.train()"),
        # nothing is measured
        "def reestimate(model, X):\n    model.eval()\n    model(X)\n",
    ],
    "ex-drop-predict": [
        "def prediction():\n    return False, False, False, False\n",
        "def prediction():\n    return True, True, True, True\n",
    ],
}
