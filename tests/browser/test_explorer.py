"""The explorer in a real Chromium: what it shows is what the cube has, by pointer, keyboard and address."""

from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Page, sync_playwright

from chromium import program
from infoflow.verdict.auroc import best_threshold
from infoflow.verdict.standing import find_boundary
from made_up_explorer import BIASES, DEPTHS, METHODS, RATES, TITLE, WEIGHTS, make_page

pytestmark = pytest.mark.browser

RELATIVE = 1e-6


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The address of the page, and the cubes."""
    path, cubes = make_page(tmp_path_factory.mktemp("explorer"))
    return path.as_uri(), cubes


@pytest.fixture(scope="module")
def browser():
    assert program(), "no chromium; run python tests/chromium.py install"
    with sync_playwright() as playwright:
        # root has no sandbox of its own
        browser = playwright.chromium.launch(executable_path=program(), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def pages(browser):
    """Pages that were opened, by how, and what they complained about or asked of the net."""
    return {}, []


@pytest.fixture
def opened(browser, made, pages):
    """A function that opens the page at a fragment; afterwards nothing may be wrong with it."""
    known, wrong = pages

    def open_page(fragment: str = "", anew: bool = False, width: int = 1400, height: int = 900, **options) -> Page:
        how = (width, *options.items())
        if how not in known:
            known[how] = browser.new_context(viewport={"width": width, "height": height}, **options).new_page()
            known[how].on("console", lambda message: wrong.append(message.text))
            known[how].on("pageerror", lambda error: wrong.append(str(error)))
            known[how].on("request", lambda asked: wrong.append(asked.url) if asked.url.startswith("http") else None)
        elif not anew:
            known[how].mouse.move(1, 1)
            known[how].evaluate("fragment => { location.hash = fragment; }", fragment)
            return rested(known[how])
        known[how].goto("about:blank")
        known[how].goto(made[0] + fragment)
        return rested(known[how])

    yield open_page
    assert wrong == []


def rested(page: Page) -> Page:
    """The page, once all is drawn and in the address."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.wait_for_selector("body[aria-busy=false]")
    return page


def until(page: Page, condition) -> None:
    """Wait for what a pointer does: Plotly tells it in its own time."""
    for _ in range(100):
        if condition():
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"not within five seconds; {page.url}")


def address(page: Page) -> dict[str, str]:
    """What the fragment says."""
    return {name: value for name, (value,) in parse_qs(urlsplit(page.url).fragment).items()}


def traces(page: Page, plot: str) -> list[dict]:
    """What a plot shows: x, y, z, name, meta of its traces."""
    keep = "({x, y, z, name, meta, mode, line}) => ({x, y, z, name, meta, mode, line})"
    return page.evaluate(f"id => document.getElementById(id).data.map({keep})", plot)


def rows(page: Page, table: str) -> dict[str, list[str]]:
    """Cells of a table by their row: the full number where there is one, else the text."""
    read = """id => [...document.querySelectorAll(`#${id} tbody tr`)].map(row => [...row.children].map(cell => {
        const found = cell.querySelector("data"); return found ? found.value : cell.textContent.trim(); }))"""
    return {first: others for first, *others in page.evaluate(read, table)}


def numbers(cells: list[str]) -> list[float]:
    words = {"Infinity": np.inf, "-Infinity": -np.inf, "not measured": np.nan}
    return [words[c] if c in words else float(c) for c in cells]


def same(found, expected) -> None:
    found = [np.nan if x is None else x for x in found]
    np.testing.assert_allclose(found, np.asarray(expected, float), rtol=RELATIVE, atol=0)


def test_it_opens_without_a_word_and_shows_what_the_config_calls_the_run(opened):
    page = opened()
    assert page.locator("h1").inner_text() == TITLE
    assert page.locator("h1 b").count() == 0
    found = address(page)
    assert (found["experiment"], found["colour"], found["score"]) == ("judged", "share", "differential_entropy")


