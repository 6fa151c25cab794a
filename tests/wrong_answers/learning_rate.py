"""Wrong answers to the exercises of `chapters/learning_rate.md`, by the label of the exercise."""

WRONG = {
    "ex-lr-predict": [
        """
def prediction():
    return {"constant", "multi-step"}, False
""",
        """
def prediction():
    return {"constant"}, True
""",
    ],
    "ex-lr-cosine": [
        # climbs back after T
        """
def cosine_with_warmup(step, lr, warmup_steps, total_steps, eta_min=0.0):
    if step < warmup_steps:
        return lr * (step + 1) / warmup_steps
    share = (step - warmup_steps) / (total_steps - warmup_steps)
    return eta_min + (lr - eta_min) * (1 + math.cos(math.pi * share)) / 2
""",
        # the first update has a rate of 0
        """
def cosine_with_warmup(step, lr, warmup_steps, total_steps, eta_min=0.0):
    if step < warmup_steps:
        return lr * step / warmup_steps
    share = min(1.0, (step - warmup_steps) / (total_steps - warmup_steps))
    return eta_min + (lr - eta_min) * (1 + math.cos(math.pi * share)) / 2
""",
        # the fall has begun during the warm-up
        """
def cosine_with_warmup(step, lr, warmup_steps, total_steps, eta_min=0.0):
    rise = min(1.0, (step + 1) / max(1, warmup_steps))
    share = min(1.0, step / total_steps)
    return rise * (eta_min + (lr - eta_min) * (1 + math.cos(math.pi * share)) / 2)
""",
        # eta_min is forgotten
        """
def cosine_with_warmup(step, lr, warmup_steps, total_steps, eta_min=0.0):
    if step < warmup_steps:
        return lr * (step + 1) / warmup_steps
    share = min(1.0, (step - warmup_steps) / (total_steps - warmup_steps))
    return lr * (1 + math.cos(math.pi * share)) / 2
""",
    ],
    "ex-lr-restore": [
        # as printed
        """
def range_test(model, batches, rates):
    saved = {name: p.detach() for name, p in model.named_parameters()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    model.train()
    losses = []
    for lr, (inputs, targets) in zip(rates, batches):
        optimizer.param_groups[0]["lr"] = lr
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.load_state_dict(saved, strict=False)
    return losses
""",
        # weights and buffers only; then always training mode
        """
def range_test(model, batches, rates):
    saved = {name: t.clone() for name, t in model.state_dict().items()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    model.train()
    losses = []
    for lr, (inputs, targets) in zip(rates, batches):
        optimizer.param_groups[0]["lr"] = lr
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.load_state_dict(saved)
    return losses
""",
        # evaluation mode: nothing random, but other losses
        """
def range_test(model, batches, rates):
    import copy
    twin = copy.deepcopy(model).eval()
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.0)
    losses = []
    for lr, (inputs, targets) in zip(rates, batches):
        optimizer.param_groups[0]["lr"] = lr
        optimizer.zero_grad()
        loss = F.cross_entropy(twin(inputs), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
""",
        # a copy is trained, and its dropout uses up random numbers
        """
def range_test(model, batches, rates):
    import copy
    twin = copy.deepcopy(model).train()
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.0)
    losses = []
    for lr, (inputs, targets) in zip(rates, batches):
        optimizer.param_groups[0]["lr"] = lr
        optimizer.zero_grad()
        loss = F.cross_entropy(twin(inputs), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
""",
    ],
    "ex-lr-loop": [
        # T_max in epochs
        """
def train_loop(model, optimizer, batches, epochs):
    scheduler = CosineAnnealingLR(optimizer, T_max=epochs)
    rates = []
    for _ in range(epochs):
        for inputs, targets in batches:
            optimizer.zero_grad()
            F.cross_entropy(model(inputs), targets).backward()
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
    return rates
""",
        # the scheduler first
        """
def train_loop(model, optimizer, batches, epochs):
    scheduler = CosineAnnealingLR(optimizer, T_max=epochs * len(batches))
    rates = []
    for _ in range(epochs):
        for inputs, targets in batches:
            optimizer.zero_grad()
            F.cross_entropy(model(inputs), targets).backward()
            scheduler.step()
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
    return rates
""",
        # the rates of the next updates
        """
def train_loop(model, optimizer, batches, epochs):
    scheduler = CosineAnnealingLR(optimizer, T_max=epochs * len(batches))
    rates = []
    for _ in range(epochs):
        for inputs, targets in batches:
            optimizer.zero_grad()
            F.cross_entropy(model(inputs), targets).backward()
            optimizer.step()
            scheduler.step()
            rates.append(scheduler.get_last_lr()[0])
    return rates
""",
        # stepped by the epoch
        """
def train_loop(model, optimizer, batches, epochs):
    scheduler = CosineAnnealingLR(optimizer, T_max=epochs)
    rates = []
    for _ in range(epochs):
        for inputs, targets in batches:
            optimizer.zero_grad()
            F.cross_entropy(model(inputs), targets).backward()
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
        scheduler.step()
    return rates
""",
    ],
    "ex-lr-floor": [
        # the mean square
        """
def step_size_at_the_floor(lr, curvature, sigma, batch_size):
    return lr**2 * sigma**2 * 2 / (batch_size * (2 - lr * curvature))
""",
        # noise alone, without the pull back to the minimum
        """
def step_size_at_the_floor(lr, curvature, sigma, batch_size):
    return lr * sigma / math.sqrt(batch_size)
""",
        # the distance from the minimum, not the step
        """
def step_size_at_the_floor(lr, curvature, sigma, batch_size):
    return math.sqrt(lr * sigma**2 / (batch_size * curvature * (2 - lr * curvature)))
""",
        # the batch size without its square root
        """
def step_size_at_the_floor(lr, curvature, sigma, batch_size):
    return lr * sigma / batch_size * math.sqrt(2 / (2 - lr * curvature))
""",
    ],
    "ex-lr-clip": [
        # each parameter by itself
        """
def clip_gradients(parameters, max_norm):
    norms = []
    for p in parameters:
        if p.grad is not None:
            norms.append(p.grad.norm().item())
            p.grad.mul_(min(1.0, max_norm / norms[-1]))
    return math.sqrt(sum(n**2 for n in norms))
""",
        # each number by itself
        """
def clip_gradients(parameters, max_norm):
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = math.sqrt(sum(g.pow(2).sum().item() for g in gradients))
    for g in gradients:
        g.clamp_(-max_norm, max_norm)
    return norm
""",
        # always scaled to max_norm
        """
def clip_gradients(parameters, max_norm):
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = math.sqrt(sum(g.pow(2).sum().item() for g in gradients))
    for g in gradients:
        g.mul_(max_norm / norm)
    return norm
""",
        # stumbles over a parameter without a gradient
        """
def clip_gradients(parameters, max_norm):
    norm = math.sqrt(sum(p.grad.pow(2).sum().item() for p in parameters))
    for p in parameters:
        p.grad.mul_(min(1.0, max_norm / norm))
    return norm
""",
    ],
}
