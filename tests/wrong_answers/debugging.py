"""Wrong answers to the exercises of `chapters/debugging.md`, by the label of the exercise."""

WRONG = {
    "ex-debug-predict": [
        # the slide's sign
        """
def first_losses():
    entropy = -0.05 * math.log(0.05) - 0.95 * math.log(0.95)
    return [math.log(0.1), math.log(0.1), math.log(0.5), entropy, 50 * math.log(0.1)]
""",
        # the floor of label smoothing, taken for its start
        """
def first_losses():
    entropy = -0.05 * math.log(0.05) - 0.95 * math.log(0.95)
    return [math.log(10), 0.5003, math.log(2), entropy, 50 * math.log(10)]
""",
        # a zero bias starts at the entropy, too
        """
def first_losses():
    entropy = -0.05 * math.log(0.05) - 0.95 * math.log(0.95)
    return [math.log(10), math.log(10), entropy, entropy, 50 * math.log(10)]
""",
        # a sum of 50 is no mean
        """
def first_losses():
    entropy = -0.05 * math.log(0.05) - 0.95 * math.log(0.95)
    return [math.log(10), math.log(10), math.log(2), entropy, math.log(10)]
""",
    ],
    "ex-debug-three": [
        # the rule of thumb
        """
def runs_needed(limit, confidence=0.95):
    return math.ceil(3 / limit)
""",
        # rounded down
        """
def runs_needed(limit, confidence=0.95):
    return int(math.log(1 - confidence) / math.log(1 - limit))
""",
        # confidence and its complement exchanged
        """
def runs_needed(limit, confidence=0.95):
    return math.ceil(math.log(confidence) / math.log(1 - limit))
""",
    ],
    "ex-debug-leak": [
        # only rows at the same place
        """
def copied_rows(train, val):
    n = min(len(train), len(val))
    return int((train[:n] == val[:n]).all(1).sum())
""",
        # equal sums
        """
def copied_rows(train, val):
    known = {round(s, 3) for s in train.sum(1).tolist()}
    return sum(round(s, 3) in known for s in val.sum(1).tolist())
""",
        # different copies only
        """
def copied_rows(train, val):
    known = {row.tobytes() for row in train.numpy()}
    return len(known & {row.tobytes() for row in val.numpy()})
""",
        # counts rows of train
        """
def copied_rows(train, val):
    known = {row.tobytes() for row in val.numpy()}
    return sum(row.tobytes() in known for row in train.numpy())
""",
    ],
    "ex-debug-independence": [
        # looks at the first example alone
        """
def mixes(model, x):
    mode = model.training
    model.eval()
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(x)[0].sum(), x)
    model.train(mode)
    return bool((gradient[1:] != 0).any())
""",
        # in training mode
        """
def mixes(model, x):
    x = x.clone().requires_grad_()
    outputs = model(x)
    found = False
    for i in range(len(x)):
        (gradient,) = torch.autograd.grad(outputs[i].sum(), x, retain_graph=True)
        found |= bool((torch.cat([gradient[:i], gradient[i + 1 :]]) != 0).any())
    return found
""",
        # leaves the model in evaluation mode, and gradients behind
        """
def mixes(model, x):
    model.eval()
    found = False
    for i in range(len(x)):
        x = x.detach().clone().requires_grad_()
        model(x)[i].sum().backward()
        found |= bool((torch.cat([x.grad[:i], x.grad[i + 1 :]]) != 0).any())
    return found
""",
    ],
    "ex-debug-loop": [
        # as printed
        """
def train_epoch(model, optimizer, batches):
    model.eval()
    total = 0
    for x, labels in batches:
        loss = F.cross_entropy(model(x).softmax(1), labels)
        loss.backward()
        optimizer.zero_grad()
        optimizer.step()
        total += loss
    return total / len(batches)
""",
        # the mean of the batch means
        """
def train_epoch(model, optimizer, batches):
    model.train()
    total = 0.0
    for x, labels in batches:
        loss = F.cross_entropy(model(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(batches)
""",
        # the softmax is still there
        """
def train_epoch(model, optimizer, batches):
    model.train()
    total, examples = 0.0, 0
    for x, labels in batches:
        loss = F.cross_entropy(model(x).softmax(1), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        examples += len(labels)
    return total / examples
""",
        # no zero_grad at all
        """
def train_epoch(model, optimizer, batches):
    model.train()
    total, examples = 0.0, 0
    for x, labels in batches:
        loss = F.cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        examples += len(labels)
    return total / examples
""",
        # in evaluation mode
        """
def train_epoch(model, optimizer, batches):
    model.eval()
    total, examples = 0.0, 0
    for x, labels in batches:
        loss = F.cross_entropy(model(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        examples += len(labels)
    return total / examples
""",
    ],
}
