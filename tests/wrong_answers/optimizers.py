"""Wrong answers to the exercises of `chapters/optimizers.md`, by the label of the exercise."""

WRONG = {
    "ex-opt-uncorrected": [
        # the answer for the defaults
        """
def prediction():
    return "longer", 10**0.5
""",
        # the average of the squares forgotten
        """
def prediction():
    return "shorter", 0.1
""",
        # the root forgotten
        """
def prediction():
    return "shorter", 1.0
""",
        # the quotient upside down
        """
def prediction():
    return "shorter", 10**0.5
""",
    ],
    "ex-opt-sgd": [
        # the first buffer dampened too
        """
def sgd_step(x, g, buffer, lr, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
    g = g + weight_decay * x
    if momentum == 0:
        return x - lr * g, None
    old = torch.zeros_like(g) if buffer is None else buffer
    buffer = momentum * old + (1 - dampening) * g
    return x - lr * (g + momentum * buffer if nesterov else buffer), buffer
""",
        # the rate inside the buffer
        """
def sgd_step(x, g, buffer, lr, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
    g = lr * (g + weight_decay * x)
    if momentum == 0:
        return x - g, None
    buffer = g if buffer is None else momentum * buffer + (1 - dampening) * g
    return x - (g + momentum * buffer if nesterov else buffer), buffer
""",
        # Nesterov with the old buffer
        """
def sgd_step(x, g, buffer, lr, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
    g = g + weight_decay * x
    if momentum == 0:
        return x - lr * g, None
    old = buffer
    buffer = g if buffer is None else momentum * buffer + (1 - dampening) * g
    ahead = g if old is None else g + momentum * old
    return x - lr * (ahead if nesterov else buffer), buffer
""",
        # weight decay beside the momentum
        """
def sgd_step(x, g, buffer, lr, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
    x = x * (1 - lr * weight_decay)
    if momentum == 0:
        return x - lr * g, None
    buffer = g if buffer is None else momentum * buffer + (1 - dampening) * g
    return x - lr * (g + momentum * buffer if nesterov else buffer), buffer
""",
        # in place
        """
def sgd_step(x, g, buffer, lr, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
    g = g + weight_decay * x
    if momentum == 0:
        return x - lr * g, None
    buffer = g if buffer is None else buffer.mul_(momentum).add_(g, alpha=1 - dampening)
    return x - lr * (g + momentum * buffer if nesterov else buffer), buffer
""",
    ],
    "ex-opt-adam": [
        # as the lecture prints it
        """
def adam_path(gradients, lr=0.1, beta1=0.9, beta2=0.999, eps=1e-8):
    x = m = v = 0.0
    path = [x]
    for g in gradients:
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        x = x - lr * m / (v + eps)
        path.append(x)
    return path
""",
        # no bias correction
        """
def adam_path(gradients, lr=0.1, beta1=0.9, beta2=0.999, eps=1e-8):
    x = m = v = 0.0
    path = [x]
    for g in gradients:
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        x = x - lr * m / (v**0.5 + eps)
        path.append(x)
    return path
""",
        # epsilon under the root
        """
def adam_path(gradients, lr=0.1, beta1=0.9, beta2=0.999, eps=1e-8):
    x = m = v = 0.0
    path = [x]
    for t, g in enumerate(gradients, 1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        x = x - lr * m / (1 - beta1**t) / (v / (1 - beta2**t) + eps) ** 0.5
        path.append(x)
    return path
""",
        # the corrected averages carried on
        """
def adam_path(gradients, lr=0.1, beta1=0.9, beta2=0.999, eps=1e-8):
    x = m = v = 0.0
    path = [x]
    for t, g in enumerate(gradients, 1):
        m = (beta1 * m + (1 - beta1) * g) / (1 - beta1**t)
        v = (beta2 * v + (1 - beta2) * g**2) / (1 - beta2**t)
        x = x - lr * m / (v**0.5 + eps)
        path.append(x)
    return path
""",
        # the square of the average
        """
def adam_path(gradients, lr=0.1, beta1=0.9, beta2=0.999, eps=1e-8):
    x = m = v = 0.0
    path = [x]
    for t, g in enumerate(gradients, 1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * m**2
        x = x - lr * m / (1 - beta1**t) / ((v / (1 - beta2**t)) ** 0.5 + eps)
        path.append(x)
    return path
""",
    ],
    "ex-opt-nesterov": [
        # the wrong sign
        """
def textbook_point(y, buffer, lr, momentum):
    return y - lr * momentum * buffer
""",
        # the whole velocity
        """
def textbook_point(y, buffer, lr, momentum):
    return y + lr * buffer
""",
        # a buffer with the rate inside
        """
def textbook_point(y, buffer, lr, momentum):
    return y + momentum * buffer
""",
    ],
    "ex-opt-heavy-ball": [
        # Nesterov's parameters
        """
def best_heavy_ball(L, mu):
    r = (L / mu) ** 0.5
    return 1 / L, (r - 1) / (r + 1)
""",
        # the momentum not squared
        """
def best_heavy_ball(L, mu):
    a, b = L**0.5, mu**0.5
    return 4 / (a + b) ** 2, (a - b) / (a + b)
""",
        # the best rate of gradient descent
        """
def best_heavy_ball(L, mu):
    a, b = L**0.5, mu**0.5
    return 2 / (L + mu), ((a - b) / (a + b)) ** 2
""",
        # without roots
        """
def best_heavy_ball(L, mu):
    return 4 / (L + mu) ** 2, ((L - mu) / (L + mu)) ** 2
""",
    ],
    "ex-opt-reddi": [
        # not clipped
        """
def reddi(amsgrad, steps):
    x = m = v = largest = 0.0
    for t in range(1, steps + 1):
        g = 1010.0 if t % 101 == 1 else -10.0
        m = 0.9 * m + 0.1 * g
        v = 0.99 * v + 0.01 * g**2
        largest = max(largest, v) if amsgrad else v
        x -= 0.5 / t**0.5 * m / (1 - 0.9**t) / ((largest / (1 - 0.99**t)) ** 0.5 + 1e-8)
    return x
""",
        # the maximum of the corrected v
        """
def reddi(amsgrad, steps):
    x = m = v = largest = 0.0
    for t in range(1, steps + 1):
        g = 1010.0 if t % 101 == 1 else -10.0
        m = 0.9 * m + 0.1 * g
        v = 0.99 * v + 0.01 * g**2
        v_hat = v / (1 - 0.99**t)
        largest = max(largest, v_hat) if amsgrad else v_hat
        x -= 0.5 / t**0.5 * m / (1 - 0.9**t) / (largest**0.5 + 1e-8)
        x = min(1.0, max(-1.0, x))
    return x
""",
        # a constant rate
        """
def reddi(amsgrad, steps):
    x = m = v = largest = 0.0
    for t in range(1, steps + 1):
        g = 1010.0 if t % 101 == 1 else -10.0
        m = 0.9 * m + 0.1 * g
        v = 0.99 * v + 0.01 * g**2
        largest = max(largest, v) if amsgrad else v
        x -= 0.5 * m / (1 - 0.9**t) / ((largest / (1 - 0.99**t)) ** 0.5 + 1e-8)
        x = min(1.0, max(-1.0, x))
    return x
""",
        # the maximum carried on as the average
        """
def reddi(amsgrad, steps):
    x = m = v = 0.0
    for t in range(1, steps + 1):
        g = 1010.0 if t % 101 == 1 else -10.0
        m = 0.9 * m + 0.1 * g
        new = 0.99 * v + 0.01 * g**2
        v = max(v, new) if amsgrad else new
        x -= 0.5 / t**0.5 * m / (1 - 0.9**t) / ((v / (1 - 0.99**t)) ** 0.5 + 1e-8)
        x = min(1.0, max(-1.0, x))
    return x
""",
        # counted from zero
        """
def reddi(amsgrad, steps):
    x = m = v = largest = 0.0
    for t in range(1, steps + 1):
        g = 1010.0 if (t - 1) % 101 == 1 else -10.0
        m = 0.9 * m + 0.1 * g
        v = 0.99 * v + 0.01 * g**2
        largest = max(largest, v) if amsgrad else v
        x -= 0.5 / t**0.5 * m / (1 - 0.9**t) / ((largest / (1 - 0.99**t)) ** 0.5 + 1e-8)
        x = min(1.0, max(-1.0, x))
    return x
""",
    ],
}
