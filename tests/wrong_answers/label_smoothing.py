"""Wrong answers to the exercises of `chapters/label_smoothing.md`, by the label of the exercise."""

WRONG = {
    "ex-ls-cross-entropy": [
        # the same target for both conventions
        """
def smoothed_cross_entropy(logits, target, epsilon, convention):
    C = logits.shape[1]
    q = torch.full_like(logits, epsilon / C)
    q.scatter_(1, target[:, None], 1 - epsilon + epsilon / C)
    return -(q * logits.log_softmax(1)).sum(1).mean()
""",
        # the conversion the wrong way round
        """
def smoothed_cross_entropy(logits, target, epsilon, convention):
    C = logits.shape[1]
    e = epsilon * C / (C - 1) if convention == "torch" else epsilon
    q = torch.full_like(logits, e / (C - 1))
    q.scatter_(1, target[:, None], 1 - e)
    return -(q * logits.log_softmax(1)).sum(1).mean()
""",
        # the softmax as printed
        """
def smoothed_cross_entropy(logits, target, epsilon, convention):
    C = logits.shape[1]
    e = epsilon * (C - 1) / C if convention == "torch" else epsilon
    q = torch.full_like(logits, e / (C - 1))
    q.scatter_(1, target[:, None], 1 - e)
    p = logits.exp() / logits.exp().sum(1, keepdim=True)
    return -(q * p.log()).sum(1).mean()
""",
        # the mean over classes, too
        """
def smoothed_cross_entropy(logits, target, epsilon, convention):
    C = logits.shape[1]
    e = epsilon * (C - 1) / C if convention == "torch" else epsilon
    q = torch.full_like(logits, e / (C - 1))
    q.scatter_(1, target[:, None], 1 - e)
    return -(q * logits.log_softmax(1)).mean()
""",
    ],
    "ex-ls-floor": [
        # the slide's epsilon
        """
def best(epsilon, classes):
    right, wrong = 1 - epsilon, epsilon / (classes - 1)
    entropy = 0.0
    for p, count in ((right, 1), (wrong, classes - 1)):
        entropy -= count * p * math.log(p) if p else 0.0
    return entropy, math.log(right / wrong) if right else -math.inf
""",
        # only one wrong class counted
        """
def best(epsilon, classes):
    right, wrong = 1 - epsilon + epsilon / classes, epsilon / classes
    return -right * math.log(right) - wrong * math.log(wrong), math.log(right / wrong)
""",
        # the logit of the true class as if it were its log-probability
        """
def best(epsilon, classes):
    right, wrong = 1 - epsilon + epsilon / classes, epsilon / classes
    floor = -right * math.log(right) - (classes - 1) * wrong * math.log(wrong)
    return floor, -math.log(wrong)
""",
    ],
    "ex-ls-ece": [
        # the mean over bins, not over examples
        """
def calibration_error(p, y, bins=15):
    confidence, predicted = p.max(1)
    right = (predicted == y).to(p.dtype)
    gaps = []
    for b in range(bins):
        inside = (confidence > b / bins) & (confidence <= (b + 1) / bins)
        if inside.any():
            gaps.append((right[inside].mean() - confidence[inside].mean()).abs())
    return sum(gaps) / len(gaps)
""",
        # signed gaps cancel
        """
def calibration_error(p, y, bins=15):
    confidence, predicted = p.max(1)
    return abs((predicted == y).to(p.dtype).mean() - confidence.mean())
""",
        # bins closed on the left: 0.5 falls into the upper one
        """
def calibration_error(p, y, bins=15):
    confidence, predicted = p.max(1)
    right = (predicted == y).to(p.dtype)
    error = 0.0
    for b in range(bins):
        inside = (confidence >= b / bins) & (confidence < (b + 1) / bins)
        if inside.any():
            gap = right[inside].mean() - confidence[inside].mean()
            error += inside.double().mean() * gap.abs()
    return error
""",
        # the probability of the true class as confidence
        """
def calibration_error(p, y, bins=15):
    confidence = p.gather(1, y[:, None])[:, 0]
    right = (p.argmax(1) == y).to(p.dtype)
    error = 0.0
    for b in range(bins):
        inside = (confidence > b / bins) & (confidence <= (b + 1) / bins)
        if inside.any():
            gap = right[inside].mean() - confidence[inside].mean()
            error += inside.double().mean() * gap.abs()
    return error
""",
    ],
    "ex-ls-predict": [
        """
def prediction():
    return "plain", "above"
""",
        """
def prediction():
    return "smoothed", "above"
""",
    ],
    "ex-ls-one-batch": [
        # as printed
        """
def has_fitted(logits, target, label_smoothing=0.0, tolerance=0.05):
    loss = F.cross_entropy(logits, target, label_smoothing=label_smoothing)
    return bool(loss < tolerance)
""",
        # smoothing dropped: at the best gap the bare loss is not small
        """
def has_fitted(logits, target, label_smoothing=0.0, tolerance=0.05):
    return bool(F.cross_entropy(logits, target) < tolerance)
""",
        # the floor of ten classes for all
        """
def has_fitted(logits, target, label_smoothing=0.0, tolerance=0.05):
    loss = F.cross_entropy(logits, target, label_smoothing=label_smoothing)
    q = torch.full((10,), label_smoothing / 10)
    q[0] += 1 - label_smoothing
    return bool(loss - torch.special.entr(q).sum() < tolerance)
""",
        # a tolerance that grows with the smoothing
        """
def has_fitted(logits, target, label_smoothing=0.0, tolerance=0.05):
    loss = F.cross_entropy(logits, target, label_smoothing=label_smoothing)
    return bool(loss < tolerance + 10 * label_smoothing)
""",
    ],
    "ex-ls-noise": [
        # the noise as if it could hit the true class
        """
def effective_smoothing(q, epsilon, classes):
    return 1 - (1 - q) * (1 - epsilon)
""",
        # the sum
        """
def effective_smoothing(q, epsilon, classes):
    return q * classes / (classes - 1) + epsilon
""",
    ],
}
