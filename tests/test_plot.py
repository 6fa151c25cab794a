import matplotlib.pyplot as plt
import numpy as np
import pytest

from course_utils import plot
from course_utils.stats import Estimate, mean_ci


@pytest.fixture
def published(monkeypatch):
    bundles = []
    monkeypatch.setattr(
        plot, "publish", lambda bundle, metadata: bundles.append((bundle, metadata))
    )
    return bundles


def draw() -> plt.Figure:
    fig, ax = plot.subplots()
    plot.band(ax, [0, 1], [[1, 2, 3], [2, 2, 5]], "runs")
    ax.legend()
    return fig


def test_show_gives_alt_text_and_closes_the_figure(published) -> None:
    fig = draw()
    plot.show(fig, alt=f"two\n  steps, {0.5:.0%}")
    bundle, metadata = published[0]
    assert metadata["image/svg+xml"]["alt"] == "two steps, 50 %"
    assert bundle["text/plain"] == "Figure: two steps, 50 %"
    assert not plt.fignum_exists(fig.number)


def test_the_same_figure_is_the_same_file(published) -> None:
    for _ in range(2):
        plot.show(draw(), alt="a")
    first, second = (bundle["image/svg+xml"] for bundle, _ in published)
    assert first == second


def test_a_figure_without_alt_text_is_refused() -> None:
    with pytest.raises(ValueError, match="alt must say"):
        plot.show(draw(), alt="  ")


def test_band_is_the_t_interval_of_each_step() -> None:
    runs = np.random.default_rng(0).normal(size=(4, 6))
    _, ax = plot.subplots()
    plot.band(ax, range(4), runs, "runs")
    edges = ax.collections[0].get_paths()[0].vertices
    for step, row in enumerate(runs):
        at_step = edges[np.isclose(edges[:, 0], step), 1]
        assert (at_step.min(), at_step.max()) == pytest.approx(mean_ci(row)[1:3])


@pytest.mark.parametrize("runs", [[[1.0], [2.0]], [1.0, 2.0], [[1.0, 2.0]]])
def test_band_names_a_wrong_shape(runs) -> None:
    with pytest.raises(ValueError, match="runs must have shape"):
        plot.band(plt.figure().gca(), [0, 1], runs, "runs")


def test_band_names_a_level_in_per_cent() -> None:
    with pytest.raises(ValueError, match="level must be between 0 and 1, got 95"):
        plot.band(plt.figure().gca(), [0], [[1.0, 2.0]], "runs", level=95)


def test_intervals_are_drawn_from_top_to_bottom() -> None:
    _, ax = plot.subplots()
    plot.intervals(
        ax, {"first": Estimate(0.5, 0.4, 0.55, 3), "last": Estimate(1, 0, 2, 3)}, scale=100
    )
    assert [label.get_text() for label in ax.get_yticklabels()] == ["first", "last"]
    assert ax.yaxis_inverted()
    segments = ax.containers[0][2][0].get_segments()
    assert segments[0][:, 0] == pytest.approx([40, 55])


def test_colours_can_be_told_apart_in_grey_by_their_line_style() -> None:
    assert len(plot.COLORS) == len(plot.LINE_STYLES) == len(set(map(str, plot.LINE_STYLES)))