@pytest.mark.parametrize("colour", ["share", "accuracy", "probability", "snip", "adam_explained_variance"])
def test_the_map_has_the_values_of_the_cube(opened, made, colour):
    cube = made[1]["judged"].sel(sigma_b2=BIASES[1])
    page = opened(f"#experiment=judged&colour={colour}&sigma_b2={BIASES[1]}")
    label = cube["trainable"]
    expected = {
        "share": (label == 1).where(label >= 0).mean("replica"),
        "accuracy": cube["reached_accuracy"].astype(float).mean("replica"),
        "probability": cube["train_probability"],
    }.get(colour)
    if expected is None:
        expected = cube["prediction_score"].astype(float).sel(score=colour).mean("replica")
    z = [[np.nan if x is None else x for x in row] for row in traces(page, "map")[0]["z"]]
    same(np.ravel(z), expected.transpose("depth", "sigma_w2").values.ravel())


def test_curves_histories_and_numbers_of_a_cell_are_those_of_the_cube(opened, made):
    cube = made[1]["judged"]
    for w, depth in ((0.5, 4), (1.0, 2), (3.0, 6)):
        page = opened(f"#experiment=judged&sigma_w2={w}&sigma_b2=0.05&depth={depth}")
        here = cube.sel(sigma_w2=w, sigma_b2=0.05)
        for plot, curve in (("H", "differential_entropy"), ("R2", "explained_variance"), ("D", "relative_entropy")):
            lines = [t for t in traces(page, f"curve-{plot}") if t["meta"]]
            assert len(lines) == 2 + 1 + 2  # theory is one for all replicas
            for line in lines:
                method = line["meta"]["method"]
                values = here[{"kernel": curve}.get(method, f"{method}_{curve}")].isel(replica=line["meta"]["replica"])
                values = values.sel(quantile=0.5) if "quantile" in values.dims else values
                same(line["y"], values.where(np.isfinite(values)).values)
                assert line["name"] == METHODS[method]["title"]
                assert (line["line"]["dash"] == "dot") == (method == "theory")
        network = here.sel(depth=depth)
        for plot, name in (("history-accuracy", "accuracy"), ("history-loss", "loss")):
            lines = traces(page, plot)
            assert len(lines) == 2 * len(RATES)
            for line in lines:
                values = network[name].sel(learning_rate=line["meta"]["rate"]).isel(replica=line["meta"]["replica"])
                same(line["y"], values.values)
        found = rows(page, "numbers")
        same(numbers(found["SNIP"]), [*mean_and(network["prediction_score"].sel(score="snip"))])
        same(numbers(found["test accuracy reached"]), [*mean_and(network["reached_accuracy"])])
        same(numbers(found["H, kernel cascade"]), [*mean_and(here["differential_entropy"].sel(layer=depth))])
        same(numbers(found["probability of training, 95 %"][:1]), [float(network["train_probability"])])
        assert found["GraSP"] == ["not measured"] * 3
        assert found["trains"][1:] == ["yes" if x else "no" for x in network["trainable"].values]
        assert found["learning rate that succeeded"][1:] == [
            "none" if np.isnan(x) else f"{x:g}" for x in network["winning_rate"].values
        ]


def mean_and(values) -> list[float]:
    return [float(values.astype(float).mean("replica")), *values.values.astype(float)]


def test_what_was_not_measured_is_said_to_be(opened):
    page = opened("#experiment=judged&sigma_w2=3&sigma_b2=0.1&depth=6")
    found = rows(page, "numbers")
    assert found["trains"] == ["not measured"] * 3
    assert found["test accuracy reached"] == ["not measured"] * 3
    assert page.locator("#training-note").inner_text() == "Trainings: not measured."
    assert "Whether it trains: not measured" in page.locator("#verdict").inner_text()
    assert not page.locator("#histories").is_visible()
    assert (
        "only for 0.5, 1, 1.8, 3" in page.locator("#picture-note").inner_text()
        or "Not kept" in page.locator("#picture-note").inner_text()
    )
    # a probe that diverged has no curve, and the other replica has one
    page = opened("#experiment=judged&sigma_w2=1&sigma_b2=0.1&depth=4")
    first, second = (t for t in traces(page, "curve-H") if t["meta"] and t["meta"]["method"] == "kernel")
    assert set(first["y"]) == {None}
    assert None not in second["y"]
    assert rows(page, "numbers")["H, kernel cascade"][1] == "not measured"


