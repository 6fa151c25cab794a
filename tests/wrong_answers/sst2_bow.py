"""Wrong answers to the exercises of `chapters/sst2_bow.md`, by the label of the exercise."""

WRONG = {
    "ex-sst2-predict": [
        """
def prediction():
    return "evaluation", "training"
""",
        """
def prediction():
    return "training", "training"
""",
    ],
    "ex-sst2-vocabulary": [
        # the lecture's own: the order of a set
        """
def build_vocabulary(texts, min_count):
    counts = Counter(token for text in texts for token in tokenize(text.lower()))
    return {t: i for i, t in enumerate(t for t, c in counts.items() if c >= min_count)}
""",
        # more than, not at least
        """
def build_vocabulary(texts, min_count):
    counts = Counter(token for text in texts for token in tokenize(text.lower()))
    return {t: i for i, t in enumerate(sorted(t for t, c in counts.items() if c > min_count))}
""",
        # case kept
        """
def build_vocabulary(texts, min_count):
    counts = Counter(token for text in texts for token in tokenize(text, lowercase=False))
    return {t: i for i, t in enumerate(sorted(t for t, c in counts.items() if c >= min_count))}
""",
        # ids with gaps: numbered before the rare tokens are removed
        """
def build_vocabulary(texts, min_count):
    counts = Counter(token for text in texts for token in tokenize(text.lower()))
    return {t: i for i, t in enumerate(sorted(counts)) if counts[t] >= min_count}
""",
    ],
    "ex-sst2-token-dropout": [
        # not rescaled
        """
def drop_tokens(counts, p):
    return counts * (torch.rand_like(counts) >= p)
""",
        # p taken as the probability to keep
        """
def drop_tokens(counts, p):
    return counts * (torch.rand_like(counts) < p) / p if p else counts
""",
        # one mask for the whole batch
        """
def drop_tokens(counts, p):
    return counts * (torch.rand_like(counts[0]) >= p) / (1 - p)
""",
        # one mask for all tokens of a text
        """
def drop_tokens(counts, p):
    return counts * (torch.rand_like(counts[:, :1]) >= p) / (1 - p)
""",
        # in place
        """
def drop_tokens(counts, p):
    return counts.mul_((torch.rand_like(counts) >= p) / (1 - p))
""",
    ],
    "ex-sst2-auc": [
        # ties by position
        """
def roc_auc(scores, labels):
    positive = np.asarray(labels).astype(bool)
    ranks = np.argsort(np.argsort(scores)) + 1
    n1, n0 = positive.sum(), (~positive).sum()
    return (ranks[positive].sum() - n1 * (n1 + 1) / 2) / (n0 * n1)
""",
        # ranks from zero
        """
from scipy.stats import rankdata

def roc_auc(scores, labels):
    positive = np.asarray(labels).astype(bool)
    ranks = rankdata(scores) - 1
    n1, n0 = positive.sum(), (~positive).sum()
    return (ranks[positive].sum() - n1 * (n1 + 1) / 2) / (n0 * n1)
""",
        # the other way round
        """
from scipy.stats import rankdata

def roc_auc(scores, labels):
    positive = np.asarray(labels).astype(bool)
    ranks = rankdata(-np.asarray(scores))
    n1, n0 = positive.sum(), (~positive).sum()
    return (ranks[positive].sum() - n1 * (n1 + 1) / 2) / (n0 * n1)
""",
        # accuracy at zero
        """
def roc_auc(scores, labels):
    return np.mean((np.asarray(scores) > 0) == np.asarray(labels).astype(bool))
""",
    ],
    "ex-sst2-evaluate": [
        # as printed, but without crashing
        """
def evaluate(model, X, y):
    logits = model(X).detach()
    return {
        "auc": roc_auc_score(y, logits[:, 1]),
        "precision": precision_score(logits.argmax(dim=1), y),
    }
""",
        # the mode is left at eval
        """
def evaluate(model, X, y):
    model.eval()
    with torch.no_grad():
        logits = model(X)
    return {
        "auc": roc_auc_score(y, logits[:, 1] - logits[:, 0]),
        "precision": precision_score(y, logits.argmax(dim=1)),
    }
""",
        # always back to training mode, and one logit as the score
        """
def evaluate(model, X, y):
    model.eval()
    with torch.no_grad():
        logits = model(X)
    model.train()
    return {
        "auc": roc_auc_score(y, logits[:, 1]),
        "precision": precision_score(y, logits.argmax(dim=1)),
    }
""",
        # no_grad is not eval
        """
def evaluate(model, X, y):
    with torch.no_grad():
        logits = model(X)
    return {
        "auc": roc_auc_score(y, logits[:, 1] - logits[:, 0]),
        "precision": precision_score(y, logits.argmax(dim=1)),
    }
""",
    ],
    "ex-sst2-variance": [
        # the standard deviation
        """
def score_variance(w, x, p):
    return (p / (1 - p) * (w**2 * x**2).sum()) ** 0.5
""",
        # dropout that is not rescaled
        """
def score_variance(w, x, p):
    return p * (1 - p) * (w**2 * x**2).sum()
""",
        # the square of the sum
        """
def score_variance(w, x, p):
    return p / (1 - p) * (w * x).sum() ** 2
""",
    ],
}
