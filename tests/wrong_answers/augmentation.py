"""Wrong answers to the exercises of `chapters/augmentation.md`, by the label of the exercise."""

WRONG = {
    "ex-aug-shift": [
        # one draw for the whole batch
        """
def shift(images, pixels, generator):
    down, right = torch.randint(-pixels, pixels + 1, (2,), generator=generator).tolist()
    h, w = images.shape[1:]
    padded = F.pad(images, (pixels,) * 4)
    return padded[:, pixels - down : pixels - down + h, pixels - right : pixels - right + w]
""",
        # never to the far side: the upper end of randint is left out
        """
def shift(images, pixels, generator):
    n, height, width = images.shape
    padded = F.pad(images, (pixels,) * 4)
    corner = torch.randint(2 * pixels, (2, n, 1), generator=generator)
    rows, columns = corner[0] + torch.arange(height), corner[1] + torch.arange(width)
    return padded[torch.arange(n)[:, None, None], rows[:, :, None], columns[:, None]]
""",
        # around the border, as torch.roll does
        """
def shift(images, pixels, generator):
    n, height, width = images.shape
    by = torch.randint(-pixels, pixels + 1, (2, n, 1), generator=generator)
    rows = (torch.arange(height) - by[0]) % height
    columns = (torch.arange(width) - by[1]) % width
    return images[torch.arange(n)[:, None, None], rows[:, :, None], columns[:, None]]
""",
        # the same number down and to the right
        """
def shift(images, pixels, generator):
    n, height, width = images.shape
    padded = F.pad(images, (pixels,) * 4)
    corner = torch.randint(2 * pixels + 1, (n, 1), generator=generator)
    rows, columns = corner + torch.arange(height), corner + torch.arange(width)
    return padded[torch.arange(n)[:, None, None], rows[:, :, None], columns[:, None]]
""",
        # the generator forgotten
        """
def shift(images, pixels, generator):
    n, height, width = images.shape
    padded = F.pad(images, (pixels,) * 4)
    corner = torch.randint(2 * pixels + 1, (2, n, 1))
    rows, columns = corner[0] + torch.arange(height), corner[1] + torch.arange(width)
    return padded[torch.arange(n)[:, None, None], rows[:, :, None], columns[:, None]]
""",
    ],
    "ex-aug-pair": [
        # two draws
        """
def augment_pair(images, masks, generator):
    def mirrored(x):
        mirror = torch.rand(len(x), 1, 1, generator=generator) < 0.5
        return torch.where(mirror, x.flip(-1), x)

    images, masks = mirrored(images), mirrored(masks)
    return images + 0.1 * torch.randn(images.shape, generator=generator), masks
""",
        # noise on the mask, too
        """
def augment_pair(images, masks, generator):
    mirror = torch.rand(len(images), 1, 1, generator=generator) < 0.5
    images, masks = (torch.where(mirror, x.flip(-1), x) for x in (images, masks))
    noise = 0.1 * torch.randn(images.shape, generator=generator)
    return images + noise, masks + noise
""",
        # one draw for the whole batch
        """
def augment_pair(images, masks, generator):
    if torch.rand(1, generator=generator) < 0.5:
        images, masks = images.flip(-1), masks.flip(-1)
    return images + 0.1 * torch.randn(images.shape, generator=generator), masks
""",
        # upside down
        """
def augment_pair(images, masks, generator):
    mirror = torch.rand(len(images), 1, 1, generator=generator) < 0.5
    images, masks = (torch.where(mirror, x.flip(-2), x) for x in (images, masks))
    return images + 0.1 * torch.randn(images.shape, generator=generator), masks
""",
    ],
    "ex-aug-split": [
        # as printed
        """
def prepare(images, labels, generator, copies=5, held_out=0.2):
    x = gaussian_noise(images.repeat(copies, 1, 1), 0.1, generator)
    y = labels.repeat(copies)
    order = torch.randperm(len(y), generator=generator)
    cut = int(held_out * len(y))
    val, train = order[:cut], order[cut:]
    return x[train], y[train], x[val], y[val]
""",
        # split first, but validation is augmented
        """
def prepare(images, labels, generator, copies=5, held_out=0.2):
    order = torch.randperm(len(labels), generator=generator)
    cut = int(held_out * len(labels))
    val, train = order[:cut], order[cut:]
    x = gaussian_noise(images, 0.1, generator)
    return x[train].repeat(copies, 1, 1), labels[train].repeat(copies), x[val], labels[val]
""",
        # noise first, copies after: five times the same
        """
def prepare(images, labels, generator, copies=5, held_out=0.2):
    order = torch.randperm(len(labels), generator=generator)
    cut = int(held_out * len(labels))
    val, train = order[:cut], order[cut:]
    x = gaussian_noise(images[train], 0.1, generator).repeat(copies, 1, 1)
    return x, labels[train].repeat(copies), images[val], labels[val]
""",
        # the first images are held out
        """
def prepare(images, labels, generator, copies=5, held_out=0.2):
    cut = int(held_out * len(labels))
    x = gaussian_noise(images[cut:].repeat(copies, 1, 1), 0.1, generator)
    return x, labels[cut:].repeat(copies), images[:cut], labels[:cut]
""",
        # labels repeated in another order than the images
        """
def prepare(images, labels, generator, copies=5, held_out=0.2):
    order = torch.randperm(len(labels), generator=generator)
    cut = int(held_out * len(labels))
    val, train = order[:cut], order[cut:]
    x = gaussian_noise(images[train].repeat(copies, 1, 1), 0.1, generator)
    return x, labels[train].repeat_interleave(copies), images[val], labels[val]
""",
    ],
    "ex-aug-predict": [
        """
def prediction():
    return True, True, True
""",
        """
def prediction():
    return False, False, True
""",
    ],
    "ex-aug-ridge": [
        # the number of examples forgotten
        """
def expected_fit(X, y, s):
    return torch.linalg.solve(X.T @ X + torch.diag(s**2), X.T @ y)
""",
        # the standard deviation for the variance
        """
def expected_fit(X, y, s):
    return torch.linalg.solve(X.T @ X + len(X) * torch.diag(s), X.T @ y)
""",
        # one strength for all
        """
def expected_fit(X, y, s):
    penalty = len(X) * (s**2).mean() * torch.eye(len(s), dtype=X.dtype)
    return torch.linalg.solve(X.T @ X + penalty, X.T @ y)
""",
    ],
}
