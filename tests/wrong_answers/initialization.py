"""Wrong answers to the exercises of `chapters/initialization.md`, by the label of the exercise."""

from wrong_answers.activations import changed

DRAW = """
def draw(rule, n_out, n_in):
    if rule == "orthogonal":
        Q, R = torch.linalg.qr(torch.randn(max(n_out, n_in), min(n_out, n_in)))
        Q = Q * R.diagonal().sign()
        return Q if n_out >= n_in else Q.T
    kind, distribution = rule.split("_")
    std = math.sqrt(2 / (n_in + n_out) if kind == "xavier" else 2 / n_in)
    if distribution == "normal":
        return std * torch.randn(n_out, n_in)
    return math.sqrt(3) * std * (2 * torch.rand(n_out, n_in) - 1)
"""

FORWARD = """
def forward(x, widths):
    hs = []
    for n_in, n_out in zip(widths[:-1], widths[1:]):
        W = np.sqrt(2 / n_in) * np.random.randn(n_in, n_out)
        x = np.maximum(0, x.dot(W))
        hs.append(x)
    return hs
"""

TANH_STD = """
def tanh_std(sigma_w, layers):
    nodes, probabilities = hermegauss(80)
    probabilities = probabilities / probabilities.sum()
    q = 1.0
    for _ in range(layers):
        q = float(probabilities @ np.tanh(sigma_w * math.sqrt(q) * nodes) ** 2)
    return math.sqrt(q)
"""

LSUV = """
def lsuv(model, inputs):
    h = inputs
    with torch.no_grad():
        for layer in model:
            if isinstance(layer, nn.Linear):
                layer.bias.zero_()
                layer.weight /= layer(h).std()
            h = layer(h)
"""

PRIOR = """
def start_at_prior(layer, labels):
    counts = labels.bincount(minlength=layer.out_features).float().clamp(min=0.5)
    log_p = (counts / counts.sum()).log()
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.copy_(log_p)
    return -log_p[labels].mean().item()
"""

WRONG = {
    "ex-init-rules": [
        # the bound of the uniform distribution is its standard deviation
        changed(DRAW, "math.sqrt(3) * std", "std"),
        # the variance taken for the standard deviation
        changed(DRAW, "math.sqrt(2 / (n_in + n_out) if", "(2 / (n_in + n_out) if"),
        # He with fan out
        changed(DRAW, "else 2 / n_in", "else 2 / n_out"),
        # uniform on (0, 2a)
        changed(DRAW, "(2 * torch.rand(n_out, n_in) - 1)", "2 * torch.rand(n_out, n_in)"),
        # orthogonal only for tall matrices: R's shape for wide ones
        changed(DRAW, "Q if n_out >= n_in else Q.T", "Q[:n_out, :n_in]"),
        # a normal matrix with normalised rows is not orthogonal
        """
def draw(rule, n_out, n_in):
    W = torch.randn(n_out, n_in)
    if rule == "orthogonal":
        return W / W.norm(dim=1, keepdim=True)
    return W * math.sqrt(2 / (n_in + n_out) if "xavier" in rule else 2 / n_in)
""",
    ],
    "ex-init-bugs": [
        # the factor 0.001 stays
        changed(FORWARD, "np.sqrt(2 / n_in)", "0.001 * np.sqrt(2 / n_in)"),
        # fan out
        changed(FORWARD, "2 / n_in", "2 / n_out"),
        # np.max takes an axis
        changed(FORWARD, "np.maximum", "np.max"),
        # Xavier's compromise
        changed(FORWARD, "2 / n_in", "2 / (n_in + n_out)"),
        # no activation
        changed(FORWARD, "np.maximum(0, x.dot(W))", "x.dot(W) / np.sqrt(2)"),
    ],
    "ex-init-fixed-point": [
        # the mean of tanh^2 without the variance of its argument
        changed(TANH_STD, "sigma_w * math.sqrt(q) * nodes", "sigma_w * nodes"),
        # variance for standard deviation
        changed(TANH_STD, "return math.sqrt(q)", "return q"),
        # sigma_w applied outside of tanh
        changed(
            TANH_STD,
            "np.tanh(sigma_w * math.sqrt(q) * nodes) ** 2)",
            "np.tanh(math.sqrt(q) * nodes) ** 2) * sigma_w**2",
        ),
        # q where its root belongs
        changed(TANH_STD, "math.sqrt(q) * nodes", "q * nodes"),
    ],
    "ex-init-predict": [
        # what the slides say
        """
def prediction():
    return "shrinks", "is kept", "shrinks"
""",
        """
def prediction():
    return "shrinks", "shrinks", "grows"
""",
    ],
    "ex-init-lsuv": [
        # all layers measured before any is scaled
        """
def lsuv(model, inputs):
    h, stds = inputs, []
    with torch.no_grad():
        for layer in model:
            if isinstance(layer, nn.Linear):
                layer.bias.zero_()
            h = layer(h)
            if isinstance(layer, nn.Linear):
                stds.append(h.std())
        for layer, std in zip(linear_layers(model), stds):
            layer.weight /= std
""",
        # divided by the variance
        changed(LSUV, ".std()", ".var()"),
        # the outputs of the activation are measured
        changed(LSUV, "layer(h).std()", "torch.relu(layer(h)).std()"),
        # biases stay
        changed(LSUV, "layer.bias.zero_()", "pass"),
        # each unit on its own
        changed(LSUV, "layer(h).std()", "layer(h).std(0)[:, None]"),
    ],
    "ex-init-prior": [
        # probabilities for logits
        changed(PRIOR, "layer.bias.copy_(log_p)", "layer.bias.copy_(log_p.exp())"),
        # the weights are left as they are
        changed(PRIOR, "layer.weight.zero_()", "pass"),
        # a missing class gets minus infinity
        changed(PRIOR, ".clamp(min=0.5)", ""),
        # the entropy of a uniform guess is returned
        changed(PRIOR, "-log_p[labels].mean().item()", "math.log(layer.out_features)"),
        # the formula without its minus
        changed(PRIOR, "return -log_p", "return log_p"),
    ],
}
