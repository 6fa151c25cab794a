// Plotly figures of `book.plotly`: loads the library when a reader asks for it, then draws all
// figures of the page in the colours of the theme and lets keys turn those in three dimensions.
(() => {
  "use strict";
  const TURN = 10 * Math.PI / 180, ZOOM = 1.15;
  const EYE = {x: 1.45, y: 1.45, z: 1.1}; // further away than Plotly's own, which cuts labels off
  const NARROW = 480; // pixels; below, a colour bar would leave too little for the rest
  const HELP = "Drag to turn. With the keyboard: arrow keys turn, + and − zoom, 0 goes back to the start.";
  // No link and no button that leads to another host; the wheel scrolls the page.
  const CONFIG = {displayModeBar: false, displaylogo: false, responsive: true, scrollZoom: false,
    plotlyServerURL: "", topojsonURL: "", typesetMath: false};
  const COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"];
  const figures = [...document.querySelectorAll(".course-plotly")];
  let loading = null;

  const turns = data => data.some(({type}) => /3d$|^(surface|cone|streamtube|isosurface|volume)$/.test(type));

  // Defaults for all that a figure does not set itself. No margins where axes turn: they would cut.
  function template({data, layout}) {
    const margin = turns(data) ? {l: 0, r: 0, t: layout.title ? 40 : 0, b: 0} : {l: 50, r: 10, t: 40, b: 45};
    const style = getComputedStyle(document.body);
    const color = style.color, rule = getComputedStyle(document.documentElement).getPropertyValue("--course-rule").trim() || "#ccc";
    const axis = {color, gridcolor: rule, zerolinecolor: rule, linecolor: rule, tickcolor: rule, automargin: true};
    const spatial = {color, gridcolor: rule, zerolinecolor: rule, linecolor: rule, showbackground: false};
    const scale = [{colorscale: "Viridis"}];
    return {
      data: {surface: scale, contour: scale, heatmap: scale},
      layout: {
        paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", colorway: COLORS,
        font: {family: style.fontFamily, color, size: 13}, margin,
        xaxis: axis, yaxis: axis, scene: {xaxis: spatial, yaxis: spatial, zaxis: spatial, camera: {eye: EYE}},
        legend: {orientation: "h"}, hoverlabel: {font: {family: style.fontFamily}},
      },
    };
  }

  function load(url) {
    loading ||= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = url;
      script.onload = () => resolve(window.Plotly);
      script.onerror = () => { loading = null; reject(new Error(`cannot load ${url}`)); };
      document.head.append(script);
    });
    return loading;
  }

  async function open(pressed) {
    const offers = figures.map(figure => figure.querySelector(".plotly-offer"));
    const say = text => pressed.querySelector(".plotly-offer span").replaceChildren(text);
    say("Loading …");
    try {
      await load(pressed.dataset.library);
    } catch {
      say("It could not be loaded. Press again to try once more.");
      return;
    }
    for (const figure of figures) await draw(figure);
    offers.forEach(offer => offer.remove());
    pressed.querySelector(".plotly-view").focus();
  }

  const scenes = view => Object.keys(view._fullLayout).filter(name => /^scene\d*$/.test(name));

  async function draw(figure) {
    const view = figure.querySelector(".plotly-view");
    const {data, layout, frames} = JSON.parse(figure.querySelector("script").textContent);
    view.hidden = false;
    const narrow = view.clientWidth < NARROW, height = layout.height || 450;
    view.style.height = `${narrow && turns(data) ? Math.min(height, 0.85 * view.clientWidth) : height}px`;
    const shown = narrow ? data.map(trace => ({...trace, showscale: false})) : data;
    const sized = {...layout, width: undefined, height: undefined, autosize: true, template: template({data, layout})};
    await window.Plotly.newPlot(view, {data: shown, layout: sized, config: CONFIG, frames});
    if (scenes(view).length) {
      await fit(view);
      listen(figure, view);
    }
  }

  // Plotly fits a scene to its height: in one that is not as wide, move back until all is seen.
  function fit(view) {
    const {w, h} = view._fullLayout._size;
    const change = scenes(view).map(name => {
      const {x, y} = view._fullLayout[name].domain;
      const wide = (w * (x[1] - x[0])) / (h * (y[1] - y[0]));
      return [`${name}.camera.eye`, scale(camera(view, name), Math.max(1, 1.15 / wide))];
    });
    return window.Plotly.relayout(view, Object.fromEntries(change));
  }

  function listen(figure, view) {
    const help = figure.querySelector(".plotly-help");
    const start = Object.fromEntries(scenes(view).map(name => [name, camera(view, name)]));
    help.textContent = HELP;
    help.hidden = false;
    view.tabIndex = 0;
    view.setAttribute("role", "application"); // so that a screen reader leaves the arrow keys to it
    view.addEventListener("keydown", event => {
      const act = {
        ArrowLeft: eye => turn(eye, -TURN, 0), ArrowRight: eye => turn(eye, TURN, 0),
        ArrowUp: eye => turn(eye, 0, TURN), ArrowDown: eye => turn(eye, 0, -TURN),
        "+": eye => scale(eye, 1 / ZOOM), "=": eye => scale(eye, 1 / ZOOM), "-": eye => scale(eye, ZOOM),
        0: (_, name) => start[name],
      }[event.key];
      if (!act || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      const change = scenes(view).map(name => [`${name}.camera.eye`, act(camera(view, name), name)]);
      window.Plotly.relayout(view, Object.fromEntries(change));
    });
  }

  const camera = (view, name) => ({...view._fullLayout[name].camera.eye});
  const scale = ({x, y, z}, by) => ({x: x * by, y: y * by, z: z * by});

  // Around the vertical axis, and up or down to just below it.
  function turn({x, y, z}, around, up) {
    const radius = Math.hypot(x, y, z), azimuth = Math.atan2(y, x) + around;
    const height = Math.min(Math.max(Math.asin(z / radius) + up, -1.5), 1.5);
    const across = radius * Math.cos(height);
    return {x: across * Math.cos(azimuth), y: across * Math.sin(azimuth), z: radius * Math.sin(height)};
  }

  for (const figure of figures) {
    const offer = figure.querySelector(".plotly-offer");
    offer.hidden = false;
    figure.querySelector(".plotly-off").remove();
    offer.querySelector("button").addEventListener("click", () => open(figure));
  }
  new MutationObserver(() => {
    for (const view of document.querySelectorAll(".course-plotly .js-plotly-plot")) {
      window.Plotly.relayout(view, {template: template(view)});
    }
  }).observe(document.documentElement, {attributeFilter: ["data-theme"]});
})();
