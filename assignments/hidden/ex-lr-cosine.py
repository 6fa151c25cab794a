"""Hidden tests of the exercise "Cosine with warm-up"."""

from grading.drawing import Draw
from grading.hidden import Case


def call(function, steps, settings, options):
    """Rates; an array of one number will do."""
    rates = [function(step, *settings, **options) for step in steps]
    return [rate.item() if hasattr(rate, "item") else float(rate) for rate in rates]


def cases(generator):
    draw = Draw(generator)

    def case(title, steps, w, T, eta_min):
        options = {} if eta_min is None else {"eta_min": eta_min}
        return Case(title, {"steps": steps, "settings": [lr, w, T], "options": options})

    lr, eta_min = draw.uniform(0.1, 1.0), draw.uniform(0.01, 0.05)
    w = draw.integer(5, 12)
    T = w + draw.integer(20, 40)
    rise = "It rises linearly from lr / w at step 0 to lr at step w - 1"
    yield case(rise, list(range(w)), w, T, None)
    yield case(rise, [0], 1, T, eta_min)
    fall = "From step w to step T it falls along half a cosine from lr to eta_min"
    yield case(fall, list(range(w, T + 1)), w, T, None)
    yield case(fall, list(range(w, T + 1)), w, T, eta_min)
    stay = "It stays at eta_min after step T"
    steps = [T + 1, T + draw.integer(2, T - w), 10 * T + draw.integer(0, 9)]
    yield case(stay, steps, w, T, None)
    yield case(stay, steps, w, T, eta_min)
    bare = "Without warm-up it is PyTorch's cosine"
    yield case(bare, list(range(T + 1)), 0, T, eta_min)
