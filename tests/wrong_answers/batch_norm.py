"""Wrong answers to the exercises of `chapters/batch_norm.md`, by the label of the exercise."""

WRONG = {
    "ex-bn-forward": [
        # as printed
        """
def batch_norm(x, gamma, beta, running, training, momentum=0.1, eps=1e-5):
    mean, var = x.mean(0), x.var(0)
    if training:
        running["mean"] = momentum * running["mean"] + (1 - momentum) * mean
        running["var"] = momentum * running["var"] + (1 - momentum) * var
    mean, var = running["mean"], running["var"]
    x_hat = (x - mean) / (var + eps)
    return gamma * x_hat + beta
""",
        # the running variance is biased
        """
def batch_norm(x, gamma, beta, running, training, momentum=0.1, eps=1e-5):
    if training:
        mean, var = x.mean(0), x.var(0, correction=0)
        for name, value in {"mean": mean, "var": var}.items():
            running[name] = (1 - momentum) * running[name] + momentum * value
    else:
        mean, var = running["mean"], running["var"]
    return gamma * (x - mean) / (var + eps).sqrt() + beta
""",
        # the batch is normalised with the unbiased variance
        """
def batch_norm(x, gamma, beta, running, training, momentum=0.1, eps=1e-5):
    if training:
        mean, var = x.mean(0), x.var(0)
        for name, value in {"mean": mean, "var": var}.items():
            running[name] = (1 - momentum) * running[name] + momentum * value
    else:
        mean, var = running["mean"], running["var"]
    return gamma * (x - mean) / (var + eps).sqrt() + beta
""",
        # the momentum weights the old average
        """
def batch_norm(x, gamma, beta, running, training, momentum=0.1, eps=1e-5):
    if training:
        mean, var = x.mean(0), x.var(0, correction=0)
        new = {"mean": mean, "var": x.var(0)}
        for name in running:
            running[name] = momentum * running[name] + (1 - momentum) * new[name]
    else:
        mean, var = running["mean"], running["var"]
    return gamma * (x - mean) / (var + eps).sqrt() + beta
""",
        # the averages move in evaluation, too
        """
def batch_norm(x, gamma, beta, running, training, momentum=0.1, eps=1e-5):
    mean, var = x.mean(0), x.var(0, correction=0)
    if not training:
        mean, var = running["mean"], running["var"]
    running["mean"] = (1 - momentum) * running["mean"] + momentum * x.mean(0)
    running["var"] = (1 - momentum) * running["var"] + momentum * x.var(0)
    return gamma * (x - mean) / (var + eps).sqrt() + beta
""",
        # gamma and beta swapped
        """
def batch_norm(x, gamma, beta, running, training, momentum=0.1, eps=1e-5):
    if training:
        mean, var = x.mean(0), x.var(0, correction=0)
        new = {"mean": mean, "var": x.var(0)}
        for name in running:
            running[name] = (1 - momentum) * running[name] + momentum * new[name]
    else:
        mean, var = running["mean"], running["var"]
    return beta * (x - mean) / (var + eps).sqrt() + gamma
""",
    ],
    "ex-bn-backward": [
        # the slide's divisor
        """
def batch_norm_gradient(dy, x, gamma, eps=1e-5):
    m, mu = len(x), x.mean(0)
    s = (x.var(0, correction=0) + eps).sqrt()
    x_hat, g = (x - mu) / s, gamma * dy
    dx = (g - g.mean(0) - x_hat * (g * x_hat).sum(0) / (m - 1)) / s
    return dx, (dy * x_hat).sum(0), dy.sum(0)
""",
        # mean and variance taken as constants
        """
def batch_norm_gradient(dy, x, gamma, eps=1e-5):
    s = (x.var(0, correction=0) + eps).sqrt()
    x_hat = (x - x.mean(0)) / s
    return gamma * dy / s, (dy * x_hat).sum(0), dy.sum(0)
""",
        # gamma forgotten
        """
def batch_norm_gradient(dy, x, gamma, eps=1e-5):
    s = (x.var(0, correction=0) + eps).sqrt()
    x_hat = (x - x.mean(0)) / s
    dx = (dy - dy.mean(0) - x_hat * (dy * x_hat).mean(0)) / s
    return dx, (dy * x_hat).sum(0), dy.sum(0)
""",
        # means instead of sums for gamma and beta
        """
def batch_norm_gradient(dy, x, gamma, eps=1e-5):
    s = (x.var(0, correction=0) + eps).sqrt()
    x_hat, g = (x - x.mean(0)) / s, gamma * dy
    dx = (g - g.mean(0) - x_hat * (g * x_hat).mean(0)) / s
    return dx, (dy * x_hat).mean(0), dy.mean(0)
""",
    ],
    "ex-bn-growth": [
        # norms instead of squares
        """
def norm_after(start, rate, gradient_norms, weight_decay=0.0):
    norm = start
    for g in gradient_norms:
        norm = (1 - rate * weight_decay) * norm + rate * g
    return norm
""",
        # decay not squared
        """
def norm_after(start, rate, gradient_norms, weight_decay=0.0):
    square = start**2
    for g in gradient_norms:
        square = (1 - rate * weight_decay) * square + rate**2 * g**2
    return square**0.5
""",
        # decay without the rate
        """
def norm_after(start, rate, gradient_norms, weight_decay=0.0):
    square = start**2
    for g in gradient_norms:
        square = (1 - weight_decay) ** 2 * square + rate**2 * g**2
    return square**0.5
""",
    ],
    "ex-bn-sigmoid": [
        """
def prediction():
    return True, True
""",
        """
def prediction():
    return False, False
""",
    ],
    "ex-bn-fold": [
        # the root is missing
        """
@torch.no_grad()
def fold(linear, norm):
    scale = norm.weight / (norm.running_var + norm.eps)
    bias = 0 if linear.bias is None else linear.bias
    folded = nn.Linear(linear.in_features, linear.out_features).to(linear.weight)
    folded.weight.copy_(scale[:, None] * linear.weight)
    folded.bias.copy_(scale * (bias - norm.running_mean) + norm.bias)
    return folded
""",
        # the bias is not scaled
        """
@torch.no_grad()
def fold(linear, norm):
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    bias = 0 if linear.bias is None else linear.bias
    folded = nn.Linear(linear.in_features, linear.out_features).to(linear.weight)
    folded.weight.copy_(scale[:, None] * linear.weight)
    folded.bias.copy_(bias - scale * norm.running_mean + norm.bias)
    return folded
""",
        # the layer is changed in place, and has no bias to change
        """
@torch.no_grad()
def fold(linear, norm):
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    linear.weight.mul_(scale[:, None])
    linear.bias.copy_(scale * (linear.bias - norm.running_mean) + norm.bias)
    return linear
""",
    ],
}
