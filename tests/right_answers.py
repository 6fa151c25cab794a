"""Right answers to graded exercises, written otherwise than their solutions; none may lose marks.

By the label of the exercise. `math`, `np`, `torch` and `F` are imported before them.
"""

RIGHT = {
    "ex-opt-sgd": [
        # step by step, in functions that work in place on copies
        """
def sgd_step(
    x, g, buffer, lr, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False
):
    d = g.clone()
    if weight_decay != 0:
        d.add_(x, alpha=weight_decay)
    new = None
    if momentum != 0:
        if buffer is None:
            new = d.clone()
        else:
            new = buffer.clone().mul_(momentum).add_(d, alpha=1 - dampening)
        d = d.add(new, alpha=momentum) if nesterov else new
    return [x.add(d, alpha=-lr), new]
""",
        # with PyTorch's optimizer
        """
def sgd_step(x, g, buffer, lr, *args, **options):
    w = torch.nn.Parameter(x.clone())
    optimizer = torch.optim.SGD([w], lr, *args, **options)
    if buffer is not None:
        optimizer.state[w]["momentum_buffer"] = buffer.clone()
    w.grad = g.clone()
    optimizer.step()
    return w, optimizer.state[w].get("momentum_buffer")
""",
        # in NumPy
        """
def sgd_step(
    x, g, buffer, lr, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False
):
    x, g = x.numpy(), g.numpy()
    g = g + weight_decay * x
    if not momentum:
        return torch.tensor(x - lr * g), None
    b = g if buffer is None else momentum * buffer.numpy() + (1 - dampening) * g
    step = g + momentum * b if nesterov else b
    return torch.from_numpy(x - lr * step), torch.from_numpy(b)
""",
    ],
    "ex-opt-adam": [
        # a tensor with all positions
        """
def adam_path(gradients, lr=0.1, beta1=0.9, beta2=0.999, eps=1e-8):
    path = torch.zeros(len(gradients) + 1, dtype=torch.float64)
    m = v = torch.zeros((), dtype=torch.float64)
    for t, g in enumerate(torch.tensor(gradients, dtype=torch.float64), 1):
        m, v = torch.lerp(m, g, 1 - beta1), torch.lerp(v, g * g, 1 - beta2)
        path[t] = path[t - 1] - lr * m / (1 - beta1**t) / (torch.sqrt(v / (1 - beta2**t)) + eps)
    return path
""",
        # all averages at once, as a product of a matrix
        """
def adam_path(gradients, lr=0.1, beta1=0.9, beta2=0.999, eps=1e-8):
    g = np.asarray(gradients, dtype=float)
    t = np.arange(len(g))
    age = t[:, None] - t
    def average(beta, values):
        weights = np.where(age >= 0, (1 - beta) * beta ** np.maximum(age, 0.0), 0.0)
        return weights @ values / weights.sum(1)
    steps = average(beta1, g) / (np.sqrt(average(beta2, g**2)) + eps)
    return np.concatenate([[0], np.cumsum(-lr * steps)])
""",
        # a generator of 0-d tensors
        """
def adam_path(gradients, lr=0.1, beta1=0.9, beta2=0.999, eps=1e-8):
    x = torch.zeros((), dtype=torch.float64)
    optimizer = torch.optim.Adam([x], lr, (beta1, beta2), eps)
    yield x.clone()
    for g in gradients:
        x.grad = torch.as_tensor(g, dtype=torch.float64)
        optimizer.step()
        yield x.clone()
""",
    ],
    "ex-opt-reddi": [
        # in NumPy, with powers kept
        """
def reddi(amsgrad, steps):
    x, m, v, top, b1, b2 = np.float64(0), 0.0, 0.0, 0.0, 1.0, 1.0
    for t in range(steps):
        g = -10 if t % 101 else 1010
        b1, b2 = b1 * 0.9, b2 * 0.99
        m += 0.1 * (g - m)
        v += 0.01 * (g * g - v)
        top = max(v, top)
        denominator = math.sqrt((top if amsgrad else v) / (1 - b2)) + 1e-8
        x = np.clip(x - 0.5 * (t + 1) ** -0.5 * (m / (1 - b1)) / denominator, -1, 1)
    return x
""",
        # a tensor of one number
        """
def reddi(amsgrad, steps):
    x, m, v, largest = 0.0, 0.0, 0.0, 0.0
    t = 1
    while t <= steps:
        gradient = 1010.0 if t % 101 == 1 else -10.0
        m, v = 0.9 * m + (1 - 0.9) * gradient, 0.99 * v + (1 - 0.99) * gradient**2
        if not amsgrad:
            largest = v
        elif v > largest:
            largest = v
        size = 0.5 / math.sqrt(t) / (1 - 0.9**t)
        x -= size * m / (math.sqrt(largest) / math.sqrt(1 - 0.99**t) + 1e-8)
        if x > 1:
            x = 1.0
        if x < -1:
            x = -1.0
        t += 1
    return torch.tensor([x], dtype=torch.float64)
""",
    ],
    "ex-opt-heavy-ball": [
        # with the condition number, as a tensor
        """
def best_heavy_ball(L, mu):
    r = math.sqrt(L / mu)
    beta = ((r - 1) / (r + 1)) ** 2
    return torch.tensor([(1 + math.sqrt(beta)) ** 2 / L, beta], dtype=torch.float64)
""",
        # from the smaller curvature
        """
def best_heavy_ball(L, mu):
    root = (np.sqrt(L) - np.sqrt(mu)) / (np.sqrt(L) + np.sqrt(mu))
    return [(1 - root) ** 2 / mu, root * root]
""",
        # searched for: the root of the momentum at which both ends are critical
        """
def best_heavy_ball(L, mu):
    low, high = 0.0, 1.0
    for _ in range(100):
        q = (low + high) / 2
        low, high = (q, high) if (1 + q) ** 2 / L < (1 - q) ** 2 / mu else (low, q)
    return (1 + q) ** 2 / L, q**2
""",
    ],
    "ex-opt-nesterov": [
        # in place, with another order
        """
def textbook_point(y, buffer, lr, momentum):
    return y.add_(buffer.mul_(lr), alpha=momentum)
""",
        # a list of numbers
        """
def textbook_point(y, buffer, lr, momentum):
    velocity = [-lr * b for b in buffer.tolist()]
    return [a - momentum * v for a, v in zip(y.tolist(), velocity)]
""",
    ],
    "ex-lr-cosine": [
        # sin^2, and cases in another order
        """
def cosine_with_warmup(step, lr, warmup_steps, total_steps, eta_min=0.0):
    if step >= total_steps:
        return eta_min
    if step >= warmup_steps:
        left = (total_steps - step) / (total_steps - warmup_steps)
        return eta_min + (lr - eta_min) * math.sin(math.pi / 2 * left) ** 2
    return (step + 1) / warmup_steps * lr
""",
        # tensors
        """
def cosine_with_warmup(step, lr, warmup_steps, total_steps, eta_min=0.0):
    step = torch.tensor(step, dtype=torch.float64)
    share = ((step - warmup_steps) / (total_steps - warmup_steps)).clamp(0, 1)
    fall = eta_min + (lr - eta_min) * 0.5 * (1 + torch.cos(torch.pi * share))
    return torch.where(step < warmup_steps, lr * (step + 1) / max(warmup_steps, 1), fall)
""",
        # NumPy
        """
def cosine_with_warmup(step, lr, warmup_steps, total_steps, eta_min=0.0):
    t = np.clip(step, warmup_steps, total_steps) - warmup_steps
    angle = np.pi * t / (total_steps - warmup_steps)
    down = (lr - eta_min) * (np.cos(angle) + 1) / 2 + eta_min
    return np.array([down if step >= warmup_steps else lr / warmup_steps * (step + 1)])
""",
    ],
    "ex-wd-adamw": [
        # PyTorch's functions in place
        """
def adamw_step(w, g, m, v, t, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    beta1, beta2 = betas
    w.mul_(1 - lr * weight_decay)
    m.lerp_(g, 1 - beta1)
    v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
    denominator = (v.sqrt() / math.sqrt(1 - beta2**t)).add_(eps)
    w.addcdiv_(m, denominator, value=-lr / (1 - beta1**t))
""",
        # new values copied in; decay and step from the old weights
        """
def adamw_step(w, g, m, v, t, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    with torch.no_grad():
        m[:] = betas[0] * m + (1 - betas[0]) * g
        v.copy_(betas[1] * v + (1 - betas[1]) * g.square())
        step = (m / (1 - betas[0] ** t)) / ((v / (1 - betas[1] ** t)) ** 0.5 + eps)
        w -= lr * (step + weight_decay * w)
    return w, m, v
""",
        # through NumPy, which shares the memory
        """
def adamw_step(w, g, m, v, t, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    w, g, m, v = w.numpy(), g.numpy(), m.numpy(), v.numpy()
    m += (1 - betas[0]) * (g - m)
    v += (1 - betas[1]) * (g * g - v)
    w *= 1 - lr * weight_decay
    w -= lr * m / (1 - betas[0] ** t) / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
""",
    ],
    "ex-drop-forward": [
        # one formula with cases in the noise, in single precision
        """
def dropout_pair():
    def dropout(x, p, training):
        noise = torch.ones(x.shape)
        if training:
            noise = torch.where(torch.rand(x.shape) < p, 0.0, 1 / (1 - p) if p < 1 else 0.0)
        return noise * x, noise

    return [dropout, torch.mul]
""",
        # a class, zeros written in
        """
class Pair:
    def forward(self, x, p, training=True):
        if not training:
            return x.clone(), torch.ones_like(x)
        keep = torch.rand_like(x) > p
        noise = torch.zeros_like(x)
        if p < 1:
            noise[keep] = 1 / (1 - p)
        return torch.where(keep, x * noise, torch.zeros_like(x)), noise

    def backward(self, dy, noise):
        dy *= noise
        return dy

def dropout_pair():
    pair = Pair()
    return pair.forward, pair.backward
""",
        # Bernoulli's numbers
        """
def dropout_pair():
    def dropout(x, p, training):
        if not training:
            return x, 1.0
        noise = torch.bernoulli(torch.full_like(x, 1 - p)) / max(1 - p, 1e-12)
        return x * noise, noise
    return dropout, lambda dy, noise: noise * dy
""",
    ],
    "ex-drop-ridge": [
        # least squares with more rows
        """
def dropout_regression(X, y, p):
    penalties = p / (1 - p) * (X * X).sum(dim=0)
    rows = torch.cat([X, penalties.sqrt().diag()])
    targets = torch.cat([y, torch.zeros(X.shape[1], dtype=X.dtype)])
    return torch.linalg.lstsq(rows, targets[:, None]).solution.squeeze(1), penalties
""",
        # NumPy and an inverse
        """
def dropout_regression(X, y, p):
    X, y = X.numpy(), y.numpy()
    gram = X.T @ X
    penalties = np.diag(gram) / (1 - p) * p
    return np.linalg.inv(gram + np.diag(penalties)) @ X.T @ y, penalties
""",
        # with features of one size
        """
def dropout_regression(X, y, p):
    sizes = X.norm(dim=0)
    Z = X / sizes
    A = Z.T @ Z + p / (1 - p) * torch.eye(len(sizes), dtype=X.dtype)
    w = torch.cholesky_solve((Z.T @ y)[:, None], torch.linalg.cholesky(A))[:, 0]
    return w / sizes, list(p / (1 - p) * sizes**2)
""",
    ],
    "ex-ls-cross-entropy": [
        # two terms
        """
def smoothed_cross_entropy(logits, target, epsilon, convention):
    log_p = F.log_softmax(logits, dim=-1)
    C = logits.size(1)
    true = -log_p[torch.arange(len(target)), target]
    others = -log_p.sum(1) - true
    wrong = epsilon / C if convention == "torch" else epsilon / (C - 1)
    return ((1 - (C - 1) * wrong) * true + wrong * others).mean().item()
""",
        # example by example
        """
def smoothed_cross_entropy(logits, target, epsilon, convention):
    losses = []
    for z, y in zip(logits, target):
        logs = z - torch.logsumexp(z, 0)
        C = len(z)
        q = torch.ones(C, dtype=z.dtype) * epsilon
        q /= C if convention == "torch" else C - 1
        q[y] = 1 - epsilon + epsilon / C if convention == "torch" else 1 - epsilon
        losses.append(-(q @ logs))
    return sum(losses) / len(losses)
""",
        # NumPy
        """
def smoothed_cross_entropy(logits, target, epsilon, convention):
    z = logits.numpy() - logits.numpy().max(1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(1, keepdims=True))
    n, C = z.shape
    smooth = epsilon * (1 if convention == "slide" else (C - 1) / C)
    q = np.where(np.eye(C)[target.numpy()] == 1, 1 - smooth, smooth / (C - 1))
    return np.mean(-np.sum(q * log_p, axis=1))
""",
    ],
    "ex-ls-ece": [
        # the bin of each example, and sums over bins
        """
def calibration_error(p, y, bins=15):
    confidence, predicted = p.max(dim=1)
    gap = (predicted == y).double() - confidence
    number = (confidence * bins).ceil().long() - 1
    sums = torch.zeros(bins, dtype=torch.float64).index_add_(0, number, gap)
    return sums.abs().sum() / len(y)
""",
        # edges in single precision, and a search
        """
def calibration_error(p, y, bins=15):
    confidence, predicted = p.max(1)
    edges = torch.linspace(0, 1, bins + 1)
    number = torch.bucketize(confidence.float(), edges) - 1
    error = 0
    for b in number.unique():
        mask = number == b
        accuracy = (predicted[mask] == y[mask]).float().mean()
        error += mask.float().mean() * abs(accuracy - confidence[mask].mean())
    return float(error)
""",
        # NumPy
        """
def calibration_error(p, y, bins=15):
    p, y = p.numpy(), y.numpy()
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y
    error = 0.0
    for low, high in zip(np.arange(bins) / bins, np.arange(1, bins + 1) / bins):
        inside = (confidence > low) & (confidence <= high)
        error += abs(right[inside].sum() - confidence[inside].sum())
    return np.array(error / len(y))
""",
    ],
    "ex-map-elastic": [
        # the sign, in NumPy
        """
def elastic_prox(z, l1, l2):
    z = z.numpy()
    return np.sign(z) * np.maximum(np.abs(z) - l1, 0) / (1 + l2)
""",
        # number by number, a list
        """
def elastic_prox(z, l1, l2):
    def one(value):
        if value > l1:
            return (value - l1) / (1 + l2)
        return (value + l1) / (1 + l2) if value < -l1 else 0
    return [one(value) for value in z.tolist()]
""",
        # the other order, in single precision
        """
def elastic_prox(z, l1, l2):
    return F.softshrink(z.float() / (1 + l2), l1 / (1 + l2))
""",
        # z less its part within the threshold
        """
def elastic_prox(z, l1, l2):
    return (z - z.clamp(-l1, l1)) / (1.0 + l2)
""",
    ],
}
