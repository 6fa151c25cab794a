"""Wrong answers to the exercises of `chapters/layer_norms.md`, by the label of the exercise."""

WRONG = {
    "ex-norm-four": [
        # layer norm over the channels only, as for a sequence
        """
def norm(x, kind, groups=1, eps=1e-5):
    n, c = x.shape[:2]
    split = x
    if kind == "group":
        split = x.reshape(n, groups, c // groups, *x.shape[2:])
    axes = {"batch": (0, 2, 3), "layer": (1,), "instance": (2, 3), "group": (2, 3, 4)}[kind]
    mu = split.mean(axes, keepdim=True)
    var = ((split - mu) ** 2).mean(axes, keepdim=True)
    return ((split - mu) / (var + eps) ** 0.5).reshape(x.shape)
""",
        # every groups-th channel in a group
        """
def norm(x, kind, groups=1, eps=1e-5):
    n, c = x.shape[:2]
    split = x
    if kind == "group":
        split = x.reshape(n, c // groups, groups, *x.shape[2:])
    axes = {"batch": (0, 2, 3), "layer": (1, 2, 3), "instance": (2, 3), "group": (1, 3, 4)}[kind]
    mu = split.mean(axes, keepdim=True)
    var = ((split - mu) ** 2).mean(axes, keepdim=True)
    return ((split - mu) / (var + eps) ** 0.5).reshape(x.shape)
""",
        # a group shares its mean with the whole batch
        """
def norm(x, kind, groups=1, eps=1e-5):
    n, c = x.shape[:2]
    groups = {"instance": c, "group": groups, "batch": c}.get(kind, 1)
    split = x.reshape(n, groups, c // groups, *x.shape[2:])
    axes = (0, 2, 3, 4) if kind in ("batch", "group") else (2, 3, 4)
    mu = split.mean(axes, keepdim=True)
    var = ((split - mu) ** 2).mean(axes, keepdim=True)
    return ((split - mu) / (var + eps) ** 0.5).reshape(x.shape)
""",
    ],
    "ex-norm-transpose": [
        # plain batch norm
        """
def layer_norm_by_batch_norm(x):
    return F.batch_norm(x, None, None, training=True)
""",
        # not transposed back
        """
def layer_norm_by_batch_norm(x):
    return F.batch_norm(x.T, None, None, training=True)
""",
        # reshaped instead of transposed
        """
def layer_norm_by_batch_norm(x):
    return F.batch_norm(x.reshape(x.T.shape), None, None, training=True).reshape(x.shape)
""",
    ],
    "ex-norm-predict": [
        """
def prediction():
    return "plain", False
""",
        """
def prediction():
    return "batch norm", True
""",
    ],
    "ex-norm-bugs": [
        # over the batch
        """
def layer_norm_forward(x, gamma, beta, eps=1e-5):
    mu = x.mean(0)
    var = x.var(0, correction=0)
    return gamma * (x - mu) / (var + eps).sqrt() + beta
""",
        # the variance of m - 1
        """
def layer_norm_forward(x, gamma, beta, eps=1e-5):
    mu = x.mean(-1, keepdim=True)
    var = x.var(-1, keepdim=True)
    return gamma * (x - mu) / (var + eps).sqrt() + beta
""",
        # epsilon outside of the root
        """
def layer_norm_forward(x, gamma, beta, eps=1e-5):
    mu = x.mean(-1, keepdim=True)
    sigma = x.std(-1, correction=0, keepdim=True)
    return gamma * (x - mu) / (sigma + eps) + beta
""",
        # axis 1, which is not the last for sequences
        """
def layer_norm_forward(x, gamma, beta, eps=1e-5):
    mu = x.mean(1, keepdim=True)
    var = x.var(1, correction=0, keepdim=True)
    return gamma * (x - mu) / (var + eps).sqrt() + beta
""",
    ],
    "ex-norm-rms": [
        # the standard deviation
        """
def rms_norm(x, gamma, eps=1e-6):
    return gamma * x / (x.var(-1, correction=0, keepdim=True) + eps).sqrt()
""",
        # the norm instead of the root mean square
        """
def rms_norm(x, gamma, eps=1e-6):
    return gamma * x / ((x * x).sum(-1, keepdim=True) + eps).sqrt()
""",
        # epsilon outside of the root
        """
def rms_norm(x, gamma, eps=1e-6):
    return gamma * x / ((x * x).mean(-1, keepdim=True).sqrt() + eps)
""",
    ],
}
