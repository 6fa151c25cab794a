"""Wrong answers to the exercises of `chapters/loss_landscapes.md`, by the label of the exercise."""

WRONG = {
    "ex-land-direction": [
        # raw
        """
def direction(model, generator):
    return {
        name: torch.randn(w.shape, generator=generator) * (w.dim() > 1)
        for name, w in model.named_parameters()
    }
""",
        # whole layers
        """
def direction(model, generator):
    result = {}
    for name, w in model.named_parameters():
        d = torch.randn(w.shape, generator=generator)
        result[name] = d * (w.norm() / d.norm()).item() if w.dim() > 1 else torch.zeros_like(w)
    return result
""",
        # biases too
        """
def direction(model, generator):
    result = {}
    for name, w in model.named_parameters():
        d = torch.randn(w.shape, generator=generator)
        rows = d.view(len(w), -1)
        scale = w.detach().view(len(w), -1).norm(dim=1) / rows.norm(dim=1)
        result[name] = (rows * scale[:, None]).view_as(w)
    return result
""",
        # columns of matrices
        """
def direction(model, generator):
    result = {}
    for name, w in model.named_parameters():
        w = w.detach()
        d = torch.randn(w.shape, generator=generator)
        scale = w.norm(dim=0, keepdim=True) / d.norm(dim=0, keepdim=True)
        result[name] = d * scale if w.dim() > 1 else torch.zeros_like(w)
    return result
""",
        # the generator is not used
        """
def direction(model, generator):
    result = {}
    for name, w in model.named_parameters():
        w = w.detach()
        rows = torch.randn(len(w), w.numel() // len(w))
        scale = w.view(len(w), -1).norm(dim=1) / rows.norm(dim=1)
        result[name] = (rows * scale[:, None] * (w.dim() > 1)).view_as(w)
    return result
""",
    ],
    "ex-land-power": [
        # the sign is lost
        """
def sharpness(loss, w, steps):
    w = w.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(w), w, create_graph=True)
    v = torch.randn_like(w)
    for _ in range(steps):
        v = v / v.norm()
        (v,) = torch.autograd.grad(gradient, w, v, retain_graph=True)
    return v.norm().item()
""",
        # the whole Hessian
        """
def sharpness(loss, w, steps):
    e = torch.linalg.eigvalsh(torch.autograd.functional.hessian(loss, w))
    return e[e.abs().argmax()].item()
""",
        # at zero
        """
def sharpness(loss, w, steps):
    w = torch.zeros_like(w).requires_grad_()
    (gradient,) = torch.autograd.grad(loss(w), w, create_graph=True)
    v = torch.randn_like(w)
    for _ in range(steps):
        v = v / v.norm()
        (hv,) = torch.autograd.grad(gradient, w, v, retain_graph=True)
        v, value = hv, (v @ hv).item()
    return value
""",
        # not normalised
        """
def sharpness(loss, w, steps):
    w = w.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(w), w, create_graph=True)
    v = torch.randn_like(w)
    for _ in range(steps):
        (hv,) = torch.autograd.grad(gradient, w, v, retain_graph=True)
        v, value = hv, (v @ hv).item()
    return value
""",
    ],
    "ex-land-escape": [
        # the flow's time, which is shorter
        """
def escape_time(y0, lr, mu, r):
    return max(0, math.ceil(math.log(r / abs(y0)) / (lr * mu)))
""",
        # rounded down
        """
def escape_time(y0, lr, mu, r):
    return max(0, int(math.log(r / abs(y0)) / math.log1p(lr * mu)))
""",
        # one side only
        """
def escape_time(y0, lr, mu, r):
    if y0 >= r:
        return 0
    return math.ceil(math.log(r / y0) / math.log1p(lr * mu))
""",
        # negative times
        """
def escape_time(y0, lr, mu, r):
    return math.ceil(math.log(r / abs(y0)) / math.log1p(lr * mu))
""",
    ],
    "ex-land-predict": [
        """
def prediction():
    return {k: "longer" for k in ("SGD, axis", "SGD, turned", "AdaGrad, axis", "AdaGrad, turned")}
""",
        """
def prediction():
    return {"SGD, axis": "longer", "SGD, turned": "longer", "AdaGrad, axis": "same",
            "AdaGrad, turned": "same"}
""",
        """
def prediction():
    return {"SGD, axis": "longer", "SGD, turned": "same", "AdaGrad, axis": "same",
            "AdaGrad, turned": "longer"}
""",
    ],
    "ex-land-bugs": [
        # as printed
        """
def slice_loss(model, loss, x, y, direction, offsets):
    values = []
    for a in offsets:
        for name, p in model.named_parameters():
            p.data += a * direction[name]
        values.append(loss(model(x), y))
    return torch.stack(values)
""",
        # restored by subtracting, which rounds
        """
def slice_loss(model, loss, x, y, direction, offsets):
    modes = [(m, m.training) for m in model.modules()]
    model.eval()
    values = []
    with torch.no_grad():
        for a in offsets:
            for name, p in model.named_parameters():
                p.data += a * direction[name]
            values.append(loss(model(x), y))
            for name, p in model.named_parameters():
                p.data -= a * direction[name]
    for m, training in modes:
        m.training = training
    return torch.stack(values)
""",
        # the mode is restored for the whole model only
        """
def slice_loss(model, loss, x, y, direction, offsets):
    training = model.training
    model.eval()
    values = []
    with torch.no_grad():
        for a in offsets:
            moved = {n: p + a * direction[n] for n, p in model.named_parameters()}
            values.append(loss(torch.func.functional_call(model, moved, (x,)), y))
    model.train(training)
    return torch.stack(values)
""",
        # training mode
        """
def slice_loss(model, loss, x, y, direction, offsets):
    values = []
    with torch.no_grad():
        for a in offsets:
            moved = {n: p + a * direction[n] for n, p in model.named_parameters()}
            values.append(loss(torch.func.functional_call(model, moved, (x,)), y))
    return torch.stack(values)
""",
        # a graph
        """
def slice_loss(model, loss, x, y, direction, offsets):
    modes = [(m, m.training) for m in model.modules()]
    model.eval()
    values = []
    for a in offsets:
        moved = {n: p + a * direction[n] for n, p in model.named_parameters()}
        values.append(loss(torch.func.functional_call(model, moved, (x,)), y))
    for m, training in modes:
        m.training = training
    return torch.stack(values)
""",
    ],
}