def test_pictures_are_shown_with_a_text_and_what_diverged_is_named(opened):
    page = opened("#experiment=judged&sigma_w2=3&sigma_b2=0.05&depth=6")
    pictures = page.locator("#pictures img")
    assert pictures.count() == 3 * 3  # the input and two layers of three images
    assert pictures.first.get_attribute("alt") == "image 1, input"
    assert page.evaluate("document.querySelector('#pictures img').naturalWidth") == 8
    assert page.get_by_text("diverged", exact=True).count() == 3 * 4


def test_a_threshold_moves_boundary_counts_and_point_and_stands_beside_the_auroc_of_the_cube(opened, made):
    cube = made[1]["judged"]
    page = opened("#experiment=judged&score=snip&sigma_b2=0.05")
    scores, labels = cube["prediction_score"].sel(score="snip").values.astype(float), cube["trainable"].values
    known = labels >= 0
    assert float(address(page)["threshold"]) == best_threshold(scores[known], labels[known] == 1)
    columns, depths = (a.ravel() for a in np.meshgrid(np.arange(8), DEPTHS, indexing="ij"))
    slider = page.locator("#threshold")
    seen = set()
    for index in (0, 9, 23):
        slider.evaluate("(s, k) => { s.value = k; s.dispatchEvent(new Event('input')); }", str(index))
        rested(page)
        threshold = float(address(page)["threshold"])
        above = scores >= threshold
        counts = [(above & (labels == 1)).sum(), (~above & (labels == 1)).sum()]
        counts += [(above & (labels == 0)).sum(), (~above & (labels == 0)).sum()]
        found = rows(page, "confusion")
        assert [int(x) for x in found["train"] + found["do not"]] == counts
        seen.add(tuple(counts))
        (point,) = (t for t in traces(page, "roc") if t["name"] == "threshold")
        same([*point["x"], *point["y"]], [counts[2] / (labels == 0).sum(), counts[0] / (labels == 1).sum()])
        (line,) = (t for t in traces(page, "map") if t["name"] == "predicted")
        wanted = find_boundary(
            scores.reshape(-1, 2), np.where(labels < 0, 0, labels).reshape(-1, 2), columns, depths, threshold
        )
        expected = [list(DEPTHS).index(d) if d in DEPTHS else -1 for d in wanted.predicted[::2]]
        assert line["y"] == [k + 0.5 for k in expected]
    assert len(seen) == 3
    curve = traces(page, "roc")[1]
    area = np.trapezoid(curve["y"], curve["x"])
    for score, column in (("snip", 0), ("negative_depth", 1)):
        found = {name: float(cells[column]) for name, cells in rows(page, "auroc").items()}
        row = cube.sel(score=score)
        names = ("auroc", "auroc_within_depth", "auroc_gain")
        expected = {n: float(row[n]) for n in names}
        np.testing.assert_allclose([*found.values()], [*expected.values()], rtol=RELATIVE, atol=1e-12)
    assert area == pytest.approx(float(cube["auroc"].sel(score="snip")), abs=1e-9)
    ends = page.locator("#auroc tbody tr").first.locator("td").first.locator("data")
    expected = [float(cube[f"auroc_{end}"].sel(score="snip")) for end in ("low", "high")]
    same([float(e.get_attribute("value")) for e in ends.all()[1:]], expected)


def test_the_keyboard_goes_from_cell_to_cell_and_along_the_threshold(opened):
    page = opened("#experiment=judged&sigma_w2=1&sigma_b2=0.05&depth=4")
    page.locator("#map").focus()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    up = ("ArrowUp", "1.8", "6")
    for key, w, depth in (("ArrowRight", "1.8", "4"), up, up, ("Home", "0.5", "6")):
        page.keyboard.press(key)
        rested(page)
        assert (address(page)["sigma_w2"], address(page)["depth"]) == (w, depth)
        assert page.locator("#live").inner_text().startswith(f"σ_w² {w}, depth {depth}: ")
        assert f"σ_w² = {w}, σ_b² = 0.05, depth {depth}" == page.locator("#cell-heading").inner_text()
    before = float(address(page)["threshold"])
    page.locator("#threshold").focus()
    page.keyboard.press("ArrowRight")
    rested(page)
    assert float(address(page)["threshold"]) > before
    assert (
        page.locator("#threshold").get_attribute("aria-valuetext").replace("−", "-")[:5]
        == address(page)["threshold"][:5]
    )


