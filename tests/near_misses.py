"""Answers with one mistake that the tests on the page do not look for: label -> [(parts, code)].

`parts`: how many parts of the hidden tests they lose.
"""

NEAR = {
    "ex-opt-sgd": [
        # a buffer where there is none
        (
            1,
            """
def sgd_step(x, g, buffer, lr, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
    g = g + weight_decay * x
    buffer = g if buffer is None else momentum * buffer + (1 - dampening) * g
    if momentum == 0:
        return x - lr * g, buffer
    return x - lr * (g + momentum * buffer if nesterov else buffer), buffer
""",
        ),
        # weights in place
        (
            1,
            """
def sgd_step(x, g, buffer, lr, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
    g = g + weight_decay * x
    if momentum == 0:
        return x.sub_(lr * g), None
    buffer = g if buffer is None else momentum * buffer + (1 - dampening) * g
    return x.sub_(lr * (g + momentum * buffer if nesterov else buffer)), buffer
""",
        ),
    ],
    "ex-opt-adam": [
        # without the start
        (
            4,
            """
def adam_path(gradients, lr=0.1, beta1=0.9, beta2=0.999, eps=1e-8):
    x, path = torch.zeros((), dtype=torch.float64), []
    optimizer = torch.optim.Adam([x], lr, (beta1, beta2), eps)
    for g in gradients:
        x.grad = torch.as_tensor(g, dtype=torch.float64)
        optimizer.step()
        path.append(x.clone())
    return path
""",
        ),
    ],
    "ex-drop-forward": [
        # p keeps, with the scale of the other: the values are right, and their shares wrong
        (
            1,
            """
def dropout_pair():
    def dropout(x, p, training):
        if not training:
            return x, torch.ones_like(x)
        noise = (torch.rand_like(x) < (p if 0 < p < 1 else 1 - p)) / (1 - p if p < 1 else 1)
        return x * noise, noise
    return dropout, torch.mul
""",
        ),
        # two rows have a mask
        (
            1,
            """
def dropout_pair():
    def dropout(x, p, training):
        if not training or p in (0, 1):
            noise = torch.full_like(x, float(not training or p == 0))
        else:
            noise = ((torch.rand_like(x[::2]) >= p) / (1 - p)).repeat_interleave(2, 0)[: len(x)]
        return x * noise, noise
    return dropout, torch.mul
""",
        ),
        # the noise does not say what it did, so that the gradient is wrong, too
        (
            2,
            """
def dropout_pair():
    def dropout(x, p, training):
        noise = (torch.rand_like(x) >= p) / max(1 - p, 1e-9)
        return (x * noise, noise) if training and p < 1 else (x * (p < 1 or not training), noise)
    return dropout, torch.mul
""",
        ),
    ],
    "ex-ls-cross-entropy": [
        # a logarithm that is cut
        (
            1,
            """
def smoothed_cross_entropy(logits, target, epsilon, convention):
    C = logits.shape[1]
    wrong = epsilon / (C if convention == "torch" else C - 1)
    q = torch.full_like(logits, wrong)
    q[torch.arange(len(q)), target] = 1 - (C - 1) * wrong
    return -(q * logits.softmax(1).clamp(1e-30).log()).sum(1).mean()
""",
        ),
    ],
    "ex-ls-ece": [
        # an empty bin gives NaN
        (
            2,
            """
def calibration_error(p, y, bins=15):
    confidence, predicted = p.max(1)
    number = (confidence * bins).ceil().long() - 1
    error = 0
    for b in range(bins):
        gap = (predicted == y)[number == b].double().mean() - confidence[number == b].mean()
        error += (number == b).double().mean() * gap.abs()
    return error
""",
        ),
        # the last bin is open
        (
            1,
            """
def calibration_error(p, y, bins=15):
    confidence, predicted = p.max(1)
    gap = (predicted == y).double() - confidence
    number = (confidence * bins).ceil().long() - 1
    inside = confidence < 1
    sums = torch.zeros(bins).double().index_add_(0, number[inside], gap[inside])
    return sums.abs().sum() / len(y)
""",
        ),
    ],
}
