"""Answers to the exercises of weight_decay that its tests must not accept."""

WRONG = {
    "ex-wd-adamw": [
        # L2 and decay both
        """
def adamw_step(w, g, m, v, t, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    g = g + weight_decay * w
    w.mul_(1 - lr * weight_decay)
    m.mul_(betas[0]).add_((1 - betas[0]) * g)
    v.mul_(betas[1]).add_((1 - betas[1]) * g**2)
    m_hat = m / (1 - betas[0] ** t)
    v_hat = v / (1 - betas[1] ** t)
    w.sub_(lr * m_hat / (v_hat.sqrt() + eps))
""",
        # decay after the step
        """
def adamw_step(w, g, m, v, t, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    m.mul_(betas[0]).add_((1 - betas[0]) * g)
    v.mul_(betas[1]).add_((1 - betas[1]) * g**2)
    m_hat = m / (1 - betas[0] ** t)
    v_hat = v / (1 - betas[1] ** t)
    w.sub_(lr * m_hat / (v_hat.sqrt() + eps))
    w.mul_(1 - lr * weight_decay)
""",
        # decay not multiplied by the learning rate: the paper's
        """
def adamw_step(w, g, m, v, t, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    w.mul_(1 - weight_decay)
    m.mul_(betas[0]).add_((1 - betas[0]) * g)
    v.mul_(betas[1]).add_((1 - betas[1]) * g**2)
    m_hat = m / (1 - betas[0] ** t)
    v_hat = v / (1 - betas[1] ** t)
    w.sub_(lr * m_hat / (v_hat.sqrt() + eps))
""",
        # beta2 times t
        """
def adamw_step(w, g, m, v, t, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    w.mul_(1 - lr * weight_decay)
    m.mul_(betas[0]).add_((1 - betas[0]) * g)
    v.mul_(betas[1]).add_((1 - betas[1]) * g**2)
    m_hat = m / (1 - betas[0] ** t)
    v_hat = v / abs(1 - betas[1] * t)
    w.sub_(lr * m_hat / (v_hat.sqrt() + eps))
""",
    ],
    "ex-wd-momentum": [
        # the lecture's reading
        """
def long_run_factor(lr, momentum, weight_decay):
    return 1 - lr * weight_decay
""",
        # first order only
        """
def long_run_factor(lr, momentum, weight_decay):
    return 1 - lr * weight_decay / (1 - momentum)
""",
        # the smaller root
        """
def long_run_factor(lr, momentum, weight_decay):
    a = 1 + momentum - lr * weight_decay
    discriminant = a**2 - 4 * momentum
    if discriminant < 0:
        return momentum**0.5
    return (a - discriminant**0.5) / 2
""",
        # the real part of the complex roots
        """
def long_run_factor(lr, momentum, weight_decay):
    a = 1 + momentum - lr * weight_decay
    return (a + max(a**2 - 4 * momentum, 0) ** 0.5) / 2
""",
    ],
    "ex-wd-groups": [
        # by dimensions: a layer norm of images decays
        """
def two_groups(model, weight_decay):
    return [
        {"params": [p for p in model.parameters() if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
""",
        # a shared weight twice
        """
def two_groups(model, weight_decay):
    decayed, others = [], []
    norms = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm)
    for layer in model.modules():
        for name, p in layer.named_parameters(recurse=False):
            (others if isinstance(layer, norms) or name == "bias" else decayed).append(p)
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
""",
        # batch norm decays
        """
def two_groups(model, weight_decay):
    named = list(model.named_parameters())
    return [
        {"params": [p for n, p in named if "bias" not in n], "weight_decay": weight_decay},
        {"params": [p for n, p in named if "bias" in n], "weight_decay": 0.0},
    ]
""",
        # the second group gets the optimizer's default decay
        """
def two_groups(model, weight_decay):
    norms = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm)
    spared = {
        id(p)
        for layer in model.modules()
        for name, p in layer.named_parameters(recurse=False)
        if isinstance(layer, norms) or name == "bias"
    }
    ps = list(model.parameters())
    return [
        {"params": [p for p in ps if id(p) not in spared], "weight_decay": weight_decay},
        {"params": [p for p in ps if id(p) in spared]},
    ]
""",
    ],
    "ex-wd-predict": [
        """
def prediction():
    return "same", "same"
""",
        """
def prediction():
    return "less", "same"
""",
        """
def prediction():
    return "more", "more"
""",
    ],
    "ex-wd-limit": [
        # ridge for both
        """
def limits(a, b, weight_decay):
    return a * b / (a + weight_decay), a * b / (a + weight_decay)
""",
        # AdamW always at the bound
        """
def limits(a, b, weight_decay):
    return a * b / (a + weight_decay), b.sign() / weight_decay
""",
        # the answers swapped
        """
def limits(a, b, weight_decay):
    return b.clamp(-1 / weight_decay, 1 / weight_decay), a * b / (a + weight_decay)
""",
        # curvature forgotten
        """
def limits(a, b, weight_decay):
    return b / (1 + weight_decay), b.clamp(-1 / weight_decay, 1 / weight_decay)
""",
    ],
}
