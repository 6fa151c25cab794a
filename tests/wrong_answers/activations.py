"""Wrong answers to the exercises of `chapters/activations.md`, by the label of the exercise."""

FUNCTIONS = """
def activations():
    def sigmoid(x):
        e = torch.exp(-x.abs())
        return torch.where(x >= 0, 1 / (1 + e), e / (1 + e))

    def tanh(x):
        return 2 * sigmoid(2 * x) - 1

    def elu(x):
        return torch.where(x > 0, x, torch.expm1(x.clamp(max=0)))

    def softplus(x):
        return x.clamp(min=0) + torch.log1p(torch.exp(-x.abs()))

    return {
        "sigmoid": (sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x))),
        "tanh": (tanh, lambda x: 1 - tanh(x) ** 2),
        "relu": (lambda x: x.clamp(min=0), lambda x: (x > 0).to(x)),
        "leaky_relu": (
            lambda x: torch.where(x > 0, x, 0.01 * x),
            lambda x: torch.where(x > 0, 1.0, 0.01).to(x),
        ),
        "elu": (elu, lambda x: torch.where(x > 0, 1.0, torch.exp(x.clamp(max=0)))),
        "softplus": (softplus, sigmoid),
    }
"""


def changed(source: str, old: str, new: str) -> str:
    """Return the source with one piece exchanged, which must be there."""
    assert old in source, old
    return source.replace(old, new)


TANH_TWIN = """
def as_tanh(model):
    layers = [layer for layer in model if isinstance(layer, nn.Linear)]
    sizes = [layers[0].in_features, *[layer.out_features for layer in layers]]
    twin = mlp(*sizes, activation=nn.Tanh).to(layers[0].weight.dtype)
    with torch.no_grad():
        for i, (old, new) in enumerate(zip(layers, twin[0::2])):
            W, b = old.weight.clone(), old.bias.clone()
            if i > 0:
                b, W = b + W.sum(1) / 2, W / 2
            if i < len(layers) - 1:
                b, W = b / 2, W / 2
            new.weight.copy_(W)
            new.bias.copy_(b)
    return twin
"""

LOG = """
def layer_log(model, x, y, penalty):
    weights = [layer.weight for layer in model if isinstance(layer, nn.Linear)]
    grads = torch.autograd.grad(F.cross_entropy(model(x), y), weights)
    return [g.square().mean().sqrt().item() for g in grads]
"""

WRONG = {
    "ex-act-functions": [
        # the sigmoid of the slide, whose derivative needs no e^x, but softplus overflows
        changed(
            FUNCTIONS,
            "x.clamp(min=0) + torch.log1p(torch.exp(-x.abs()))",
            "torch.log1p(torch.exp(x))",
        ),
        # expm1 of large numbers in the branch that is not taken is no harm; this slope is
        changed(FUNCTIONS, "0.01).to(x)", "0.1).to(x)"),
        # slope of the slide
        FUNCTIONS.replace("0.01", "0.1"),
        # ELU's derivative is that of its formula minus 1
        changed(FUNCTIONS, "torch.exp(x.clamp(max=0))))", "torch.expm1(x.clamp(max=0))))"),
        # tanh as a quotient that overflows
        changed(
            FUNCTIONS,
            "2 * sigmoid(2 * x) - 1",
            "(torch.exp(x) - torch.exp(-x)) / (torch.exp(x) + torch.exp(-x))",
        ),
    ],
    "ex-act-log": [
        # divided by the rows
        changed(LOG, "g.square().mean().sqrt().item()", "g.abs().sum().item() / len(g)"),
        # mean of |g|, not its RMS
        changed(LOG, "g.square().mean().sqrt()", "g.abs().mean()"),
        # a norm grows with the layer
        changed(LOG, "g.square().mean().sqrt()", "g.norm()"),
        # with the penalty
        """
def layer_log(model, x, y, penalty):
    weights = [layer.weight for layer in model if isinstance(layer, nn.Linear)]
    loss = F.cross_entropy(model(x), y) + penalty * sum(w.norm() for w in weights)
    grads = torch.autograd.grad(loss, weights)
    return [g.square().mean().sqrt().item() for g in grads]
""",
        # gradients pile up in the model
        """
def layer_log(model, x, y, penalty):
    F.cross_entropy(model(x), y).backward()
    layers = [layer for layer in model if isinstance(layer, nn.Linear)]
    return [layer.weight.grad.square().mean().sqrt().item() for layer in layers]
""",
    ],
    "ex-act-bound": [
        # a sum instead of a product
        """
def delta_bound(weights):
    return sum(torch.linalg.matrix_norm(W, ord=2).item() / 4 for W in weights)
""",
        # 1/4 times the number of layers
        """
def delta_bound(weights):
    norms = math.prod(torch.linalg.matrix_norm(W, ord=2).item() for W in weights)
    return norms / 4 * len(weights)
""",
        # the Frobenius norm is a bound that is not reached
        """
def delta_bound(weights):
    return math.prod(torch.linalg.matrix_norm(W).item() / 4 for W in weights)
""",
        # the largest entry is no norm of the map
        """
def delta_bound(weights):
    return math.prod(W.abs().max().item() / 4 for W in weights)
""",
    ],
    "ex-act-sigmoid-tanh": [
        # the bias of the next layer is forgotten
        changed(TANH_TWIN, "b + W.sum(1) / 2, W / 2", "b, W / 2"),
        # sums over columns
        changed(TANH_TWIN, "b + W.sum(1) / 2", "b + W.sum() / 2"),
        # the input is not halved
        changed(TANH_TWIN, "b, W = b / 2, W / 2", "pass"),
        # the output layer is halved too
        changed(TANH_TWIN, "if i < len(layers) - 1:", "if True:"),
        # changes the given network
        changed(TANH_TWIN, "return twin", "model[0].weight.data.mul_(0.5)\n    return twin"),
    ],
    "ex-act-predict": [
        """
def prediction():
    return "ReLU", "tanh", "sigmoid", "identity"
""",
        """
def prediction():
    return "tanh", "ReLU", "identity", "sigmoid"
""",
    ],
}
