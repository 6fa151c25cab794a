"""Wrong answers to the exercises of `chapters/tasks_and_losses.md`, by label."""

WRONG = {
    "ex-task-cross-entropy": [
        # as on the slide: exp(z) overflows
        """
def cross_entropy(logits, target):
    if target.ndim == 1:
        target = F.one_hot(target, logits.shape[1])
    p = logits.exp() / logits.exp().sum(1, keepdim=True)
    return -(target * p.log()).sum(1).mean()
""",
        # the logarithm of a stable softmax: log 0 for large logits
        """
def cross_entropy(logits, target):
    if target.ndim == 1:
        target = F.one_hot(target, logits.shape[1])
    return -(target * logits.softmax(1).log()).sum(1).mean()
""",
        # one maximum for the whole batch
        """
def cross_entropy(logits, target):
    if target.ndim == 1:
        target = F.one_hot(target, logits.shape[1])
    shifted = logits - logits.max()
    log_p = shifted - shifted.exp().sum(1, keepdim=True).log()
    return -(target * log_p).sum(1).mean()
""",
        # the mean over examples and classes
        """
def cross_entropy(logits, target):
    if target.ndim == 1:
        target = F.one_hot(target, logits.shape[1])
    shifted = logits - logits.max(1, keepdim=True).values
    log_p = shifted - shifted.exp().sum(1, keepdim=True).log()
    return -(target * log_p).mean()
""",
        # probabilities are turned into classes
        """
def cross_entropy(logits, target):
    if target.ndim == 2:
        target = target.argmax(1)
    shifted = logits - logits.max(1, keepdim=True).values
    log_p = shifted - shifted.exp().sum(1, keepdim=True).log()
    return -log_p[torch.arange(len(target)), target].mean()
""",
    ],
    "ex-task-bugs": [
        # as printed
        """
def fit_and_predict(X, y, X_test, seed):
    X_test = (X_test - X_test.mean(0)) / X_test.std(0)
    X = (X - X.mean(0)) / X.std(0)
    model = nn.Sequential(nn.Linear(X.shape[1], 2), nn.Softmax(dim=1))
    torch.manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(X), y)
        loss.backward()
        optimizer.step()
    return model(X_test).detach(), loss.item()
""",
        # all but the double softmax
        """
def fit_and_predict(X, y, X_test, seed):
    mean, std = X.mean(0), X.std(0)
    std[std == 0] = 1.0
    X, X_test = (X - mean) / std, (X_test - mean) / std
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(X.shape[1], 2), nn.Softmax(dim=1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(X), y)
        loss.backward()
        optimizer.step()
    return model(X_test).detach(), loss.item()
""",
        # all but the statistics of the test set
        """
def fit_and_predict(X, y, X_test, seed):
    def standardise(x):
        std = x.std(0)
        std[std == 0] = 1.0
        return (x - x.mean(0)) / std
    X, X_test = standardise(X), standardise(X_test)
    torch.manual_seed(seed)
    model = nn.Linear(X.shape[1], 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(X), y)
        loss.backward()
        optimizer.step()
    return model(X_test).softmax(1).detach(), loss.item()
""",
        # all but the constant feature
        """
def fit_and_predict(X, y, X_test, seed):
    mean, std = X.mean(0), X.std(0)
    X, X_test = (X - mean) / std, (X_test - mean) / std
    torch.manual_seed(seed)
    model = nn.Linear(X.shape[1], 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(X), y)
        loss.backward()
        optimizer.step()
    return model(X_test).softmax(1).detach(), loss.item()
""",
        # all but the seed, which comes after the weights
        """
def fit_and_predict(X, y, X_test, seed):
    mean, std = X.mean(0), X.std(0)
    std[std == 0] = 1.0
    X, X_test = (X - mean) / std, (X_test - mean) / std
    model = nn.Linear(X.shape[1], 2)
    torch.manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(X), y)
        loss.backward()
        optimizer.step()
    return model(X_test).softmax(1).detach(), loss.item()
""",
        # the softmax is gone, and the outputs are no probabilities
        """
def fit_and_predict(X, y, X_test, seed):
    mean, std = X.mean(0), X.std(0)
    std[std == 0] = 1.0
    X, X_test = (X - mean) / std, (X_test - mean) / std
    torch.manual_seed(seed)
    model = nn.Linear(X.shape[1], 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(X), y)
        loss.backward()
        optimizer.step()
    return model(X_test).detach(), loss.item()
""",
    ],
    "ex-task-double-sigmoid": [
        # the floor of the double softmax, for both classes
        """
def double_sigmoid_floor(q):
    return math.log(1 + 1 / math.e)
""",
        # the classes are swapped
        """
def double_sigmoid_floor(q):
    return (1 - q) * math.log(1 + 1 / math.e) + q * math.log(2)
""",
        # no floor for the zeros
        """
def double_sigmoid_floor(q):
    return q * math.log(1 + 1 / math.e)
""",
    ],
    "ex-task-what-moves": [
        # the seed is believed to fix everything
        """
def prediction():
    return True, True, True, True
""",
        # computing a loss is believed to draw numbers
        """
def prediction():
    return True, False, False, False
""",
        # a DataLoader is believed to have a generator of its own
        """
def prediction():
    return True, False, True, True
""",
    ],
    "ex-task-paired": [
        # two separate samples
        """
def paired_interval(a, b, t):
    mean = a.mean() - b.mean()
    half = t * ((a.var() + b.var()) / len(a)) ** 0.5
    return mean, mean - half, mean + half
""",
        # the normal quantile
        """
def paired_interval(a, b, t):
    d = a - b
    half = 1.96 * d.std() / len(d) ** 0.5
    return d.mean(), d.mean() - half, d.mean() + half
""",
        # divided by n, not n - 1
        """
def paired_interval(a, b, t):
    d = a - b
    half = t * d.std(correction=0) / len(d) ** 0.5
    return d.mean(), d.mean() - half, d.mean() + half
""",
        # the interval of one value, not of the mean
        """
def paired_interval(a, b, t):
    d = a - b
    half = t * d.std()
    return d.mean(), d.mean() - half, d.mean() + half
""",
    ],
}
