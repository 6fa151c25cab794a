"""Wrong answers to the exercises of `chapters/l1_l2_map.md`, by the label of the exercise."""

WRONG = {
    "ex-map-posterior": [
        # as printed
        """
def negative_log_posterior(x, A, b, sigma, tau):
    log_likelihood = -(A @ x - b).square().sum() / sigma**2
    log_prior = -x.square().mean() / (2 * tau**2)
    return -log_likelihood + log_prior
""",
        # the sign of the slide
        """
def negative_log_posterior(x, A, b, sigma, tau):
    log_likelihood = -(A @ x - b).square().sum() / (2 * sigma**2)
    log_prior = -x.square().sum() / (2 * tau**2)
    return -log_likelihood + log_prior
""",
        # the mean over weights
        """
def negative_log_posterior(x, A, b, sigma, tau):
    log_likelihood = -(A @ x - b).square().sum() / (2 * sigma**2)
    log_prior = -x.square().mean() / (2 * tau**2)
    return -log_likelihood - log_prior
""",
        # the factor 2 of the likelihood is forgotten
        """
def negative_log_posterior(x, A, b, sigma, tau):
    log_likelihood = -(A @ x - b).square().sum() / sigma**2
    log_prior = -x.square().sum() / (2 * tau**2)
    return -log_likelihood - log_prior
""",
        # the right minimiser, but no posterior: multiplied by 2 sigma^2
        """
def negative_log_posterior(x, A, b, sigma, tau):
    return (A @ x - b).square().sum() + sigma**2 / tau**2 * x.square().sum()
""",
    ],
    "ex-map-laplace": [
        # for the sum of squares, not for sklearn's objective
        """
def lasso_alpha(sigma, beta, n):
    return 2 * sigma**2 / beta
""",
        # the 2 of 2 sigma^2 is not cancelled
        """
def lasso_alpha(sigma, beta, n):
    return 2 * sigma**2 / (n * beta)
""",
        # the mean is forgotten
        """
def lasso_alpha(sigma, beta, n):
    return sigma**2 / beta
""",
        # as for a Gaussian prior
        """
def lasso_alpha(sigma, beta, n):
    return sigma**2 / (n * beta**2)
""",
    ],
    "ex-map-fista": [
        # the threshold is not multiplied by the rate
        """
def lasso_fista(A, b, alpha, steps):
    n, d = A.shape
    lr = n / torch.linalg.matrix_norm(A, 2) ** 2
    x = y = torch.zeros(d, dtype=A.dtype)
    t = 1.0
    for _ in range(steps):
        z = y - lr * A.T @ (A @ y - b) / n
        before, x = x, z.sign() * (z.abs() - alpha).clamp(min=0)
        t_before, t = t, (1 + (1 + 4 * t**2) ** 0.5) / 2
        y = x + (t_before - 1) / t * (x - before)
    return x
""",
        # no momentum: ISTA
        """
def lasso_fista(A, b, alpha, steps):
    n, d = A.shape
    lr = n / torch.linalg.matrix_norm(A, 2) ** 2
    x = torch.zeros(d, dtype=A.dtype)
    for _ in range(steps):
        z = x - lr * A.T @ (A @ x - b) / n
        x = z.sign() * (z.abs() - lr * alpha).clamp(min=0)
    return x
""",
        # the gradient is not divided by n
        """
def lasso_fista(A, b, alpha, steps):
    n, d = A.shape
    lr = 1 / torch.linalg.matrix_norm(A, 2) ** 2
    x = y = torch.zeros(d, dtype=A.dtype)
    t = 1.0
    for _ in range(steps):
        z = y - lr * A.T @ (A @ y - b)
        before, x = x, z.sign() * (z.abs() - lr * alpha).clamp(min=0)
        t_before, t = t, (1 + (1 + 4 * t**2) ** 0.5) / 2
        y = x + (t_before - 1) / t * (x - before)
    return x
""",
        # subgradient steps: no zeros
        """
def lasso_fista(A, b, alpha, steps):
    n, d = A.shape
    lr = n / torch.linalg.matrix_norm(A, 2) ** 2
    x = torch.zeros(d, dtype=A.dtype)
    for _ in range(steps):
        x = x - lr * (A.T @ (A @ x - b) / n + alpha * x.sign())
    return x
""",
        # it returns the point ahead
        """
def lasso_fista(A, b, alpha, steps):
    n, d = A.shape
    lr = n / torch.linalg.matrix_norm(A, 2) ** 2
    x = y = torch.zeros(d, dtype=A.dtype)
    t = 1.0
    for _ in range(steps):
        z = y - lr * A.T @ (A @ y - b) / n
        before, x = x, z.sign() * (z.abs() - lr * alpha).clamp(min=0)
        t_before, t = t, (1 + (1 + 4 * t**2) ** 0.5) / 2
        y = x + (t_before - 1) / t * (x - before)
    return y
""",
    ],
    "ex-map-zeros": [
        # the proximal step is forgotten
        """
def trajectory(w, lr, lam, steps, proximal):
    path = [w]
    for _ in range(steps):
        path.append(path[-1] - lr * lam * np.sign(path[-1]))
    return path
""",
        # both stop at zero
        """
def trajectory(w, lr, lam, steps, proximal):
    path = [w]
    for _ in range(steps):
        w = np.sign(w) * max(abs(w) - lr * lam, 0)
        path.append(w)
    return path
""",
        # the rate is forgotten
        """
def trajectory(w, lr, lam, steps, proximal):
    path = [w]
    for _ in range(steps):
        w = w - (min(lam, abs(w)) if proximal else lam) * np.sign(w)
        path.append(w)
    return path
""",
        # the start is left out
        """
def trajectory(w, lr, lam, steps, proximal):
    path = []
    for _ in range(steps):
        w = w - (min(lr * lam, abs(w)) if proximal else lr * lam) * np.sign(w)
        path.append(w)
    return path
""",
    ],
    "ex-map-elastic": [
        # first scaled, then shrunk
        """
def elastic_prox(z, l1, l2):
    return soft_threshold(z / (1 + l2), l1)
""",
        # the gradient of l2 x^2, without the half
        """
def elastic_prox(z, l1, l2):
    return soft_threshold(z, l1) / (1 + 2 * l2)
""",
        # a hard threshold: large values are kept
        """
def elastic_prox(z, l1, l2):
    return z * (z.abs() > l1) / (1 + l2)
""",
        # one step along the slope of the penalty
        """
def elastic_prox(z, l1, l2):
    return (z - l1 * z.sign()) / (1 + l2)
""",
    ],
    "ex-map-norms": [
        # without care for W = 0
        """
def penalty_gradients(W, lam):
    return lam * W, lam * W / W.norm()
""",
        # the square without the half
        """
def penalty_gradients(W, lam):
    norm = W.norm()
    return 2 * lam * W, lam * W / norm if norm > 0 else torch.zeros_like(W)
""",
        # the sign, as for L1
        """
def penalty_gradients(W, lam):
    return lam * W, lam * W.sign()
""",
        # divided by the square of the norm
        """
def penalty_gradients(W, lam):
    square = W.square().sum()
    return lam * W, lam * W / square if square > 0 else torch.zeros_like(W)
""",
    ],
}