def test_every_control_has_a_label_and_every_plot_a_name(opened):
    page = opened()
    unnamed = page.evaluate(
        "[...document.querySelectorAll('select, input')].filter(e => !e.labels[0]?.textContent.trim()).map(e => e.id)"
    )
    assert unnamed == []
    assert page.evaluate("[...document.querySelectorAll('.plot')].filter(e => !e.ariaLabel).map(e => e.id)") == []


def test_an_address_is_restored_and_nonsense_in_it_is_not(opened):
    said = {"experiment": "judged", "colour": "theory_explained_variance", "sigma_b2": "0.1", "sigma_w2": "1.8"}
    said |= {"depth": "2", "score": "lyapunov", "threshold": "0.25"} | {"score": "adam_differential_entropy"}
    page = opened("#" + "&".join(f"{k}={v}" for k, v in said.items()), anew=True)
    assert address(page) == said
    assert page.locator("#sigma_w2").input_value() == str(WEIGHTS.index(1.8))
    page = opened("#experiment=judged&sigma_w2=0.5&depth=6")
    assert (address(page)["sigma_w2"], address(page)["depth"]) == ("0.5", "6")
    page = opened("#experiment=none&sigma_w2=x&depth=&score=<b>&threshold=abc&colour=9")
    assert (address(page)["experiment"], address(page)["score"]) == ("judged", "differential_entropy")


def test_a_pointer_previews_a_cell_and_a_click_keeps_it(opened):
    page = opened("#experiment=judged&sigma_w2=0.5&sigma_b2=0.05&depth=2")
    box = page.locator("#map .nsewdrag").first.bounding_box()
    at = box["x"] + box["width"] * 2.5 / 4, box["y"] + box["height"] * 0.5
    heading = page.locator("#cell-heading")
    page.mouse.move(*at, steps=3)
    until(page, lambda: heading.inner_text() == "σ_w² = 1.8, σ_b² = 0.05, depth 4")
    assert address(page)["sigma_w2"] == "0.5"
    page.mouse.move(1, 1, steps=3)
    until(page, lambda: heading.inner_text() == "σ_w² = 0.5, σ_b² = 0.05, depth 2")
    page.mouse.click(*at)
    until(page, lambda: (address(page)["sigma_w2"], address(page)["depth"]) == ("1.8", "4"))


def test_an_experiment_without_truth_shows_its_layers_and_predicts_nothing(opened, made):
    page = opened("#experiment=probed&layer=2")
    cube = made[1]["probed"].sel(sigma_b2=0.05)
    z = traces(page, "map")[0]["z"]
    same(
        np.ravel(z),
        cube["differential_entropy"].astype(float).mean("replica").transpose("layer", "sigma_w2").values.ravel(),
    )
    assert not page.locator("#prediction").is_visible()
    assert not page.locator("#trainings").is_visible()
    assert "No ground truth" in page.locator("#caption").inner_text()
    page.locator("#experiment").select_option(label="judged")
    rested(page)
    assert page.locator("#prediction").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("experiment", ["judged", "probed"])
def test_a_telephone_has_no_need_to_scroll_sideways(opened, experiment, scheme):
    page = opened(f"#experiment={experiment}", width=390, height=844, color_scheme=scheme, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    back, ink = page.evaluate("(s => [s.backgroundColor, s.color])(getComputedStyle(document.body))")
    dark = [sum(int(x) for x in colour[4:-1].split(",")) < 384 for colour in (back, ink)]
    assert dark == [scheme == "dark", scheme == "light"]
    box = page.locator("#map .nsewdrag").first.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 8, box["y"] + box["height"] / 12)
    until(
        page,
        lambda: (address(page)["sigma_w2"], address(page).get("depth", address(page).get("layer"))) == ("0.5", "6"),
    )
